#pragma once
#include <string>
#include <string_view>

namespace hw::identity {

/// Alpha-2 code, upper-case, of an ISO 3166 country: from its alpha-2 or alpha-3 code in any case, or its English name
/// as people write it ("United States", "Great Britain", "Côte d'Ivoire"). "" if unknown.
std::string country_code(std::string_view text);

}  // namespace hw::identity
