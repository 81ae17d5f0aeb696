#include "reconcile/restored.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "conformance/loop.h"
#include "reconcile/retry.h"

namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;

struct Platform {
  const char* name;
  connect::DedupRule dedup;
  const char* unanswered;  ///< how stands what may have been sent
};

/// A daemon whose store is backed up, and put back while its process is down.
class Restored : public testing::TestWithParam<Platform> {
 protected:
  Restored() : loop_(contract()) {
    loop_.settings.destinations[0].settle = Duration{};
    loop_.start();
  }
  static connect::Contract contract() {
    connect::Contract c = generous();
    c.dedup = GetParam().dedup;
    return c;
  }
  void win(const std::string& deal) {
    loop_.contact("C" + deal, "click-" + deal);
    loop_.deal(deal, "C" + deal, "won", "100");
  }
  [[nodiscard]] std::string folder() const { return std::filesystem::path(loop_.store_file()).parent_path(); }
  [[nodiscard]] std::string file() const { return folder() + "/backup.db"; }
  void back_up() { ASSERT_TRUE(store::back_up(*loop_.db, folder(), file(), loop_.clock.system_now())); }
  void restore() {
    loop_.db.reset();
    auto done = store::restore(folder(), file(), loop_.clock.system_now());
    ASSERT_TRUE(done) << done.error().detail;
    loop_.db = std::make_unique<conformance::TestDb>(*store::Db::open({.path = loop_.store_file(), .postgres = {}}));
    loop_.start();
  }
  /// Backed up and restored as it stands: attempted, and not answered.
  void expect_kept_by_an_unbounded_key(const std::string& deal) {
    back_up();
    restore();
    loop_.pass(kDay * 3);
    const connect::DedupRule& rule = GetParam().dedup;
    const bool unbounded = rule.exists && rule.known && !rule.window;
    EXPECT_EQ(loop_.stands(deal), unbounded ? "taken" : "uncertain") << loop_.history(deal);
    EXPECT_EQ(loop_.believed(deal), 100);
    EXPECT_EQ(loop_.differences(), "");
  }
  /// A backup in which the deal "refused" was refused; from now on the platform takes it.
  void back_up_refused(const std::string& code) {
    win("refused");
    ASSERT_TRUE(loop_.reconcile());
    loop_.sink().refused[loop_.dedup_id("refused")] = code;
    loop_.settle();
    ASSERT_EQ(loop_.stands("refused"), "missing rejected");
    back_up();
    loop_.sink().refused.clear();
  }
  /// The CRM shows again what it showed since the backup.
  void show_again(const std::string& deal) {
    loop_.show(loop_.shown(Object::contact, "C" + deal));
    loop_.show(loop_.shown(Object::deal, deal));
    tie(deal, "C" + deal);
  }
  void tie(const std::string& deal, const std::string& contact) {
    Association tie;
    tie.from = loop_.shown(Object::deal, deal).ref;
    tie.to = {{.id = contact, .role = "primary", .primary = true}};
    tie.at = loop_.clock.system_now();
    loop_.take({tie});
  }
  /// Under all keys together, in whole units.
  std::int64_t everything_believed() {
    std::int64_t sum = 0;
    for (const auto& [key, value] : loop_.sink().believed) sum += value.micros * value.counted;
    return sum / 1'000'000;
  }

  /// What the CRM's own history keeps of the field as it is now.
  void note(const std::string& deal, const std::string& field) {
    const RecordState& r = loop_.shown(Object::deal, deal);
    crm_history_.push_back(FieldChange{r.ref, field, r.fields.at(field), r.modified, Basis::crm_history});
  }

  Loop loop_;
  std::vector<Record> crm_history_;
};

/// With a source that a puller reads, instead of the test itself.
TEST_P(Restored, NothingIsJudgedOrSentBeforeTheCrmWasReadAnew) {
  auto crm = std::make_unique<conformance::FakeConnector>();
  crm->source = std::make_unique<conformance::FakeRecords>();
  loop_.connectors["crm"] = std::move(crm);
  const auto read_through = [this] {
    ASSERT_TRUE(loop_.db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
      store::service_rows::note_swept(tx, "crm", "records", conformance::kStart);
      return {};
    }));
  };
  read_through();
  win("told");
  loop_.settle();
  loop_.set("told", "amount", "250");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  const auto calls = loop_.sink().calls;
  restore();
  win("new");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(loop_.reconcile()->gated);
    ASSERT_TRUE(loop_.deliver());
  }
  EXPECT_EQ(loop_.sink().calls, calls);
  read_through();
  loop_.settle();
  EXPECT_GT(loop_.sink().calls, calls);
  EXPECT_EQ(loop_.stands("new"), "taken");
}

TEST_P(Restored, NothingIsCountedTwiceAndWhatIsUnknownIsSaid) {
  win("told");
  win("edited");
  loop_.settle();
  win("pending");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  win("later");
  loop_.set("edited", "amount", "250");
  loop_.settle();
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("later"), 100);
  restore();
  for (const char* deal : {"edited", "later"}) show_again(deal);
  loop_.pass(kHour);
  win("new");
  loop_.pass(kDay * 3);
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("told"), "taken");
  EXPECT_EQ(loop_.stands("new"), "taken");
  EXPECT_EQ(loop_.believed("new"), 100);
  EXPECT_EQ(loop_.stands("pending"), GetParam().unanswered) << loop_.history("pending");
  EXPECT_EQ(loop_.stands("later"), GetParam().unanswered) << loop_.history("later");
  for (const char* deal : {"pending", "later"}) {
    EXPECT_EQ(loop_.believed(deal), 100);
    const bool said = std::string(GetParam().unanswered) == "uncertain";
    EXPECT_EQ(loop_.uploads(deal).back().code, said ? kRestored : "") << deal;
  }
  EXPECT_EQ(loop_.believed("edited"), 250);
  const bool adds_up = !GetParam().dedup.exists;  // a repeated correction would
  EXPECT_EQ(loop_.stands("edited"), adds_up ? "uncertain" : "taken") << loop_.history("edited");
}

TEST_P(Restored, AValueThatChangedSinceIsClaimedOnlyWhereThePlatformTakesIt) {
  back_up();
  win("later");
  loop_.settle();
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("later"), 100);
  restore();
  loop_.set("later", "amount", "250");
  show_again("later");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("later"), GetParam().unanswered) << loop_.history("later");
  if (loop_.stands("later") == "taken") {
    EXPECT_EQ(loop_.believed("later"), 250);
  }
}

TEST_P(Restored, WhatWasFrozenBeforeTheBackupIsWhatAnUnboundedKeyKeeps) {
  win("asked");
  ASSERT_TRUE(loop_.reconcile());
  loop_.sink().faults = {conformance::PlatformFault::lost_after};
  ASSERT_TRUE(loop_.deliver());
  expect_kept_by_an_unbounded_key("asked");
}

TEST_P(Restored, WhatWasInFlightAtTheBackupIsWhatAnUnboundedKeyKeeps) {
  win("asked");
  ASSERT_TRUE(loop_.reconcile());
  loop_.sink().faults = {conformance::PlatformFault::crash_after};
  EXPECT_THROW((void)loop_.deliver(), conformance::Crash);
  expect_kept_by_an_unbounded_key("asked");
}

TEST_P(Restored, AKillBeforeTheRowsWereMarkedIsMadeUpForAtTheNextStart) {
  win("pending");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  loop_.settle();
  loop_.pass(kDay * 3);
  restore();
  loop_.start();
  loop_.settle();
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("pending"), GetParam().unanswered);
}

TEST_P(Restored, WhatWillNotBeToldAgainMayHaveBeenToldAllTheSame) {
  const std::vector<std::string> deals{"denied", "lost", "old"};
  back_up();
  for (const auto& deal : deals) {
    win(deal);
    note(deal, "stage");
    note(deal, "amount");
  }
  loop_.settle();
  loop_.pass(kDay * 3);
  for (const auto& deal : deals) ASSERT_EQ(loop_.believed(deal), 100);
  loop_.consent("Cdenied", ConsentState::denied);
  loop_.set("denied", "amount", "60");
  note("denied", "amount");
  loop_.set("lost", "stage", "lost");
  note("lost", "stage");
  loop_.pass(kDay * 120);
  restore();
  for (const auto& deal : deals) show_again(deal);
  loop_.take(crm_history_);
  loop_.pass(kDay * 9);
  for (const auto& deal : deals) {
    EXPECT_EQ(loop_.stands(deal), "uncertain") << loop_.history(deal);
    const store::Standing standing = loop_.standing(deal);
    EXPECT_EQ(standing.b_low, 0) << deal;
    EXPECT_EQ(standing.b_high, 100'000'000) << deal;
  }
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, ACorrectionThatNobodyKnowsOfIsMadeUpForOrDoubted) {
  for (const char* deal : {"back", "denied"}) {
    win(deal);
    note(deal, "stage");
    note(deal, "amount");
  }
  loop_.settle();
  loop_.pass(kDay * 3);
  back_up();
  for (const char* deal : {"back", "denied"}) {
    loop_.set(deal, "amount", "250");
    note(deal, "amount");
  }
  loop_.settle();
  loop_.pass(kDay);
  for (const char* deal : {"back", "denied"}) ASSERT_EQ(loop_.believed(deal), 250);
  loop_.consent("Cdenied", ConsentState::denied);
  for (const char* deal : {"back", "denied"}) {
    loop_.set(deal, "amount", "100");
    note(deal, "amount");
  }
  restore();
  for (const char* deal : {"back", "denied"}) show_again(deal);
  loop_.take(crm_history_);
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("denied"), "uncertain") << loop_.history("denied");
  EXPECT_EQ(loop_.standing("denied").b_high, 250'000'000);
  if (loop_.stands("back") == "taken") {
    EXPECT_EQ(loop_.believed("back"), 100) << loop_.history("back");
  } else {
    EXPECT_EQ(loop_.stands("back"), "uncertain") << loop_.history("back");
  }
}

TEST_P(Restored, ALoweringLongAfterItWaitsAndGoes) {
  win("told");
  loop_.settle();
  loop_.pass(kDay * 3);
  back_up();
  loop_.pass(kDay);
  restore();
  loop_.settings.destinations[0].settle = kDay * 3;
  loop_.start();
  loop_.pass(kDay * 30);
  loop_.set("told", "amount", "50");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("told"), "taken") << loop_.history("told");
  EXPECT_EQ(loop_.believed("told"), 50);
}

TEST_P(Restored, APendingRowWhoseAmountChangedSinceGoesWhereARepeatIsSafe) {
  win("pending");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  restore();
  loop_.set("pending", "amount", "250");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("pending"), GetParam().unanswered) << loop_.history("pending");
  EXPECT_EQ(loop_.believed("pending"), std::string(GetParam().unanswered) == "taken" ? 250 : -1)
      << "-1: never heard of";
}

TEST_P(Restored, ADealThatWasWonBeforeGoLiveAndLostSinceWasNeverTold) {
  loop_.contact("Cearly", "click-early");
  loop_.deal("early", "Cearly", "won", "100");
  loop_.clock.advance(kHour);
  loop_.settings.destinations[0].go_live = loop_.clock.system_now();
  loop_.start();
  back_up();
  loop_.pass(kDay);
  loop_.set("early", "stage", "lost");
  note("early", "stage");
  restore();
  show_again("early");
  loop_.take(crm_history_);
  loop_.pass(kDay * 9);
  EXPECT_NE(loop_.stands("early"), "uncertain") << loop_.history("early");
}

TEST_P(Restored, WhatCouldNotHaveBeenToldIsNotDoubted) {
  win("denied_before");
  loop_.consent("Cdenied_before", ConsentState::denied);
  loop_.pass(kHour);
  win("old_before");
  loop_.set("old_before", "stage", "won");
  loop_.pass(kDay * 120);
  back_up();
  loop_.pass(kDay * 3);
  restore();
  loop_.pass(kDay);
  win("lost_after");
  loop_.set("lost_after", "stage", "lost");
  loop_.set("denied_before", "amount", "60");
  loop_.pass(kDay * 9);
  for (const char* deal : {"denied_before", "old_before", "lost_after"})
    EXPECT_NE(loop_.stands(deal), "uncertain") << loop_.history(deal);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, AMergeInTheGapIsNotToldUnderAnotherKey) {
  back_up();
  win("loser");
  loop_.settle();
  loop_.deal("winner", "Closer", "new", "100");
  loop_.merge(Object::deal, "loser", "winner");
  const Merge merged{{"crm", Object::deal, "loser"}, "winner", loop_.clock.system_now(), false};
  loop_.set("winner", "stage", "won");
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("winner"), 100);
  restore();
  loop_.show(loop_.shown(Object::contact, "Closer"));
  loop_.show(loop_.shown(Object::deal, "winner"));
  loop_.take({merged});
  tie("winner", "Closer");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("winner"), "uncertain") << loop_.history("winner");
  EXPECT_EQ(loop_.standing("winner").b_high, 100'000'000);
  EXPECT_EQ(everything_believed(), 100);
}

TEST_P(Restored, ADealWonAgainInTheGapMayStandUnderItsNextKey) {
  win("known");
  note("known", "stage");
  note("known", "amount");
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  win("new");
  note("new", "stage");
  note("new", "amount");
  loop_.settle();
  for (const char* deal : {"known", "new"}) {
    for (const char* stage : {"lost", "won"}) {
      loop_.pass(kDay);
      loop_.set(deal, "stage", stage);
      note(deal, "stage");
    }
    loop_.set(deal, "amount", "250");
    note(deal, "amount");
  }
  loop_.pass(kDay * 3);
  const auto before = everything_believed();
  restore();
  for (const char* deal : {"known", "new"}) show_again(deal);
  loop_.take(crm_history_);
  loop_.pass(kDay * 9);
  std::int64_t low = 0, high = 0;
  for (const char* deal : {"known", "new"}) {
    EXPECT_EQ(loop_.stands(deal), "uncertain") << deal << ": " << loop_.history(deal);
    low += loop_.standing(deal).b_low / 1'000'000;
    high += loop_.standing(deal).b_high / 1'000'000;
  }
  EXPECT_EQ(everything_believed(), before) << "nothing went again";
  EXPECT_LE(low, before);
  EXPECT_GE(high, before);
}

TEST_P(Restored, AnAmountThatWasZeroForAWhileMayHaveSpentItsKey) {
  win("deal");
  note("deal", "stage");
  note("deal", "amount");
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  for (const char* amount : {"0", "100"}) {
    loop_.set("deal", "amount", amount);
    note("deal", "amount");
    loop_.pass(kDay);
  }
  const auto before = everything_believed();
  restore();
  show_again("deal");
  loop_.take(crm_history_);
  loop_.pass(kDay * 9);
  EXPECT_EQ(everything_believed(), before);
  EXPECT_EQ(loop_.stands("deal"), "uncertain") << loop_.history("deal");
}

TEST_P(Restored, WhatTheBackupHadReadAndNotYetJudgedMayHaveBeenTold) {
  win("marked");
  back_up();
  loop_.settle();
  loop_.pass(kDay * 120);
  ASSERT_EQ(loop_.believed("marked"), 100);
  restore();
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("marked"), "uncertain") << loop_.history("marked");
  EXPECT_EQ(loop_.standing("marked").b_high, 100'000'000);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, AMergeLongAfterItLeavesNoDoubt) {
  for (const char* deal : {"loser", "winner"}) {
    win(deal);
    loop_.settle();
  }
  loop_.pass(kDay);
  back_up();
  restore();
  loop_.pass(kDay * 3);
  loop_.merge(Object::deal, "loser", "winner");
  loop_.pass(kDay * 9);
  for (const char* deal : {"loser", "winner"})
    EXPECT_THAT(loop_.stands(deal), testing::Not(testing::HasSubstr("uncertain"))) << loop_.history(deal);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, ADestinationThatIsNamedLaterWasToldNothing) {
  win("old");
  loop_.settle();
  back_up();
  loop_.pass(kDay * 3);
  restore();
  loop_.settle();
  settings::Destination later = conformance::destination("later", "won", "later_connector");
  later.go_live = conformance::kStart - kDay;
  loop_.add_sink("later_connector", contract());
  loop_.settings.destinations.push_back(later);
  loop_.start();
  loop_.pass(kDay * 120);
  EXPECT_EQ(loop_.stands("old", "later"), "taken");
  EXPECT_EQ(loop_.differences("later", "later_connector"), "");
}

TEST_P(Restored, ARetryOfTheGapIsAskedForAgainAndCountsOnce) {
  back_up_refused("bad_click");
  const RetryAsked again;
  ASSERT_TRUE(retry(loop_.settings, loop_.connectors, *loop_.db, loop_.clock, again, "someone", [] { return true; }));
  loop_.settle();
  loop_.pass(kDay);
  ASSERT_EQ(loop_.believed("refused"), 100);
  restore();
  loop_.settle();
  loop_.pass(kHour);
  EXPECT_EQ(loop_.differences(), "");
  ASSERT_TRUE(retry(loop_.settings, loop_.connectors, *loop_.db, loop_.clock, again, "someone", [] { return true; }));
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("refused"), GetParam().unanswered) << loop_.history("refused");
  EXPECT_EQ(loop_.believed("refused"), 100);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, ARetryOfTheGapWhoseTimeIsOverIsUncertain) {
  back_up_refused("bad_click");
  ASSERT_TRUE(retry(loop_.settings, loop_.connectors, *loop_.db, loop_.clock, {}, "someone", [] { return true; }));
  loop_.settle();
  loop_.pass(kDay * 120);
  ASSERT_EQ(loop_.believed("refused"), 100);
  restore();
  loop_.settle();
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("refused"), "uncertain");
}

TEST_P(Restored, ARefusedRowThatWasMendedInTheGapAndIsTooLateNowIsUncertain) {
  back_up_refused(connect::kUnattributed);
  loop_.set("refused", "amount", "120");
  loop_.settle();
  loop_.pass(kDay * 120);
  ASSERT_EQ(loop_.believed("refused"), 120);
  restore();
  show_again("refused");
  loop_.settle();
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("refused"), "uncertain");
}

TEST_P(Restored, WhoWasNotFoundMayHaveBeenFoundByAClickThatCameInTheGap) {
  back_up_refused(connect::kUnattributed);
  loop_.pass(kHour);
  loop_.contact("Crefused", "another-click");
  loop_.settle();
  loop_.pass(kDay * 120);
  ASSERT_EQ(loop_.believed("refused"), 100);
  restore();
  show_again("refused");
  loop_.settle();
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_EQ(loop_.stands("refused"), "uncertain");
}

TEST_P(Restored, ARowOfTheBackupMayHaveGoneAtAnotherValueOfTheGap) {
  win("pending");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  loop_.pass(kDay);
  loop_.set("pending", "amount", "250");
  loop_.pass(kDay * 3);
  restore();
  show_again("pending");
  loop_.pass(kDay);
  EXPECT_EQ(loop_.differences(), "") << loop_.history("pending");
}

TEST_P(Restored, AConnectorThatIsAwayAtTheFirstStartMayHaveToldAllTheSame) {
  back_up();
  win("later");
  loop_.settle();
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("later"), 100);
  auto away = loop_.connectors.extract("ads_connector");
  restore();
  loop_.connectors.insert(std::move(away));
  loop_.start();
  show_again("later");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("later"), GetParam().unanswered) << loop_.history("later");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, ADestinationThatIsMissingAtTheFirstStartMayHaveBeenToldAllTheSame) {
  win("known");
  loop_.settle();
  back_up();
  win("later");
  loop_.settle();
  loop_.pass(kDay * 3);
  const auto destinations = std::exchange(loop_.settings.destinations, {});
  restore();
  loop_.settings.destinations = destinations;
  loop_.start();
  show_again("later");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("later"), GetParam().unanswered) << loop_.history("later");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, ARowWhoseDestinationIsMissingAtTheFirstStartMayHaveBeenSentAllTheSame) {
  win("pending");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  loop_.settle();
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("pending"), 100);
  const auto destinations = std::exchange(loop_.settings.destinations, {});
  restore();
  loop_.settings.destinations = destinations;
  loop_.start();
  loop_.settle();
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("pending"), "uncertain") << loop_.history("pending");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, WhatIsFirstReadDaysAfterTheRestoreMayBeNewsOfTheGap) {
  back_up();
  win("later");
  loop_.settle();
  loop_.pass(kDay * 3);
  restore();
  loop_.clock.advance(kDay * 3);
  (void)loop_.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::backups::note_reading(tx, loop_.clock.system_now());
    return {};
  });
  loop_.start();
  show_again("later");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("later"), GetParam().unanswered) << loop_.history("later");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, WhatAnotherHeldBackSinceBeforeTheBackupWasNotTold) {
  loop_.settings.goals[0].count = settings::Goal::Count::once_per_person;
  loop_.settings.goals[0].per_person_within = kDay * 90;
  loop_.start();
  win("first");
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  loop_.deal("second", "Cfirst", "won", "100");
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("second"), -1);
  restore();
  loop_.show(loop_.shown(Object::deal, "second"));
  tie("second", "Cfirst");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("second"), "none not_wanted") << loop_.history("second");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, WhatWasTakenBackInTheGapMayBePastThePlatformsLimitNow) {
  loop_.sink().rules.adjust_until = kDay * 50;
  loop_.start();
  for (const char* deal : {"lost", "late"}) {
    win(deal);
    note(deal, "stage");
    note(deal, "amount");
  }
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  loop_.pass(kDay);
  loop_.set("lost", "stage", "lost");
  note("lost", "stage");
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("lost"), 0);
  loop_.pass(kDay * 60);
  loop_.set("late", "stage", "lost");
  note("late", "stage");
  loop_.pass(kDay);
  ASSERT_EQ(loop_.believed("late"), 100);
  restore();
  for (const char* deal : {"lost", "late"}) show_again(deal);
  loop_.take(crm_history_);
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("lost"), "uncertain") << loop_.history("lost");
  EXPECT_EQ(loop_.standing("lost").b_low, 0);
  EXPECT_EQ(loop_.standing("lost").b_high, 100'000'000);
  EXPECT_EQ(loop_.stands("late"), "excess uncorrectable") << "the limit was past before it was lost";
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, ALossThatIsOnlyObservedIsNotTakenBackTwice) {
  win("lost");
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  loop_.set("lost", "stage", "lost");
  loop_.pass(kDay * 3);
  const auto before = everything_believed();
  const auto calls = loop_.sink().calls;
  restore();
  loop_.pass(kHour);
  loop_.set("lost", "owner", "somebody");  // the record's last change is all that its CRM tells
  show_again("lost");
  loop_.pass(kDay * 9);
  if (!GetParam().dedup.exists) {
    EXPECT_EQ(loop_.stands("lost"), "uncertain") << loop_.history("lost");
    EXPECT_EQ(loop_.sink().calls, calls) << "a second refund would add up";
  }
  EXPECT_EQ(everything_believed(), before);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, DealsOfOneLeadThatAreReadInAnotherOrderAreNotToldUnderAnotherKey) {
  back_up();
  for (const char* deal : {"one", "two"}) {
    win(deal);
    if (std::string(deal) == "two") loop_.set(deal, "amount", "300");
    RecordState of_lead = loop_.shown(Object::deal, deal);
    of_lead.converted_from = RecordRef{"crm", Object::lead, "L1"};
    loop_.show(of_lead);
  }
  loop_.settle();
  loop_.pass(kDay * 3);
  ASSERT_EQ(everything_believed(), 400);
  restore();
  for (const char* deal : {"two", "one"}) {
    show_again(deal);
    loop_.settle();
  }
  loop_.pass(kDay * 9);
  EXPECT_EQ(everything_believed(), 400);
  for (const char* deal : {"one", "two"}) EXPECT_EQ(loop_.stands(deal), "uncertain") << loop_.history(deal);
}

TEST_P(Restored, AStoryBetweenTwoRestoresIsKnown) {
  win("again");
  note("again", "stage");
  note("again", "amount");
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  loop_.pass(kDay);
  restore();
  for (const char* stage : {"lost", "won"}) {
    loop_.pass(kDay);
    loop_.set("again", "stage", stage);
    note("again", "stage");
    loop_.take(crm_history_);
  }
  loop_.pass(kDay);
  const std::string before = loop_.stands("again");
  std::filesystem::remove(file());
  back_up();
  loop_.pass(kDay);
  restore();
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("again"), before) << loop_.history("again");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, WhoWasToldFirstInTheGapIsNotForgottenForWhoIsReadFirst) {
  loop_.settings.goals[0].count = settings::Goal::Count::once_per_person;
  loop_.settings.goals[0].per_person_within = kDay * 30;
  loop_.start();
  back_up();
  win("first");
  loop_.settle();
  loop_.deal("second", "Cfirst", "won", "100");
  loop_.pass(kDay * 3);
  ASSERT_EQ(loop_.believed("first"), 100);
  ASSERT_EQ(loop_.believed("second"), -1);
  restore();
  loop_.show(loop_.shown(Object::contact, "Cfirst"));
  loop_.show(loop_.shown(Object::deal, "second"));
  tie("second", "Cfirst");
  loop_.settle();
  loop_.show(loop_.shown(Object::deal, "first"));
  tie("first", "Cfirst");
  loop_.pass(kDay * 9);
  EXPECT_EQ(loop_.stands("first"), "uncertain") << loop_.history("first");
  EXPECT_EQ(loop_.standing("first").b_high, 100'000'000);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_P(Restored, AClockSetBackMakesNoWork) {
  win("back");
  note("back", "amount");
  loop_.settle();
  loop_.pass(kDay);
  back_up();
  for (const char* amount : {"250", "100"}) {
    loop_.set("back", "amount", amount);
    note("back", "amount");
    loop_.pass(kHour);
  }
  restore();
  show_again("back");
  loop_.take(crm_history_);
  loop_.clock.set(loop_.clock.system_now() - kHour);
  loop_.settle();
  loop_.pass(kHour / 2);
  EXPECT_LE(loop_.uploads("back").size(), 2U) << loop_.history("back");
}

TEST_P(Restored, AWordOfTheConfigurationSendsAgain) {
  win("pending");
  ASSERT_TRUE(loop_.reconcile());
  back_up();
  loop_.settings.destinations[0].resend_uncertain = true;
  restore();
  loop_.settle();
  EXPECT_EQ(loop_.stands("pending"), "taken");
}

INSTANTIATE_TEST_SUITE_P(
    Platforms, Restored,
    testing::Values(Platform{"NoDedupKey", {.exists = false, .known = true, .window = {}}, "uncertain"},
                    Platform{"WindowOfHours", {.exists = true, .known = true, .window = kHour * 8}, "uncertain"},
                    Platform{"UnknownWindow", {.exists = true, .known = false, .window = {}}, "uncertain"},
                    Platform{"UnboundedAndIgnored", {.exists = true, .known = true, .window = {}}, "uncertain"},
                    Platform{"UnboundedAndOverwritten",
                             {.exists = true, .known = true, .window = {}, .repeat_overwrites = true},
                             "taken"}),
    [](const auto& platform) { return std::string(platform.param.name); });

}  // namespace
}  // namespace hw::reconcile
