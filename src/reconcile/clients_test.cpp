#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"

/// A platform that knows browsers alone, backdates a conversion by three days, and never counts a refunded key again.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using testing::EndsWith;

connect::Contract browsers() {
  connect::Contract c = generous();
  c.operations = {Operation::upload, Operation::retract};
  c.restate_up = c.restate_down = false;
  c.zero = connect::ZeroRule::final_retraction;
  c.click_types.clear();
  c.hash_forms.clear();
  c.client_types = {"client", "session"};
  c.conversion_window = kDay * 3;
  return c;
}

using Ids = std::vector<Identifier>;

/// A deal that is won, of a contact and perhaps of a lead, each with these identifiers.
struct Case {
  const char* name;
  Ids contact, lead, deal;
  const char* told;  ///< by what; "" = nothing
};

class Clients : public testing::TestWithParam<Case> {
 protected:
  void lead(const Ids& ids, ConsentState state = ConsentState::granted) {
    RecordState r;
    r.ref = {"crm", Object::lead, "L1"};
    r.modified = loop_.clock.system_now();
    r.created = r.modified;
    r.country = "DE";
    r.consent = Consent{state, state};
    r.identifiers = ids;
    loop_.show(r);
  }
  void contact(const Ids& ids) {
    loop_.contact("C1", "");
    loop_.shown(Object::contact, "C1").identifiers = ids;
    loop_.set(Object::contact, "C1", "title", "none");
  }
  void win(const Ids& ids, bool of_lead) {
    loop_.deal("D1", "C1", "new", "100");
    loop_.shown(Object::deal, "D1").identifiers = ids;
    if (of_lead) loop_.shown(Object::deal, "D1").converted_from = RecordRef{"crm", Object::lead, "L1"};
    loop_.set("D1", "stage", "won");
    loop_.settle();
  }
  Loop loop_{browsers()};
};

TEST_P(Clients, AreThoseOfOneRecordOfTheLineage) {
  const Case& c = GetParam();
  if (!c.lead.empty()) lead(c.lead);
  contact(c.contact);
  win(c.deal, !c.lead.empty());
  const auto& bodies = loop_.sink().bodies;
  EXPECT_EQ(loop_.stands("D1"), *c.told == '\0' ? "missing no_identifier" : "taken");
  ASSERT_EQ(bodies.size(), *c.told == '\0' ? 0U : 1U);
  if (!bodies.empty()) {
    EXPECT_THAT(bodies[0], EndsWith("|" + std::string(c.told)));
  }
}

const Identifier kOfContact{"client", "contacts"}, kOfLead{"client", "leads"}, kOfDeal{"client", "deals"};
const Identifier kSession{"session", "leads-own"}, kOther{"session", "contacts-own"};

INSTANTIATE_TEST_SUITE_P(
    Lineages, Clients,
    testing::Values(Case{"NobodyHasOne", {}, {}, {}, ""},
                    Case{"ThePersonsComeFirst", {kOfContact}, {kOfLead}, {kOfDeal}, "contacts"},
                    Case{"ThenTheLeads", {}, {kOfLead}, {kOfDeal}, "leads"},
                    Case{"ThenTheDealsOwn", {}, {}, {kOfDeal}, "deals"},
                    Case{"ASessionGoesWithItsClient", {kOther}, {kOfLead, kSession}, {}, "leads leads-own"},
                    Case{"ASessionAloneIsNobody", {kOther}, {}, {}, ""}),
    [](const auto& c) { return std::string(c.param.name); });

using ClientsOf = Clients;

TEST_F(ClientsOf, ALeadThatDeniedAreNotTold) {
  lead({kOfLead}, ConsentState::denied);
  contact({});
  win({}, /*of_lead=*/true);
  EXPECT_EQ(loop_.stands("D1"), "missing no_identifier");
}

TEST_F(ClientsOf, AnotherRecordOfTheSameHumanAreTold) {
  loop_.contact("C0", "");
  loop_.shown(Object::contact, "C0").identifiers = {kOfLead, {"user_id", "u1"}};
  loop_.set(Object::contact, "C0", "title", "none");
  contact({{"user_id", "u1"}});
  win({}, /*of_lead=*/false);
  EXPECT_EQ(loop_.stands("D1"), "taken");
}

TEST_F(ClientsOf, ADealWonAgainAreToldAtItsPresentStayWhenTheOldTimeIsTooLongAgo) {
  contact({kOfContact});
  win({}, /*of_lead=*/false);
  loop_.set("D1", "stage", "lost");
  loop_.pass(kDay * 4);
  ASSERT_EQ(loop_.believed("D1"), 0);
  loop_.set("D1", "stage", "won");
  const Timestamp again = loop_.clock.system_now();
  loop_.settle();
  ASSERT_EQ(loop_.conversions("D1").size(), 2U);
  EXPECT_EQ(loop_.conversions("D1")[1].at, again);
  EXPECT_EQ(loop_.stands("D1"), "taken");
  EXPECT_EQ(loop_.believed("D1"), 100);
  loop_.pass(kDay * 10);
  EXPECT_EQ(loop_.conversions("D1").size(), 2U);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_F(ClientsOf, ADealWonAgainAreToldInTimeBesideAPlatformWithoutSuchAWindow) {
  connect::Contract patient = browsers();
  patient.conversion_window = kDay * 400;
  loop_.add_sink("patient", patient);
  loop_.settings.destinations.insert(loop_.settings.destinations.begin(),
                                     conformance::destination("first", "won", "patient"));
  loop_.start();
  contact({kOfContact});
  win({}, /*of_lead=*/false);
  loop_.set("D1", "stage", "lost");
  loop_.pass(kDay * 4);
  loop_.set("D1", "stage", "won");
  loop_.settle();
  EXPECT_EQ(loop_.stands("D1", "first"), "taken");
  EXPECT_EQ(loop_.stands("D1", "ads"), "taken");
}

TEST_F(ClientsOf, ADealWonAgainAreToldAStepLaterWhileThePlatformTakesIt) {
  loop_.settings.destinations[0].settle = kHour;
  loop_.start();
  contact({kOfContact});
  win({}, /*of_lead=*/false);
  loop_.set("D1", "stage", "lost");
  loop_.pass(kHour * 2);
  loop_.set("D1", "stage", "won");
  loop_.settle();
  const auto all = loop_.conversions("D1");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].at, all[0].at + std::chrono::seconds(1));
  EXPECT_EQ(loop_.stands("D1"), "taken");
}

}  // namespace
}  // namespace hw::reconcile
