#include "connectors/google_data_manager/peer.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "connectors/google_data_manager/peer_quota.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const Timestamp kNow = from_micros(1'795'190'400'000'000);  // 2026-11-20T16:00:00Z
constexpr auto kHour = std::chrono::hours(1);
constexpr auto kDay = std::chrono::hours(24);
const std::string kEmailHash =
    "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d";  // jane.doe@example.com

/// A good request; each test bends a copy.
json good() {
  return json::parse(R"({
    "destinations": [{"reference": "won",
                      "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                      "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "9876543210"},
                      "productDestinationId": "700000001"}],
    "encoding": "HEX",
    "events": [{"destinationReferences": ["won"], "transactionId": "hw-a", "eventTimestamp": "2026-11-20T12:00:00Z",
                "eventSource": "WEB", "conversionValue": 100.5, "currency": "EUR", "adIdentifiers": {"gclid": "click-a"}}]})");
}

json& event(json& request) { return request["events"][0]; }

/// Gives the event an address, with `members` over a good one's.
void place(json& request, const json& members) {
  json address = {{"givenName", kEmailHash}, {"familyName", kEmailHash}, {"regionCode", "DE"}, {"postalCode", "10115"}};
  address.update(members);
  event(request)["userData"]["userIdentifiers"] = json::array({json{{"address", address}}});
}

class DataManagerPeer : public testing::Test {
 protected:
  DataManagerPeer() {
    world_.now = kNow;
    world_.ads.clicks = {
        {"gclid", "click-a", kNow - 10 * kDay, "1234567890", "Jane.Doe@example.com", "+49 30 23125-001"},
        {"gclid", "click-b", kNow - 9 * kDay, "1234567890", ""},
        {"gbraid", "braid", kNow - 9 * kDay, "1234567890", ""},
        {"gclid", "foreign", kNow - 9 * kDay, "5555555555", ""},
        {"gclid", "young", kNow - 5 * kHour, "1234567890", ""},
        {"gclid", "old", kNow - 91 * kDay, "1234567890", ""},
        {"gclid", "after", kNow - kHour * 3, "1234567890", ""},
        {"gclid", "gmail", kNow - 20 * kDay, "1234567890", " John.Smith+shop@Gmail.com"},
        {"gclid", "old-mail", kNow - 64 * kDay, "1234567890", "old@example.com"}};
    world_.ads.actions = {
        {.account = "1234567890", .id = "700000001", .created = kNow - 30 * kDay},
        {.account = "1234567890", .id = "700000002", .type = "WEBPAGE", .created = kNow - 30 * kDay},
        {.account = "1234567890", .id = "700000003", .counting = "once_per_click", .created = kNow - 30 * kDay},
        {.account = "1234567890", .id = "700000004", .created = kNow - 5 * kHour},
        {.account = "1234567890", .id = "700000005", .created = kNow - 30 * kDay, .enhanced_conversions = false},
        {.account = "1234567890", .id = "700000006", .created = kNow - 30 * kDay, .is_attributed_elsewhere = true},
        {.account = "5555555555", .id = "800000001", .created = kNow - 30 * kDay}};
    world_.ads.login_accounts = {"9876543210"};
    peer_ = make_google_data_manager_peer(world_);
    token_ = sign_in();
  }

  HttpResponse form(const std::string& body) {
    return peer_->handle({.method = "POST", .path = "/token", .query = {}, .headers = {}, .body = body});
  }

  std::string sign_in() {
    const auto a = form(
        "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-refresh");
    return a.status == 200 ? json::parse(a.body)["access_token"].get<std::string>() : "";
  }

  HttpResponse post(const std::string& body) {
    return peer_->handle({.method = "POST",
                          .path = "/v1/events:ingest",
                          .query = {},
                          .headers = {{"authorization", "Bearer " + token_}},
                          .body = body});
  }

  HttpResponse retrieve(const std::string& id) {
    return peer_->handle({.method = "GET",
                          .path = "/v1/requestStatus:retrieve",
                          .query = {{"requestId", id}},
                          .headers = {{"authorization", "Bearer " + token_}},
                          .body = {}});
  }

  std::string take(const json& request) {
    const auto a = post(request.dump());
    EXPECT_EQ(a.status, 200) << a.body;
    return a.status == 200 ? json::parse(a.body)["requestId"].get<std::string>() : "";
  }

  /// Sends one event and waits for its fate: "" when taken, else the reason.
  std::string fate(const json& request) {
    const std::string id = take(request);
    world_.now += std::chrono::minutes(30);
    peer_->advance(world_.now);
    token_ = sign_in();
    const json status = json::parse(retrieve(id).body)["requestStatusPerDestination"][0];
    if (status["requestStatus"] == "SUCCESS") return "";
    EXPECT_EQ(status["requestStatus"], "FAILED");
    EXPECT_EQ(status["errorInfo"]["errorCounts"][0]["recordCount"], "1");
    return status["errorInfo"]["errorCounts"][0]["reason"];
  }

  Belief belief(const std::string& key) {
    for (const Belief& b : peer_->believed())
      if (b.key == key) return b;
    return {};
  }

  World world_;
  std::unique_ptr<Peer> peer_;
  std::string token_;
};

std::string first_violation(const HttpResponse& answer) {
  const json error = json::parse(answer.body)["error"];
  for (const json& d : error["details"])
    if (d.contains("fieldViolations"))
      return d["fieldViolations"][0].value("reason", "") + " " + d["fieldViolations"][0]["field"].get<std::string>();
  return error["details"].empty() ? error["message"].get<std::string>()
                                  : error["details"][0]["reason"].get<std::string>();
}

TEST_F(DataManagerPeer, AGoodRequestIsTaken) { EXPECT_EQ(fate(good()), ""); }

TEST_F(DataManagerPeer, OneRefusalPerRuleOfIngestion) {
  struct Case {
    const char* name;
    std::function<void(json&)> bend;
    int status;
    const char* expected;
  };
  const std::vector<Case> cases = {
      {"unknown member of the request", [](json& r) { r["validate_only"] = true; }, 400, " "},
      {"unknown member of an event", [](json& r) { event(r)["value"] = 1; }, 400, " events[0]"},
      {"unknown member deep inside", [](json& r) { event(r)["adIdentifiers"]["fbclid"] = "x"; }, 400,
       " events[0].ad_identifiers"},
      {"a value as text", [](json& r) { event(r)["conversionValue"] = "100.5"; }, 400, " events[0].conversion_value"},
      {"an id as number", [](json& r) { event(r)["transactionId"] = 7; }, 400, " events[0].transaction_id"},
      {"a consent word of another API", [](json& r) { event(r)["consent"]["adUserData"] = "GRANTED"; }, 400,
       " events[0].consent.ad_user_data"},
      {"an event source that does not exist", [](json& r) { event(r)["eventSource"] = "CRM"; }, 400,
       " events[0].event_source"},
      {"a time without zone", [](json& r) { event(r)["eventTimestamp"] = "2026-11-20T12:00:00"; }, 400,
       " events[0].event_timestamp"},
      {"a time with a space", [](json& r) { event(r)["eventTimestamp"] = "2026-11-20 12:00:00Z"; }, 400,
       " events[0].event_timestamp"},
      {"a day that does not exist", [](json& r) { event(r)["eventTimestamp"] = "2026-02-30T12:00:00Z"; }, 400,
       " events[0].event_timestamp"},
      {"events that are no list", [](json& r) { r["events"] = json::object(); }, 400, " events"},
      {"no destination", [](json& r) { r.erase("destinations"); }, 400, "REQUIRED_FIELD_MISSING events.destinations"},
      {"no account", [](json& r) { r["destinations"][0].erase("operatingAccount"); }, 400,
       "REQUIRED_FIELD_MISSING events.destinations[0].operating_account"},
      {"no account type", [](json& r) { r["destinations"][0]["operatingAccount"].erase("accountType"); }, 400,
       "REQUIRED_FIELD_MISSING events.destinations[0].operating_account.account_type"},
      {"an account with hyphens",
       [](json& r) { r["destinations"][0]["operatingAccount"]["accountId"] = "123-456-7890"; }, 400,
       "INVALID_NUMBER_FORMAT events.destinations[0].operating_account.account_id"},
      {"an account of another type",
       [](json& r) { r["destinations"][0]["operatingAccount"]["accountType"] = "DATA_PARTNER"; }, 400,
       "INVALID_DESTINATION events.destinations[0].operating_account.account_type"},
      {"no action", [](json& r) { r["destinations"][0].erase("productDestinationId"); }, 400,
       "REQUIRED_FIELD_MISSING events.destinations[0].product_destination_id"},
      {"an unknown account", [](json& r) { r["destinations"][0]["operatingAccount"]["accountId"] = "1"; }, 403,
       "PERMISSION_DENIED"},
      {"a foreign login account", [](json& r) { r["destinations"][0]["loginAccount"]["accountId"] = "1"; }, 403,
       "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH"},
      {"an unknown action", [](json& r) { r["destinations"][0]["productDestinationId"] = "1"; }, 400,
       "INVALID_CONVERSION_ACTION_ID events.destinations[0].product_destination_id"},
      {"an action of another type", [](json& r) { r["destinations"][0]["productDestinationId"] = "700000002"; }, 400,
       "INVALID_CONVERSION_ACTION_TYPE events.destinations[0].product_destination_id"},
      {"a reference twice", [](json& r) { r["destinations"].push_back(r["destinations"][0]); }, 400,
       "DUPLICATE_DESTINATION_REFERENCE events.destinations[1].reference"},
      {"eleven destinations",
       [](json& r) {
         for (int i = 0; i < 10; ++i) {
           r["destinations"].push_back(r["destinations"][0]);
           r["destinations"].back()["reference"] = std::to_string(i);
         }
       },
       400, "TOO_MANY_DESTINATIONS events.destinations"},
      {"a linked account",
       [](json& r) { r["destinations"][0]["linkedAccount"] = r["destinations"][0]["operatingAccount"]; }, 400,
       "INVALID_DESTINATION events.destinations[0].linked_account"},
      {"no events", [](json& r) { r["events"] = json::array(); }, 400, "REQUIRED_FIELD_MISSING events.events"},
      {"too many events", [](json& r) { r["events"] = json::array_t(2'001, event(r)); }, 400,
       "TOO_MANY_EVENTS events.events"},
      {"a reference to no destination", [](json& r) { event(r)["destinationReferences"] = {"lost"}; }, 400,
       "INVALID_DESTINATION events.events[0].destination_references"},
      {"no time", [](json& r) { event(r).erase("eventTimestamp"); }, 400,
       "REQUIRED_FIELD_MISSING events.events[0].event_timestamp"},
      {"a future time", [](json& r) { event(r)["eventTimestamp"] = "2026-11-20T16:00:01Z"; }, 400,
       "EVENT_TIME_INVALID events.events[0].event_timestamp"},
      {"a time of more than 90 days ago", [](json& r) { event(r)["eventTimestamp"] = "2026-08-22T15:59:59Z"; }, 400,
       "EVENT_TIME_INVALID events.events[0].event_timestamp"},
      {"no event source", [](json& r) { event(r).erase("eventSource"); }, 400,
       "REQUIRED_FIELD_MISSING events.events[0].event_source"},
      {"a numeric transaction id", [](json& r) { event(r)["transactionId"] = "48211"; }, 400,
       "INVALID_FORMAT events.events[0].transaction_id"},
      {"a transaction id of one character", [](json& r) { event(r)["transactionId"] = "x"; }, 400,
       "INVALID_FORMAT events.events[0].transaction_id"},
      {"a placeholder as transaction id", [](json& r) { event(r)["transactionId"] = "undefined"; }, 400,
       "INVALID_FORMAT events.events[0].transaction_id"},
      {"an address as transaction id", [](json& r) { event(r)["transactionId"] = "jane@example.com"; }, 400,
       "INVALID_FORMAT events.events[0].transaction_id"},
      {"a currency that does not exist", [](json& r) { event(r)["currency"] = "EUX"; }, 400,
       "INVALID_CURRENCY_CODE events.events[0].currency"},
      {"a currency in lower case", [](json& r) { event(r)["currency"] = "eur"; }, 400,
       "INVALID_CURRENCY_CODE events.events[0].currency"},
      {"a negative value", [](json& r) { event(r)["conversionValue"] = -1; }, 400,
       "INVALID_NUMBER_FORMAT events.events[0].conversion_value"},
      {"no identifier", [](json& r) { event(r).erase("adIdentifiers"); }, 400,
       "NO_IDENTIFIERS_PROVIDED events.events[0]"},
      {"an empty click id", [](json& r) { event(r)["adIdentifiers"]["gclid"] = ""; }, 400,
       "NO_IDENTIFIERS_PROVIDED events.events[0]"},
      {"two click ids", [](json& r) { event(r)["adIdentifiers"]["gbraid"] = "braid"; }, 400,
       "INVALID_EVENT events.events[0].ad_identifiers"},
      {"a braid with cart data",
       [](json& r) {
         event(r)["adIdentifiers"] = {{"wbraid", "braid"}};
         event(r)["cartData"]["items"] = json::array();
       },
       400, "INVALID_EVENT events.events[0].cart_data"},
      {"third-party user data", [](json& r) { event(r)["thirdPartyUserData"]["userIdentifiers"] = json::array(); }, 400,
       "INVALID_ARGUMENT events.events[0].third_party_user_data"},
      {"user data without identifiers", [](json& r) { event(r)["userData"]["userIdentifiers"] = json::array(); }, 400,
       "REQUIRED_FIELD_MISSING events.events[0].user_data.user_identifiers"},
      {"eleven identifiers",
       [](json& r) {
         event(r)["userData"]["userIdentifiers"] = json::array_t(11, json{{"emailAddress", kEmailHash}});
       },
       400, "TOO_MANY_USER_IDENTIFIERS events.events[0].user_data.user_identifiers"},
      {"two identifiers in one",
       [](json& r) {
         event(r)["userData"]["userIdentifiers"] =
             json::array({json{{"emailAddress", kEmailHash}, {"phoneNumber", kEmailHash}}});
       },
       400, "INVALID_FORMAT events.events[0].user_data.user_identifiers[0]"},
      {"a raw e-mail",
       [](json& r) {
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"emailAddress", "jane.doe@example.com"}}});
       },
       400, "INVALID_HEX_ENCODING events.events[0].user_data.user_identifiers[0].email_address"},
      {"a short hash",
       [](json& r) {
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"phoneNumber", "abc123"}}});
       },
       400, "INVALID_SHA256_FORMAT events.events[0].user_data.user_identifiers[0].phone_number"},
      {"hashes without an encoding",
       [](json& r) {
         r.erase("encoding");
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"emailAddress", kEmailHash}}});
       },
       400, "REQUIRED_FIELD_MISSING events.encoding"},
      {"hex where base64 was said",
       [](json& r) {
         r["encoding"] = "BASE64";
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"emailAddress", kEmailHash}}});
       },
       400, "INVALID_SHA256_FORMAT events.events[0].user_data.user_identifiers[0].email_address"},
      {"an address without postal code",
       [](json& r) {
         event(r)["userData"]["userIdentifiers"] = json::array(
             {json{{"address", {{"givenName", kEmailHash}, {"familyName", kEmailHash}, {"regionCode", "DE"}}}}});
       },
       400, "REQUIRED_FIELD_MISSING events.events[0].user_data.user_identifiers[0].address.postal_code"},
      {"a region in lower case",
       [](json& r) {
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"address",
                                                                      {{"givenName", kEmailHash},
                                                                       {"familyName", kEmailHash},
                                                                       {"regionCode", "de"},
                                                                       {"postalCode", "10115"}}}}});
       },
       400, "INVALID_REGION_CODE events.events[0].user_data.user_identifiers[0].address.region_code"},
      {"a zip code of the US with a hyphen",
       [](json& r) {
         place(r, {{"regionCode", "US"}, {"postalCode", "94105-1234"}});
       },
       400, "INVALID_POSTAL_CODE events.events[0].user_data.user_identifiers[0].address.postal_code"},
      {"an address with a city",
       [](json& r) {
         place(r, {{"city", "Berlin"}});
       },
       400, "INVALID_ARGUMENT events.events[0].user_data.user_identifiers[0].address.city"},
      {"user data where it is not enabled",
       [](json& r) {
         r["destinations"][0]["productDestinationId"] = "700000005";
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"emailAddress", kEmailHash}}});
       },
       400, "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS events.destinations[0]"},
  };
  for (const Case& c : cases) {
    json request = good();
    c.bend(request);
    const auto answer = post(request.dump());
    EXPECT_EQ(answer.status, c.status) << c.name;
    EXPECT_EQ(first_violation(answer), c.expected) << c.name << "\n" << answer.body;
  }
  EXPECT_TRUE(peer_->believed().empty());
}

TEST_F(DataManagerPeer, AnAccountThatIsNotSetUpRefusesEverything) {
  for (const char* reason : {"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
                             "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
                             "TERMS_AND_CONDITIONS_NOT_SIGNED", "NOT_ALLOWLISTED"}) {
    world_.ads.actions[0].barred_by = reason;
    EXPECT_EQ(first_violation(post(good().dump())), std::string(reason) + " events.destinations[0]");
  }
  EXPECT_TRUE(peer_->believed().empty());
}

TEST_F(DataManagerPeer, AnActionThatRefusesEventsNamesEach) {
  world_.ads.actions[0].refuses = "INVALID_EVENT";
  EXPECT_EQ(first_violation(post(good().dump())), "INVALID_EVENT events.events[0]");
  EXPECT_TRUE(peer_->believed().empty());
}

TEST_F(DataManagerPeer, AnActionThatRefusesHalfOfTheEventsKnowsThemByTheirKeys) {
  world_.ads.actions[0].refuses = "INVALID_EVENT";
  world_.ads.actions[0].refuses_half = true;
  json request = good();
  const json event = request["events"][0];
  request["events"].clear();
  for (const int i : {0, 1, 2, 3, 4, 5, 6, 7}) {
    request["events"].push_back(event);
    request["events"].back()["transactionId"] = "K" + std::to_string(i);
  }
  const std::string first = post(request.dump()).body;
  std::size_t named = 0;
  for (int i = 0; i < 8; ++i) named += first.find("events.events[" + std::to_string(i) + "]") != std::string::npos;
  EXPECT_GT(named, 0U);
  EXPECT_LT(named, 8U);
  EXPECT_EQ(post(request.dump()).body, first);
}

TEST_F(DataManagerPeer, MalformedAndOversizeBodiesAreRefused) {
  EXPECT_EQ(post("{").status, 400);
  EXPECT_EQ(post("[]").status, 400);
  EXPECT_THAT(post(std::string((10U << 20) + 1, ' ')).body, HasSubstr("payload size exceeds"));
}

TEST_F(DataManagerPeer, OneBadEventRefusesAllAndEveryViolationIsNamed) {
  json request = good();
  request["events"].push_back(event(request));
  request["events"].push_back(event(request));
  request["events"][1].erase("eventSource");
  request["events"][2].erase("eventSource");
  request["events"][2]["currency"] = "EUX";
  const auto answer = post(request.dump());
  EXPECT_EQ(json::parse(answer.body)["error"]["details"][1]["fieldViolations"].size(), 3U);
  EXPECT_TRUE(peer_->believed().empty());
}

TEST_F(DataManagerPeer, ValidationTakesNumericIdsAndKeepsNothing) {
  json request = good();
  request["validateOnly"] = true;
  event(request)["transactionId"] = "48211";
  const auto answer = post(request.dump());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{}");
  EXPECT_TRUE(peer_->believed().empty());
}

TEST_F(DataManagerPeer, OneVerdictPerRuleOfProcessing) {
  struct Case {
    const char* name;
    std::function<void(json&)> bend;
    std::string expected;
  };
  const std::string prefix = "PROCESSING_ERROR_REASON_";
  auto click = [](const char* value) { return [value](json& r) { event(r)["adIdentifiers"] = {{"gclid", value}}; }; };
  auto email = [](const std::string& normalised) {
    return [normalised](json& r) {
      event(r).erase("adIdentifiers");
      event(r)["userData"]["userIdentifiers"] = json::array({json{{"emailAddress", sha256_hex(normalised)}}});
    };
  };
  auto phone = [](const std::string& normalised) {
    return [normalised](json& r) {
      event(r).erase("adIdentifiers");
      event(r)["userData"]["userIdentifiers"] = json::array({json{{"phoneNumber", sha256_hex(normalised)}}});
    };
  };
  const std::vector<Case> cases = {
      {"a click that is not Google's", click("unknown"), prefix + "CLICK_NOT_FOUND"},
      {"a click of another account", click("foreign"), "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"},
      {"a click of more than 90 days ago", click("old"), prefix + "EVENT_TOO_OLD"},
      {"an event before its click", click("after"), prefix + "CONVERSION_PRECEDES_CLICK"},
      {"a click of less than six hours ago",
       [&](json& r) {
         click("young")(r);
         event(r)["eventTimestamp"] = "2026-11-20T15:00:00Z";
       },
       prefix + "TOO_RECENT_CLICK"},
      {"consent denied by the event", [](json& r) { event(r)["consent"]["adUserData"] = "CONSENT_DENIED"; },
       prefix + "DENIED_CONSENT"},
      {"consent denied by the request", [](json& r) { r["consent"]["adUserData"] = "CONSENT_DENIED"; },
       prefix + "DENIED_CONSENT"},
      {"the event's consent outranks the request's",
       [](json& r) {
         r["consent"]["adUserData"] = "CONSENT_DENIED";
         event(r)["consent"]["adUserData"] = "CONSENT_GRANTED";
       },
       ""},
      {"a young action", [](json& r) { r["destinations"][0]["productDestinationId"] = "700000004"; },
       prefix + "TOO_RECENT_CONVERSION_ACTION"},
      {"a braid for an action that counts once",
       [](json& r) {
         r["destinations"][0]["productDestinationId"] = "700000003";
         event(r)["adIdentifiers"] = {{"gbraid", "braid"}};
       },
       prefix + "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID"},
      {"an action that is attributed elsewhere",
       [](json& r) { r["destinations"][0]["productDestinationId"] = "700000006"; },
       prefix + "EXTERNAL_ATTRIBUTION_DATA_MISSING"},
      {"a custom variable that the account does not know",
       [](json& r) {
         event(r)["customVariables"] = json::array({json{{"variable", "tier"}, {"value", "gold"}}});
       },
       prefix + "INVALID_CUSTOM_VARIABLE"},
      {"a click id with a space", click("click a"), prefix + "INVALID_GCLID"},
      {"a gbraid that is none",
       [](json& r) {
         event(r)["adIdentifiers"] = {{"gbraid", "a.b"}};
       },
       prefix + "INVALID_GBRAID"},
      {"a wbraid that is none",
       [](json& r) {
         event(r)["adIdentifiers"] = {{"wbraid", "a=b"}};
       },
       prefix + "INVALID_WBRAID"},
      {"a braid",
       [](json& r) {
         event(r)["adIdentifiers"] = {{"gbraid", "braid"}};
       },
       ""},
      {"a known visitor by e-mail", email("jane.doe@example.com"), ""},
      {"a known visitor by Gmail's rules", email("johnsmith@gmail.com"), ""},
      {"Gmail with its dots", email("john.smith@gmail.com"), prefix + "CLICK_NOT_FOUND"},
      {"a known visitor by phone", phone("+493023125001"), ""},
      {"a phone as it is written", phone("+49 30 23125-001"), prefix + "CLICK_NOT_FOUND"},
      {"a phone without its country", phone("03023125001"), prefix + "CLICK_NOT_FOUND"},
      {"an unknown visitor", email("nobody@example.com"), prefix + "CLICK_NOT_FOUND"},
      {"a visitor of more than 63 days ago", email("old@example.com"), prefix + "CLICK_NOT_FOUND"},
      {"an unknown click beside a known visitor",
       [](json& r) {
         event(r)["adIdentifiers"] = {{"gclid", "unknown"}};
         event(r)["userData"]["userIdentifiers"] = json::array({json{{"emailAddress", kEmailHash}}});
       },
       ""},
  };
  for (const Case& c : cases) {
    world_.now = kNow;
    peer_ = make_google_data_manager_peer(world_);
    token_ = sign_in();
    json request = good();
    c.bend(request);
    EXPECT_EQ(fate(request), c.expected) << c.name;
  }
}

TEST_F(DataManagerPeer, ARequestIsJudgedHalfAnHourLater) {
  const std::string id = take(good());
  EXPECT_EQ(peer_->next_event(), kNow + std::chrono::minutes(30));
  EXPECT_EQ(json::parse(retrieve(id).body)["requestStatusPerDestination"][0]["requestStatus"], "PROCESSING");
  EXPECT_EQ(belief("hw-a").state, "processing");
  EXPECT_EQ(belief("hw-a").count, 0);
  world_.now += std::chrono::minutes(30);
  peer_->advance(world_.now);
  EXPECT_EQ(json::parse(retrieve(id).body)["requestStatusPerDestination"][0]["requestStatus"], "SUCCESS");
  EXPECT_EQ(belief("hw-a").micros, 100'500'000);
  EXPECT_EQ(belief("hw-a").currency, "EUR");
  EXPECT_EQ(peer_->next_event(), Timestamp::max());
}

TEST_F(DataManagerPeer, PartOfARequestCanFail) {
  json request = good();
  request["events"].push_back(event(request));
  request["events"][1]["transactionId"] = "hw-b";
  request["events"][1]["adIdentifiers"]["gclid"] = "unknown";
  const std::string id = take(request);
  world_.now += std::chrono::minutes(30);
  const json status = json::parse(retrieve(id).body)["requestStatusPerDestination"][0];
  EXPECT_EQ(status["requestStatus"], "PARTIAL_SUCCESS");
  EXPECT_EQ(status["eventsIngestionStatus"]["recordCount"], "2");
  EXPECT_EQ(belief("hw-b").state, "refused:CLICK_NOT_FOUND");
}

TEST_F(DataManagerPeer, TheSameTransactionIdOverwritesTheValueAlone) {
  EXPECT_EQ(fate(good()), "");
  json again = good();
  event(again)["conversionValue"] = 7;
  event(again)["currency"] = "USD";
  event(again)["adIdentifiers"]["gclid"] = "click-b";
  EXPECT_EQ(fate(again), "");
  EXPECT_EQ(belief("hw-a").micros, 7'000'000);
  EXPECT_EQ(belief("hw-a").currency, "USD");
  EXPECT_EQ(peer_->believed().size(), 1U);
}

TEST_F(DataManagerPeer, ZeroIsFinalAndLaterValuesAreIgnoredWithoutAnError) {
  EXPECT_EQ(fate(good()), "");
  json zero = good();
  event(zero)["conversionValue"] = 0;
  EXPECT_EQ(fate(zero), "");
  EXPECT_EQ(belief("hw-a").state, "final_zero");
  EXPECT_EQ(fate(good()), "");
  EXPECT_EQ(belief("hw-a").micros, 0);
}

TEST_F(DataManagerPeer, ARepeatWhileTheFirstIsBeingProcessedCountsTwice) {
  take(good());
  EXPECT_EQ(fate(good()), "");
  EXPECT_EQ(belief("hw-a").count, 2);
  EXPECT_EQ(fate(good()), "");
  EXPECT_EQ(belief("hw-a").count, 2) << "a later one overwrites";
}

TEST_F(DataManagerPeer, ARepeatOfARefusedConversionIsJudgedAnew) {
  json early = good();
  event(early)["adIdentifiers"]["gclid"] = "young";
  event(early)["eventTimestamp"] = "2026-11-20T15:00:00Z";
  EXPECT_EQ(fate(early), "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK");
  world_.now += 6 * kHour;
  token_ = sign_in();
  EXPECT_EQ(fate(early), "");
  EXPECT_EQ(belief("hw-a").state, "counted");
}

TEST_F(DataManagerPeer, TwoTransactionsOnOneClickInOneSecondCollide) {
  EXPECT_EQ(fate(good()), "");
  json other = good();
  event(other)["transactionId"] = "hw-b";
  EXPECT_EQ(fate(other), "PROCESSING_ERROR_REASON_DUPLICATE_GCLID");
  event(other)["eventTimestamp"] = "2026-11-20T12:00:01Z";
  EXPECT_EQ(fate(other), "");
}

TEST_F(DataManagerPeer, AnActionThatCountsOncePerClickCountsTheFirstAlone) {
  json first = good(), second = good();
  for (json* r : {&first, &second}) (*r)["destinations"][0]["productDestinationId"] = "700000003";
  event(second)["transactionId"] = "hw-b";
  event(second)["eventTimestamp"] = "2026-11-20T13:00:00Z";
  EXPECT_EQ(fate(first), "");
  EXPECT_EQ(fate(second), "");
  EXPECT_EQ(belief("hw-a").count, 1);
  EXPECT_EQ(belief("hw-b").count, 0);
  EXPECT_EQ(belief("hw-b").micros, 0);
  EXPECT_EQ(belief("hw-b").state, "not_counted");
}

TEST_F(DataManagerPeer, MissingCurrencyIsTheActions) {
  world_.ads.actions[0].default_currency = "GBP";
  json request = good();
  event(request).erase("currency");
  EXPECT_EQ(fate(request), "");
  EXPECT_EQ(belief("hw-a").currency, "GBP");
}

TEST_F(DataManagerPeer, QuotasAreOfTheWorldsMinuteAndDay) {
  json request = good();
  request["validateOnly"] = true;
  const std::string body = request.dump();
  for (int i = 0; i < 300; ++i) ASSERT_EQ(post(body).status, 200) << i;
  const auto refused = post(body);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(json::parse(refused.body)["error"]["status"], "RESOURCE_EXHAUSTED");
  EXPECT_EQ(retrieve("x").status, 400);
  world_.now += std::chrono::minutes(1);
  EXPECT_EQ(post(body).status, 200);
}

TEST(DataManagerQuota, TheMinuteSlidesAndTheDayEnds) {
  data_manager::Quota quota(2, 3);
  const Timestamp midnight = std::chrono::floor<std::chrono::days>(kNow);
  EXPECT_TRUE(quota.take(midnight));
  EXPECT_TRUE(quota.take(midnight + std::chrono::seconds(59)));
  EXPECT_FALSE(quota.take(midnight + std::chrono::seconds(59)));
  EXPECT_TRUE(quota.take(midnight + std::chrono::seconds(60)));
  EXPECT_FALSE(quota.take(midnight + 23 * kHour));
  EXPECT_TRUE(quota.take(midnight + kDay));
}

TEST_F(DataManagerPeer, UnknownRequestIdsAndPathsAreRefused) {
  EXPECT_EQ(first_violation(retrieve("never given")), "INVALID_REQUEST_ID request_id");
  EXPECT_EQ(first_violation(retrieve("")), "REQUIRED_FIELD_MISSING request_id");
  EXPECT_EQ(
      peer_->handle({.method = "POST", .path = "/v1/event:ingest", .query = {}, .headers = {}, .body = {}}).status,
      404);
  EXPECT_EQ(
      peer_->handle({.method = "GET", .path = "/v1/events:ingest", .query = {}, .headers = {}, .body = {}}).status,
      404);
}

}  // namespace
}  // namespace hw::sandbox
