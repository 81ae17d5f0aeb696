#include "reconcile/gap_kit.h"

/// Who had a place at the platform, whose consent held and in which currency it was told while a gap between a backup
/// and its restore lasted: what nobody knows is uncertain.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kUnit;
using conformance::Loop;
using conformance::PlatformFault;
using test::GapStory;

/// Of a goal that counts a person once: "a" has the place, "b" was won after it.
void two_deals_of_one(GapStory& l) {
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.start();
  l.person("P");
  l.win_of("a", "P", "100");
  l.settle();
  l.win_of("b", "P", "200");
}

TEST(GapPlaces, WhoseHolderWasTakenBackInTheGapMayHaveBeenTold) {
  connect::Contract c = generous();
  c.adjust_until = kDay * 5;
  GapStory l(c);
  two_deals_of_one(l);
  l.pass(kHour);
  l.change("a", "stage", "lost");
  l.back_up();
  l.pass(kDay * 9);
  ASSERT_EQ(l.believed("b"), 200);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"a", "b"}), "");
}

TEST(GapPlaces, WhoseHolderLeftItsPlaceAndCameBackMayHaveBeenTold) {
  GapStory l;
  two_deals_of_one(l);
  l.settle();
  l.back_up();
  l.change("a", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.believed("b"), 200);
  l.change("a", "stage", "won");
  l.pass(kDay);
  l.restore_and_settle();
  EXPECT_EQ(l.stands("b"), "uncertain") << l.history("b");
  EXPECT_EQ(l.beside_the_range({"a", "b"}), "");
}

TEST(GapPlaces, WhoseHolderIsStillOnItsWayOutMayHaveBeenTold) {
  GapStory l(generous(), kHour);
  two_deals_of_one(l);
  l.settle();
  l.change("a", "stage", "lost");
  l.back_up();
  l.pass(kHour * 3);
  ASSERT_EQ(l.believed("b"), 200);
  l.restore();
  l.read_again();
  l.sink().faults = {PlatformFault::busy};
  l.settle();
  EXPECT_EQ(l.stands("a"), "excess waiting");
  EXPECT_EQ(l.stands("b"), "uncertain") << l.history("b");
}

/// "b" is told in the gap when "a" had left, and "c" takes that place after the restore.
TEST(GapPlaces, WhoseHolderIsAnotherOneByNowMayHaveBeenToldBetweenThem) {
  GapStory l;
  two_deals_of_one(l);
  l.deal("c", "P", "new", "300");
  l.settle();
  l.change("a", "stage", "lost");
  ASSERT_TRUE(l.reconcile());
  ASSERT_TRUE(l.reconcile());
  ASSERT_EQ(l.history("a"), "upload received 100, retract pending 0");
  l.back_up();
  l.pass(kDay);
  ASSERT_EQ(l.believed("b"), 200);
  l.restore();
  ASSERT_TRUE(l.reconcile());
  ASSERT_TRUE(l.deliver());
  l.change("c", "stage", "won");
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"a", "b", "c"}), "");
}

/// A row of the backup had the place and was on its way: it was taken back unsent in the gap.
TEST(GapPlaces, WhoseHolderWasOnItsWayInTheBackupMayHaveBeenTold) {
  connect::Contract c = generous();
  c.counting = connect::Counting::once_per_member;
  GapStory l(c);
  l.person("P");
  l.win_of("a", "P", "100");
  ASSERT_TRUE(l.reconcile());
  l.win_of("b", "P", "200");
  ASSERT_TRUE(l.reconcile());
  ASSERT_TRUE(l.reconcile());
  ASSERT_EQ(l.stands("b"), "missing platform_counts_once");
  l.back_up();
  l.change("a", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.believed("b"), 200);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"a", "b"}), "") << l.stands("a") << ", " << l.stands("b");
}

/// Both are told in the gap. After the restore "b" waits to be told once more until its person is found to be that of
/// "a", who was told meanwhile.
TEST(GapPlaces, AHoldThatIsNotedAfterTheRestoreHeldNobodyInTheGap) {
  for (const bool told_before : {false, true}) {
    connect::Contract c = generous();
    c.counting = connect::Counting::once_per_member;
    c.dedup.repeat_overwrites = true;
    GapStory l(c);
    l.person("P");
    l.person("Q");
    if (told_before) {
      l.win_of("a", "P", "100");
      l.settle();
    }
    l.back_up();
    if (!told_before) l.win_of("a", "P", "100");
    l.win_of("b", "Q", "200");
    l.settle();
    ASSERT_EQ(l.all_believed(), 300);
    l.restore();
    l.read_again();
    ASSERT_TRUE(l.reconcile());
    ASSERT_TRUE(l.deliver("ads", {}, told_before ? 0 : 1));
    ASSERT_EQ(l.history("a"), "upload received 100");
    ASSERT_EQ(l.history("b"), "upload pending 200");
    l.clock.advance(kDay * 9);
    l.merge_people("Q", "P");
    l.settle();
    EXPECT_EQ(l.beside_the_range({"a", "b"}), "") << told_before << l.stands("b");
  }
}

TEST(GapPlaces, APersonWhoWasMergedSinceHadAClickOfItsOwnInTheGap) {
  connect::Contract c = generous();
  c.counting = connect::Counting::once_per_click;
  GapStory l(c);
  l.win("held");
  l.person("P");
  l.settle();
  l.back_up();
  l.win_of("own", "P");
  l.settle();
  ASSERT_EQ(l.believed("own"), 100);
  l.restore();
  l.read_again();
  l.merge_people("P", "Cheld");
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"held", "own"}), "");
}

TEST(GapPlaces, ARefusedRepeatOfWhatTheGapToldIsUncertain) {
  connect::Contract c = generous();
  c.dedup.repeat_overwrites = true;
  GapStory l(c);
  l.back_up();
  l.win("d");
  l.settle();
  l.sink().refused[l.dedup_id("d")] = "click_too_old";
  l.restore();
  l.read_again();
  l.win("later");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("later")] = "click_too_old";
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("later"), "missing rejected") << l.history("later");
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.standing("d").b_high, 100 * kUnit);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ACorrectionOfUnknownFateSinceTheRestoreEndsNoDoubt) {
  connect::Contract c = generous();
  c.receipt = connect::Receipt::row;
  GapStory l(c);
  l.win("d");
  l.pass(kDay);
  l.back_up();
  l.change("d", "amount", "150");
  l.pass(kDay);
  ASSERT_EQ(l.believed("d"), 150);
  l.restore();
  l.read_again();
  l.change("d", "amount", "100");
  l.sink().faults = {PlatformFault::lost_before};
  l.sink().refuses_all_later = true;
  l.pass(kDay * 2);
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, TheRangeIsInEveryCurrencyThatMayHaveBeenTold) {
  for (const bool corrected : {false, true}) {
    GapStory l;
    l.back_up();
    l.win("d");
    l.settle();
    l.change("d", "currency", "USD");
    if (corrected) l.pass(kDay);
    l.restore_and_settle();
    EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
    EXPECT_EQ(l.beside_the_range({"d"}), "") << corrected;
  }
}

TEST(GapPlaces, AnotherCurrencyToldInTheGapIsDoubtedWhereNothingIsSaidOver) {
  GapStory l(generous(), kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "currency", "USD");
  l.pass(kDay);
  l.say_consent("Cd", ConsentState::denied);
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.standing("d").range_currency, "USD");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ACurrencyThatCameAndWentInTheGapIsDoubtedWhereNothingIsSaidOver) {
  connect::Contract c = generous();
  c.dedup.of_uploads_alone = true;
  GapStory l(c, kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "currency", "USD");
  l.pass(kDay);
  l.change("d", "currency", "EUR");
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, AnotherCurrencyMayHaveBeenToldUnderTheNextKeyWhereThePlatformOnlyRetracts) {
  connect::Contract c = generous();
  c.operations = {Operation::upload, Operation::retract};
  GapStory l(c, kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kDay);
  l.change("d", "currency", "USD");
  l.change("d", "stage", "won");
  l.pass(kDay);
  ASSERT_EQ(l.sink().believed.size(), 2U);
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, AnEditAfterThePlatformsLimitHidesNoRetraction) {
  connect::Contract c = generous();
  c.adjust_until = kDay * 5;
  GapStory l(c, kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kDay * 9);
  l.change("d", "amount", "50");
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ARouteThatEndedAfterTheRestoreHidesNotWhatWasTold) {
  GapStory l;
  l.settings.destinations[0].route = {{settings::Condition::Op::equals, "team", {"x"}}};
  l.start();
  l.back_up();
  l.win("d");
  l.change("d", "team", "x");
  l.settle();
  ASSERT_EQ(l.believed("d"), 100);
  l.restore();
  l.read_again();
  l.change("d", "team", "y");
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ADenialOfAnotherRecordOfThePersonCameAfterItWasTold) {
  for (const bool denied_before : {false, true}) {
    GapStory l;
    l.person("other");
    if (denied_before) l.say_consent("other", ConsentState::denied);
    l.settle();
    l.back_up();
    l.win("d");
    l.settle();
    if (!denied_before) l.say_consent("other", ConsentState::denied);
    l.merge_people("other", "Cd");
    l.restore_and_settle();
    EXPECT_EQ(l.stands("d"), "uncertain") << denied_before << l.history("d");
    EXPECT_EQ(l.beside_the_range({"d"}), "") << denied_before;
  }
}

TEST(GapPlaces, WhoWasMergedIntoSomebodyWhoDeniesMayHaveBeenToldBefore) {
  for (const bool late : {false, true}) {
    GapStory l;
    l.person("denies");
    l.say_consent("denies", ConsentState::denied);
    l.settle();
    l.back_up();
    l.win("d");
    l.settle();
    if (!late) l.merge_people("Cd", "denies");
    l.restore();
    l.read_again();
    if (late) l.merge_people("Cd", "denies");
    l.pass(kDay * 9);
    EXPECT_EQ(l.stands("d"), "uncertain") << late << l.history("d");
    EXPECT_EQ(l.beside_the_range({"d"}), "") << late;
  }
}

TEST(GapPlaces, WhatWasForbiddenSinceBeforeTheBackupWasNotTold) {
  GapStory l;
  l.person("other");
  l.person("P");
  l.say_consent("other", ConsentState::denied);
  l.merge_people("other", "P");
  l.settle();
  l.back_up();
  l.win_of("d", "P");
  l.settle();
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "missing consent") << l.history("d");
}

}  // namespace
}  // namespace hw::reconcile
