#include "connectors/hubspot/peer_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/zone.h"
#include "connectors/hubspot/peer_answer.h"
#include "connectors/hubspot/peer_portal.h"
#include "connectors/hubspot/peer_search.h"
#include "model/money.h"

namespace hw::sandbox::hubspot {

namespace {

constexpr std::size_t kMostInputs = 100;
constexpr std::size_t kLongestText = 65536;

struct Input {
  std::string id, trace;
  std::map<std::string, std::string> values;  ///< by HubSpot's names
};

[[noreturn]] void refuse_update(std::string message) { throw Refused{.status = 400, .message = std::move(message)}; }

Input read_input(const json& j) {
  check_members(j, {"id", "properties"}, {"id", "idProperty", "properties", "objectWriteTraceId"}, "an input");
  if (j.contains("idProperty"))
    refuse_update(fmt::format("Unable to perform update/upsert by non-unique property {}",
                              string_of(j["idProperty"], "idProperty")));
  Input in{string_of(j["id"], "id"), "", {}};
  number_of(in.id, "id");
  if (j.contains("objectWriteTraceId")) in.trace = string_of(j["objectWriteTraceId"], "objectWriteTraceId");
  if (!j["properties"].is_object()) refuse_update("properties is no object");
  for (const auto& [name, value] : j["properties"].items()) in.values[name] = string_of(value, name);
  return in;
}

std::vector<Input> read_inputs(const HttpRequest& request) {
  allow_query(request, {});
  const json body = object_body(request, {"inputs"}, {"inputs"});
  const json& inputs = array_of(body["inputs"], "inputs");
  if (inputs.empty()) refuse_update("inputs is empty");
  if (inputs.size() > kMostInputs) refuse_update(fmt::format("at most {} inputs", kMostInputs));
  std::vector<Input> out;
  std::set<std::string> ids;
  for (const json& one : inputs) {
    out.push_back(read_input(one));
    if (!ids.insert(out.back().id).second) refuse_update("Duplicate IDs found in batch input");
  }
  return out;
}

/// What is wrong with a value of a property, as HubSpot's code and words; "" = nothing.
std::pair<std::string, std::string> fault_of(const Property* p, const std::string& name, const std::string& value) {
  if (p == nullptr) return {"PROPERTY_DOESNT_EXIST", fmt::format("Property \"{}\" does not exist", name)};
  if (p->read_only) return {"READ_ONLY_VALUE", fmt::format("\"{}\" is a read only property", name)};
  if (value.empty()) return {};  // clears it
  if (p->type == "number" && (value.find(',') != std::string::npos || !parse_micros(value)))
    return {"INVALID_FLOAT", fmt::format("{} was not a valid number.", value)};
  if (p->type == "datetime" && !read_time(value, Zone::utc()) &&
      value.find_first_not_of("0123456789") != std::string::npos)
    return {"INVALID_DATE", fmt::format("{} was not a valid long.", value)};
  if (p->type == "date" && value.size() != 10) return {"INVALID_DATE", fmt::format("{} was not a valid date.", value)};
  const bool is_option =
      std::any_of(p->options.begin(), p->options.end(), [&](const auto& o) { return o.first == value; });
  if (p->type == "enumeration" && !is_option)
    return {"INVALID_OPTION", fmt::format("{} was not one of the allowed options", value)};
  if (p->type == "bool" && value != "true" && value != "false")
    return {"INVALID_OPTION", fmt::format("{} was not one of the allowed options: [true, false]", value)};
  if (value.size() > kLongestText) return {"PROPERTY_VALUE_TOO_LONG", "Property value is too long"};
  return {};
}

/// One value that does not fit fails the whole call, and nothing says which input it was.
void check_values(const std::vector<Input>& inputs, const std::vector<Property>& all) {
  json embedded = json::array(), errors = json::array();
  for (const Input& in : inputs)
    for (const auto& [name, value] : in.values) {
      const auto [code, message] = fault_of(find_property(all, name), name, value);
      if (code.empty()) continue;
      embedded.push_back({{"isValid", false}, {"message", message}, {"error", code}, {"name", name}});
      errors.push_back({{"message", message}, {"code", code}, {"context", {{"propertyName", {name}}}}});
    }
  if (embedded.empty()) return;
  throw Refused{.status = 400,
                .message = "Property values were not valid: " + embedded.dump(),
                .more = {{"errors", std::move(errors)}}};
}

std::map<std::string, std::string> neutral(const Input& in, const std::string& type, const std::vector<Property>& all) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : in.values) {
    const Property& p = *find_property(all, name);
    out[p.neutral] = neutral_value(type, p.neutral, value);
  }
  return out;
}

std::string after(const CrmObject& o, const std::map<std::string, std::string>& values, const std::string& property) {
  auto it = values.find(property);
  return it == values.end() ? o.get(property) : it->second;
}

/// From 2026-09 on: conditional required properties, whatever it is that the call changes.
void check_rules(const World& world, const CrmObject& o, const std::map<std::string, std::string>& values) {
  for (const CrmRule& rule : world.crm.rules)
    if (rule.type == o.type && after(o, values, rule.when) == rule.equals && after(o, values, rule.required).empty())
      refuse_update(fmt::format("Property '{}' is required when '{}' is '{}'", rule.required, rule.when, rule.equals));
}

json not_found(const std::vector<std::string>& ids) {
  return {{"status", "error"},
          {"category", "OBJECT_NOT_FOUND"},
          {"message", "Could not get some objects, they may be deleted or not exist. Check that ids are valid."},
          {"context", {{"ids", ids}}}};
}

}  // namespace

BatchAnswer update(World& world, const std::string& type, const HttpRequest& request) {
  const std::vector<Input> inputs = read_inputs(request);
  const std::vector<Property> all = properties_of(world, type);
  check_values(inputs, all);
  std::vector<const Input*> there;
  std::vector<std::string> missing;
  for (const Input& in : inputs) {
    const CrmObject* o = world.crm.find(type, in.id);
    if (o == nullptr || !is_live(*o)) {
      missing.push_back(in.id);
      continue;
    }
    check_rules(world, *o, neutral(in, type, all));
    there.push_back(&in);
  }
  BatchAnswer out;
  for (const Input* in : there) {
    world.crm.write(type, in->id, neutral(*in, type, all), world.now);
    std::vector<std::string> names;
    for (const auto& [name, value] : in->values) names.push_back(name);
    json record = record_of(*world.crm.find(type, in->id), names, all, world.now);
    if (!in->trace.empty()) record["objectWriteTraceId"] = in->trace;
    out.results.push_back(std::move(record));
  }
  // The order of results is not promised.
  std::reverse(out.results.begin(), out.results.end());
  if (!missing.empty()) out.errors.push_back(not_found(missing));
  return out;
}

std::vector<WrittenField> written_fields(const World& world) {
  std::vector<WrittenField> out;
  for (const auto& [type, objects] : world.crm.objects()) {
    std::map<std::string, std::string> names;  // neutral: HubSpot's
    for (const Property& p : properties_of(world, type)) names[p.neutral] = p.name;
    for (const auto& [id, o] : objects)
      for (const auto& [neutral, writes] : o.api_writes) {
        auto found = o.properties.find(neutral);
        const bool by_other =
            found != o.properties.end() && !found->second.empty() && found->second.back().source != "API";
        out.push_back({type, id, names[neutral], o.get(neutral), !by_other, writes});
      }
  }
  return out;
}

}  // namespace hw::sandbox::hubspot
