#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/zone.h"
#include "connect/options.h"
#include "settings/settings.h"
#include "settings/yaml_tree.h"

/// Conditions on CRM fields as admins write them, one entry a field; all must hold:
///
///   deal_type: new              equals
///   region: [DE, FR]            one of
///   owner: present              has a value; `absent`: has none
///   amount: "> 0"               also >=, <, <=, and two bounds: ">= 100 and < 5000". Numbers and times (2026-01-31)
///   source: not Partner         does not equal; not in a list: {not: [Partner, Test]}
///   status: {is: present}       equals, for texts that would read as one of the above
namespace hw::settings {

/// Reads the entries of a map. Each condition is returned as Options {field, op, values} with the place of its value,
/// so that it fits in an OptionValue; condition() turns it back.
std::vector<connect::Options> read_conditions(const Node& map, std::vector<connect::OptionError>& errors);

Condition condition(const connect::Options& read);

/// A time with or without offset ("2026-01-31T08:00:00Z", "2026-01-31 08:00"), or a date, which is its 00:00 in `zone`.
std::optional<SystemTime> instant(std::string_view text, const Zone& zone);

/// The same with every bound that is a date or a time without offset placed in `zone` and written as RFC 3339: dates
/// begin at 00:00.
Condition placed_in(Condition c, const Zone& zone);

/// The first condition that does not hold, "currency = EUR"; "" when all hold. Without the record's own value.
std::string unmet(const std::vector<Condition>& conditions, const std::map<std::string, std::string>& fields);

}  // namespace hw::settings
