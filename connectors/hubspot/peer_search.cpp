#include "connectors/hubspot/peer_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/zone.h"
#include "connectors/hubspot/peer_answer.h"
#include "connectors/hubspot/peer_portal.h"
#include "model/money.h"

namespace hw::sandbox::hubspot {

namespace {

using std::chrono::seconds;

constexpr seconds kIndexLag = seconds(20);
constexpr std::int64_t kWall = 10000;  // results of one query (HS8)

const std::set<std::string> kOperators = {"BETWEEN",
                                          "CONTAINS_TOKEN",
                                          "EQ",
                                          "GT",
                                          "GTE",
                                          "HAS_PROPERTY",
                                          "IN",
                                          "LT",
                                          "LTE",
                                          "NEQ",
                                          "NOT_CONTAINS_TOKEN",
                                          "NOT_HAS_PROPERTY",
                                          "NOT_IN"};

struct Filter {
  Property property;
  std::string op, value, high;
  std::vector<std::string> values;
  std::int64_t low_number = 0, high_number = 0;
};

bool is_numeric(const Property& p) { return p.type == "number" || p.type == "datetime"; }

/// Datetime values are epoch milliseconds; numbers are compared in millionths.
std::int64_t comparable(const Property& p, const std::string& value) {
  if (p.type == "datetime") return number_of(value, "the value of a filter on the datetime property " + p.name);
  Result<std::int64_t> micros = parse_micros(value);
  if (!micros) throw Refused{.status = 400, .message = fmt::format("the value of a filter on {} is no number", p.name)};
  return *micros;
}

std::optional<std::int64_t> number_at(const CrmObject& o, const Property& p, Timestamp at) {
  if (p.name == modified_property(o.type)) return millis(modified_at(o, at));
  if (p.name == "hs_object_id") return number_of(o.id, p.name) * 1'000'000;
  const std::optional<std::string> value = value_at(o, p, at);
  if (!value) return {};
  if (p.type == "datetime") {
    Result<ReadTime> t = read_time(*value, Zone::utc());
    return t ? std::optional(millis(t->at)) : std::nullopt;
  }
  Result<std::int64_t> micros = parse_micros(*value);
  return micros ? std::optional(*micros) : std::nullopt;
}

bool contains_ci(std::string_view text, std::string_view word) {
  return to_lower_utf8(text).find(to_lower_utf8(word)) != std::string::npos;
}

bool in(const std::vector<std::string>& values, const std::string& value) {
  return std::any_of(values.begin(), values.end(), [&](const std::string& v) { return equals_ci(v, value); });
}

bool number_matches(const Filter& f, std::int64_t n) {
  if (f.op == "EQ") return n == f.low_number;
  if (f.op == "NEQ") return n != f.low_number;
  if (f.op == "GT") return n > f.low_number;
  if (f.op == "GTE") return n >= f.low_number;
  if (f.op == "LT") return n < f.low_number;
  if (f.op == "LTE") return n <= f.low_number;
  return f.op == "BETWEEN" && n >= f.low_number && n <= f.high_number;
}

bool text_matches(const Filter& f, const std::string& value) {
  if (f.op == "EQ") return equals_ci(value, f.value);
  if (f.op == "NEQ") return !equals_ci(value, f.value);
  if (f.op == "IN") return in(f.values, value);
  if (f.op == "NOT_IN") return !in(f.values, value);
  if (f.op == "CONTAINS_TOKEN") return contains_ci(value, f.value);
  if (f.op == "NOT_CONTAINS_TOKEN") return !contains_ci(value, f.value);
  if (f.op == "GT") return value > f.value;
  if (f.op == "GTE") return value >= f.value;
  if (f.op == "LT") return value < f.value;
  if (f.op == "LTE") return value <= f.value;
  return f.op == "BETWEEN" && value >= f.value && value <= f.high;
}

bool matches(const Filter& f, const CrmObject& o, Timestamp at) {
  if (is_numeric(f.property) && f.values.empty()) {
    const std::optional<std::int64_t> n = number_at(o, f.property, at);
    if (f.op == "HAS_PROPERTY" || f.op == "NOT_HAS_PROPERTY") return n.has_value() == (f.op == "HAS_PROPERTY");
    return n ? number_matches(f, *n) : f.op == "NEQ";
  }
  const std::optional<std::string> value = value_at(o, f.property, at);
  if (f.op == "HAS_PROPERTY" || f.op == "NOT_HAS_PROPERTY") return value.has_value() == (f.op == "HAS_PROPERTY");
  return value ? text_matches(f, *value) : f.op.starts_with("N");
}

Filter read_filter(const json& j, const std::vector<Property>& all) {
  check_members(j, {"propertyName", "operator"}, {"propertyName", "operator", "value", "highValue", "values"},
                "a filter");
  const std::string& name = string_of(j["propertyName"], "propertyName");
  const Property* property = find_property(all, name);
  if (property == nullptr)
    throw Refused{.status = 400, .message = fmt::format("Property with name '{}' does not exist", name)};
  Filter f{*property, string_of(j["operator"], "operator"), "", "", {}};
  if (!kOperators.contains(f.op)) throw Refused{.status = 400, .message = fmt::format("unknown operator '{}'", f.op)};
  const bool wants_none = f.op.ends_with("HAS_PROPERTY"), wants_list = f.op == "IN" || f.op == "NOT_IN";
  if (wants_list != j.contains("values"))
    throw Refused{.status = 400, .message = fmt::format("{} {} 'values'", f.op, wants_list ? "needs" : "takes no")};
  if (wants_list) f.values = strings_of(j["values"], "values");
  if ((!wants_none && !wants_list) != j.contains("value"))
    throw Refused{.status = 400,
                  .message = fmt::format("{} {} 'value'", f.op, wants_none || wants_list ? "takes no" : "needs")};
  if ((f.op == "BETWEEN") != j.contains("highValue"))
    throw Refused{.status = 400, .message = "'highValue' goes with BETWEEN alone"};
  if (j.contains("value")) f.value = string_of(j["value"], "value");
  if (j.contains("highValue")) f.high = string_of(j["highValue"], "highValue");
  if (is_numeric(f.property) && j.contains("value")) f.low_number = comparable(f.property, f.value);
  if (is_numeric(f.property) && j.contains("highValue")) f.high_number = comparable(f.property, f.high);
  return f;
}

using Group = std::vector<Filter>;

std::vector<Group> read_groups(const json& j, const std::vector<Property>& all) {
  constexpr std::size_t kGroups = 6, kFilters = 10, kTotal = 25;
  std::vector<Group> out;
  std::size_t total = 0;
  for (const json& group : array_of(j, "filterGroups")) {
    check_members(group, {"filters"}, {"filters"}, "a filter group");
    Group filters;
    for (const json& one : array_of(group["filters"], "filters")) filters.push_back(read_filter(one, all));
    if (filters.empty() || filters.size() > kFilters)
      throw Refused{.status = 400, .message = "a filter group holds 1 to 10 filters"};
    total += filters.size();
    out.push_back(std::move(filters));
  }
  if (out.size() > kGroups) throw Refused{.status = 400, .message = "at most 6 filter groups"};
  if (total > kTotal) throw Refused{.status = 400, .message = "at most 25 filters in all"};
  return out;
}

struct Sort {
  Property property;
  bool descending = false;
};

std::optional<Sort> read_sorts(const json& j, const std::vector<Property>& all) {
  array_of(j, "sorts");
  if (j.size() > 1) throw Refused{.status = 400, .message = "only one sort is supported"};
  if (j.empty()) return {};
  const json& one = j[0];
  std::string name;
  bool descending = false;
  if (one.is_string()) {
    name = one.get<std::string>();
    descending = name.starts_with("-");
    if (descending) name.erase(0, 1);
  } else {
    check_members(one, {"propertyName"}, {"propertyName", "direction"}, "a sort");
    name = string_of(one["propertyName"], "propertyName");
    const std::string direction = one.contains("direction") ? string_of(one["direction"], "direction") : "ASCENDING";
    if (direction != "ASCENDING" && direction != "DESCENDING")
      throw Refused{.status = 400, .message = "direction is ASCENDING or DESCENDING"};
    descending = direction == "DESCENDING";
  }
  const Property* property = find_property(all, name);
  if (property == nullptr)
    throw Refused{.status = 400, .message = fmt::format("Property with name '{}' does not exist", name)};
  return Sort{*property, descending};
}

void sort_by(std::vector<const CrmObject*>& found, const std::optional<Sort>& sort, Timestamp at) {
  std::sort(found.begin(), found.end(), [](const CrmObject* a, const CrmObject* b) { return id_before(a->id, b->id); });
  if (!sort || (sort->property.name == "hs_object_id" && !sort->descending)) return;
  auto less = [&](const CrmObject* a, const CrmObject* b) {
    if (is_numeric(sort->property)) return number_at(*a, sort->property, at) < number_at(*b, sort->property, at);
    return value_at(*a, sort->property, at) < value_at(*b, sort->property, at);
  };
  std::stable_sort(found.begin(), found.end(), less);
  if (sort->descending) std::reverse(found.begin(), found.end());
}

bool matches_query(const CrmObject& o, const std::string& query, Timestamp at, const std::vector<Property>& all) {
  return query.empty() || std::any_of(all.begin(), all.end(), [&](const Property& p) {
           const std::optional<std::string> value = p.type == "string" ? value_at(o, p, at) : std::nullopt;
           return value && contains_ci(*value, query);
         });
}

std::vector<const CrmObject*> indexed(const World& world, const std::string& type, Timestamp at) {
  std::vector<const CrmObject*> out;
  auto objects = world.crm.objects().find(type);
  if (objects == world.crm.objects().end()) return out;
  for (const auto& [id, o] : objects->second)
    if (is_live(o) && o.created <= at) out.push_back(&o);
  return out;
}

}  // namespace

json record_of(const CrmObject& o, const std::vector<std::string>& names, const std::vector<Property>& all,
               Timestamp at) {
  json properties = json::object();
  std::vector<std::string> shown = names;
  for (const char* always : {"hs_object_id", "createdate"}) shown.emplace_back(always);
  shown.emplace_back(modified_property(o.type));
  for (const std::string& name : shown) {
    const Property* p = find_property(all, name);
    if (p == nullptr) continue;  // asked for, but no property of the portal: ignored
    const std::optional<std::string> value = value_at(o, *p, at);
    properties[name] = value ? json(*value) : json(nullptr);
  }
  json j = {{"id", o.id},
            {"properties", std::move(properties)},
            {"createdAt", iso_millis(o.created)},
            {"updatedAt", iso_millis(modified_at(o, at))},
            {"archived", o.archived}};
  if (o.archived && o.archived_at) j["archivedAt"] = iso_millis(*o.archived_at);
  return j;
}

json search(const World& world, const std::string& type, const HttpRequest& request) {
  allow_query(request, {});
  const json body = object_body(request, {"after", "filterGroups", "limit", "properties", "sorts"},
                                {"after", "filterGroups", "limit", "properties", "sorts", "query"});
  const std::vector<Property> all = properties_of(world, type);
  const std::vector<Group> groups = read_groups(body["filterGroups"], all);
  const std::optional<Sort> sort = read_sorts(body["sorts"], all);
  const std::vector<std::string> names = strings_of(body["properties"], "properties");
  const std::string query = body.contains("query") ? string_of(body["query"], "query") : "";
  if (query.size() > 3000) throw Refused{.status = 400, .message = "'query' is longer than 3000 characters"};
  if (!body["limit"].is_number_integer()) throw Refused{.status = 400, .message = "'limit' is no integer"};
  const std::int64_t limit = body["limit"].get<std::int64_t>();
  if (limit < 1 || limit > 200) throw Refused{.status = 400, .message = "'limit' must be within 1 and 200"};
  const std::int64_t after = number_of(string_of(body["after"], "after"), "after");
  if (after < 0 || after + limit > kWall)
    throw Refused{.status = 400, .message = "a search reaches 10,000 results and no further"};

  const Timestamp at = world.now - kIndexLag;
  std::vector<const CrmObject*> found = indexed(world, type, at);
  std::erase_if(found, [&](const CrmObject* o) {
    auto holds = [&](const Group& g) {
      return std::all_of(g.begin(), g.end(), [&](const Filter& f) { return matches(f, *o, at); });
    };
    return !(groups.empty() || std::any_of(groups.begin(), groups.end(), holds)) || !matches_query(*o, query, at, all);
  });
  sort_by(found, sort, at);
  json results = json::array();
  const std::int64_t total = static_cast<std::int64_t>(found.size());
  for (std::int64_t i = after; i < std::min(total, after + limit); ++i)
    results.push_back(record_of(*found[static_cast<std::size_t>(i)], names, all, at));
  json out = {{"total", total}, {"results", std::move(results)}};
  if (after + limit < total) out["paging"] = {{"next", {{"after", std::to_string(after + limit)}}}};
  return out;
}

}  // namespace hw::sandbox::hubspot
