#include "reconcile/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"

namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;

RetryAsked rows_named(std::vector<std::int64_t> ids, bool uncertain = false) {
  RetryAsked asked;
  asked.ids = std::move(ids);
  asked.uncertain = uncertain;
  return asked;
}
RetryAsked rows_of(const std::string& reason) {
  RetryAsked asked;
  asked.reason = reason;
  return asked;
}

/// "again dedup_window_closed 1 100.00; left taken 2 250.00", in their order.
std::string told(const Result<std::vector<Retried>>& done) {
  if (!done) return done.error().detail;
  std::string out;
  for (const Retried& r : *done)
    out += (out.empty() ? "" : "; ") + std::string(r.again ? "again" : "left") + (r.why.empty() ? "" : " " + r.why) +
           " " + std::to_string(r.n) + " " + std::to_string(r.micros / conformance::kUnit);
  return out;
}
std::string tried(Loop& l, const RetryAsked& asked) {
  return told(try_retry(l.settings, l.connectors, *l.db, l.clock, asked));
}
std::string done(Loop& l, const RetryAsked& asked) {
  auto all = retry(l.settings, l.connectors, *l.db, l.clock, asked, "ada", [] { return true; });
  return all ? told(**all) : all.error().detail;
}

void won(Loop& l, const std::string& deal, const std::string& amount = "100") {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, "won", amount);
  EXPECT_TRUE(l.reconcile());
}
/// Won, and refused by the platform.
void refused(Loop& l, const std::string& deal, const std::string& amount = "100") {
  won(l, deal, amount);
  l.sink().refused[l.dedup_id(deal)] = "not_allowed";
  l.settle();
  ASSERT_EQ(l.stands(deal), "missing rejected");
}
std::int64_t last_row(Loop& l, const std::string& deal) { return l.uploads(deal).back().id; }

TEST(Retry, ARefusedRowGoesAgainAsANewRevisionAndIsCountedOnce) {
  Loop l;
  refused(l, "D1");
  l.sink().refused.clear();
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload rejected 100") << "nothing changed by itself: nobody can know of the mend";
  EXPECT_EQ(tried(l, rows_of("not_allowed")), "again 1 100");
  EXPECT_EQ(l.history("D1"), "upload rejected 100") << "a dry run writes nothing";
  EXPECT_EQ(done(l, rows_of("not_allowed")), "again 1 100");
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload superseded 100, upload received 100");
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.sink().believed[l.dedup_id("D1")].counted, 1);
  EXPECT_EQ(l.differences(), "");
}

TEST(Retry, TheTrailSaysWhoHadItTriedAgainAndWhatItHadBeen) {
  Loop l;
  refused(l, "D1");
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")})), "again 1 100");
  const auto events = l.read([&](store::Tx& tx) { return store::ledger_rows::events(tx, l.uploads("D1").front().id); });
  const store::UploadEvent& last = events.back();
  EXPECT_EQ(last.from_state + " " + last.to_state + " " + last.code + " " + last.actor,
            "rejected superseded retried ada");
  EXPECT_THAT(last.detail, testing::HasSubstr("not_allowed: said by the fake platform"));
}

TEST(Retry, RefusedOnceMoreItStandsAsBefore) {
  Loop l;
  refused(l, "D1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(done(l, rows_of("not_allowed")), "again 1 100");
    l.pass(kDay);
    EXPECT_EQ(l.stands("D1"), "missing rejected");
  }
  EXPECT_EQ(l.uploads("D1").size(), 4U) << "one attempt for each time it was asked for";
}

TEST(Retry, StoppedBetweenTwoCommitsItGoesOnAndAnswersForTheWhole) {
  Loop l;
  refused(l, "D1");
  std::vector<std::int64_t> ids{last_row(l, "D1")};
  const auto taken = [](int i) { return "T" + std::to_string(i); };
  for (int i = 1; i < 100; ++i) {  // as many as one commit takes
    l.contact("C" + taken(i), "click-" + taken(i));
    l.deal(taken(i), "C" + taken(i), "won", "100");
  }
  EXPECT_TRUE(l.reconcile());
  for (int i = 1; i < 100; ++i) ids.push_back(last_row(l, taken(i)));
  refused(l, "D2");
  ids.push_back(last_row(l, "D2"));
  int commits = 0;
  std::string so_far;
  const auto keep = [&so_far](store::Tx&, const std::string& text) { so_far = text; };
  auto some = retry(l.settings, l.connectors, *l.db, l.clock, rows_named(ids), "ada", [&] { return ++commits == 1; },
                    {.so_far = "", .keep = keep});
  ASSERT_TRUE(some);
  EXPECT_FALSE(*some);
  EXPECT_EQ(l.history("D1"), "upload superseded 100");
  EXPECT_EQ(l.history("D2"), "upload rejected 100");
  EXPECT_EQ(tried(l, rows_named(ids)), "again 1 100; left superseded 1 100; left taken 99 9900");
  ids.push_back(ids.front());  // named twice, and met before the stop
  auto rest = retry(l.settings, l.connectors, *l.db, l.clock, rows_named(ids), "ada", [] { return true; },
                    {.so_far = so_far, .keep = keep});
  ASSERT_TRUE(rest && *rest);
  EXPECT_EQ(told(**rest), "again 2 200; left taken 99 9900") << "it answers for the whole";
}

TEST(Retry, WhoAcceptedIsNeverAskedAgain) {
  Loop l;
  won(l, "taken");
  l.settle();
  refused(l, "corrected");
  l.sink().refused.clear();
  l.set("corrected", "amount", "300");
  l.settle();
  ASSERT_EQ(l.history("corrected"), "upload rejected 100, upload received 300");
  const std::size_t calls = l.sink().calls;
  const auto asked = rows_named({last_row(l, "taken"), l.uploads("corrected").front().id, 9999});
  EXPECT_EQ(done(l, asked), "left no_such_row 1 0; left taken 1 100; left taken_by_later_row 1 100");
  EXPECT_EQ(done(l, rows_of("not_allowed")), "left taken_by_later_row 1 100");
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, calls);
}

TEST(Retry, ARowThatIsNamedTwiceGoesOnce) {
  Loop l;
  refused(l, "D1");
  const auto row = last_row(l, "D1");
  EXPECT_EQ(done(l, rows_named({row, row})), "again 1 100");
}

TEST(Retry, WhatIsOnItsWayOrReplacedIsLeft) {
  Loop l;
  refused(l, "D1");
  won(l, "D2");
  const auto first = last_row(l, "D1");
  EXPECT_EQ(done(l, rows_named({first, last_row(l, "D2")})), "again 1 100; left on_its_way 1 100");
  EXPECT_EQ(done(l, rows_named({first})), "left superseded 1 100") << "asked for twice";
}

struct Unsayable {
  const char* name;
  void (*happens)(Loop&);
  const char* told;
};
class RetryOfWhatCannotBeSaid : public testing::TestWithParam<Unsayable> {};

TEST_P(RetryOfWhatCannotBeSaid, IsLeftUnderItsReason) {
  Loop l;
  l.sink().rules.click_window = kDay * 30;
  l.sink().rules.hash_forms.clear();
  l.start();
  refused(l, "D1");
  l.sink().refused.clear();
  GetParam().happens(l);
  EXPECT_EQ(tried(l, rows_named({l.uploads("D1").front().id})), GetParam().told);
  EXPECT_EQ(done(l, rows_named({l.uploads("D1").front().id})), GetParam().told);
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload rejected 100");
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, RetryOfWhatCannotBeSaid,
    testing::Values(Unsayable{"OutsideTheWindow", [](Loop& l) { l.clock.advance(kDay * 40); }, "left expired 1 100"},
                    Unsayable{"ConsentDenied", [](Loop& l) { l.consent("CD1", ConsentState::denied); },
                              "left consent 1 100"},
                    Unsayable{"NoLongerWon", [](Loop& l) { l.set("D1", "stage", "new"); }, "left not_wanted 1 100"},
                    Unsayable{"InAnotherMode",
                              [](Loop& l) {
                                l.settings.destinations[0].mode = Mode::shadow;
                                l.start();
                              },
                              "left mode_changed 1 100"},
                    Unsayable{"WithoutItsDestination",
                              [](Loop& l) {
                                l.settings.destinations.clear();
                                l.start();
                              },
                              "left not_in_configuration 1 100"}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(Retry, WhatWaitsOnlyForItsRecordToRestGoesAgainThen) {
  Loop l;
  l.settings.gather = kHour * 2;
  l.start();
  l.contact("CD1", "click-D1");
  l.deal("D1", "CD1", "won", "100");
  l.clock.advance(kHour * 3);
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "not_allowed";
  l.settle();
  l.sink().refused.clear();
  l.set("D1", "note", "seen");
  l.settle();
  EXPECT_EQ(done(l, rows_of("not_allowed")), "again waiting 1 100");
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload superseded 100");
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Retry, FiltersChooseByReasonDestinationGoalAndTime) {
  Loop l;
  refused(l, "D1");
  l.clock.advance(kDay * 3);
  refused(l, "D2", "250");
  auto with = [](auto&& set) {
    RetryAsked asked;
    set(asked);
    return asked;
  };
  const Timestamp between = l.clock.system_now() - kDay;
  EXPECT_EQ(tried(l, with([](RetryAsked& a) { a.reason = "rejected"; })), "again 2 350") << "the accounts' reason";
  EXPECT_EQ(tried(l, with([](RetryAsked& a) { a.reason = "another"; })), "");
  EXPECT_EQ(tried(l, with([](RetryAsked& a) { a.destination = "ads"; })), "again 2 350");
  EXPECT_EQ(tried(l, with([](RetryAsked& a) { a.destination = "elsewhere"; })), "");
  EXPECT_EQ(tried(l, with([](RetryAsked& a) { a.goal = "won"; })), "again 2 350");
  EXPECT_EQ(tried(l, with([](RetryAsked& a) { a.goal = "lost"; })), "");
  EXPECT_EQ(tried(l, with([&](RetryAsked& a) { a.tried_after = between; })), "again 1 250");
  EXPECT_EQ(tried(l, with([&](RetryAsked& a) { a.tried_before = between; })), "again 1 100");
}

TEST(Retry, ManyRowsTakeManyCommits) {
  Loop l;
  l.sink().weather = [] { return PlatformFault::none; };
  for (int i = 0; i < 130; ++i) won(l, "D" + std::to_string(i));
  for (int i = 0; i < 130; ++i) l.sink().refused[l.dedup_id("D" + std::to_string(i))] = "not_allowed";
  l.settle();
  l.sink().refused.clear();
  EXPECT_EQ(done(l, rows_of("not_allowed")), "again 130 13000");
  l.settle();
  EXPECT_EQ(l.differences(), "");
  EXPECT_EQ(l.stands("D129"), "taken");
}

connect::Contract without_dedup() {
  connect::Contract c = generous();
  c.dedup = {};
  return c;
}

TEST(Retry, OfUnknownFateOnlyWhatAPersonNamesAndMeansGoesAgain) {
  Loop l(without_dedup());
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  ASSERT_EQ(l.history("D1"), "upload uncertain 100");
  RetryAsked all;
  all.destination = "ads";
  EXPECT_EQ(done(l, all), "left uncertain 1 100");
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")})), "left uncertain 1 100");
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "again dedup_window_closed 1 100");
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_EQ(l.believed("D1"), 100);
  EXPECT_EQ(l.sink().bodies.size(), 1U) << "the frozen item";
}

TEST(Retry, APersonsWordHoldsUntilAnAttemptMayHaveBeenTaken) {
  Loop l(without_dedup());
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  ASSERT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "again dedup_window_closed 1 100");
  l.sink().faults = {PlatformFault::busy, PlatformFault::lost_before};
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload retrying 100") << "a 429 took nothing";
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload uncertain 100") << "and an answer that was lost may have";
  EXPECT_EQ(l.sink().calls, 3U);
}

TEST(Retry, AnUncertainRowThatIsNoLongerWhatIsWantedIsLeft) {
  Loop l(without_dedup());
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  l.set("D1", "amount", "300");
  l.settle();
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "left another_value_is_wanted 1 100");
  l.consent("CD1", ConsentState::denied);
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "left consent 1 100");
}

TEST(Retry, APersonsWordEndsWithAnAttemptThatAKillCutShort) {
  Loop l(without_dedup());
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  ASSERT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "again dedup_window_closed 1 100");
  l.sink().faults = {PlatformFault::crash_after};
  l.settle();
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload uncertain 100");
  EXPECT_EQ(l.sink().calls, 2U);
}

TEST(Retry, ARowOfUnknownFatePastThePlatformsWindowIsLeft) {
  Loop l(without_dedup());
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  l.pass(kDay * 100);
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "left expired 1 100");
}

TEST(Retry, ARowInTheWordsOfAnotherKindOfConnectorIsLeft) {
  Loop l(without_dedup());
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  l.sink().rules.form = "another";
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "left other_connector 1 100");
}

TEST(Retry, ARowWithoutWordsIsNeverSent) {
  Loop l;
  won(l, "D1");
  l.settle();
  store::StoredUpload unseen = l.uploads("D1").back();
  unseen.revision += 1;
  unseen.operation = Operation::restate;
  unseen.state = UploadState::uncertain;
  unseen.item = "{}";
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::ledger_rows::add_upload(tx, unseen, "restore");
    return {};
  }));
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")}, true)), "left no_item 1 100");
}

TEST(Retry, WhatIsAskedAndAnsweredIsReadBack) {
  RetryAsked asked = rows_named({4, 5}, true);
  asked.destination = "ads";
  asked.reason = "not_allowed";
  asked.tried_after = from_micros(17);
  const auto read = retry_from(to_text(asked));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ids, asked.ids);
  EXPECT_EQ(read->destination + read->goal + read->reason, "adsnot_allowed");
  EXPECT_EQ(read->tried_after, asked.tried_after);
  EXPECT_EQ(read->tried_before, std::nullopt);
  EXPECT_TRUE(read->uncertain);
  const std::vector<Retried> answer{
      {.destination = "ads", .again = true, .why = "", .currency = "EUR", .n = 2, .micros = 7, .ids = {4, 5}}};
  EXPECT_EQ(to_text(*retried_from(to_text(answer))), to_text(answer));
  EXPECT_FALSE(retry_from("no json"));
  EXPECT_FALSE(retried_from("{}"));
}

// ---- a mend re-opens what it concerns by itself

/// Told 100, and what was wanted next refused.
void refused_correction(Loop& l, const std::string& deal, const std::string& field, const std::string& value) {
  l.settings.destinations[0].settle = {};
  l.start();
  won(l, deal);
  l.settle();
  ASSERT_EQ(l.stands(deal), "taken");
  l.sink().refused[l.dedup_id(deal)] = "not_allowed";
  l.set(deal, field, value);
  l.settle();
}

TEST(Retry, ARefusedCorrectionGoesAgain) {
  Loop l;
  refused_correction(l, "D1", "amount", "300");
  ASSERT_EQ(l.stands("D1"), "missing rejected");
  l.sink().refused.clear();
  l.pass(kDay);
  ASSERT_EQ(l.history("D1"), "upload received 100, restate rejected 300");
  EXPECT_EQ(done(l, rows_of("not_allowed")), "again 1 300");
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload received 100, restate superseded 300, restate received 300");
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Retry, ARefusedCorrectionGoesAgainByItselfWhenItIsMended) {
  for (const bool record : {false, true}) {
    Loop l;
    refused_correction(l, "D1", "amount", "300");
    l.sink().refused.clear();
    if (record) l.set("D1", "amount", "310");
    if (!record) l.settings.destinations[0].settle += kHour;
    l.start();
    l.pass(kDay);
    EXPECT_EQ(l.stands("D1"), "taken") << l.history("D1");
    EXPECT_EQ(l.differences(), "");
  }
}

TEST(Retry, ARefusedRetractionWaitsBehindTheBrakeLikeAnyOther) {
  for (const std::int64_t most : {0, 5}) {
    Loop l;
    l.settings.destinations[0].max_lowering_count = 5;
    refused_correction(l, "D1", "stage", "lost");
    ASSERT_EQ(l.history("D1"), "upload received 100, retract rejected 0");
    ASSERT_EQ(l.stands("D1"), "excess rejected");
    l.sink().refused.clear();
    l.settings.destinations[0].max_lowering_count = most;
    l.clock.advance(kDay * 2);
    const std::string expected = most == 0 ? "again braked 1 0" : "again 1 0";
    EXPECT_EQ(tried(l, rows_of("not_allowed")), expected);
    EXPECT_EQ(done(l, rows_of("not_allowed")), expected);
    l.settle();
    if (most == 0) {
      EXPECT_EQ(l.stands("D1"), "excess braked");
      l.approve_brakes();
      l.settle();
    }
    EXPECT_EQ(l.stands("D1"), "none not_wanted") << l.history("D1");
    EXPECT_EQ(l.differences(), "");
  }
}

TEST(Retry, OfManyLoweringsThoseAboveTheBrakesLimitAreSaidToWait) {
  Loop l;
  for (const char* deal : {"D1", "D2", "D3"}) refused_correction(l, deal, "stage", "lost");
  l.sink().refused.clear();
  l.clock.advance(kDay * 2);
  l.settings.destinations[0].max_lowering_count = 1;
  EXPECT_EQ(tried(l, rows_of("not_allowed")), "again 1 0; again braked 2 0");
  EXPECT_EQ(done(l, rows_of("not_allowed")), "again 1 0; again braked 2 0");
}

TEST(Mended, ARecordThatSaysSomethingElseIsTriedAgain) {
  Loop l;
  refused(l, "D1");
  l.sink().refused.clear();
  l.set("D1", "amount", "120");
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload rejected 100, upload received 120");
}

TEST(Mended, AnActionOrAnAccountIsTriedAgain) {
  for (const bool account : {false, true}) {
    Loop l;
    refused(l, "D1");
    l.sink().refused.clear();
    (account ? l.settings.destinations[0].account : l.settings.destinations[0].action) = "another";
    l.start();
    l.settle();
    EXPECT_EQ(l.history("D1"), "upload rejected 100, upload received 100") << account;
  }
}

TEST(Mended, ASettingThatTheRequestDoesNotShowIsTriedAgainOnce) {
  Loop l;
  refused(l, "D1");
  won(l, "D2");
  l.settle();
  l.clock.advance(kHour);
  l.start();
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload rejected 100") << "a start alone mends nothing";
  l.settings.destinations[0].settle += kHour;
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload rejected 100, upload rejected 100") << "once";
  EXPECT_EQ(l.history("D2"), "upload received 100");
  l.sink().refused.clear();
  l.settings.destinations[0].settle += kHour;
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Mended, ARefusalAfterALostAnswerDoesNotProveThatNothingWasTaken) {
  connect::Contract contract = conformance::generous();
  contract.dedup = {.exists = true, .known = true, .window = std::chrono::hours(48)};
  Loop l(contract);
  won(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {conformance::PlatformFault::lost_after};
  ASSERT_TRUE(l.deliver());
  l.sink().refused[l.dedup_id("D1")] = "not_allowed";
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(l.differences(), "");
  l.sink().refused.clear();
  l.settings.destinations[0].settle += kHour;
  l.start();
  l.pass(kDay * 3);
  l.set("D1", "amount", "700");
  l.pass(kDay * 7);
  EXPECT_EQ(l.uploads("D1").size(), 1U) << l.history("D1");
  EXPECT_EQ(l.sink().believed.at(l.dedup_id("D1")).counted, 1);
}

TEST(Mended, WhoeverThePlatformHasNotToCreditItHadNotBeforeEither) {
  Loop l;
  won(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {conformance::PlatformFault::lost_before};
  ASSERT_TRUE(l.deliver());
  l.sink().refused[l.dedup_id("D1")] = connect::kUnattributed;
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "missing rejected");
}

TEST(Retry, WhatAnEarlierAttemptMayHaveDeliveredIsLeftUnderAKeyThatIsForgotten) {
  connect::Contract contract = generous();
  contract.dedup = {.exists = true, .known = true, .window = std::chrono::hours(48)};
  Loop l(contract);
  won(l, "D1");
  l.sink().faults = {PlatformFault::lost_after};
  ASSERT_TRUE(l.deliver());
  l.sink().refused[l.dedup_id("D1")] = connect::kUnattributed;
  l.pass(kDay);
  ASSERT_EQ(l.history("D1"), "upload rejected 100");
  l.sink().refused.clear();
  l.pass(kDay * 10);
  EXPECT_EQ(done(l, rows_named({last_row(l, "D1")})), "left may_have_been_taken 1 100");
}

}  // namespace
}  // namespace hw::reconcile
