#include <string>

#include "reconcile/gap_kit.h"

/// What the daemon of a gap took back, and what it told anew after that.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::PlatformFault;
using test::corrections_repeat;
using test::GapStory;
using test::restates_alone;
using test::zero_is_final;

constexpr std::chrono::seconds kSecond(1);
constexpr std::chrono::minutes kMinute(1);

TEST(Gap, WhatWasToldAnewInItAndIsLostByNowMayStandUnderItsNextKey) {
  GapStory l(generous(), kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kHour * 2);
  l.change("d", "stage", "won");
  l.pass(kHour * 2);
  ASSERT_EQ(l.sink().believed.size(), 2U);
  l.change("d", "stage", "lost");
  l.clock.advance(kMinute * 5);  // the disk dies: nothing is sent any more
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, ASecondOccurrenceToldInItIsDoubtedAlsoWithoutAValue) {
  GapStory l(generous(), kHour);
  l.win("d");
  l.settle();
  l.change("d", "stage", "lost");
  l.pass(kDay);
  l.back_up();
  l.change("d", "stage", "won");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 100);
  l.change("d", "amount", "");
  l.clock.advance(kMinute);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

/// Told, taken to an ordinary zero before the backup, and told its value again after it.
void raised_in_it(GapStory& l) {
  l.win("d");
  l.settle();
  l.change("d", "stage", "lost");
  l.pass(kDay);
  l.back_up();
  l.change("d", "stage", "won");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 100);
}

TEST(Gap, WhatStoodAtZeroAndWasToldItsValueInItIsTakenBack) {
  GapStory l(restates_alone(), kHour);
  raised_in_it(l);
  l.change("d", "stage", "lost");
  l.clock.advance(kMinute * 5);
  l.restore();
  l.read_again();
  l.settle();
  EXPECT_EQ(l.stands("d"), "uncertain") << "it settles";
  EXPECT_EQ(l.beside_the_range({"d"}), "");
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("d"), "none not_wanted");
  EXPECT_EQ(l.all_believed(), 0) << l.history("d");
}

TEST(Gap, WhatStoodAtZeroAndWasToldItsValueInItIsDoubtedWhereNothingTakesItBack) {
  connect::Contract no_key = restates_alone();
  no_key.dedup.of_uploads_alone = true;
  for (const bool emptied : {false, true}) {
    GapStory l(emptied ? restates_alone() : no_key, kHour);
    raised_in_it(l);
    l.change("d", emptied ? "amount" : "stage", emptied ? "" : "lost");
    l.clock.advance(kMinute * 5);
    l.restore_and_settle();
    EXPECT_EQ(l.stands("d"), "uncertain") << emptied;
    EXPECT_EQ(l.beside_the_range({"d"}), "") << emptied;
  }
}

TEST(Gap, WhatStoodAtZeroAndWasNotWantedInItStaysThere) {
  for (const connect::Contract& c : {restates_alone(), zero_is_final(), generous()}) {
    GapStory l(c, kHour);
    l.win("d");
    l.settle();
    l.change("d", "stage", "lost");
    l.pass(kDay);
    l.back_up();
    l.change("d", "amount", "300");
    l.pass(kDay);
    l.restore();
    l.read_again();
    l.change("d", "amount", "400");
    l.pass(kDay * 9);
    EXPECT_EQ(l.stands("d"), "none not_wanted") << l.history("d");
    EXPECT_EQ(l.uploads("d").size(), 2U) << l.history("d");
  }
}

TEST(Gap, ARetractionThatWaitedInTheBackupMayHaveLeftInIt) {
  for (const bool won_late : {false, true}) {
    GapStory l(zero_is_final());
    l.win("d");
    l.settle();
    l.change("d", "stage", "lost");
    l.sink().faults = {PlatformFault::busy};
    l.settle();
    ASSERT_EQ(l.history("d"), "upload received 100, retract retrying 0");
    l.clock.advance(kSecond);
    l.back_up();
    l.pass(kDay);
    ASSERT_EQ(l.all_believed(), 0);
    if (!won_late) l.change("d", "stage", "won");
    l.clock.advance(kMinute);
    l.restore();
    if (won_late) l.change("d", "stage", "won");
    l.read_again();
    l.pass(kDay * 9);
    EXPECT_EQ(l.beside_the_range({"d"}), "") << won_late;
  }
}

TEST(Gap, ABrakedRetractionMayHaveBeenLetGoInIt) {
  GapStory l(zero_is_final());
  l.settings.destinations[0].max_lowering_count = 0;
  l.start();
  l.win("d");
  l.settle();
  l.change("d", "stage", "lost");
  l.settle();
  ASSERT_EQ(l.stands("d"), "excess braked");
  l.clock.advance(kMinute);
  l.back_up();
  l.clock.advance(kHour);
  l.approve_brakes();
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 0);
  l.change("d", "stage", "won");
  l.clock.advance(kMinute);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, AKeyThatWasSpentInItIsNotToldAgain) {
  GapStory l(generous(), kHour);
  l.win("d");
  l.settle();
  l.change("d", "stage", "lost");
  l.pass(kHour * 2);
  l.back_up();
  l.change("d", "stage", "won");
  l.pass(kHour * 3);
  l.change("d", "stage", "lost");
  l.pass(kHour * 3);
  ASSERT_EQ(l.sink().believed.size(), 2U);
  l.restore();
  l.read_again();
  l.pass(kHour * 3);
  l.change("d", "stage", "won");
  l.read_again();
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, KeysAreSpentAlsoOfGoalsThatCountEachStayOrTheFirst) {
  for (const char* stage : {"won", "qualified"}) {
    GapStory l(zero_is_final(), kHour * 12);
    l.settings.goals[0].stage = stage;
    if (stage == std::string("won")) l.settings.goals[0].count = settings::Goal::Count::each;
    l.start();
    l.win("d");
    l.change("d", "stage", stage);
    l.settle();
    ASSERT_EQ(l.all_believed(), 100);
    l.back_up();
    l.clock.advance(kMinute);
    l.remove_or_restore("d", Removal::Kind::deleted);
    l.pass(kDay);
    ASSERT_EQ(l.all_believed(), 0);
    l.remove_or_restore("d", Removal::Kind::restored);
    l.clock.advance(kMinute);
    l.restore_and_settle();
    EXPECT_EQ(l.beside_the_range({"d"}), "") << stage;
  }
}

TEST(Gap, WhatWasTakenBackInItAndHasNoValueSinceIsDoubted) {
  connect::Contract c = generous();
  c.operations = {Operation::upload, Operation::retract};
  GapStory l(c, kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 0);
  l.change("d", "amount", "");
  l.change("d", "stage", "won");
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, ALossWithAnEditIsDoubtedDownToZero) {
  for (const bool edited_first : {true, false}) {
    GapStory l(corrections_repeat(), kHour);
    l.win("d");
    l.settle();
    l.back_up();
    if (edited_first) l.change("d", "amount", "300");
    l.change("d", "stage", "lost");
    if (!edited_first) l.change("d", "amount", "300");
    l.pass(kDay);
    ASSERT_EQ(l.all_believed(), 0);
    l.restore_and_settle();
    EXPECT_EQ(l.beside_the_range({"d"}), "") << edited_first;
  }
}

TEST(Gap, AnEditAfterTheRestoreHidesNoRetractionThatWasDueInIt) {
  GapStory l(corrections_repeat(), kHour * 12);
  l.win("d");
  l.settle();
  l.change("d", "stage", "lost");
  l.back_up();
  l.pass(kDay);
  ASSERT_EQ(l.retractions(), 1);
  l.restore();
  l.change("d", "amount", "250");
  l.read_again();
  l.pass(kDay * 9);
  EXPECT_EQ(l.retractions(), 1) << l.history("d");
}

TEST(Gap, ARowThatIsDoubtedAtItsValueIsDoubtedDownToAZeroThatCameDue) {
  GapStory l(corrections_repeat());
  l.win("d");
  l.settle();
  l.change("d", "amount", "150");
  ASSERT_TRUE(l.reconcile());
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kHour);
  ASSERT_EQ(l.all_believed(), 0);
  l.restore_and_settle();
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, AnEditAfterARetractionHidesItNotWhereNothingIsSaidAnyMore) {
  GapStory l(generous(), kHour * 12);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 0);
  l.change("d", "amount", "50");
  l.clock.advance(kMinute);
  l.restore();
  l.read_again();
  l.consent("Cd", ConsentState::denied);
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, WhatLeftAfterTheRestoreAndCameBackMayHaveBeenToldInIt) {
  GapStory l;
  l.back_up();
  l.win("d");
  l.settle();
  l.change("d", "amount", "50");
  l.clock.advance(kMinute);
  l.restore();
  l.change("d", "stage", "lost");
  l.change("d", "stage", "won");
  l.read_again();
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, WhatLeavesAndComesBackLongAfterItIsKnown) {
  GapStory l(generous(), kHour);
  for (const char* id : {"told", "lost"}) l.win(id);
  l.settle();
  l.change("lost", "stage", "lost");
  l.pass(kDay);
  l.back_up();
  l.pass(kDay);
  l.restore();
  l.read_again();
  l.pass(kDay);
  l.change("told", "stage", "lost");
  l.pass(kDay);
  for (const char* id : {"told", "lost"}) l.change(id, "stage", "won");
  l.pass(kDay);
  for (const char* id : {"told", "lost"}) EXPECT_EQ(l.believed(id), 100) << l.history(id);
  EXPECT_EQ(l.differences(), "");
}

TEST(Gap, AZeroThatWasSaidBetweenTwoRestoresIsKnown) {
  for (const connect::Contract& c : {restates_alone(), zero_is_final()}) {
    GapStory l(c, kHour);
    l.win("d");
    l.settle();
    l.back_up();
    l.pass(kDay);
    l.restore();
    l.settle();
    l.change("d", "stage", "lost");
    l.pass(kDay);
    l.back_up("second");
    l.change("d", "amount", "300");
    l.pass(kDay);
    l.restore("second");
    l.read_again();
    l.pass(kDay * 9);
    EXPECT_EQ(l.stands("d"), "none not_wanted") << l.history("d");
    EXPECT_EQ(l.uploads("d").size(), 2U) << l.history("d");
  }
}

}  // namespace
}  // namespace hw::reconcile
