#include "connectors/ga4_measurement_protocol/peer.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace hw::sandbox {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const Timestamp kNow = from_micros(1'795'190'400'000'000);  // 2026-11-20T16:00:00Z
constexpr auto kHour = std::chrono::hours(1);

/// A good request; each test bends a copy.
json good() {
  return json::parse(R"({
    "client_id": "1162820436.1749482504", "user_id": "crm-88121",
    "timestamp_micros": 1795186800000000,
    "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
    "events": [{"name": "purchase", "params": {
      "transaction_id": "hw-a", "value": 18250.5, "currency": "EUR", "session_id": "1795180000",
      "engagement_time_msec": 1, "items": [{"item_id": "plan-pro", "quantity": 1, "price": 18250.5}]}}]})");
}

json& event(json& request) { return request["events"][0]; }
json& params(json& request) { return event(request)["params"]; }

json lead(const std::string& id) {
  return {{"name", "generate_lead"}, {"params", {{"hw_id", id}, {"engagement_time_msec", 1}}}};
}

class MeasurementProtocolPeer : public testing::Test {
 protected:
  MeasurementProtocolPeer() {
    world_.now = kNow;
    world_.streams = {{"G-SANDBOX01", "secret"}, {"1:2:android:3a", "app secret"}};
    peer_ = make_ga4_measurement_protocol_peer(world_);
  }

  HttpResponse post(const std::string& path, const std::string& body,
                    std::map<std::string, std::string> query = {{"measurement_id", "G-SANDBOX01"},
                                                                {"api_secret", "secret"}}) {
    return peer_->handle({.method = "POST", .path = path, .query = std::move(query), .headers = {}, .body = body});
  }

  void collect(const json& request) {
    const HttpResponse answer = post("/mp/collect", request.dump());
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.body, "");
  }

  /// "CODE path", one per message; "CODE event [2]" where Google's words name the event.
  std::vector<std::string> validated(const json& request, bool is_enforced = true) {
    json sent = request;
    if (is_enforced) sent["validation_behavior"] = "ENFORCE_RECOMMENDATIONS";
    const HttpResponse answer = post("/debug/mp/collect", sent.dump());
    EXPECT_EQ(answer.status, 200);
    std::vector<std::string> out;
    const json body = json::parse(answer.body);
    for (const json& m : body["validationMessages"])
      out.push_back(m["validationCode"].get<std::string>() + " " + place_of(m));
    return out;
  }

  static std::string place_of(const json& message) {
    const std::string said = message["description"], index = "Event at index: ";
    const bool in_words = said.starts_with(index);
    EXPECT_TRUE(!in_words || message["fieldPath"] == "events");
    return in_words ? "event " + said.substr(index.size(), said.find(' ', index.size()) - index.size())
                    : message["fieldPath"].get<std::string>();
  }

  /// "action key micros*count currency state", one per belief.
  std::vector<std::string> beliefs() {
    std::vector<std::string> out;
    for (const Belief& b : peer_->believed())
      out.push_back(b.action + " " + b.key + " " + std::to_string(b.micros) + "*" + std::to_string(b.count) + " " +
                    b.currency + " " + b.state);
    return out;
  }

  World world_;
  std::unique_ptr<Peer> peer_;
};

TEST_F(MeasurementProtocolPeer, AGoodPurchaseCounts) {
  EXPECT_THAT(validated(good()), IsEmpty());
  EXPECT_THAT(beliefs(), IsEmpty()) << "validation records nothing";
  collect(good());
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18250500000*1 EUR counted"));
}

/// One refusal a line of the reference: what validation says, and that it is not counted.
TEST_F(MeasurementProtocolPeer, WhatIsWrongIsNamedByValidationAndSilentlyNotCounted) {
  struct Case {
    const char* name;
    std::function<void(json&)> bend;
    const char* expected;
  };
  const auto many = [](std::size_t n) {
    json out = json::object();
    for (std::size_t i = 0; i < n; ++i) out["p" + std::to_string(i)] = 1;
    return out;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"no client", [](json& r) { r.erase("client_id"); }, "VALUE_REQUIRED client_id"},
           {"an empty client", [](json& r) { r["client_id"] = ""; }, "VALUE_INVALID client_id"},
           {"a client that is a number", [](json& r) { r["client_id"] = 7; }, "VALUE_INVALID client_id"},
           {"an empty user", [](json& r) { r["user_id"] = ""; }, "VALUE_INVALID user_id"},
           {"an unknown field", [](json& r) { r["clientId"] = "a"; }, "VALUE_INVALID clientId"},
           {"no events", [](json& r) { r.erase("events"); }, "VALUE_REQUIRED events"},
           {"an empty list of events", [](json& r) { r["events"] = json::array(); }, "VALUE_REQUIRED events"},
           {"events that are no list", [](json& r) { r["events"] = event(r); }, "VALUE_INVALID events"},
           {"26 events", [](json& r) { r["events"] = json(std::vector<json>(26, lead("x"))); },
            "EXCEEDED_MAX_ENTITIES events"},
           {"an event without name", [](json& r) { event(r).erase("name"); }, "VALUE_REQUIRED event [0]"},
           {"a digit first", [](json& r) { event(r)["name"] = "1st"; }, "NAME_INVALID event [0]"},
           {"a hyphen", [](json& r) { event(r)["name"] = "deal-won"; }, "NAME_INVALID event [0]"},
           {"a name of 41 characters", [](json& r) { event(r)["name"] = std::string(41, 'a'); },
            "NAME_INVALID event [0]"},
           {"a reserved name", [](json& r) { event(r)["name"] = "session_start"; }, "NAME_RESERVED event [0]"},
           {"a reserved prefix", [](json& r) { event(r)["name"] = "ga_won"; }, "NAME_RESERVED event [0]"},
           {"an underscore first", [](json& r) { event(r)["name"] = "_won"; }, "NAME_INVALID event [0]"},
           {"an unknown field of an event", [](json& r) { event(r)["value"] = 1; }, "VALUE_INVALID events[0].value"},
           {"26 parameters",
            [&](json& r) {
              params(r) = many(24);
              params(r)["transaction_id"] = "a";
              params(r)["x"] = 1;
            },
            "EXCEEDED_MAX_ENTITIES events[0].params"},
           {"a parameter's name with a hyphen", [](json& r) { params(r)["hw-id"] = "a"; },
            "NAME_INVALID events[0].params.hw-id"},
           {"a parameter's name with a reserved prefix", [](json& r) { params(r)["google_id"] = "a"; },
            "NAME_RESERVED events[0].params.google_id"},
           {"a parameter of 101 characters", [](json& r) { params(r)["note"] = std::string(101, 'a'); },
            "VALUE_OUT_OF_BOUNDS events[0].params.note"},
           {"a parameter that is a list", [](json& r) { params(r)["note"] = json::array(); },
            "VALUE_INVALID events[0].params.note"},
           {"a value that is text", [](json& r) { params(r)["value"] = "18250.5"; },
            "VALUE_INVALID events[0].params.value"},
           {"a currency that is none", [](json& r) { params(r)["currency"] = "ZZZ"; },
            "VALUE_INVALID events[0].params.currency"},
           {"a currency in lower case", [](json& r) { params(r)["currency"] = "eur"; },
            "VALUE_INVALID events[0].params.currency"},
           {"11 custom parameters of an item", [&](json& r) { params(r)["items"][0] = many(11); },
            "EXCEEDED_MAX_ENTITIES events[0].params.items[0]"},
           {"a refund of nothing",
            [](json& r) {
              event(r)["name"] = "refund";
              params(r).erase("transaction_id");
            },
            "VALUE_REQUIRED events[0].params.transaction_id"},
           {"a time in seconds as text", [](json& r) { r["timestamp_micros"] = "1795186800"; },
            "VALUE_INVALID timestamp_micros"},
           {"consent in another platform's words", [](json& r) { r["consent"]["ad_user_data"] = "CONSENT_GRANTED"; },
            "VALUE_INVALID consent.ad_user_data"},
           {"consent to something else", [](json& r) { r["consent"]["analytics"] = "GRANTED"; },
            "VALUE_INVALID consent.analytics"},
           {"26 user properties", [&](json& r) { r["user_properties"] = many(26); },
            "EXCEEDED_MAX_ENTITIES user_properties"},
           {"a user property's name of 25 characters",
            [](json& r) { r["user_properties"][std::string(25, 'a')] = {{"value", "b"}}; },
            "NAME_INVALID user_properties.aaaaaaaaaaaaaaaaaaaaaaaaa"},
           {"a user property of 37 characters",
            [](json& r) { r["user_properties"]["plan"] = {{"value", std::string(37, 'a')}}; },
            "VALUE_OUT_OF_BOUNDS user_properties.plan"}}) {
    json request = good();
    c.bend(request);
    EXPECT_THAT(validated(request), ElementsAre(c.expected)) << c.name;
    collect(request);
    EXPECT_THAT(beliefs(), IsEmpty()) << c.name;
  }
}

TEST_F(MeasurementProtocolPeer, AnUnknownValidationBehaviorIsWrong) {
  json request = good();
  request["validation_behavior"] = "STRICT";
  EXPECT_THAT(validated(request, /*is_enforced=*/false), ElementsAre("VALUE_INVALID validation_behavior"));
}

TEST_F(MeasurementProtocolPeer, ABodyThatIsNoJsonOrTooLargeIsTakenAndCountsNowhere) {
  json large = good();
  large["user_data"] = std::string(130'000, 'a');
  for (const std::string& body : {std::string("not JSON"), std::string(), large.dump()}) {
    EXPECT_EQ(post("/mp/collect", body).status, 204);
    EXPECT_EQ(json::parse(post("/debug/mp/collect", body).body)["validationMessages"].size(), 1U);
    EXPECT_THAT(beliefs(), IsEmpty());
  }
}

TEST_F(MeasurementProtocolPeer, AWrongSecretOrStreamIsTakenValidatesAndCountsNowhere) {
  using Query = std::map<std::string, std::string>;
  for (const Query& query : {Query{{"measurement_id", "G-SANDBOX01"}, {"api_secret", "wrong"}},
                             Query{{"measurement_id", "G-OTHER"}, {"api_secret", "secret"}},
                             Query{{"measurement_id", "G-SANDBOX01"}}, Query{{"api_secret", "secret"}}, Query{}}) {
    EXPECT_EQ(post("/mp/collect", good().dump(), query).status, 204);
    EXPECT_EQ(post("/debug/mp/collect", good().dump(), query).body, R"({"validationMessages":[]})");
    EXPECT_THAT(beliefs(), IsEmpty());
  }
}

TEST_F(MeasurementProtocolPeer, AnAppsEventsNeedAnInstance) {
  const std::map<std::string, std::string> query = {{"firebase_app_id", "1:2:android:3a"},
                                                    {"api_secret", "app secret"}};
  json request = good();
  EXPECT_EQ(json::parse(post("/debug/mp/collect", request.dump(), query).body)["validationMessages"][0]["fieldPath"],
            "app_instance_id");
  request["app_instance_id"] = request["client_id"];
  request.erase("client_id");
  post("/mp/collect", request.dump(), query);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18250500000*1 EUR counted"));
  EXPECT_EQ(peer_->believed()[0].account, "1:2:android:3a");
}

TEST_F(MeasurementProtocolPeer, OneWrongEventIsLostAloneAndNamedByItsIndex) {
  json request = good();
  request["events"] = {lead("a"), lead("b"), lead("c")};
  request["events"][1]["name"] = "error";
  EXPECT_THAT(validated(request), ElementsAre("NAME_RESERVED event [1]"));
  collect(request);
  EXPECT_THAT(beliefs(), UnorderedElementsAre("generate_lead a 0*1  counted", "generate_lead c 0*1  counted"));
}

TEST_F(MeasurementProtocolPeer, AWrongNameIsToldInGooglesOwnWords) {
  json request = good();
  event(request)["name"] = "_badEventName";
  const json body = json::parse(post("/debug/mp/collect", request.dump()).body);
  EXPECT_EQ(body["validationMessages"][0]["description"],
            "Event at index: [0] has invalid name [_badEventName]. Names must start with an alphabetic character.");
}

TEST_F(MeasurementProtocolPeer, AnEventOlderThan72HoursIsMovedOrIfEnforcedDropped) {
  json request = good();
  request["timestamp_micros"] = to_micros(kNow - 72 * kHour);
  EXPECT_THAT(validated(request), IsEmpty());
  request["timestamp_micros"] = to_micros(kNow - 72 * kHour) - 1;
  EXPECT_THAT(validated(request), ElementsAre("VALUE_OUT_OF_BOUNDS timestamp_micros"));
  EXPECT_THAT(validated(request, /*is_enforced=*/false), IsEmpty());
  json enforced = request;
  enforced["validation_behavior"] = "ENFORCE_RECOMMENDATIONS";
  collect(enforced);
  EXPECT_THAT(beliefs(), IsEmpty());
  collect(request);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18250500000*1 EUR counted_72h_ago"));
}

TEST_F(MeasurementProtocolPeer, ARefundOlderThan72HoursIsMovedAndSaysSo) {
  json refund = good();
  event(refund)["name"] = "refund";
  refund["timestamp_micros"] = to_micros(kNow - 72 * kHour) - 1;
  params(refund)["value"] = 250.5;
  collect(good());
  collect(refund);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18000000000*1 EUR counted_72h_ago"));
  params(refund)["value"] = 18000;
  collect(refund);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 0*0 EUR refunded_72h_ago"));
}

TEST_F(MeasurementProtocolPeer, AnEventsOwnTimeOutranksTheRequests) {
  json request = good();
  request["timestamp_micros"] = to_micros(kNow - 100 * kHour);
  event(request)["timestamp_micros"] = to_micros(kNow - kHour);
  collect(request);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18250500000*1 EUR counted"));
}

TEST_F(MeasurementProtocolPeer, AValueWithoutCurrencyIsNoRevenue) {
  json request = good();
  params(request).erase("currency");
  EXPECT_THAT(validated(request), ElementsAre("VALUE_REQUIRED events[0].params.currency"));
  collect(request);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 0*1  counted"));
}

TEST_F(MeasurementProtocolPeer, PurchasesOfOneUserCountOnceUnderTheirTransactionId) {
  json again = good();
  params(again)["value"] = 1;
  collect(good());
  collect(again);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18250500000*1 EUR counted"));
  again["client_id"] = "2.2";
  collect(again);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18250500000*1 EUR counted")) << "the user id is the user";
  again.erase("user_id");
  collect(again);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18251500000*2 EUR counted")) << "another user's is another";
}

TEST_F(MeasurementProtocolPeer, APurchaseWithoutTransactionIdCountsEachTime) {
  json request = good();
  params(request).erase("transaction_id");
  EXPECT_THAT(validated(request), ElementsAre("VALUE_REQUIRED events[0].params.transaction_id"));
  collect(request);
  collect(request);
  EXPECT_THAT(beliefs(), ElementsAre("purchase  36501000000*2 EUR counted"));
}

TEST_F(MeasurementProtocolPeer, OtherEventsCountAsOftenAsTheyCome) {
  json request = good();
  request["events"] = {lead("a")};
  collect(request);
  collect(request);
  EXPECT_THAT(beliefs(), ElementsAre("generate_lead a 0*2  counted"));
}

TEST_F(MeasurementProtocolPeer, RefundsSubtractAsOftenAsTheyCome) {
  json refund = good();
  event(refund)["name"] = "refund";
  params(refund)["value"] = 250.5;
  collect(good());
  collect(refund);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 18000000000*1 EUR counted")) << "a partial one";
  params(refund)["value"] = 18000;
  collect(refund);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 0*0 EUR refunded"));
  collect(refund);
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a -18000000000*0 EUR refunded"));
}

TEST_F(MeasurementProtocolPeer, ARefundedTransactionIdNeverCountsAgain) {
  json refund = good();
  event(refund)["name"] = "refund";
  collect(good());
  collect(refund);
  collect(good());
  EXPECT_THAT(beliefs(), ElementsAre("purchase hw-a 0*0 EUR refunded"));
}

TEST_F(MeasurementProtocolPeer, OtherPathsAndMethodsAreNotThere) {
  EXPECT_EQ(post("/mp/collectx", good().dump()).status, 404);
  EXPECT_EQ(post("/debug", "").status, 404);
  EXPECT_EQ(peer_->handle({.method = "GET", .path = "/mp/collect", .query = {}, .headers = {}, .body = {}}).status,
            404);
}

}  // namespace
}  // namespace hw::sandbox
