#include "connectors/ga4_measurement_protocol/connector.h"

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/ga4_measurement_protocol/config.h"
#include "connectors/ga4_measurement_protocol/decode.h"
#include "connectors/ga4_measurement_protocol/encode.h"
#include "connectors/ga4_measurement_protocol/event_name.h"
#include "connectors/ga4_measurement_protocol/prepare.h"

namespace hw::connectors {

namespace ga4_measurement_protocol {

namespace {

using connect::Answer;
using connect::Confirmation;
using connect::Context;
using connect::Contract;
using connect::Finding;
using connect::Item;
using connect::Outcome;
using connect::References;
using connect::RemoteObject;
using connect::Revision;
using connect::Sent;
using connect::Target;

// Measurement Protocol, "Sending events", section Limitations, read 2026-11: at most 25 events a request, and its body
// must be smaller than 130 kB.
constexpr std::size_t kMaxEvents = 25;
constexpr std::size_t kMaxBytes = 130'000 - 1;

/// Of every event but the purchase: nothing takes it back, and a repeat counts again.
Contract contract_of_events(const Config& config, StreamKind kind) {
  Contract k;
  k.form = "ga4_measurement_protocol";
  k.operations = {Operation::upload};
  k.zero = connect::ZeroRule::refused;
  k.max_items = kMaxEvents;
  k.max_bytes = kMaxBytes;
  k.dedup = {.exists = false, .known = true, .window = std::nullopt};
  k.receipt = connect::Receipt::none;
  k.counting = connect::Counting::every;
  k.conversion_window = oldest(config);
  k.client_types = client_types(kind);
  return k;
}

/// A transaction id counts once for ever with its first value, so that a purchase that was refunded comes back under
/// another alone.
Contract contract_of_purchases(const Config& config, StreamKind kind) {
  Contract k = contract_of_events(config, kind);
  k.operations.insert(Operation::retract);
  k.zero = connect::ZeroRule::final_retraction;
  k.dedup = {.exists = true,
             .known = config.purchase_dedup && kind == StreamKind::web,
             .window = std::nullopt,
             .of_uploads_alone = true};
  return k;
}

class Sink final : public connect::ConversionSink {
 public:
  Sink(Config config, connect::Env env)
      : config_(std::move(config)), env_(std::move(env)), contract_(contract_of_events(config_, StreamKind::web)) {}

  const Contract& contract() const override { return contract_; }

  Contract contract_for(const Target& target) const override {
    const StreamKind kind = stream_kind(target.account);
    return target.action == kPurchase ? contract_of_purchases(config_, kind) : contract_of_events(config_, kind);
  }

  std::variant<Item, connect::Refusal> prepare(const Conversion& c, const Revision& revision, const Target& target,
                                               const Sent* original, Timestamp now) const override {
    switch (revision.operation) {
      case Operation::upload:
        return prepare_event(c, target, config_, now);
      case Operation::restate:
        return connect::Refusal{"uncorrectable", "GA4 changes no event that it has", {}};
      case Operation::retract:
        break;
    }
    if (!original) return connect::Refusal{"uncorrectable", "there is no accepted original", {}};
    return prepare_refund(c, revision, *original, config_, now);
  }

  std::string body(std::span<const Item> items, const Target&, bool validate_only) const override {
    return request_json(items, validate_only);
  }

  Result<Answer> send(std::span<const Item> items, const Target& target, bool validate_only, Context context) override {
    if (items.empty()) return Answer{};
    if (std::string fault = target_fault(target); !fault.empty()) return misconfigured(items.size(), fault);
    http::Request request;
    request.method = "POST";
    request.url = url_of(target, validate_only);
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = body(items, target, validate_only);
    request.timeout = context.timeout;
    // GA4 publishes no limit; the lane keeps, over restarts, how long it wants to be left alone.
    request.lanes = {{.key = env_.instance + "/" + target.account}};
    Result<http::Response> response = env_.http.send(request, context.stop);
    if (!response) return response.error();
    const SystemTime now = env_.clock.system_now();
    return validate_only ? validation_answer(*response, items.size(), now)
                         : collect_answer(*response, items.size(), now);
  }

  /// GA4 gives no receipts.
  Result<std::vector<Confirmation>> confirm(std::span<const std::string>, const Target&, Context) override {
    return std::vector<Confirmation>{};
  }

  /// An event of an invented client, for validation alone.
  [[nodiscard]] Item probe(const Target& target, Timestamp now) const {
    Event event{.name = target.action, .at = now - std::chrono::hours(1), .id = "hw-check"};
    if (target.action == kPurchase) event.amount = Amount{"1.00", "EUR"};
    Client client;
    client.kind = stream_kind(target.account);
    client.id = client.kind == StreamKind::web ? "1000000000.1700000000" : std::string(32, '0');
    Item item;
    item.body = row_json(client, event);
    return item;
  }

 private:
  /// The one place where the secret is revealed. http tells people host and path of a URL, never its query.
  [[nodiscard]] std::string url_of(const Target& target, bool validate_only) const {
    return fmt::format("{}{}/mp/collect?{}={}&api_secret={}", config_.base_url, validate_only ? "/debug" : "",
                       stream_kind(target.account) == StreamKind::web ? "measurement_id" : "firebase_app_id",
                       percent_encode(target.account), percent_encode(config_.api_secret.reveal()));
  }

  static Answer misconfigured(std::size_t rows, const std::string& fault) {
    Outcome o{.verdict = connect::Verdict::pause,
              .scope = connect::Scope::destination,
              .code = "invalid_target",
              .detail = fault,
              .after = {}};
    return {.outcomes = {rows, o}, .receipt = ""};
  }

  const Config config_;
  const connect::Env env_;
  const Contract contract_;
};

class MeasurementProtocol final : public connect::Connector {
 public:
  MeasurementProtocol(Config config, connect::Env env) : env_(std::move(env)), sink_(std::move(config), env_) {}

  connect::ConversionSink* conversions() override { return &sink_; }

  Result<std::vector<Finding>> check_online(const References& references, Context context) override {
    std::vector<Finding> out;
    for (const Target& target : references.targets) {
      if (context.stop.stop_requested()) break;
      out.push_back(check_target(target, context));
    }
    return out;
  }

  /// The protocol lists nothing.
  Result<std::vector<RemoteObject>> discover(Context) override { return std::vector<RemoteObject>{}; }

 private:
  Finding check_target(const Target& target, const Context& context) {
    const std::string subject = fmt::format("event {} of stream {}", target.action, target.account);
    const Item item = sink_.probe(target, env_.clock.system_now());
    Result<Answer> answer = sink_.send({&item, 1}, target, /*validate_only=*/true, context);
    if (!answer) {
      const bool is_pause = answer.error().action == Action::pause;
      return {is_pause ? Finding::Severity::error : Finding::Severity::warning, subject,
              fmt::format("could not be tried: {}: {}", answer.error().code, answer.error().detail)};
    }
    const Outcome& o = answer->outcomes.front();
    if (o.verdict != connect::Verdict::accepted)
      return {Finding::Severity::error, subject, fmt::format("{}: {}", o.code, o.detail)};
    return {Finding::Severity::ok, subject,
            "a test event passes Google's validation, which looks at neither the API secret nor the measurement id: "
            "whether they are right shows only in the property's Realtime report after a first real event"};
  }

  const connect::Env env_;
  Sink sink_;
};

std::unique_ptr<connect::Connector> make(const connect::Options& options,
                                         const std::vector<std::pair<Object, std::string>>&, connect::Env env,
                                         std::vector<connect::OptionError>& errors) {
  const std::size_t before = errors.size();
  Config config = read_config(options, errors);
  if (errors.size() != before) return nullptr;
  return std::make_unique<MeasurementProtocol>(std::move(config), std::move(env));
}

void check(const connect::Options& options, std::vector<connect::OptionError>& errors) {
  (void)read_config(options, errors);
}

void check_target(const Target& target, const connect::Mark& at, std::vector<connect::OptionError>& errors) {
  if (std::string fault = target_fault(target); !fault.empty()) errors.push_back({at, fault});
}

}  // namespace
}  // namespace ga4_measurement_protocol

connect::ConnectorType ga4_measurement_protocol_type() {
  namespace mp = ga4_measurement_protocol;
  connect::ConnectorType type;
  type.name = "ga4_measurement_protocol";
  type.title = "Google Analytics 4 by the Measurement Protocol";
  type.maturity = connect::Maturity::alpha;
  type.roles = {"conversions"};
  // No api_version: the protocol has none, and no end was announced.
  type.one_account = true;  // an API secret is made for one data stream
  type.options = mp::option_decls();
  type.vocabulary = mp::vocabulary();
  type.make = mp::make;
  type.check = mp::check;
  type.check_target = mp::check_target;
  return type;
}

}  // namespace hw::connectors
