#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connect/connector.h"
#include "connect/registry.h"
#include "settings/settings.h"

namespace hw::settings {

/// The connector instances of a configuration. Owns them; outlives everything that sends or pulls.
using Connectors = std::map<std::string, std::unique_ptr<connect::Connector>>;

/// Makes every enabled instance. What only a connector can judge about its options is added to `errors`.
Connectors make_connectors(const Settings& settings, const connect::Registry& registry, http::HttpClient& http,
                           const Clock& clock, const connect::Normaliser& normaliser, std::vector<OptionError>& errors);

/// The sinks of one destination: which connector carries which operation.
struct SinkSet {
  connect::ConversionSink* upload = nullptr;
  connect::ConversionSink* restate = nullptr;
  connect::ConversionSink* retract = nullptr;
  std::string upload_connector, restate_connector, retract_connector;
  connect::Target target;

  /// False when one of the destination's connectors is disabled: then the whole destination waits.
  [[nodiscard]] bool complete() const { return upload != nullptr && restate != nullptr && retract != nullptr; }
  [[nodiscard]] connect::ConversionSink* of(Operation op) const;
  [[nodiscard]] const std::string& connector_of(Operation op) const;
  /// The target of a row that went, or goes, to this account and action; "": the configured one.
  [[nodiscard]] connect::Target target_at(const std::string& account, const std::string& action) const;
  /// The contract of the whole destination: the uploading sink's, with operations, correction rules and age limits
  /// taken from the adjusting sinks, and the destination's own settings (batch, counting) applied. Of a complete set.
  [[nodiscard]] connect::Contract contract(const Destination& d) const { return contract(d, target); }
  [[nodiscard]] connect::Contract contract(const Destination& d, const connect::Target& at) const;
};

/// `destination` must outlive the result (its options are pointed to). load() has refused destinations without sinks.
SinkSet sinks_of(const Destination& destination, const Connectors& connectors);

}  // namespace hw::settings
