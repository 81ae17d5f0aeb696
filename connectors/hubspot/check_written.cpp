#include "connectors/hubspot/check_written.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "connectors/hubspot/encode.h"

namespace hw::connectors::hubspot {

namespace {

using connect::Finding;
using Severity = Finding::Severity;

/// The name under which the connector reads the property as evidence of where a record came from, "" if it does not.
std::string read_as(const ObjectPlan& plan, const std::string& property) {
  for (const auto& [name, mapped] : plan.mapped)
    if (mapped == property) return name;
  return {};
}

}  // namespace

Finding check_written_field(const ObjectPlan& plan, const std::string& property, const PortalProperty* found) {
  static const std::set<std::string> types = {"string", "number", "datetime"};
  const std::string subject = fmt::format("source field '{}'", property);
  if (found == nullptr)
    return {Severity::error, subject,
            fmt::format("the portal has no property '{}' of {}; create it (single-line text; date and time picker for "
                        "times; number for counts)",
                        property, plan.type)};
  if (found->read_only)
    return {Severity::error, subject, fmt::format("HubSpot lets nobody write '{}' of {}", property, plan.type)};
  if (is_personal(plan, property))
    return {Severity::error, subject, fmt::format("'{}' of {} holds personal data", property, plan.type)};
  if (!types.contains(found->type))
    return {Severity::error, subject,
            fmt::format("'{}' of {} is of type '{}'; source fields need text, number or date and time", property,
                        plan.type, found->type.empty() ? "unknown" : found->type)};
  if (const std::string name = read_as(plan, property); !name.empty())
    return {Severity::warning, subject,
            fmt::format("'{}' of {} is also read as '{}': what is written there would come back as if a form had told "
                        "it; use a property of its own",
                        property, plan.type, name)};
  return {Severity::ok, subject, fmt::format("{} property '{}' of {}", found->type, property, plan.type)};
}

Finding check_write_scope(const Config& config, const Api& api, const std::string& type,
                          const connect::Context& context) {
  const std::string subject = fmt::format("writing {}", type);
  Result<http::Response> answer = api.write(update_path(config, type), update_body({}), context);
  if (answer) return {Severity::ok, subject, fmt::format("the credential may write {}", type)};
  if (answer.error().action == Action::retry)
    return {Severity::warning, subject, "could not be asked: " + answer.error().detail};
  return {Severity::error, subject,
          fmt::format("needs the scope crm.objects.{}.write: {}", type, answer.error().detail)};
}

}  // namespace hw::connectors::hubspot
