#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"

/// Deals that the CRM ties to nobody speak for their people themselves.
namespace hw::reconcile {
namespace {

using conformance::Loop;

/// Won, with its own click and consent, and without a contact.
void win_alone(Loop& l, const std::string& id, ConsentState state, const std::string& country = "DE") {
  l.deal(id, "", "new", "100");
  RecordState& deal = l.shown(Object::deal, id);
  deal.identifiers.push_back({"gclid", "click-" + id});
  deal.consent = {state, state};
  deal.country = country;
  l.set(id, "stage", "won");
}

connect::Contract asking() {
  connect::Contract c = conformance::generous();
  c.needs_consent = true;
  return c;
}

TEST(ConsentOfADeal, ThatDeniesIsHeardWithoutAContact) {
  Loop l;
  win_alone(l, "D1", ConsentState::denied);
  win_alone(l, "D2", ConsentState::granted);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing consent");
  EXPECT_EQ(l.stands("D2"), "taken");
}

TEST(ConsentOfADeal, ThatIsUnknownIsJudgedByItsOwnCountry) {
  Loop l(asking());
  win_alone(l, "D1", ConsentState::unknown);
  win_alone(l, "D2", ConsentState::unknown, "US");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing consent");
  EXPECT_EQ(l.stands("D2"), "taken");
}

TEST(ConsentOfADeal, ThatDeniesOutweighsItsContacts) {
  Loop l;
  l.contact("A", "click-a");
  l.deal("D1", "A", "new", "100");
  l.shown(Object::deal, "D1").consent = {ConsentState::denied, ConsentState::denied};
  l.set("D1", "stage", "won");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing consent");
}

}  // namespace
}  // namespace hw::reconcile
