#include "reconcile/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"

/// Conversions whose people's history is still asked for.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::Loop;
using conformance::visit;
using testing::HasSubstr;

/// A CRM that states client ids and hashed addresses, and a web source that is asked and does not answer yet.
struct Waiting {
  Loop l;

  explicit Waiting(connect::Contract contract = generous()) : l(std::move(contract)) {
    l.add_web(Loop::Tells::who_asks);
    l.lookup().is_down = true;
  }
  /// A won deal of a person who left an address and whose browser is known; `gclid`: captured with the form.
  void win(const std::string& deal = "D1", const std::string& gclid = "") {
    l.contact("C" + deal, gclid);
    RecordState& r = l.shown(Object::contact, "C" + deal);
    r.identifiers.push_back({"client_id", "browser of " + deal});
    r.hashes["email"] = {"hash of " + deal};
    r.modified += std::chrono::seconds(1);
    l.show(r);
    l.deal(deal, "C" + deal, "won", "100");
  }
  void came_by(const std::string& click, Duration before, const std::string& deal = "D1") {
    l.web.push_back(visit("t-" + click, kStart - before, {{"client_id", "browser of " + deal}, {"gclid", click}}));
  }
  void answers() {
    l.lookup().is_down = false;
    l.pass(kHour * 12);
  }
  std::string click(const std::string& deal = "D1") {
    const auto all = l.uploads(deal);
    return all.empty() ? "nothing sent" : all.back().click_value;
  }
};

TEST(History, AFirstUploadWaitsForItAndTakesTheClickThatTheAnswerBrings) {
  Waiting w;
  w.came_by("click", kDay * 3);
  w.win();
  w.l.pass(kDay);
  EXPECT_EQ(w.l.stands("D1"), "missing history_pending");
  EXPECT_THAT(w.l.standing("D1").detail, HasSubstr("connector web has not answered for 1 identifier yet (client_id)"));
  EXPECT_EQ(w.l.sink().calls, 0U);
  EXPECT_EQ(w.l.differences(), "");
  w.answers();
  EXPECT_EQ(w.l.stands("D1"), "taken");
  EXPECT_EQ(w.click(), "click");
}

TEST(History, ItGoesOnceTheAnswerIsThereAlsoIfThatSaysNothing) {
  Waiting w;
  w.win();
  w.l.pass(kHour);
  ASSERT_EQ(w.l.stands("D1"), "missing history_pending");
  w.answers();
  EXPECT_EQ(w.l.stands("D1"), "taken");
  EXPECT_EQ(w.click(), "");
}

TEST(History, WhatAnAnswerJoinsIsWaitedForToo) {
  Waiting w;
  w.l.web.push_back(visit("login", kStart - kDay, {{"client_id", "browser of D1"}, {"user_id", "u"}}));
  w.l.web.push_back(visit("phone", kStart - kDay * 2, {{"user_id", "u"}, {"gclid", "on the phone"}}));
  w.l.lookup().limits_.every = kDay;
  w.win();
  w.answers();
  EXPECT_EQ(w.l.stands("D1"), "missing history_pending");
  EXPECT_THAT(w.l.standing("D1").detail, HasSubstr("(user_id)"));
  w.l.pass(kDay);
  EXPECT_EQ(w.l.stands("D1"), "taken");
  EXPECT_EQ(w.click(), "on the phone");
}

TEST(History, ItIsNeverLostToAWindowForIt) {
  connect::Contract c = generous();
  c.user_data_window = kDay * 3;
  Waiting w(c);
  w.win();
  w.l.pass(kDay * 2 - kHour);
  EXPECT_EQ(w.l.stands("D1"), "missing history_pending");
  w.l.pass(kHour * 2);
  EXPECT_EQ(w.l.stands("D1"), "taken") << "a day is left";
}

TEST(History, ASourceThatOwesAnAnswerForTwoWeeksIsWaitedForNoMore) {
  Waiting w;
  w.win();
  w.l.pass(kDay * 13);
  EXPECT_EQ(w.l.stands("D1"), "missing history_pending");
  w.l.pass(kDay * 2);
  EXPECT_EQ(w.l.stands("D1"), "taken");
  w.win("D2");
  w.l.pass(kHour);
  EXPECT_EQ(w.l.stands("D2"), "missing history_pending") << "its own two weeks have only begun";
}

TEST(History, WhatItCannotChangeDoesNotWait) {
  Waiting w;
  w.win("D1", "captured with the form");
  w.l.settle();
  EXPECT_EQ(w.l.stands("D1"), "taken") << "the lead's own click comes first";
  w.l.set("D1", "amount", "150");
  w.l.settle();
  EXPECT_EQ(w.l.believed("D1"), 150) << "a correction";

  connect::Contract no_clicks = generous();
  no_clicks.click_types.clear();
  Waiting x(no_clicks);
  x.win();
  x.l.settle();
  EXPECT_EQ(x.l.stands("D1"), "taken") << "a platform that takes no click";
}

TEST(History, AGoalThatLooksAtAllTouchesWaitsAlsoWithACapturedClick) {
  Waiting w;
  w.l.settings.goals[0].click = settings::Goal::ClickRule::first;
  w.l.start();
  w.came_by("earlier", kDay * 9);
  w.win("D1", "captured");
  w.l.pass(kHour);
  EXPECT_EQ(w.l.stands("D1"), "missing history_pending");
  w.answers();
  EXPECT_EQ(w.click(), "earlier");
}

TEST(History, ReasonsThatStandBeforeItStand) {
  Waiting w;
  w.win("D1");
  w.l.consent("CD1", ConsentState::denied);
  w.l.settle();
  EXPECT_EQ(w.l.stands("D1"), "missing consent");
  w.win("D2");
  w.l.shown(Object::contact, "CD2").hashes.clear();
  w.l.consent("CD2", ConsentState::granted);
  w.l.settle();
  EXPECT_EQ(w.l.stands("D2"), "missing no_identifier");
  EXPECT_THAT(w.l.standing("D2").detail, HasSubstr("has not answered for 1 identifier yet"));
  w.came_by("click", kDay, "D2");
  w.answers();
  EXPECT_EQ(w.l.stands("D2"), "taken");
}

TEST(History, ItStandsBeforeTooRecent) {
  EXPECT_EQ(waits_for_history({.connector = "web", .type = "client_id", .identifiers = 1, .since = kStart}, kStart,
                              Zone::utc(), nullptr, nullptr)
                ->look_again,
            kStart + kDay * 14);
  const connect::Refusal early{.reason = "too_recent", .detail = "", .look_again = kStart + kHour};
  const auto waits = waits_for_history({.connector = "web", .type = "client_id", .identifiers = 2, .since = {}}, kStart,
                                       Zone::utc(), nullptr, &early);
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->reason, "history_pending");
  EXPECT_EQ(waits->look_again, kStart + kHour);
  const connect::Refusal expired{.reason = "expired", .detail = "", .look_again = {}};
  EXPECT_FALSE(waits_for_history({.connector = "web", .type = "client_id", .identifiers = 2, .since = {}}, kStart,
                                 Zone::utc(), nullptr, &expired));
}

TEST(History, WhoIsNotAskedAnyMoreIsNotWaitedFor) {
  Waiting w;
  w.win();
  w.l.pass(kHour);
  ASSERT_EQ(w.l.stands("D1"), "missing history_pending");
  w.l.connectors.erase("web");
  w.l.start();
  w.l.settle();
  EXPECT_EQ(w.l.stands("D1"), "taken");
}

}  // namespace
}  // namespace hw::reconcile
