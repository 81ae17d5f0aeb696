#include "connectors/google_data_manager/connector.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "connectors/google_data_manager/config.h"
#include "connectors/google_data_manager/decode.h"
#include "connectors/google_data_manager/encode.h"
#include "connectors/google_data_manager/prepare.h"

namespace hw::connectors {

namespace google_data_manager {

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

// developers.google.com/data-manager/api/devguides/limits, read 2026-10: at most 2,000 events a request.
constexpr std::size_t kMaxEvents = 2'000;
constexpr std::size_t kMaxBytes = 10U << 20;

Contract contract_of(const Config& c) {
  Contract k;
  k.form = "google_data_manager";
  k.operations = {Operation::upload, Operation::restate};
  k.restate_up = k.restate_down = true;
  k.zero = c.zero;
  k.max_items = kMaxEvents;
  k.max_bytes = kMaxBytes;
  // conversion-adjustments guide, read 2026-10: the same transactionId for the same action overwrites value and
  // currency.
  k.dedup = {
      .exists = true, .known = true, .window = std::nullopt, .repeat_overwrites = true, .resend_after = c.resend_after};
  k.receipt = connect::Receipt::count;
  k.counting = connect::Counting::every;
  k.adjust_until = c.adjust_until;
  k.resend_is_harmless = true;
  k.click_types = {"gclid", "gbraid", "wbraid"};
  k.click_window = c.click_window;
  if (c.user_data) {
    k.user_data_window = c.user_data_window;
    k.hash_forms = {"email_gmail_dots_removed", "phone_e164"};
  }
  if (c.address) k.hash_forms.insert(k.hash_forms.end(), {"given_name_no_titles", "family_name_no_titles"});
  k.needs_consent = true;
  k.first_poll = c.first_poll;
  k.poll_every = c.poll_every;
  k.poll_until = c.poll_until;
  k.smallest_time_step = std::chrono::seconds(1);
  return k;
}

class Sink final : public connect::ConversionSink {
 public:
  Sink(Config config, connect::Env env)
      : config_(std::move(config)), env_(std::move(env)), contract_(contract_of(config_)) {}

  const Contract& contract() const override { return contract_; }

  std::variant<Item, connect::Refusal> prepare(const Conversion& c, const Revision& revision, const Target& target,
                                               const Sent* original, Timestamp now) const override {
    switch (revision.operation) {
      case Operation::upload:
        return prepare_upload(c, revision, target, config_, now);
      case Operation::restate:
        break;
      case Operation::retract:
        return connect::Refusal{"uncorrectable", "Google Data Manager cannot retract", {}};
    }
    if (!original) return connect::Refusal{"uncorrectable", "there is no accepted original", {}};
    return prepare_restate(c, revision, *original, config_, now);
  }

  std::string body(std::span<const Item> items, const Target& target, bool validate_only) const override {
    return request_json(items, target, login_account(config_, target), validate_only);
  }

  Result<Answer> send(std::span<const Item> items, const Target& target, bool validate_only, Context context) override {
    if (items.empty()) return Answer{};
    if (std::string fault = target_fault(target); !fault.empty()) return misconfigured(items.size(), fault);
    http::Request request =
        authorised("/v1/events:ingest", "ingest", config_.requests_per_minute, config_.requests_per_day, context);
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = body(items, target, validate_only);
    Result<http::Response> response = env_.http.send(request, context.stop);
    if (!response) return response.error();
    Result<IngestAnswer> answer = ingest_answer(*response, items.size(), validate_only, env_.clock.system_now());
    if (!answer) return answer.error();
    if (answer->warnings > 0)
      log_event(Level::debug, "field_warnings_received",
                {{"connector", env_.instance}, {"rows", items.size()}, {"warnings", answer->warnings}});
    return std::move(answer->answer);
  }

  /// Each receipt stands alone: one that gets no answer is left out and holds back no other. What concerns all of them
  /// (a full lane, a refused sign-in, a stop, an API that answers nothing at all) ends the asking.
  Result<std::vector<Confirmation>> confirm(std::span<const std::string> receipts, const Target&,
                                            Context context) override {
    constexpr std::size_t kNobodyThere = 2;
    std::vector<Confirmation> out;
    std::optional<Error> first;
    std::size_t failed = 0;
    for (const std::string& receipt : receipts) {
      Result<Confirmation> one = poll(receipt, context);
      if (one) {
        out.push_back(std::move(*one));
        continue;
      }
      if (!first) first = one.error();
      const bool of_all = one.error().action == Action::pause || one.error().code == http::kLaneFull;
      if (of_all || context.stop.stop_requested() || (++failed == kNobodyThere && out.empty())) break;
    }
    if (out.empty() && first) return *first;
    return out;
  }

  [[nodiscard]] http::Auth auth() const { return {config_.credential, config_.token_url, kScope}; }

  /// An event that names nobody and no real click, for validation alone.
  [[nodiscard]] Item probe(Timestamp now) const {
    Click click{.type = "gclid", .value = "headwater-check", .at = now};
    Identifiers ids;
    if (config_.user_data)
      ids.emails = {sha256_hex("headwater-check@example.com")};
    else
      ids.click = &click;
    Conversion c;
    c.dedup_id = "hw-check";
    c.at = std::chrono::floor<std::chrono::seconds>(now) - std::chrono::hours(1);
    Item item;
    item.body = event_json(c, ids, config_.event_source);
    return item;
  }

 private:
  http::Request authorised(std::string_view path, std::string_view lane, int per_minute, int per_day,
                           const Context& context) const {
    http::Request r;
    r.url = config_.base_url + std::string(path);
    r.auth = auth();
    // Google counts per Cloud project: that of the credential unless another is named.
    r.lanes = {{.key = fmt::format("{}/{}/{}", config_.credential, config_.quota_project, lane),
                .requests = per_minute,
                .per = std::chrono::minutes(1),
                .per_day = per_day}};
    if (!config_.quota_project.empty()) r.headers.emplace_back("x-goog-user-project", config_.quota_project);
    r.timeout = context.timeout;
    return r;
  }

  Result<Confirmation> poll(const std::string& receipt, const Context& context) {
    const std::string path = "/v1/requestStatus:retrieve?requestId=" + percent_encode(receipt);
    Result<http::Response> response = env_.http.send(
        authorised(path, "status", config_.polls_per_minute, config_.polls_per_day, context), context.stop);
    if (!response) return response.error();
    return status_answer(*response, receipt, env_.clock.system_now());
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

Finding finding(const Target& target, const Outcome& o) {
  const std::string subject = fmt::format("action {} of account {}", target.action, target.account);
  const std::string what = fmt::format("{}: {}", o.code, o.detail);
  switch (o.verdict) {
    case connect::Verdict::accepted:
    case connect::Verdict::already_received:
      return {Finding::Severity::ok, subject,
              "a test event passes validation (validateOnly, which applies fewer rules than an upload)"};
    case connect::Verdict::pause:
      return {Finding::Severity::error, subject, what};
    case connect::Verdict::retry:
      return {Finding::Severity::warning, subject, "could not be tried: " + what};
    case connect::Verdict::reject_row:
    case connect::Verdict::reject_batch:
      break;
  }
  return {Finding::Severity::warning, subject,
          "account and action were reached, but the test event was refused: " + what};
}

class DataManager final : public connect::Connector {
 public:
  DataManager(Config config, connect::Env env) : env_(std::move(env)), sink_(std::move(config), env_) {}

  connect::ConversionSink* conversions() override { return &sink_; }

  Result<std::vector<Finding>> check_online(const References& references, Context context) override {
    if (Status in = env_.http.sign_in(sink_.auth(), context.stop); !in)
      return std::vector<Finding>{{Finding::Severity::error, "sign-in", in.error().detail}};
    std::vector<Finding> out{{Finding::Severity::ok, "sign-in", "an access token was given"}};
    for (const Target& target : references.targets) out.push_back(check_target(target, context));
    return out;
  }

  /// The API lists no conversion actions.
  Result<std::vector<RemoteObject>> discover(Context) override { return std::vector<RemoteObject>{}; }

 private:
  Finding check_target(const Target& target, const Context& context) {
    const Item item = sink_.probe(env_.clock.system_now());
    Result<Answer> answer = sink_.send({&item, 1}, target, /*validate_only=*/true, context);
    if (answer) return finding(target, answer->outcomes.front());
    Outcome o{
        .verdict = connect::Verdict::retry, .code = answer.error().code, .detail = answer.error().detail, .after = {}};
    if (answer.error().action == Action::pause) o.verdict = connect::Verdict::pause;
    return finding(target, o);
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
  return std::make_unique<DataManager>(std::move(config), std::move(env));
}

void check(const connect::Options& options, std::vector<connect::OptionError>& errors) {
  (void)read_config(options, errors);
}

void check_target(const Target& target, const connect::Mark& at, std::vector<connect::OptionError>& errors) {
  if (std::string fault = target_fault(target); !fault.empty()) errors.push_back({at, fault});
}

}  // namespace
}  // namespace google_data_manager

connect::ConnectorType google_data_manager_type() {
  namespace dm = google_data_manager;
  connect::ConnectorType type;
  type.name = "google_data_manager";
  type.title = "Google Ads by the Data Manager API";
  type.maturity = connect::Maturity::alpha;
  type.roles = {"conversions"};
  // No api_version: Google has announced no end of v1, so there is none to watch.
  type.options = dm::option_decls();
  type.destination_options = dm::destination_option_decls();
  type.vocabulary = dm::vocabulary();
  type.make = dm::make;
  type.check = dm::check;
  type.check_target = dm::check_target;
  type.login = dm::login_place;
  return type;
}

}  // namespace hw::connectors
