#include "settings/instances.h"

#include <algorithm>

namespace hw::settings {
namespace {

connect::ConversionSink* find(const Connectors& connectors, const std::string& name) {
  auto it = connectors.find(name);
  return it == connectors.end() ? nullptr : it->second->conversions();
}

}  // namespace

Connectors make_connectors(const Settings& settings, const connect::Registry& registry, http::HttpClient& http,
                           const Clock& clock, const connect::Normaliser& normaliser,
                           std::vector<OptionError>& errors) {
  Connectors out;
  const auto fields = settings.referenced_fields();
  for (const ConnectorInstance& c : settings.connectors) {
    const connect::ConnectorType* type = registry.find(c.type);
    if (!c.enabled || type == nullptr) continue;
    auto made = type->make(c.options, fields, {http, clock, normaliser, registry.vocabulary(), c.name}, errors);
    if (made) out.emplace(c.name, std::move(made));
  }
  return out;
}

connect::ConversionSink* SinkSet::of(Operation op) const {
  switch (op) {
    case Operation::upload:
      return upload;
    case Operation::restate:
      return restate;
    case Operation::retract:
      return retract;
  }
  return nullptr;
}

const std::string& SinkSet::connector_of(Operation op) const {
  switch (op) {
    case Operation::upload:
      return upload_connector;
    case Operation::restate:
      return restate_connector;
    case Operation::retract:
      return retract_connector;
  }
  return upload_connector;
}

connect::Target SinkSet::target_at(const std::string& account, const std::string& action) const {
  connect::Target at = target;
  if (!account.empty()) at.account = account;
  if (!action.empty()) at.action = action;
  return at;
}

connect::Contract SinkSet::contract(const Destination& d, const connect::Target& at) const {
  connect::Contract c = upload->contract_for(at);
  const connect::Contract r = restate->contract_for(at);
  const bool retracts = retract->contract_for(at).operations.contains(Operation::retract);
  c.operations = {Operation::upload};
  if (r.operations.contains(Operation::restate)) c.operations.insert(Operation::restate);
  if (retracts) c.operations.insert(Operation::retract);
  c.restate_up = r.restate_up;
  c.restate_down = r.restate_down;
  c.zero = r.zero;
  for (Operation op : {Operation::restate, Operation::retract})
    if (connector_of(op) != upload_connector) c.elsewhere[op] = of(op)->contract_for(at).rules_of(op);
  c.max_items = std::clamp<std::size_t>(d.batch, 1, c.max_items);
  if (d.counting) c.counting = *d.counting;
  return c;
}

SinkSet sinks_of(const Destination& d, const Connectors& connectors) {
  SinkSet s;
  s.upload_connector = d.upload_by;
  s.restate_connector = d.restate_by.empty() ? d.upload_by : d.restate_by;
  s.retract_connector = d.retract_by.empty() ? d.upload_by : d.retract_by;
  s.upload = find(connectors, s.upload_connector);
  s.restate = find(connectors, s.restate_connector);
  s.retract = find(connectors, s.retract_connector);
  s.target = {.account = d.account, .action = d.action, .options = &d.options, .counting = connect::Counting::every};
  if (s.upload != nullptr) s.target.counting = d.counting.value_or(s.upload->contract().counting);
  return s;
}

}  // namespace hw::settings
