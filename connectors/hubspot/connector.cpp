#include "connectors/hubspot/connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/text.h"
#include "connectors/hubspot/check_written.h"
#include "connectors/hubspot/source.h"
#include "connectors/hubspot/writer.h"

namespace hw::connectors {

namespace hubspot {
namespace {

using connect::Context;
using connect::Finding;
using connect::RemoteObject;
using Severity = Finding::Severity;

/// The portal as its own descriptions show it.
struct Portal {
  std::map<std::string, std::vector<PortalProperty>> properties;  ///< by type
  std::vector<Stage> stages;

  [[nodiscard]] const PortalProperty* find(const std::string& type, const std::string& name) const {
    auto it = properties.find(type);
    if (it == properties.end()) return nullptr;
    auto same = [&](const PortalProperty& p) { return p.name == name; };
    auto found = std::find_if(it->second.begin(), it->second.end(), same);
    return found == it->second.end() ? nullptr : &*found;
  }
};

class Hubspot final : public connect::Connector {
 public:
  Hubspot(Config config, connect::Env env)
      : config_(std::move(config)),
        env_(std::move(env)),
        api_(config_, env_),
        reader_(config_, env_),
        writer_(config_, env_) {}

  connect::RecordSource* records() override { return &reader_; }
  connect::SourceFieldWriter* source_fields() override { return &writer_; }
  Result<std::vector<Finding>> check_online(const connect::References&, Context) override;
  Result<std::vector<RemoteObject>> discover(Context) override;

 private:
  Result<Portal> read_portal(const Context&) const;
  void check_field(const Portal&, Object, const std::string& name, std::vector<Finding>&) const;
  void check_mapping(const Portal&, const ObjectPlan&, std::vector<Finding>&) const;
  void check_value(const Portal&, const std::string& field, const std::string& value, std::vector<Finding>&) const;
  void check_written(const Portal&, const connect::References&, const Context&, std::vector<Finding>&) const;
  Finding check_currency(const Context&) const;

  const Config config_;
  const connect::Env env_;
  const Api api_;
  RecordReader reader_;
  PropertyWriter writer_;
};

Result<Portal> Hubspot::read_portal(const Context& context) const {
  Portal portal;
  for (const ObjectPlan* plan : {&config_.companies, &config_.contacts, &config_.deals}) {
    Result<http::Response> response = api_.get(properties_path(config_, plan->type), context);
    if (!response) return response.error();
    Result<std::vector<PortalProperty>> properties = decode_properties(response->body);
    if (!properties) return properties.error();
    portal.properties[plan->type] = std::move(*properties);
  }
  Result<http::Response> response = api_.get(pipelines_path(config_), context);
  if (!response) return response.error();
  Result<std::vector<Stage>> stages = decode_pipelines(response->body);
  if (!stages) return stages.error();
  portal.stages = std::move(*stages);
  return portal;
}

std::string nearest_property(const Portal& portal, const std::string& type, const std::string& name) {
  std::vector<std::string> names;
  if (auto it = portal.properties.find(type); it != portal.properties.end())
    for (const PortalProperty& p : it->second) names.push_back(p.name);
  const std::string near = nearest(name, names);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

void Hubspot::check_field(const Portal& portal, Object object, const std::string& name,
                          std::vector<Finding>& out) const {
  const ObjectPlan& plan = config_.plan_of(object);
  const std::string property = plan.property(name).empty() ? name : plan.property(name);
  if (portal.find(plan.type, property) != nullptr) {
    out.push_back(
        {Severity::ok, fmt::format("field '{}'", name), fmt::format("property '{}' of {}", property, plan.type)});
  } else {
    out.push_back({Severity::error, fmt::format("field '{}'", name),
                   fmt::format("the portal has no property '{}' of {}{}", property, plan.type,
                               nearest_property(portal, plan.type, property))});
  }
}

/// A default that the portal lacks is no fault; only the one without which browsers cannot be joined is worth a word.
void Hubspot::check_mapping(const Portal& portal, const ObjectPlan& plan, std::vector<Finding>& out) const {
  for (const auto& [name, property] : plan.mapped) {
    if (portal.find(plan.type, property) != nullptr) continue;
    std::string message =
        fmt::format("the portal has no property '{}' of {}: '{}' is not read", property, plan.type, name);
    if (name == "ga_client_id")
      message +=
          "; create it (single-line text), fill it by a hidden form field, or name yours under properties.contacts";
    out.push_back({Severity::warning, fmt::format("property '{}'", property), std::move(message)});
  }
}

void Hubspot::check_value(const Portal& portal, const std::string& field, const std::string& value,
                          std::vector<Finding>& out) const {
  std::vector<std::string> values;
  if (field == "stage" || field == config_.deals.property("stage")) {
    for (const Stage& s : portal.stages) values.push_back(s.id);
  } else {
    for (const ObjectPlan* plan : {&config_.contacts, &config_.deals, &config_.companies}) {
      const std::string property = plan->property(field).empty() ? field : plan->property(field);
      if (const PortalProperty* p = portal.find(plan->type, property))
        for (const auto& [option, label] : p->options) values.push_back(option);
    }
  }
  if (values.empty()) return;
  if (std::find(values.begin(), values.end(), value) != values.end()) {
    out.push_back({Severity::ok, fmt::format("value '{}'", value), fmt::format("of '{}'", field)});
    return;
  }
  const std::string near = nearest(value, values);
  out.push_back({Severity::error, fmt::format("value '{}'", value),
                 fmt::format("'{}' never has it in this portal{}", field,
                             near.empty() ? "" : fmt::format("; did you mean '{}'?", near))});
}

void Hubspot::check_written(const Portal& portal, const connect::References& references, const Context& context,
                            std::vector<Finding>& out) const {
  std::set<std::string> types;
  for (const auto& [object, property] : references.written_fields) {
    const ObjectPlan& plan = config_.plan_of(object);
    out.push_back(check_written_field(plan, property, portal.find(plan.type, property)));
    types.insert(plan.type);
  }
  for (const std::string& type : types) out.push_back(check_write_scope(config_, api_, type, context));
}

Finding Hubspot::check_currency(const Context& context) const {
  if (!config_.company_currency.empty())
    return {Severity::ok, "company currency", config_.company_currency + ", as configured"};
  Result<http::Response> response = api_.get(company_currency_path(config_), context);
  if (!response)
    return {Severity::error, "company currency",
            "cannot be read: set company_currency (" + response.error().detail + ")"};
  Result<std::string> code = decode_company_currency(response->body);
  if (!code) return {Severity::error, "company currency", code.error().detail};
  return {Severity::ok, "company currency", *code};
}

Result<std::vector<Finding>> Hubspot::check_online(const connect::References& references, Context context) {
  std::vector<Finding> out;
  if (Status ok = api_.sign_in(context); !ok) {
    out.push_back({Severity::error, "sign-in", ok.error().detail});
    return out;
  }
  Result<Portal> portal = read_portal(context);
  if (!portal) {
    if (portal.error().action == Action::retry) return portal.error();
    out.push_back({Severity::error, "sign-in", portal.error().detail});
    return out;
  }
  out.push_back({Severity::ok, "sign-in", "the credential reads contacts, companies and deals"});
  for (const auto& [object, name] : references.fields) check_field(*portal, object, name, out);
  for (const auto& [field, value] : references.stage_values) check_value(*portal, field, value, out);
  for (const ObjectPlan* plan : {&config_.contacts, &config_.companies, &config_.deals})
    check_mapping(*portal, *plan, out);
  check_written(*portal, references, context, out);
  out.push_back(check_currency(context));
  return out;
}

Result<std::vector<RemoteObject>> Hubspot::discover(Context context) {
  Result<Portal> portal = read_portal(context);
  if (!portal) return portal.error();
  std::vector<RemoteObject> out;
  for (const Stage& s : portal->stages) {
    const char* outcome = s.won ? ", won" : s.closed ? ", lost" : "";
    out.push_back({"stage", s.id, fmt::format("{} (pipeline {}{})", s.label, s.pipeline, outcome)});
  }
  for (const auto& [type, properties] : portal->properties) {
    for (const PortalProperty& p : properties) {
      out.push_back({fmt::format("{} property", type), p.name, p.label});
      if (type == "contacts" && p.name == config_.contacts.property("lifecycle"))
        for (const auto& [value, label] : p.options) out.push_back({"lifecycle", value, label});
    }
  }
  return out;
}

std::unique_ptr<connect::Connector> make(const connect::Options& options, const NamedFields& fields, connect::Env env,
                                         std::vector<connect::OptionError>& errors) {
  const std::size_t before = errors.size();
  Config config = read_config(options, fields, env.instance, &env.vocabulary, errors);
  if (errors.size() != before) return nullptr;
  return std::make_unique<Hubspot>(std::move(config), std::move(env));
}

void check(const connect::Options& options, std::vector<connect::OptionError>& errors) {
  read_config(options, {}, "", /*vocabulary=*/nullptr, errors);
}

}  // namespace
}  // namespace hubspot

connect::ConnectorType hubspot_type() {
  connect::ConnectorType type;
  type.name = "hubspot";
  type.title = "HubSpot CRM";
  type.maturity = connect::Maturity::alpha;
  type.roles = {"records", "source_fields"};
  // Shipped 2026-09-08, supported for 18 months (CRM reference 2.1).
  type.api_version = "2026-09";
  type.api_version_ends = "2028-03-08";
  type.options = hubspot::option_declarations();
  type.make = hubspot::make;
  type.check = hubspot::check;
  type.login = hubspot::login_place;
  return type;
}

}  // namespace hw::connectors
