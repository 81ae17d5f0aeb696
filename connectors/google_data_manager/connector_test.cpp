#include "connectors/google_data_manager/connector.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "conformance/conformance.h"
#include "conformance/fake_http.h"
#include "conformance/plain_normaliser.h"
#include "connectors/google_data_manager/peer.h"
#include "connectors/google_data_manager/test_conversion.h"

namespace hw::connectors::google_data_manager {
namespace {

using connect::Item;
using connect::Verdict;
using nlohmann::json;
using testing::HasSubstr;
using testing::SizeIs;

/// The clock of a sandbox's world.
class WorldClock final : public Clock {
 public:
  explicit WorldClock(const sandbox::World& world) : world_(world) {}
  SystemTime system_now() const override { return world_.now; }
  SteadyTime steady_now() const override { return SteadyTime(world_.now.time_since_epoch()); }
  std::unique_ptr<Waiter> waiter(std::string) override { return nullptr; }

 private:
  const sandbox::World& world_;
};

/// An HttpClient that speaks to the peer in process, signing in with the world's refresh token.
class PeerHttp final : public http::HttpClient {
 public:
  explicit PeerHttp(sandbox::World& world) : world_(world), peer_(sandbox::make_google_data_manager_peer(world)) {}

  Status sign_in(const http::Auth& auth, std::stop_token) override {
    EXPECT_EQ(auth.scope, "https://www.googleapis.com/auth/datamanager");
    sandbox::HttpRequest r{.method = "POST", .path = "/token", .query = {}, .headers = {}, .body = {}};
    r.body = "grant_type=refresh_token&client_id=" + world_.sign_in.client_id +
             "&client_secret=" + world_.sign_in.client_secret + "&refresh_token=" + refresh_token;
    const auto answer = peer_->handle(r);
    if (answer.status != 200) return Error{.action = Action::pause, .code = "credential", .detail = "refused"};
    token_ = json::parse(answer.body)["access_token"];
    return {};
  }

  Result<http::Response> send(const http::Request& request, std::stop_token stop) override {
    if (Status in = sign_in(request.auth, stop); !in) return in.error();
    const std::string prefix = "http://127.0.0.1:1/google_data_manager";
    EXPECT_TRUE(request.url.starts_with(prefix)) << request.url;
    sandbox::HttpRequest r{.method = request.method,
                           .path = request.url.substr(prefix.size()),
                           .query = {},
                           .headers = {},
                           .body = request.body};
    if (const auto q = r.path.find('?'); q != std::string::npos) {
      const std::string query = r.path.substr(q + 1);
      r.path.resize(q);
      r.query[query.substr(0, query.find('='))] = percent_decode(query.substr(query.find('=') + 1));
    }
    for (const auto& [name, value] : request.headers) r.headers[to_lower_ascii(name)] = value;
    r.headers["authorization"] = "Bearer " + token_;
    sent.push_back(request);
    const auto answer = peer_->handle(r);
    http::Response out;
    out.status = answer.status;
    out.headers = answer.headers;
    out.body = answer.body;
    return out;
  }

  sandbox::Peer& peer() { return *peer_; }
  std::string refresh_token = "sandbox-refresh";
  std::vector<http::Request> sent;

 private:
  sandbox::World& world_;
  std::unique_ptr<sandbox::Peer> peer_;
  std::string token_;
};

class GoogleDataManager : public testing::Test {
 protected:
  GoogleDataManager() {
    world_.now = won_deal().at + kHour;
    world_.ads.clicks = {
        {"gclid", "EAIaIQobChMI_example", won_deal().clicks[0].at, "1234567890", "Jane.Doe@example.com"}};
    world_.ads.actions = {{.account = "1234567890", .id = "700000001", .created = at(-90 * 86'400)}};
    world_.ads.login_accounts = {"9876543210"};
    use({});
  }

  void use(const conformance::Overrides& overrides) {
    std::vector<connect::OptionError> errors;
    connector_ = google_data_manager_type().make(options(overrides), {},
                                                 {http_, clock_, normaliser_, vocabulary_, "google"}, errors);
    ASSERT_TRUE(connector_);
  }

  connect::ConversionSink& sink() { return *connector_->conversions(); }

  Item prepared(const Conversion& c, const connect::Revision& revision = {Operation::upload, 0, {}},
                const connect::Sent* original = nullptr) {
    auto got = sink().prepare(c, revision, target(), original, world_.now);
    if (auto* refusal = std::get_if<connect::Refusal>(&got))
      ADD_FAILURE() << refusal->reason << ": " << refusal->detail;
    return std::get_if<Item>(&got) ? std::get<Item>(got) : Item{};
  }

  connect::Answer send(const std::vector<Item>& items, bool validate_only = false) {
    auto answer = sink().send(items, target(), validate_only, {});
    if (!answer) ADD_FAILURE() << answer.error().code << ": " << answer.error().detail;
    return answer ? *answer : connect::Answer{};
  }

  connect::Confirmation confirm(const std::string& receipt) {
    auto got = sink().confirm(std::vector<std::string>{receipt}, target(), {});
    if (!got || got->size() != 1) ADD_FAILURE() << "no confirmation";
    return got && !got->empty() ? got->front() : connect::Confirmation{};
  }

  sandbox::Belief belief() {
    const auto all = http_.peer().believed();
    return all.empty() ? sandbox::Belief{} : all.front();
  }

  sandbox::World world_;
  PeerHttp http_{world_};
  WorldClock clock_{world_};
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_;
  std::unique_ptr<connect::Connector> connector_;
};

TEST_F(GoogleDataManager, AnUploadIsTakenAndConfirmedHalfAnHourLater) {
  const auto answer = send({prepared(won_deal())});
  ASSERT_EQ(answer.outcomes.at(0).verdict, Verdict::accepted);
  ASSERT_FALSE(answer.receipt.empty());
  EXPECT_FALSE(confirm(answer.receipt).is_final);
  EXPECT_EQ(belief().state, "processing");
  world_.now += kHour / 2;
  const auto c = confirm(answer.receipt);
  EXPECT_TRUE(c.is_final);
  EXPECT_EQ(c.accepted, 1U);
  ASSERT_EQ(c.rows.size(), 1U);
  EXPECT_EQ(belief().micros, 18'250'000'000);
  EXPECT_EQ(belief().state, "counted");
}

TEST_F(GoogleDataManager, UserDataAloneFindsTheClick) {
  use({{"user_data", true}});
  Conversion c = won_deal();
  c.clicks.clear();
  c.hashes["email_gmail_dots_removed"] = {kEmailHash};
  const auto answer = send({prepared(c)});
  world_.now += kHour;
  EXPECT_EQ(confirm(answer.receipt).accepted, 1U);
}

TEST_F(GoogleDataManager, ARestatementOverwritesTheValueOfTheSameKey) {
  const Item original = prepared(won_deal());
  send({original});
  world_.now += kHour;
  const connect::Sent sent{original, won_deal().at, world_.now};
  Conversion lowered = won_deal();
  lowered.value = euros(9'000'000'000);
  const auto answer = send({prepared(lowered, {Operation::restate, 1, world_.now}, &sent)});
  world_.now += kHour;
  EXPECT_EQ(confirm(answer.receipt).accepted, 1U);
  EXPECT_EQ(belief().micros, 9'000'000'000);
  EXPECT_THAT(http_.peer().believed(), SizeIs(1));
}

TEST_F(GoogleDataManager, ALostAnswerCountsOnceWhenItIsResentAfterTheContractsWait) {
  const Item item = prepared(won_deal());
  send({item});
  world_.now += sink().contract().dedup.resend_after;
  const auto again = send({item});
  world_.now += kHour;
  EXPECT_EQ(confirm(again.receipt).accepted, 1U);
  EXPECT_EQ(belief().micros, 18'250'000'000);
  EXPECT_EQ(belief().count, 1);
}

TEST_F(GoogleDataManager, ABatchLosesOnlyItsBadRow) {
  Conversion bad = won_deal();
  bad.dedup_id = "7";
  Conversion other = won_deal();
  other.dedup_id = "hw-other";
  other.at += std::chrono::seconds(1);
  const auto answer = send({prepared(won_deal()), prepared(bad), prepared(other)});
  ASSERT_THAT(answer.outcomes, SizeIs(3));
  EXPECT_EQ(answer.outcomes[0].verdict, Verdict::retry);
  EXPECT_EQ(answer.outcomes[1].verdict, Verdict::reject_row);
  EXPECT_EQ(answer.outcomes[2].verdict, Verdict::retry);
  EXPECT_EQ(answer.receipt, "");
  EXPECT_EQ(send({prepared(won_deal()), prepared(other)}).outcomes[1].verdict, Verdict::accepted);
}

TEST_F(GoogleDataManager, AForeignClickIsUnattributed) {
  world_.ads.clicks.clear();
  const auto answer = send({prepared(won_deal())});
  world_.now += kHour;
  const auto c = confirm(answer.receipt);
  ASSERT_EQ(c.rows.size(), 1U);
  EXPECT_EQ(c.rows[0].verdict, Verdict::reject_row);
  EXPECT_EQ(c.rows[0].code, "unattributed") << "nobody's fault: status does not ask for a look";
  EXPECT_EQ(c.rows[0].detail.substr(0, 15), "click_not_found");
}

TEST_F(GoogleDataManager, ValidationChangesNothingAndGivesNoReceipt) {
  const auto answer = send({prepared(won_deal())}, /*validate_only=*/true);
  EXPECT_EQ(answer.outcomes[0].verdict, Verdict::accepted);
  EXPECT_EQ(answer.receipt, "");
  EXPECT_THAT(http_.peer().believed(), SizeIs(0));
}

TEST_F(GoogleDataManager, AWrongActionPausesTheDestination) {
  connect::Target wrong = target();
  wrong.action = "1";
  const Item item = prepared(won_deal());
  const auto answer = *sink().send({&item, 1}, wrong, false, {});
  EXPECT_EQ(answer.outcomes[0].verdict, Verdict::pause);
  EXPECT_EQ(answer.outcomes[0].scope, connect::Scope::destination);
  EXPECT_EQ(answer.outcomes[0].code, "invalid_conversion_action_id");
}

TEST_F(GoogleDataManager, AnAccountWithHyphensIsNeverSent) {
  connect::Target wrong = target();
  wrong.account = "123-456-7890";
  const Item item = prepared(won_deal());
  const auto answer = *sink().send({&item, 1}, wrong, false, {});
  EXPECT_EQ(answer.outcomes[0].verdict, Verdict::pause);
  EXPECT_THAT(answer.outcomes[0].detail, HasSubstr("write 1234567890"));
  EXPECT_THAT(http_.sent, SizeIs(0));
}

TEST_F(GoogleDataManager, TheQuotaOfAMinuteIsWaitedOut) {
  const Item item = prepared(won_deal());
  for (int i = 0; i < 300; ++i) send({item}, /*validate_only=*/true);
  const auto answer = send({item});
  EXPECT_EQ(answer.outcomes[0].verdict, Verdict::retry);
  EXPECT_FALSE(answer.outcomes[0].spends_attempt);
  world_.now += std::chrono::minutes(1);
  EXPECT_EQ(send({item}).outcomes[0].verdict, Verdict::accepted);
}

TEST_F(GoogleDataManager, RequestsNameLanesScopeAndQuotaProject) {
  use({{"quota_project", "example-project"}, {"login_account", "9876543210"}});
  send({prepared(won_deal())});
  const http::Request& r = http_.sent.at(0);
  EXPECT_EQ(r.url, "http://127.0.0.1:1/google_data_manager/v1/events:ingest");
  EXPECT_THAT(r.headers,
              testing::Contains(std::pair<std::string, std::string>("x-goog-user-project", "example-project")));
  EXPECT_EQ(r.auth.credential, "google");
  ASSERT_THAT(r.lanes, SizeIs(1));
  EXPECT_EQ(r.lanes[0].key, "google/example-project/ingest");
  EXPECT_EQ(r.lanes[0].requests, 300);
  EXPECT_EQ(r.lanes[0].per_day, 100'000);
  EXPECT_EQ(json::parse(r.body)["destinations"][0]["loginAccount"]["accountId"], "9876543210");
  const Item item = prepared(won_deal());
  EXPECT_EQ(r.body, sink().body({&item, 1}, target(), false));
}

TEST_F(GoogleDataManager, AForgottenReceiptIsFinalAndGoesAgain) {
  const auto c = confirm("never given");
  EXPECT_TRUE(c.is_final);
  EXPECT_EQ(c.rows.at(0).verdict, Verdict::retry);
  EXPECT_TRUE(c.rows.at(0).maybe_applied);
}

/// What confirm() makes of receipts a, b, c, ... whose polls get these answers: "a!" is final, an error is its code.
std::string polled(const Clock& clock, const std::vector<Result<http::Response>>& answers, std::size_t receipts) {
  conformance::FakeHttp http;
  for (const auto& answer : answers) http.then(answer);
  conformance::PlainNormaliser normaliser;
  connect::Vocabulary vocabulary;
  std::vector<connect::OptionError> errors;
  auto connector =
      google_data_manager_type().make(options(), {}, {http, clock, normaliser, vocabulary, "google"}, errors);
  const std::vector<std::string> all = {"a", "b", "c"};
  const auto got = connector->conversions()->confirm(std::span(all).first(receipts), target(), {});
  EXPECT_EQ(http.request_count(), answers.size());
  if (!got) return got.error().code;
  std::string out;
  for (const auto& c : *got) out += c.receipt + (c.is_final ? "!" : "?");
  return out;
}

TEST_F(GoogleDataManager, EachReceiptStandsAlone) {
  const http::Response taken = conformance::json(
      200,
      R"({"requestStatusPerDestination":[{"requestStatus":"SUCCESS","eventsIngestionStatus":{"recordCount":"1"}}]})");
  const http::Response busy = conformance::json(503, "");
  const http::Response running = conformance::json(200, R"({"requestStatusPerDestination":[]})");
  const Error timeout{.action = Action::retry, .code = "timeout", .detail = "no answer"};
  const Error full{.action = Action::retry, .code = http::kLaneFull, .detail = "full"};
  const Error signed_out{.action = Action::pause, .code = "credential", .detail = "refused"};
  struct Case {
    const char* name;
    std::vector<Result<http::Response>> answers;
    std::size_t receipts;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{{"the first fails", {busy, taken, taken}, 3, "b!c!"},
                                                   {"the first gets no answer", {timeout, taken, running}, 3, "b!c?"},
                                                   {"the middle one fails", {taken, busy, taken}, 3, "a!c!"},
                                                   {"the last fails", {taken, taken, busy}, 3, "a!b!"},
                                                   {"all but one fail", {taken, busy, busy}, 3, "a!"},
                                                   {"nobody is there", {timeout, busy}, 3, "timeout"},
                                                   {"the only one fails", {busy}, 1, "http_503"},
                                                   {"a full lane is full for all", {taken, full}, 3, "a!"},
                                                   {"nobody is signed in", {signed_out}, 3, "credential"}})
    EXPECT_EQ(polled(clock_, c.answers, c.receipts), c.expected) << c.name;
}

TEST_F(GoogleDataManager, NetworkErrorsPassThrough) {
  conformance::FakeHttp http;
  http.then(Error{.action = Action::retry, .code = "timeout", .detail = "no answer", .maybe_applied = true});
  std::vector<connect::OptionError> errors;
  auto connector =
      google_data_manager_type().make(options(), {}, {http, clock_, normaliser_, vocabulary_, "google"}, errors);
  const Item item = prepared(won_deal());
  const auto answer = connector->conversions()->send({&item, 1}, target(), false, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "timeout");
  EXPECT_TRUE(answer.error().maybe_applied);
}

TEST_F(GoogleDataManager, TheCheckTriesEveryActionAndChangesNothing) {
  connect::References references;
  references.targets = {target(), {.account = "1234567890", .action = "1"}, {.account = "55", .action = "1"}};
  const auto findings = *connector_->check_online(references, {});
  ASSERT_THAT(findings, SizeIs(4));
  EXPECT_EQ(findings[0].severity, connect::Finding::Severity::ok);
  EXPECT_EQ(findings[1].severity, connect::Finding::Severity::ok);
  EXPECT_EQ(findings[1].subject, "action 700000001 of account 1234567890");
  EXPECT_EQ(findings[2].severity, connect::Finding::Severity::error);
  EXPECT_THAT(findings[2].message, HasSubstr("invalid_conversion_action_id"));
  EXPECT_EQ(findings[3].severity, connect::Finding::Severity::error);
  EXPECT_THAT(findings[3].message, HasSubstr("permission_denied"));
  EXPECT_THAT(http_.peer().believed(), SizeIs(0));
}

TEST_F(GoogleDataManager, TheCheckWithUserDataFindsAMissingEnrolment) {
  use({{"user_data", true}});
  world_.ads.actions[0].enhanced_conversions = false;
  connect::References references;
  references.targets = {target()};
  const auto findings = *connector_->check_online(references, {});
  EXPECT_THAT(findings.at(1).message, HasSubstr("destination_account_not_enabled_enhanced_conversions_for_leads"));
}

TEST_F(GoogleDataManager, ARefusedSignInIsTheOnlyFinding) {
  http_.refresh_token = "revoked";
  connect::References references;
  references.targets = {target()};
  const auto findings = *connector_->check_online(references, {});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, connect::Finding::Severity::error);
}

TEST_F(GoogleDataManager, RetractionIsNotOffered) {
  const auto got = sink().prepare(won_deal(), {Operation::retract, 1, world_.now}, target(), nullptr, world_.now);
  EXPECT_EQ(std::get<connect::Refusal>(got).reason, "uncorrectable");
  EXPECT_FALSE(sink().contract().operations.contains(Operation::retract));
}

TEST_F(GoogleDataManager, ARestatementWithoutAnOriginalIsRefused) {
  const auto got = sink().prepare(won_deal(), {Operation::restate, 1, world_.now}, target(), nullptr, world_.now);
  EXPECT_EQ(std::get<connect::Refusal>(got).reason, "uncorrectable");
}

TEST_F(GoogleDataManager, TheContractSaysWhatGoogleDoes) {
  const connect::Contract& k = sink().contract();
  EXPECT_EQ(k.max_items, 2'000U);
  EXPECT_TRUE(k.dedup.exists && k.dedup.known && !k.dedup.window && k.dedup.repeat_overwrites);
  EXPECT_EQ(k.receipt, connect::Receipt::count);
  EXPECT_TRUE(k.resend_is_harmless && k.needs_consent && k.restate_up && k.restate_down);
  EXPECT_EQ(k.zero, connect::ZeroRule::final_retraction);
  EXPECT_TRUE(k.hash_forms.empty());
  use({{"user_data", true}, {"address", true}});
  EXPECT_THAT(sink().contract().hash_forms, testing::ElementsAre("email_gmail_dots_removed", "phone_e164",
                                                                 "given_name_no_titles", "family_name_no_titles"));
}

http::Response good_day(const http::Request& r) {
  if (r.method == "GET")
    return conformance::json(
        200,
        R"({"requestStatusPerDestination":[{"requestStatus":"SUCCESS","eventsIngestionStatus":{"recordCount":"1"}}]})");
  return conformance::json(200, json::parse(r.body)["validateOnly"] == true ? "{}" : R"({"requestId":"b6f1"})");
}

TEST(GoogleDataManagerConformance, KeepsTheContractOfASink) {
  for (bool user_data : {false, true}) {
    SCOPED_TRACE(user_data ? "with user data" : "by click id alone");
    conformance::Case c;
    c.type = google_data_manager_type();
    c.options = [user_data] { return options({{"user_data", user_data}, {"address", user_data}}); };
    c.good = good_day;
    c.account = target().account;
    c.action = target().action;
    conformance::check_sink_conformance(c);
  }
}

TEST_F(GoogleDataManager, OptionErrorsMakeNoConnector) {
  std::vector<connect::OptionError> errors;
  EXPECT_FALSE(google_data_manager_type().make(options({{"login_account", "1-2"}}), {},
                                               {http_, clock_, normaliser_, vocabulary_, "google"}, errors));
  EXPECT_THAT(errors, SizeIs(1));
}

}  // namespace
}  // namespace hw::connectors::google_data_manager
