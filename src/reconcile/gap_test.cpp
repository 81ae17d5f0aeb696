#include <functional>
#include <set>

#include "reconcile/gap_kit.h"

/// What the daemon of a gap between a backup and its restore told: the range that the ledger says holds what is
/// believed, and nothing is told twice.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::PlatformFault;
using test::corrections_repeat;
using test::corrigible;
using test::GapStory;
using test::restates_alone;

TEST(Gap, WhatIsJudgedInShadowAfterTheRestoreIsDoubtedOnceItIsLive) {
  GapStory l;
  l.back_up();
  l.win("D");
  l.settle();
  ASSERT_EQ(l.all_believed(), 100);
  l.clock.advance(kDay * 91);  // the click's window ends in the gap
  l.settings.destinations[0].mode = Mode::shadow;
  l.restore_and_settle();
  ASSERT_EQ(l.stands("D"), "missing expired");
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"D"}), "");
}

void change_mode(GapStory& l, Mode mode) {
  l.settings.destinations[0].mode = mode;
  l.start();
}

/// A CRM without history: a win of the gap is seen, and lost, in the first hours of a shadow after the restore.
void told_and_lost_in_shadow(GapStory& l) {
  l.person("P");
  l.settle();
  l.back_up();
  l.deal("d", "P", "won");
  l.settle();
  ASSERT_EQ(l.all_believed(), 100);
  l.forget_shown();
  change_mode(l, Mode::shadow);
  l.restore();
  RecordState seen = l.shown(Object::deal, "d");
  seen.modified = l.clock.system_now();
  l.take({seen, GapStory::tie("d", "P", seen.modified)});
  l.pass(kHour);
  l.set("d", "stage", "lost");
  l.pass(kHour);
  ASSERT_EQ(l.standing("d").flags, "told_in_gap time_observed");
}

TEST(Gap, WhatIsWantedAgainInShadowIsDoubtedOnceItIsLive) {
  connect::Contract c = generous();
  c.dedup = {};
  GapStory l(c);
  told_and_lost_in_shadow(l);
  l.pass(kDay * 3);
  l.set("d", "stage", "won");
  l.pass(kDay);
  ASSERT_EQ(l.stands("d"), "missing waiting");
  change_mode(l, Mode::live);
  l.set("d", "owner", "x");
  l.pass(kDay);
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, WhatGathersIsNotDoubtedWhereItMayBeSaidOver) {
  connect::Contract c = generous();
  c.dedup.repeat_overwrites = true;
  c.operations = {Operation::upload};
  GapStory l(c);
  told_and_lost_in_shadow(l);
  l.settings.gather = kHour * 3;
  change_mode(l, Mode::live);
  l.set("d", "stage", "won");
  l.pass(kHour);
  EXPECT_EQ(l.stands("d"), "missing waiting") << l.history("d");
  l.pass(kDay);
  EXPECT_EQ(l.stands("d"), "taken") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, WhatExpiredBeforeTheBackupStaysExpiredInEveryMode) {
  GapStory l;
  l.settings.destinations[0].mode = Mode::shadow;
  l.start();
  l.win("D");
  l.clock.advance(kDay * 91);
  l.set("D", "owner", "another");
  l.settle();
  ASSERT_EQ(l.stands("D"), "missing expired");
  l.back_up();
  l.clock.advance(kDay);
  l.restore();
  l.settle();
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D"), "missing expired");
}

TEST(Gap, TheRangeHoldsEveryValueThatWasTrueInIt) {
  connect::Contract c = generous();
  c.dedup = {};
  GapStory l(c);
  l.back_up();
  l.win("later");
  l.settle();
  l.change("later", "amount", "50");
  l.restore();
  l.read_again();
  l.pass(kDay * 30);
  EXPECT_EQ(l.stands("later"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"later"}), "");
}

TEST(Gap, TwoDoubtsInARowAreBothInTheRange) {
  GapStory l;
  l.win("d");
  l.settle();
  const auto refused_after = [&](const char* amount, PlatformFault fault) {
    l.set("d", "amount", amount);
    ASSERT_TRUE(l.reconcile());
    l.sink().faults = {fault};
    ASSERT_TRUE(l.deliver());
    l.sink().refused[l.dedup_id("d")] = "no";
    l.pass(kHour * 3);
    l.sink().refused.clear();
  };
  refused_after("300", PlatformFault::lost_after);
  refused_after("200", PlatformFault::lost_before);
  EXPECT_EQ(l.stands("d"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, ASurvivorThatWasToldInItIsNotToldAgainUnderTheLosersKey) {
  GapStory l(generous(), kHour);
  l.win("loser", "300");
  l.contact("Cwinner", "click-winner");
  l.settle();
  l.back_up();
  l.win("winner", "500");
  l.settle();
  l.clock.advance(kHour);
  l.merge_or_part("loser", "winner", /*parted=*/false);
  l.pass(kDay * 2);
  ASSERT_EQ(l.all_believed(), 500);
  l.restore_and_settle();
  EXPECT_EQ(l.all_believed(), 500);
  EXPECT_EQ(l.beside_the_range({"loser", "winner"}), "");
}

/// `back_late`: after the restore, and before the CRM is read anew.
void parted(const connect::Contract& c, bool back_late) {
  GapStory l(c, kHour * 12);
  l.win("loser", "300");
  l.win("winner", "500");
  l.settle();
  l.merge(Object::deal, "loser", "winner");
  l.settle();
  l.back_up();
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 500);
  if (!back_late) l.merge_or_part("loser", "winner", /*parted=*/true);
  l.clock.advance(std::chrono::minutes(1));
  l.restore();
  l.read_again();
  l.clock.advance(std::chrono::minutes(5));
  if (back_late) l.merge_or_part("loser", "winner", /*parted=*/true);
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"loser", "winner"}), "");
}

void away_and_back(const connect::Contract& c, bool back_late, const std::function<void(GapStory&)>& away,
                   const std::function<void(GapStory&)>& back) {
  GapStory l(c, kHour * 12);
  l.settings.destinations[0].route = {{settings::Condition::Op::equals, "team", {"x"}}};
  l.start();
  l.win("d", "300");
  l.change("d", "team", "x");
  l.settle();
  l.back_up();
  l.clock.advance(kHour);
  away(l);
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 0);
  if (!back_late) back(l);
  l.clock.advance(std::chrono::minutes(1));
  l.restore();
  l.read_again();
  l.clock.advance(std::chrono::minutes(5));
  if (back_late) back(l);
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(Gap, WhoPartedFromAMergeWasTakenBackInIt) {
  for (const connect::Contract& c : corrigible()) parted(c, /*back_late=*/false);
}

TEST(Gap, WhatWasAwayForAWhileInItWasTakenBack) {
  for (const connect::Contract& c : corrigible())
    for (const bool late : {false, true}) {
      SCOPED_TRACE(late);
      away_and_back(
          c, late, [](GapStory& l) { l.remove_or_restore("d", Removal::Kind::deleted); },
          [](GapStory& l) { l.remove_or_restore("d", Removal::Kind::restored); });
      away_and_back(
          c, late, [](GapStory& l) { l.change("d", "team", "y"); }, [](GapStory& l) { l.change("d", "team", "x"); });
      away_and_back(
          c, late, [](GapStory& l) { l.change("d", "stage", "lost"); },
          [](GapStory& l) { l.change("d", "stage", "won"); });
    }
}

TEST(Gap, ALossThatIsOnlyObservedMayHaveBeenToldInIt) {
  for (const connect::Contract& c : corrigible()) {
    GapStory l(c, kHour * 12);
    l.win("d", "300");
    l.settle();
    l.back_up();
    l.clock.advance(kHour);
    const auto show_with = [&l](const std::string& field, const std::string& value) {
      RecordState r = l.shown(Object::deal, "d");
      r.fields[field] = value;
      r.modified = l.clock.system_now();
      l.show(r);
    };
    show_with("stage", "lost");
    l.pass(kDay);
    ASSERT_EQ(l.all_believed(), 0);
    show_with("owner", "x");  // its last change, as the CRM says it after the restore
    l.clock.advance(kHour);
    l.restore();
    l.show(l.shown(Object::deal, "d"));
    l.pass(kHour * 2);
    show_with("stage", "won");
    l.pass(kDay * 9);
    EXPECT_EQ(l.beside_the_range({"d"}), "");
  }
}

TEST(Gap, ACurrencyThatWasAnotherForAWhileWasTold) {
  GapStory l(restates_alone(), kHour * 12);
  l.win("d", "300");
  l.tell({FieldChange{l.shown(Object::deal, "d").ref, "currency", "EUR", l.clock.system_now(), Basis::crm_history}});
  l.settle();
  l.back_up();
  l.clock.advance(kHour);
  l.change("d", "currency", "USD");
  l.pass(kDay);
  ASSERT_EQ(l.sink().believed[l.dedup_id("d")].currency, "USD");
  l.change("d", "currency", "EUR");
  l.clock.advance(std::chrono::minutes(1));
  l.restore_and_settle();
  EXPECT_EQ(l.stands("d"), "taken");
  EXPECT_EQ(l.sink().believed[l.dedup_id("d")].currency, "EUR") << l.history("d");
}

TEST(Gap, AValueThatWentAfterTheRestoreMayHaveBeenTold) {
  GapStory l;
  l.back_up();
  l.win("later");
  l.settle();
  ASSERT_EQ(l.believed("later"), 100);
  l.pass(kDay);
  l.restore();
  l.clock.advance(kHour);
  l.forget_shown();
  RecordState& r = l.shown(Object::deal, "later");
  const Timestamp then = r.modified;
  r.fields["amount"] = "0";
  r.modified = l.clock.system_now();
  l.take({l.shown(Object::contact, "Clater"), r, FieldChange{r.ref, "stage", "won", then, Basis::crm_history},
          FieldChange{r.ref, "amount", "100", then, Basis::crm_history},
          FieldChange{r.ref, "amount", "0", r.modified, Basis::crm_history}, GapStory::tie("later", "Clater", then)});
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"later"}), "");
}

TEST(Gap, WhatAnotherActionWasToldInItIsNotToldToTheOneOfToday) {
  connect::Contract c = generous();
  c.dedup.repeat_overwrites = true;
  GapStory l(c);
  l.back_up();
  l.win("later");
  l.settle();
  l.pass(kDay);
  l.settings.destinations[0].action = "9";
  l.restore_and_settle();
  std::set<std::string> told;
  for (const auto& a : l.sink().log) told.insert(a.target);
  EXPECT_EQ(told, (std::set<std::string>{"1/7"})) << l.history("later");
  EXPECT_EQ(l.stands("later"), "uncertain");
}

TEST(Gap, ALaterChangeDoesNotEndTheDoubtOfARetraction) {
  for (const bool edited_before : {false, true}) {
    GapStory l(corrections_repeat(), kHour * 12);
    l.win("d", "300");
    l.settle();
    l.back_up();
    l.clock.advance(kHour);
    l.change("d", "stage", "lost");
    l.pass(kDay);
    ASSERT_EQ(l.retractions(), 1);
    if (edited_before) l.change("d", "amount", "200");
    l.clock.advance(kHour);
    l.restore();
    l.read_again();
    l.pass(kHour);
    l.set("d", "amount", "250");
    l.pass(kDay * 9);
    EXPECT_EQ(l.retractions(), 1) << edited_before << l.history("d");
  }
}

TEST(OncePerPerson, WhoLostThePlaceDoesNotComeBackByACorrection) {
  GapStory l(restates_alone(), kHour);
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.start();
  l.contact("P", "click");
  l.deal("A", "P", "won", "100");
  l.settle();
  l.deal("B", "P", "won", "200");
  l.settle();
  l.set("A", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.all_believed(), 200);
  l.set("A", "stage", "won");
  l.pass(kDay);
  EXPECT_EQ(l.all_believed(), 200) << l.history("A") << " | " << l.history("B");
  EXPECT_EQ(l.stands("A"), "none not_wanted");
}

}  // namespace
}  // namespace hw::reconcile
