#include <nlohmann/json.hpp>

#include "settings/declarations.h"
#include "settings/scalars.h"
#include "settings/settings.h"

namespace hw::settings {
namespace {

using connect::OptionDecl;
using connect::OptionType;
using Json = nlohmann::ordered_json;

constexpr const char* kNamePattern = "^[A-Za-z0-9_-]{1,64}$";

Json schema_of(const OptionDecl& decl);
Json object_of(const std::vector<OptionDecl>& decls);

Json pattern(const char* regex) { return {{"type", "string"}, {"pattern", regex}}; }
Json reference(const std::string& name) { return {{"$ref", "#/$defs/" + name}}; }

/// An unquoted number is text as written, so editors must not mark it.
Json text() { return {{"type", {"string", "number", "boolean"}}}; }

Json text_or_choice(const OptionDecl& decl) { return decl.choices.empty() ? text() : Json{{"enum", decl.choices}}; }

Json integer_of(const OptionDecl& decl) {
  Json out{{"type", "integer"}};
  if (decl.min) out["minimum"] = *decl.min;
  if (decl.max) out["maximum"] = *decl.max;
  return out;
}

Json text_map_of(const OptionDecl& decl) {
  Json out{{"type", "object"}};
  if (decl.choices.empty()) {
    out["additionalProperties"] = text();
    return out;
  }
  for (const std::string& key : decl.choices) out["properties"][key] = text();
  out["additionalProperties"] = decl.open_keys ? text() : Json(false);
  return out;
}

Json group_map_of(const OptionDecl& decl) {
  return {{"type", {"object", "null"}},
          {"propertyNames", {{"pattern", kNamePattern}}},
          {"additionalProperties", object_of(decl.children)}};
}

Json shape(const OptionDecl& decl) {
  switch (decl.type) {
    case OptionType::text:
      return text();
    case OptionType::integer:
      return integer_of(decl);
    case OptionType::boolean:
      return {{"type", "boolean"}};
    case OptionType::duration:
      return pattern("^[0-9]+[smhd]$");
    case OptionType::size:
      return pattern("^[0-9]+(B|KiB|MiB|GiB)$");
    case OptionType::url:
      return pattern("^https?://");
    case OptionType::secret:
      return pattern(R"(^\$\{(env|file|credential):.+\}$)");
    case OptionType::currency:
      return pattern("^[A-Za-z]{3}$");
    case OptionType::path:
    case OptionType::credential:
    case OptionType::time_zone:
      return {{"type", "string"}};
    case OptionType::choice:
      return {{"enum", decl.choices}};
    case OptionType::percent:
      return {
          {"anyOf", {pattern("^[0-9]+([.][0-9]+)? ?%$"), Json{{"type", "number"}, {"minimum", 0}, {"maximum", 1}}}}};
    case OptionType::text_list:
      return {{"anyOf", {text_or_choice(decl), Json{{"type", "array"}, {"items", text_or_choice(decl)}}}}};
    case OptionType::text_map:
      return text_map_of(decl);
    case OptionType::group:
      return object_of(decl.children);
    case OptionType::group_list:
      return {{"type", {"array", "null"}}, {"items", object_of(decl.children)}};
    case OptionType::group_map:
      return group_map_of(decl);
    case OptionType::conditions:
      return reference("conditions");
  }
  return {};
}

Json default_of(const OptionDecl& decl) {
  if (decl.type == OptionType::integer || decl.type == OptionType::boolean) {
    auto value = read_scalar(decl, *decl.default_value);
    if (value && std::holds_alternative<bool>(*value)) return std::get<bool>(*value);
    if (value && std::holds_alternative<std::int64_t>(*value)) return std::get<std::int64_t>(*value);
  }
  return *decl.default_value;
}

Json schema_of(const OptionDecl& decl) {
  Json out = shape(decl);
  out["description"] = decl.help;
  if (decl.default_value && decl.type != OptionType::text_list) out["default"] = default_of(decl);
  return out;
}

Json object_of(const std::vector<OptionDecl>& decls) {
  Json properties = Json::object(), required = Json::array();
  for (const OptionDecl& d : decls) {
    properties[d.name] = schema_of(d);
    if (d.required) required.push_back(d.name);
  }
  Json out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) {
    out["required"] = std::move(required);
  } else {
    out["type"] = Json{"object", "null"};
  }
  out["additionalProperties"] = false;
  return out;
}

Json conditions() {
  const Json list{{"type", "array"}, {"items", text()}, {"minItems", 1}};
  const Json either{{"anyOf", {text(), list}}};
  const Json wrapped{{"type", "object"},
                     {"properties", {{"is", either}, {"not", either}}},
                     {"minProperties", 1},
                     {"maxProperties", 1},
                     {"additionalProperties", false}};
  return {{"type", "object"}, {"additionalProperties", {{"anyOf", {text(), list, wrapped}}}}};
}

/// The options that every instance has, and those of the type.
std::vector<OptionDecl> instance_options(const connect::ConnectorType& type) {
  std::vector<OptionDecl> all = section("connectors").children;
  for (const OptionDecl& d : type.options) {
    bool common = false;
    for (const OptionDecl& own : section("connectors").children) common |= own.name == d.name;
    if (!common) all.push_back(d);
  }
  return all;
}

Json connector(const connect::Registry& registry) {
  Json names = Json::array(), by_type = Json::array();
  for (const connect::ConnectorType& type : registry.types()) {
    names.push_back(type.name);
    const Json is_type{{"properties", {{"type", {{"const", type.name}}}}}, {"required", {"type"}}};
    by_type.push_back({{"if", is_type}, {"then", reference("connector_" + type.name)}});
  }
  return {
      {"type", "object"}, {"required", {"type"}}, {"properties", {{"type", {{"enum", names}}}}}, {"allOf", by_type}};
}

Json destination_options(const connect::Registry& registry) {
  Json any = Json::array();
  for (const connect::ConnectorType& type : registry.types()) {
    if (type.roles.contains("conversions")) any.push_back(reference("destination_" + type.name));
  }
  return any.empty() ? Json{{"type", "object"}, {"maxProperties", 0}} : Json{{"anyOf", any}};
}

Json main_file(const connect::Registry& registry) {
  Json out = object_of(main_sections());
  out["properties"]["connectors"]["additionalProperties"] = reference("connector");
  Json& options = out["properties"]["destinations"]["items"]["properties"]["options"];
  const Json help = options["description"];
  options = destination_options(registry);
  options["description"] = help;
  return out;
}

}  // namespace

std::string json_schema(const connect::Registry& registry) {
  Json defs{{"main_file", main_file(registry)},
            {"connector_file",
             {{"type", "object"},
              {"minProperties", 1},
              {"propertyNames", {{"pattern", kNamePattern}}},
              {"additionalProperties", reference("connector")}}},
            {"conditions", conditions()},
            {"connector", connector(registry)}};
  for (const connect::ConnectorType& type : registry.types()) {
    Json options = object_of(instance_options(type));
    options["title"] = type.title;
    options["properties"]["type"] = {{"const", type.name}};
    defs["connector_" + type.name] = std::move(options);
    if (type.roles.contains("conversions")) defs["destination_" + type.name] = object_of(type.destination_options);
  }
  const Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"title", "Headwater configuration: the main file, or a connector file"},
                    {"anyOf", {reference("main_file"), reference("connector_file")}},
                    {"$defs", std::move(defs)}};
  return schema.dump(2) + "\n";
}

}  // namespace hw::settings
