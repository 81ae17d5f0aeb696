#include "connectors/hubspot/encode.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace hw::connectors::hubspot {

namespace {

using nlohmann::json;

std::string dump(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

json filter(std::string_view property, std::string_view op, std::string value) {
  return {{"propertyName", property}, {"operator", op}, {"value", std::move(value)}};
}

/// Datetime values are epoch milliseconds as text.
std::string millis(Timestamp t) {
  return std::to_string(std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count());
}

/// The schema marks all five members as required, `after` included, though a keyset never moves it.
std::string search_body(json filters, std::vector<std::string> properties, std::size_t limit, SortForm form) {
  json sort = form == SortForm::text ? json("hs_object_id")
                                     : json{{"propertyName", "hs_object_id"}, {"direction", "ASCENDING"}};
  json body = {{"filterGroups", json::array({{{"filters", std::move(filters)}}})},
               {"sorts", json::array({std::move(sort)})},
               {"properties", std::move(properties)},
               {"limit", limit},
               {"after", "0"}};
  return dump(body);
}

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void key(Writer& w, std::string_view name) { w.Key(name.data(), static_cast<rapidjson::SizeType>(name.size())); }
void text(Writer& w, std::string_view s) { w.String(s.data(), static_cast<rapidjson::SizeType>(s.size())); }

std::string or_zero(std::string_view id) { return id.empty() ? "0" : std::string(id); }

}  // namespace

std::string list_path(const Config& c, std::string_view type, bool archived, std::size_t limit,
                      std::string_view after) {
  std::string path = fmt::format("/crm/objects/{}/{}?limit={}&properties=hs_object_id&archived={}", c.api_version, type,
                                 limit, archived ? "true" : "false");
  if (!after.empty()) path += "&after=" + percent_encode(after);
  return path;
}

std::string search_path(const Config& c, std::string_view type) {
  return fmt::format("/crm/objects/{}/{}/search", c.api_version, type);
}

std::string batch_read_path(const Config& c, std::string_view type) {
  return fmt::format("/crm/objects/{}/{}/batch/read", c.api_version, type);
}

std::string update_path(const Config& c, std::string_view type) {
  return fmt::format("/crm/objects/{}/{}/batch/update", c.api_version, type);
}

std::string ties_path(const Config& c, std::string_view from, std::string_view to) {
  return fmt::format("/crm/associations/{}/{}/{}/batch/read", c.api_version, from, to);
}

std::string properties_path(const Config& c, std::string_view type) {
  return fmt::format("/crm/properties/{}/{}", c.api_version, type);
}

std::string pipelines_path(const Config& c) { return fmt::format("/crm/pipelines/{}/deals", c.api_version); }

std::string company_currency_path(const Config& c) {
  return fmt::format("/settings/currencies/{}/company-currency", c.api_version);
}

std::string window_search(const ObjectPlan& plan, Timestamp from, Timestamp to, std::string_view after_id,
                          std::size_t limit, SortForm form) {
  json filters =
      json::array({filter(plan.modified_property, "GTE", millis(from)),
                   filter(plan.modified_property, "LT", millis(to)), filter("hs_object_id", "GT", or_zero(after_id))});
  return search_body(std::move(filters), {"hs_object_id"}, limit, form);
}

std::string open_deals_search(std::string_view after_id, std::size_t limit, SortForm form) {
  json filters = json::array({filter("hs_is_closed", "EQ", "false"), filter("hs_object_id", "GT", or_zero(after_id))});
  return search_body(std::move(filters), {"hs_object_id"}, limit, form);
}

std::string batch_read_body(const ObjectPlan& plan, std::span<const std::string> ids) {
  json inputs = json::array();
  for (const std::string& id : ids) inputs.push_back({{"id", id}});
  return dump({{"inputs", std::move(inputs)},
               {"properties", plan.properties()},
               {"propertiesWithHistory", plan.history_properties()}});
}

std::string values_body(std::span<const RecordRef> records, std::span<const std::string> properties) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  key(w, "inputs");
  w.StartArray();
  for (const RecordRef& record : records) {
    w.StartObject();
    key(w, "id");
    text(w, record.id);
    w.EndObject();
  }
  w.EndArray();
  key(w, "properties");
  w.StartArray();
  for (const std::string& property : properties) text(w, property);
  w.EndArray();
  key(w, "propertiesWithHistory");
  w.StartArray();
  w.EndArray();
  w.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string update_body(std::span<const connect::FieldValues> changes) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  key(w, "inputs");
  w.StartArray();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    w.StartObject();
    key(w, "id");
    text(w, changes[i].ref.id);
    key(w, "properties");
    w.StartObject();
    for (const auto& [property, value] : changes[i].values) {
      key(w, property);
      text(w, value);
    }
    w.EndObject();
    key(w, "objectWriteTraceId");
    text(w, std::to_string(i));
    w.EndObject();
  }
  w.EndArray();
  w.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string ties_body(std::span<const TieInput> inputs) {
  json list = json::array();
  for (const TieInput& in : inputs) {
    json one = {{"id", in.id}};
    if (!in.after.empty()) one["after"] = in.after;
    list.push_back(std::move(one));
  }
  return dump({{"inputs", std::move(list)}});
}

}  // namespace hw::connectors::hubspot
