#pragma once
#include <string>

#include "connect/connector.h"

namespace hw::conformance {

/// Everything a row holds as one text: for comparing two readings and for finding what should not be there.
std::string dump(const Record& row);
std::string dump(const Touch& row);
std::string dump(const Spend& row);
std::string dump(const connect::Item& item);

}  // namespace hw::conformance
