#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/world.h"

/// The World's records in HubSpot's words.
namespace hw::sandbox::hubspot {

/// A property of the portal. `neutral` is the world's name, "" for what HubSpot computes itself.
struct Property {
  std::string name, neutral, type, label;
  std::vector<std::pair<std::string, std::string>> options;  ///< value, label
  bool read_only = false;
};

struct StageOfPipeline {
  std::string_view neutral, id, label;
  bool closed, won;
  std::string_view probability;
};
extern const std::vector<StageOfPipeline> kStages;

bool is_object_type(std::string_view type);
std::string_view modified_property(std::string_view type);

/// All properties of a type: HubSpot's own and the portal's custom ones (whatever else the world's records have).
std::vector<Property> properties_of(const World& world, const std::string& type);
const Property* find_property(const std::vector<Property>& all, const std::string& name);

/// Whether the record answers at all: neither archived nor merged away.
bool is_live(const CrmObject& o);

/// The value of a property as it stood at `at`; nullopt = null.
std::optional<std::string> value_at(const CrmObject& o, const Property& p, Timestamp at);
/// The newest modification no later than `at`, as far as the world tells it.
Timestamp modified_at(const CrmObject& o, Timestamp at);
/// A property value in HubSpot's words.
std::string translated(const std::string& type, const std::string& neutral, const std::string& value);

/// And back.
std::string neutral_value(const std::string& type, const std::string& neutral, const std::string& value);

/// "2026-11-20T16:04:09.123Z"
std::string iso_millis(Timestamp t);
std::int64_t millis(Timestamp t);
/// Numeric order of ids.
bool id_before(std::string_view a, std::string_view b);

}  // namespace hw::sandbox::hubspot
