#include <algorithm>

#include "base/text.h"
#include "connectors/hubspot/decode.h"
#include "connectors/hubspot/json_access.h"
#include "model/money.h"

/// Associations, and the portal's description of itself.
namespace hw::connectors::hubspot {

namespace {

std::string role_of(std::string_view label) {
  std::string role = to_lower_utf8(trim(label));
  std::replace(role.begin(), role.end(), ' ', '_');
  return role;
}

Result<Association::To> read_tie(const json& j) {
  Association::To to;
  to.id = text(j, "toObjectId");
  if (!is_id(to.id)) return bad_answer("an association without toObjectId");
  for (const json& type : list(j, "associationTypes")) {
    const std::string label = text(type, "label");
    if (label.empty()) continue;
    if (starts_with_ci(label, "primary")) {
      to.primary = true;
    } else if (to.role.empty()) {
      to.role = role_of(label);
    }
  }
  if (to.role.empty() && to.primary) to.role = "primary";
  return to;
}

Status read_tied(const json& result, TiesAnswer& out) {
  const json* from = member(result, "from");
  const std::string id = from == nullptr ? std::string() : text(*from, "id");
  const json* to = member(result, "to");
  if (!is_id(id) || to == nullptr || !to->is_array()) return bad_answer("an association result without 'from' or 'to'");
  Ties& ties = out.found[id];
  for (const json& one : *to) {
    Result<Association::To> tie = read_tie(one);
    if (!tie) return tie.error();
    ties.to.push_back(std::move(*tie));
  }
  ties.after = next_page(result);
  return {};
}

std::vector<std::string> context_ids(const json& error) {
  std::vector<std::string> ids;
  const json* context = member(error, "context");
  if (context == nullptr || !context->is_object()) return ids;
  for (const auto& [key, values] : context->items()) {
    if (to_lower_ascii(key).find("id") == std::string::npos || !values.is_array()) continue;
    for (const json& v : values)
      if (std::string id = text(v); is_id(id)) ids.push_back(std::move(id));
  }
  return ids;
}

/// HubSpot answers 207 for records without ties: an error, by its form, that says "none".
void read_tie_error(const json& error, TiesAnswer& out) {
  if (text(error, "subCategory").find("NO_ASSOCIATIONS_FOUND") != std::string::npos) return;
  const std::vector<std::string> ids = context_ids(error);
  if (ids.empty()) out.all_named = false;
  out.unreadable.insert(ids.begin(), ids.end());
}

}  // namespace

Result<TiesAnswer> decode_ties(std::string_view body) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  TiesAnswer out;
  for (const json& result : **results)
    if (Status ok = read_tied(result, out); !ok) return ok.error();
  for (const json& error : list(j, "errors")) read_tie_error(error, out);
  return out;
}

Result<std::vector<PortalProperty>> decode_properties(std::string_view body) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  std::vector<PortalProperty> out;
  for (const json& p : **results) {
    PortalProperty property;
    property.name = text(p, "name");
    property.label = text(p, "label");
    property.type = text(p, "type");
    const json* metadata = member(p, "modificationMetadata");
    property.read_only =
        text(p, "calculated") == "true" || (metadata != nullptr && text(*metadata, "readOnlyValue") == "true");
    for (const json& o : list(p, "options")) property.options.emplace_back(text(o, "value"), text(o, "label"));
    if (!property.name.empty()) out.push_back(std::move(property));
  }
  return out;
}

Result<std::vector<Stage>> decode_pipelines(std::string_view body) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  std::vector<Stage> out;
  for (const json& pipeline : **results) {
    for (const json& s : list(pipeline, "stages")) {
      Stage stage{text(pipeline, "id"), text(s, "id"), text(s, "label")};
      const json* metadata = member(s, "metadata");
      stage.closed = metadata != nullptr && text(*metadata, "isClosed") == "true";
      stage.won = stage.closed && text(*metadata, "probability") == "1.0";
      if (!stage.id.empty()) out.push_back(std::move(stage));
    }
  }
  return out;
}

Result<std::string> decode_company_currency(std::string_view body) {
  const json j = parse_json(body);
  if (!j.is_object()) return bad_answer("no JSON object (cut off?)");
  Result<Currency> code = Currency::parse(text(j, "currencyCode"));
  if (!code)
    return Error{
        Action::pause, "company_currency", "HubSpot names no known company currency; set company_currency", {}, false};
  return code->str();
}

}  // namespace hw::connectors::hubspot
