#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/identifier.h"
#include "model/timestamp.h"

/// Columns that hold JSON: the same value always gives the same text. Reading throws Failure "store_corrupt".
namespace hw::store::json_columns {

std::string write(const std::map<std::string, std::string>& fields);
std::string write(const std::map<std::string, Timestamp>& times);  ///< microseconds
std::string write(const Hashes& hashes);
std::string write(const std::vector<Identifier>& identifiers);  ///< [[type, value], ...]

std::map<std::string, std::string> read_fields(std::string_view text);
std::map<std::string, Timestamp> read_times(std::string_view text);
Hashes read_hashes(std::string_view text);
std::vector<Identifier> read_identifiers(std::string_view text);

}  // namespace hw::store::json_columns
