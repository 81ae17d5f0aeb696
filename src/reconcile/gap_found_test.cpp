#include "reconcile/gap_kit.h"

/// Stories of a gap that dice wrote first (random_story_test.cpp), each as short as it was found to fail.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::PlatformFault;
using test::GapStory;
using test::restates_alone;

void told_once_per_person(GapStory& l) {
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
}

/// The CRM is read anew before the merge is learned, and everything has its time.
void merge_after_restore(GapStory& l, const std::string& loser, const std::string& survivor) {
  l.restore();
  l.read_again();
  l.merge_or_part(loser, survivor, false);
  l.pass(kDay * 9);
}

TEST(GapFound, WhatWasWorthNothingInItWasNotTold) {
  for (const std::string worth : {"-5", "0", ""}) {
    GapStory l;
    l.win("d", worth);
    l.back_up();
    l.change("d", "stage", "lost");
    l.restore_and_settle();
    EXPECT_EQ(l.stands("d").substr(0, 5), "none ") << worth;
  }
}

TEST(GapFound, AStayThatEndedInItMayHaveBeenToldThoughItCameBackAndIsWorthNothing) {
  GapStory l(generous(), kHour);
  l.back_up();
  l.win("d");
  l.pass(kDay);
  l.change("d", "stage", "qualified");
  l.restore();
  l.read_again();
  l.change("d", "stage", "won");
  l.change("d", "amount", "0");
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapFound, WhatIsWantedInShadowAfterItAndExcludedByTheTimeItIsLiveMayHaveBeenTold) {
  GapStory l;
  l.settings.destinations[0].route = {{settings::Condition::Op::equals, "team", {"x"}}};
  l.start();
  const auto goes_to = [&](Mode mode) {
    l.settings.destinations[0].mode = mode;
    l.start();
  };
  l.win("judged");
  l.change("judged", "team", "x");
  goes_to(Mode::shadow);
  l.settle();
  l.win("new");
  l.change("new", "team", "x");
  l.back_up();
  goes_to(Mode::live);
  l.pass(kHour);
  ASSERT_EQ(l.all_believed(), 200);
  goes_to(Mode::shadow);
  l.restore();
  l.read_again();
  l.pass(kDay * 30);
  l.change("judged", "team", "y");
  l.change("new", "team", "y");
  l.pass(kDay);
  goes_to(Mode::live);
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("judged"), "uncertain");
  EXPECT_EQ(l.stands("new"), "uncertain");
}

TEST(GapFound, ARetractionDueInItFreesThePersonsPlaceWhateverChangedSince) {
  GapStory l(generous(), kHour * 12);
  told_once_per_person(l);
  l.start();
  l.win("first");
  l.pass(kHour);
  l.change("first", "stage", "lost");
  l.back_up();
  l.pass(kHour * 13);
  l.win_of("second", "Cfirst");
  l.pass(kHour);
  ASSERT_EQ(l.believed("second"), 100);
  l.restore();
  l.read_again();
  l.change("first", "amount", "0");
  l.pass(kHour);
  EXPECT_EQ(l.stands("second"), "uncertain");
  l.pass(kDay);
  EXPECT_EQ(l.beside_the_range({"first", "second"}), "");
}

TEST(GapFound, WhatWasConfirmedInItMayHaveBeenCorrectedThereThoughItIsNotConfirmedAnyMore) {
  connect::Contract by_row = generous();
  by_row.receipt = connect::Receipt::row;
  GapStory l(by_row, kHour * 12);
  l.win("d");
  l.pass(kDay * 2);
  l.change("d", "amount", "200");
  l.settle();
  l.back_up();
  l.pass(kDay);
  l.change("d", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 0);
  l.sink().forgets = true;
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapFound, ACorrectionToldInItGoesWithItsKeyIntoAnotherDeal) {
  GapStory l(restates_alone(), kHour);
  connect::Contract no_zero = restates_alone();
  no_zero.zero = connect::ZeroRule::refused;
  l.sink().rules = no_zero;
  l.start();
  l.person("Ca");
  l.win_of("lost", "Ca");
  l.change("lost", "stage", "lost");
  l.win("d");
  l.pass(kDay);
  l.back_up();
  l.change("d", "amount", "50");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 50);
  l.clock.advance(std::chrono::seconds(1));
  l.merge_or_part("d", "lost", false);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"d", "lost"}), "");
  EXPECT_EQ(l.standing("lost").b_low, 50 * conformance::kUnit);
}

TEST(GapFound, ARetractionDueInItGoesWithItsKeyIntoAnotherDeal) {
  connect::Contract soon = generous();
  soon.adjust_until = kDay * 5;
  GapStory l(soon, kHour);
  l.person("Ca");
  l.win_of("other", "Ca");
  l.change("other", "stage", "lost");
  l.win("d");
  l.pass(kDay * 3);
  l.change("d", "stage", "lost");
  l.back_up();
  l.pass(kDay * 2);
  ASSERT_EQ(l.all_believed(), 0);
  merge_after_restore(l, "d", "other");
  EXPECT_EQ(l.beside_the_range({"d", "other"}), "");
}

TEST(GapFound, ADealThatWasNotWonYetMayHaveTakenBackInItWhatAMergeBrought) {
  for (const bool restates : {true, false}) {
    connect::Contract c = generous();
    if (!restates) c.operations.erase(Operation::restate);
    GapStory l(c);
    l.win("told");
    l.person("Ca");
    l.win_of("not_won", "Ca");
    l.change("not_won", "stage", "lost");
    l.pass(kDay);
    ASSERT_EQ(l.all_believed(), 100);
    l.back_up();
    l.clock.advance(std::chrono::seconds(1));
    l.merge_or_part("told", "not_won", false);
    l.pass(kDay * 2);
    ASSERT_EQ(l.all_believed(), 0);
    l.restore();
    l.read_again();
    l.change("not_won", "stage", "won");
    l.pass(kDay * 9);
    EXPECT_EQ(l.beside_the_range({"told", "not_won"}), "") << restates;
  }
}

TEST(GapFound, WhatWasAwayInItStoodBesideWhatAMergeBroughtAfterTheRestore) {
  GapStory l;
  l.win("loser");
  l.pass(kDay);
  l.back_up();
  l.win("survivor");
  l.remove_or_restore("survivor", Removal::Kind::deleted);
  l.clock.advance(std::chrono::seconds(1));
  l.remove_or_restore("survivor", Removal::Kind::restored);
  l.pass(kHour);
  ASSERT_EQ(l.all_believed(), 200);
  merge_after_restore(l, "loser", "survivor");
  EXPECT_EQ(l.beside_the_range({"loser", "survivor"}), "");
}

TEST(GapFound, WhatIsWithoutAValueMayHaveBeenTakenBackWhileItWasDeletedInIt) {
  connect::Contract never_lowers = generous();
  never_lowers.restate_down = false;
  GapStory l(never_lowers);
  l.win("d");
  l.settle();
  l.change("d", "amount", "");
  l.back_up();
  l.remove_or_restore("d", Removal::Kind::deleted);
  l.pass(kDay * 9);
  ASSERT_EQ(l.all_believed(), 0);
  l.restore();
  l.read_again();
  l.remove_or_restore("d", Removal::Kind::restored);
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapFound, AKeyThatWentThroughTwoMergesInItMayHaveHadTheValueOfTheDealBetween) {
  GapStory l(test::corrections_repeat(), kHour);
  told_once_per_person(l);
  l.start();
  l.win("last");
  l.win("first");
  l.win_of("between", "Clast", "300");
  l.pass(kDay * 30);
  ASSERT_EQ(l.all_believed(), 200);
  l.back_up();
  l.clock.advance(std::chrono::seconds(1));
  l.merge_or_part("first", "between", false);
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 400);
  l.merge_or_part("between", "last", false);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"first", "between", "last"}), "");
  EXPECT_EQ(l.standing("first").b_high, 300 * conformance::kUnit);
}

TEST(GapFound, ALoserThatWasFirstJudgedAfterTheRestoreMayHaveBeenToldBeforeItsMerge) {
  GapStory l;
  l.win("loser");
  l.back_up();
  l.win("survivor");
  l.pass(kHour);
  ASSERT_EQ(l.all_believed(), 200);
  merge_after_restore(l, "loser", "survivor");
  EXPECT_EQ(l.beside_the_range({"loser", "survivor"}), "");
}

TEST(GapFound, WhatGotItsOwnPlaceBackInItMayHaveBeenToldThere) {
  connect::Contract week = generous();
  week.conversion_window = kDay * 7;
  GapStory l(week, kHour);
  l.win("loser");
  l.pass(kHour);
  l.win("survivor");
  l.clock.advance(std::chrono::seconds(1));
  l.merge_or_part("loser", "survivor", false);
  l.pass(kDay * 2);
  ASSERT_EQ(l.all_believed(), 100);
  l.back_up();
  l.clock.advance(std::chrono::seconds(1));
  l.merge_or_part("loser", "survivor", true);
  l.pass(kDay * 7);
  ASSERT_EQ(l.all_believed(), 200);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"loser", "survivor"}), "");
}

TEST(GapFound, WhatItReachedInItWasToldUnderItsOwnKeyAlsoWhereTheMergeCameAfterTheRestore) {
  connect::Contract retracts = generous();
  retracts.operations = {Operation::upload, Operation::retract};
  retracts.dedup.exists = retracts.resend_is_harmless = false;
  GapStory l(retracts, kHour * 12);
  l.win("loser");
  l.pass(kDay);
  l.back_up();
  l.win("survivor");
  l.settle();
  l.change("survivor", "stage", "lost");
  ASSERT_EQ(l.all_believed(), 200);
  merge_after_restore(l, "loser", "survivor");
  EXPECT_EQ(l.beside_the_range({"loser", "survivor"}), "");
}

TEST(GapFound, WhatWentOnceMoreAndIsOfUnknownFateMayHaveAnotherValueOfIt) {
  connect::Contract overwrites = generous();
  overwrites.dedup.repeat_overwrites = true;
  GapStory l(overwrites);
  l.back_up();
  l.win("d");
  l.settle();
  l.change("d", "amount", "50");
  l.sink().refused[l.dedup_id("d")] = "no";
  l.sink().faults = {PlatformFault::lost_before};
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapFound, APlaceAtThePlatformThatNothingHadBeenToldForMayHaveGoneToAnother) {
  connect::Contract once = generous();
  once.counting = connect::Counting::once_per_member;
  GapStory l(once);
  l.win("first");
  l.win_of("second", "Cfirst");
  ASSERT_TRUE(l.reconcile());
  ASSERT_EQ(l.stands("second"), "missing platform_counts_once");
  l.back_up();
  l.change("first", "stage", "lost");
  l.pass(kDay * 9);
  ASSERT_EQ(l.believed("second"), 100);
  l.restore_and_settle();
  EXPECT_EQ(l.stands("second"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"first", "second"}), "");
}

TEST(GapFound, WhatMayHaveBeenToldInItMayHaveTakenTheClicksPlaceThoughItIsLost) {
  connect::Contract once = generous();
  once.counting = connect::Counting::once_per_click;
  GapStory l(once);
  l.back_up();
  l.win("d");
  l.pass(kDay * 2);
  ASSERT_EQ(l.believed("d"), 100);
  l.change("d", "stage", "qualified");
  l.restore();
  l.read_again();
  l.win_of("later", "Cd");
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("d"), "uncertain");
  EXPECT_EQ(l.stands("later"), "missing platform_counts_once") << l.history("later");
}

/// What went shortly before the restore goes again only when its platform knows the key.
TEST(GapFound, ARepeatWaitsAsLongAsThePlatformNeedsToKnowTheFirst) {
  connect::Contract c = conformance::generous();
  c.dedup.repeat_overwrites = true;
  c.dedup.resend_after = std::chrono::minutes(30);
  for (const bool is_made : {true, false}) {
    GapStory l(c);
    l.settings.gather = {};
    l.start();
    l.person("Cd");
    if (!is_made) l.back_up();
    l.win_of("d", "Cd");
    ASSERT_TRUE(l.reconcile());
    if (is_made) l.back_up();
    l.settle();
    ASSERT_EQ(l.sink().calls, 1U);
    l.restore();
    l.read_again();
    l.pass(std::chrono::minutes(29));
    EXPECT_EQ(l.sink().calls, 1U) << l.history("d");
    l.pass(std::chrono::minutes(2));
    EXPECT_EQ(l.sink().calls, 2U) << l.history("d");
  }
}

}  // namespace
}  // namespace hw::reconcile
