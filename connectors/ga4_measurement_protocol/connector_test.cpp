#include "connectors/ga4_measurement_protocol/connector.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "conformance/conformance.h"
#include "conformance/fake_http.h"
#include "conformance/plain_normaliser.h"
#include "connectors/ga4_measurement_protocol/peer.h"
#include "connectors/ga4_measurement_protocol/test_conversion.h"

namespace hw::connectors::ga4_measurement_protocol {
namespace {

using connect::Finding;
using connect::Item;
using connect::Verdict;
using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
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

/// An HttpClient that speaks to the peer in process.
class PeerHttp final : public http::HttpClient {
 public:
  explicit PeerHttp(sandbox::World& world) : peer_(sandbox::make_ga4_measurement_protocol_peer(world)) {}

  Status sign_in(const http::Auth&, std::stop_token) override { return {}; }

  Result<http::Response> send(const http::Request& request, std::stop_token) override {
    const std::string prefix = "http://127.0.0.1:1/ga4_measurement_protocol";
    EXPECT_TRUE(request.url.starts_with(prefix)) << request.url;
    sandbox::HttpRequest r{.method = request.method, .path = {}, .query = {}, .headers = {}, .body = request.body};
    const std::string rest = request.url.substr(prefix.size());
    r.path = rest.substr(0, rest.find('?'));
    for (std::string_view pair : split(std::string_view(rest).substr(r.path.size() + 1), '&'))
      r.query[percent_decode(pair.substr(0, pair.find('=')))] = percent_decode(pair.substr(pair.find('=') + 1));
    for (const auto& [name, value] : request.headers) r.headers[to_lower_ascii(name)] = value;
    sent.push_back(request);
    const auto answer = peer_->handle(r);
    http::Response out;
    out.status = answer.status;
    out.headers = answer.headers;
    out.body = answer.body;
    return out;
  }

  sandbox::Peer& peer() { return *peer_; }
  std::vector<http::Request> sent;

 private:
  std::unique_ptr<sandbox::Peer> peer_;
};

class Ga4MeasurementProtocol : public testing::Test {
 protected:
  Ga4MeasurementProtocol() {
    world_.now = kWonAt + kHour;
    world_.streams = {{"G-SANDBOX01", kSecret}};
    use({});
  }

  void use(const conformance::Overrides& overrides) { connector_ = made(http_, overrides); }

  std::unique_ptr<connect::Connector> made(http::HttpClient& http, const conformance::Overrides& overrides = {}) {
    std::vector<connect::OptionError> errors;
    auto connector = ga4_measurement_protocol_type().make(options(overrides), {},
                                                          {http, clock_, normaliser_, vocabulary_, "ga4"}, errors);
    EXPECT_TRUE(connector);
    return connector;
  }

  connect::ConversionSink& sink() { return *connector_->conversions(); }

  Item prepared(const Conversion& c, const connect::Target& to = target(),
                const connect::Revision& revision = {Operation::upload, 0, {}},
                const connect::Sent* original = nullptr) {
    auto got = sink().prepare(c, revision, to, original, world_.now);
    if (auto* refusal = std::get_if<connect::Refusal>(&got))
      ADD_FAILURE() << refusal->reason << ": " << refusal->detail;
    return std::get_if<Item>(&got) ? std::get<Item>(got) : Item{};
  }

  Verdict send(const Item& item, const connect::Target& to = target(), bool validate_only = false) {
    auto answer = sink().send({&item, 1}, to, validate_only, {});
    if (!answer) ADD_FAILURE() << answer.error().code << ": " << answer.error().detail;
    return answer ? answer->outcomes.at(0).verdict : Verdict::pause;
  }

  /// "action key micros*count state", one per belief.
  std::vector<std::string> beliefs() {
    std::vector<std::string> out;
    for (const auto& b : http_.peer().believed())
      out.push_back(b.action + " " + b.key + " " + std::to_string(b.micros) + "*" + std::to_string(b.count) + " " +
                    b.state);
    return out;
  }

  sandbox::World world_;
  PeerHttp http_{world_};
  WorldClock clock_{world_};
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_;
  std::unique_ptr<connect::Connector> connector_;
};

TEST_F(Ga4MeasurementProtocol, APurchaseCountsWithItsValue) {
  EXPECT_EQ(send(prepared(won_deal())), Verdict::accepted);
  EXPECT_THAT(beliefs(), testing::ElementsAre("purchase hw-exampledeal 18250000000*1 counted"));
}

TEST_F(Ga4MeasurementProtocol, APurchaseSentAgainCountsOnce) {
  const Item item = prepared(won_deal());
  send(item);
  send(item);
  EXPECT_THAT(beliefs(), testing::ElementsAre("purchase hw-exampledeal 18250000000*1 counted"));
  EXPECT_TRUE(sink().contract_for(target()).dedup.exists);
}

TEST_F(Ga4MeasurementProtocol, ALeadSentAgainCountsTwiceAndTheContractSaysSo) {
  const connect::Target lead = target("qualify_lead");
  const Item item = prepared(won_deal(), lead);
  send(item, lead);
  send(item, lead);
  EXPECT_THAT(beliefs(), testing::ElementsAre("qualify_lead hw-exampledeal 36500000000*2 counted"));
  EXPECT_FALSE(sink().contract_for(lead).dedup.exists);
}

TEST_F(Ga4MeasurementProtocol, ARefundTakesThePurchaseBack) {
  const Item item = prepared(won_deal());
  send(item);
  world_.now += 20 * kDay;
  const connect::Sent original{item, kWonAt, world_.now};
  const Item refund = prepared(won_deal(), target(), {Operation::retract, 1, world_.now}, &original);
  EXPECT_EQ(send(refund), Verdict::accepted);
  EXPECT_THAT(beliefs(), testing::ElementsAre("purchase hw-exampledeal 0*0 refunded"));
  send(refund);
  EXPECT_THAT(beliefs(), testing::ElementsAre("purchase hw-exampledeal -18250000000*0 refunded"))
      << "why the contract's dedup is of uploads alone";
  EXPECT_TRUE(sink().contract_for(target()).dedup.of_uploads_alone);
}

TEST_F(Ga4MeasurementProtocol, EventsOfOneClientShareARequest) {
  const connect::Target lead = target("generate_lead");
  Conversion other = won_deal();
  other.dedup_id = "hw-other";
  other.value.reset();
  const Item items[] = {prepared(won_deal(), lead), prepared(other, lead)};
  ASSERT_EQ(items[0].group, items[1].group);
  const auto answer = sink().send(items, lead, false, {});
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->outcomes, SizeIs(2));
  EXPECT_THAT(beliefs(), testing::UnorderedElementsAre("generate_lead hw-exampledeal 18250000000*1 counted",
                                                       "generate_lead hw-other 0*1 counted"));
}

TEST_F(Ga4MeasurementProtocol, ValidationRecordsNothingAndNamesTheWrongRow) {
  const connect::Target lead = target("generate_lead");
  Item wrong = prepared(won_deal(), lead);
  wrong.body.replace(wrong.body.find("\"EUR\""), 5, "\"ZZZ\"");
  const Item items[] = {prepared(won_deal(), lead), wrong};
  const auto answer = sink().send(items, lead, /*validate_only=*/true, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outcomes[0].verdict, Verdict::retry);
  EXPECT_EQ(answer->outcomes[1].verdict, Verdict::reject_row);
  EXPECT_EQ(answer->outcomes[1].code, "value_invalid");
  EXPECT_EQ(send(items[0], lead, /*validate_only=*/true), Verdict::accepted);
  EXPECT_THAT(beliefs(), IsEmpty());
}

TEST_F(Ga4MeasurementProtocol, WhatIsSentInTheLastMomentIsNotMoved) {
  world_.now = kWonAt + 72 * kHour - 5 * kMinute - Duration(1);
  const Item item = prepared(won_deal());
  world_.now += 5 * kMinute;
  send(item);
  EXPECT_THAT(beliefs(), testing::ElementsAre("purchase hw-exampledeal 18250000000*1 counted"));
  EXPECT_EQ(
      std::get<connect::Refusal>(sink().prepare(won_deal(), {Operation::upload, 0, {}}, target(), nullptr, world_.now))
          .reason,
      "expired");
}

TEST_F(Ga4MeasurementProtocol, AWrongSecretIsAcceptedAndCountsNowhere) {
  world_.streams = {{"G-SANDBOX01", "another"}};
  EXPECT_EQ(send(prepared(won_deal())), Verdict::accepted);
  EXPECT_THAT(beliefs(), IsEmpty());
}

TEST_F(Ga4MeasurementProtocol, AnAppsStreamIsNamedByItsOwnParameter) {
  world_.streams = {{app_target().account, kSecret}};
  Conversion c = won_deal();
  c.identifiers = {{"firebase_app_instance_id", std::string(32, 'a')}};
  send(prepared(c, app_target()), app_target());
  EXPECT_THAT(beliefs(), testing::ElementsAre("purchase hw-exampledeal 18250000000*1 counted"));
  EXPECT_THAT(http_.sent.at(0).url, HasSubstr("?firebase_app_id=1%3A1234567890%3Aandroid%3A321abc456def7890&"));
}

TEST_F(Ga4MeasurementProtocol, RequestsCarryTheSecretInTheQueryAlone) {
  const Item item = prepared(won_deal());
  send(item);
  send(item, target(), /*validate_only=*/true);
  EXPECT_EQ(http_.sent.at(0).url,
            "http://127.0.0.1:1/ga4_measurement_protocol/mp/collect?measurement_id=G-SANDBOX01&api_secret=" +
                percent_encode(kSecret));
  EXPECT_THAT(http_.sent.at(1).url, HasSubstr("/ga4_measurement_protocol/debug/mp/collect?"));
  EXPECT_EQ(http_.sent.at(0).body, sink().body({&item, 1}, target(), false));
  EXPECT_THAT(http_.sent.at(1).body, HasSubstr("ENFORCE_RECOMMENDATIONS"));
  for (const auto& r : http_.sent) EXPECT_THAT(r.body, Not(HasSubstr(kSecret)));
}

TEST_F(Ga4MeasurementProtocol, ATargetThatCannotBeIsNeverSent) {
  const connect::Target wrong{.account = "UA-1-1", .action = "purchase"};
  const Item item = prepared(won_deal());
  const auto answer = sink().send({&item, 1}, wrong, false, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outcomes[0].verdict, Verdict::pause);
  EXPECT_EQ(answer->outcomes[0].scope, connect::Scope::destination);
  EXPECT_EQ(answer->outcomes[0].code, "invalid_target");
  EXPECT_THAT(http_.sent, IsEmpty());
}

TEST_F(Ga4MeasurementProtocol, TheCheckTriesEveryTargetAndSaysWhatItCannotTell) {
  connect::References references;
  references.targets = {target(), target("working_lead"), target("session_start"), {.account = "1", .action = "a"}};
  const auto findings = *connector_->check_online(references, {});
  ASSERT_THAT(findings, SizeIs(4));
  EXPECT_EQ(findings[0].severity, Finding::Severity::ok);
  EXPECT_EQ(findings[0].subject, "event purchase of stream G-SANDBOX01");
  EXPECT_THAT(findings[0].message, HasSubstr("neither the API secret nor the measurement id"));
  EXPECT_EQ(findings[1].severity, Finding::Severity::ok);
  EXPECT_EQ(findings[2].severity, Finding::Severity::error);
  EXPECT_THAT(findings[2].message, HasSubstr("collects by itself"));
  EXPECT_EQ(findings[3].severity, Finding::Severity::error);
  EXPECT_THAT(http_.sent, SizeIs(2));
  EXPECT_THAT(beliefs(), IsEmpty());
}

TEST_F(Ga4MeasurementProtocol, TheCheckShowsWhatValidationRefuses) {
  conformance::FakeHttp http;
  http.then(conformance::json(200, R"({"validationMessages":[{"description":"It is wrong.","fieldPath":"events",
                                      "validationCode":"NAME_INVALID"}]})"));
  connect::References references;
  references.targets = {target("custom")};
  const auto findings = *made(http)->check_online(references, {});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, Finding::Severity::error);
  EXPECT_EQ(findings[0].message, "name_invalid: It is wrong. (events)");
}

TEST_F(Ga4MeasurementProtocol, NetworkErrorsPassThrough) {
  conformance::FakeHttp http;
  http.then(Error{.action = Action::retry, .code = "timeout", .detail = "no answer", .maybe_applied = true});
  const Item item = prepared(won_deal());
  const auto answer = made(http)->conversions()->send({&item, 1}, target(), false, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "timeout");
  EXPECT_TRUE(answer.error().maybe_applied);
}

TEST_F(Ga4MeasurementProtocol, CorrectionsThatGa4DoesNotTakeAreRefused) {
  const connect::Sent original{prepared(won_deal()), kWonAt, world_.now};
  for (const Operation operation : {Operation::restate, Operation::retract}) {
    const connect::Sent* sent = operation == Operation::restate ? &original : nullptr;
    const auto got = sink().prepare(won_deal(), {operation, 1, world_.now}, target(), sent, world_.now);
    EXPECT_EQ(std::get<connect::Refusal>(got).reason, "uncorrectable") << to_string(operation);
  }
}

TEST_F(Ga4MeasurementProtocol, TheContractSaysWhatGa4Does) {
  const connect::Contract& k = sink().contract();
  EXPECT_EQ(k.operations, std::set{Operation::upload});
  EXPECT_EQ(k.max_items, 25U);
  EXPECT_EQ(k.max_bytes, 129'999U);
  EXPECT_EQ(k.receipt, connect::Receipt::none);
  EXPECT_EQ(k.zero, connect::ZeroRule::refused);
  EXPECT_FALSE(k.dedup.exists || k.needs_consent || k.restate_up || k.restate_down || k.resend_is_harmless);
  EXPECT_FALSE(sink().contract_for(target("close_convert_lead")).operations.contains(Operation::retract));
  EXPECT_EQ(k.conversion_window, std::chrono::hours(72) - std::chrono::minutes(5)) << "less the margin";
  EXPECT_TRUE(ga4_measurement_protocol_type().one_account) << "an API secret is one stream's";
}

TEST_F(Ga4MeasurementProtocol, TheContractNamesTheClientsOfTheStream) {
  EXPECT_EQ(sink().contract_for(target()).client_types, (std::vector<std::string>{"ga_client_id", "ga_session_id"}));
  EXPECT_EQ(sink().contract_for(app_target()).client_types, std::vector<std::string>{"firebase_app_instance_id"});
}

TEST_F(Ga4MeasurementProtocol, ThePurchasesContractHasRefundsAndATransactionId) {
  const connect::Contract k = sink().contract_for(target());
  EXPECT_EQ(k.operations, (std::set{Operation::upload, Operation::retract}));
  EXPECT_TRUE(k.dedup.exists && k.dedup.known && !k.dedup.window);
  EXPECT_FALSE(k.dedup.repeat_overwrites) << "the first value stays";
  EXPECT_EQ(k.zero, connect::ZeroRule::final_retraction) << "a refunded transaction id never counts again";
  EXPECT_FALSE(k.restate_up || k.restate_down);
  EXPECT_FALSE(sink().contract_for(app_target()).dedup.known) << "documented for web streams alone";
  use({{"purchase_dedup", "untrusted"}});
  EXPECT_FALSE(sink().contract_for(target()).dedup.known);
}

http::Response good_day(const http::Request& r) {
  if (r.url.find("/debug/") != std::string::npos) return conformance::json(200, R"({"validationMessages":[]})");
  return conformance::json(204, "");
}

TEST(Ga4MeasurementProtocolConformance, KeepsTheContractOfASink) {
  for (const char* action : {"purchase", "generate_lead"}) {
    SCOPED_TRACE(action);
    conformance::Case c;
    c.type = ga4_measurement_protocol_type();
    c.options = [] { return options(); };
    c.good = good_day;
    c.account = target().account;
    c.action = action;
    c.conversion = [] {
      Conversion conversion = won_deal();
      conversion.at = conformance::kNow - kHour;
      conversion.consent = {ConsentState::granted, ConsentState::granted};
      return conversion;
    };
    conformance::check_sink_conformance(c);
  }
}

TEST_F(Ga4MeasurementProtocol, OptionErrorsMakeNoConnector) {
  std::vector<connect::OptionError> errors;
  EXPECT_FALSE(ga4_measurement_protocol_type().make(options({{"base_url", "http://analytics.example.com"}}), {},
                                                    {http_, clock_, normaliser_, vocabulary_, "ga4"}, errors));
  EXPECT_THAT(errors, SizeIs(1));
}

}  // namespace
}  // namespace hw::connectors::ga4_measurement_protocol
