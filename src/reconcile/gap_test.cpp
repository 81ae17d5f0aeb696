#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "conformance/loop.h"
#include "store/backup.h"

/// What the daemon of a gap between a backup and its restore told: the range that the ledger says holds what is
/// believed, and nothing is told twice.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kUnit;
using conformance::Loop;
using conformance::PlatformFault;

/// The CRM keeps the history of every field; what happened since the backup is shown again after the restore.
class GapStory : public Loop {
 public:
  explicit GapStory(connect::Contract contract = generous(), Duration settle = {}) : Loop(std::move(contract)) {
    settings.destinations[0].settle = settle;
    start();
  }

  void tell(const std::vector<Record>& page) {
    seen_.insert(seen_.end(), page.begin(), page.end());
    take(page);
  }
  void win(const std::string& id, const std::string& amount = "100") {
    contact("C" + id, "click-" + id);
    deal(id, "C" + id, "won", amount);
    const RecordState& r = shown(Object::deal, id);
    tell({FieldChange{r.ref, "amount", amount, r.modified, Basis::crm_history}});
    seen_.insert(seen_.end(),
                 {shown(Object::contact, "C" + id), r,
                  FieldChange{r.ref, "stage", "won", r.modified, Basis::crm_history}, tie(id, r.modified)});
  }
  void change(const std::string& id, const std::string& field, const std::string& value) {
    set(id, field, value);
    const RecordState& r = shown(Object::deal, id);
    seen_.insert(seen_.end(), {r, FieldChange{r.ref, field, value, r.modified, Basis::crm_history}});
  }
  void remove_or_restore(const std::string& id, Removal::Kind kind) {
    tell({Removal{{"crm", Object::deal, id}, kind, clock.system_now()}});
  }
  void merge_or_part(const std::string& loser, const std::string& winner, bool parted) {
    tell({Merge{{"crm", Object::deal, loser}, winner, clock.system_now(), parted}});
  }
  Association tie(const std::string& id, Timestamp at) {
    Association a;
    a.from = {"crm", Object::deal, id};
    a.to = {{.id = "C" + id, .role = "primary", .primary = true}};
    a.at = at;
    return a;
  }
  void back_up() {
    ASSERT_TRUE(store::back_up(*db, folder(), folder() + "/backup.db", clock.system_now()));
    seen_.clear();
  }
  void restore() {
    db.reset();
    ASSERT_TRUE(store::restore(folder(), folder() + "/backup.db", clock.system_now()));
    db = std::make_unique<conformance::TestDb>(*store::Db::open({.path = store_file(), .postgres = {}}));
    start();
  }
  void read_again() {
    const std::vector<Record> all = seen_;
    take(all);
  }
  void forget_shown() { seen_.clear(); }
  std::int64_t all_believed() {
    std::int64_t sum = 0;
    for (const auto& [key, b] : sink().believed) sum += b.micros;
    return sum / kUnit;
  }
  /// "" when what the platform believes of these deals lies in what the ledger says of them.
  std::string beside_the_range(const std::vector<std::string>& deals) {
    std::int64_t low = 0, high = 0;
    std::string out;
    for (const std::string& id : deals)
      for (const auto& c : conversions(id)) {
        const auto s = read([&](store::Tx& tx) { return store::ledger_rows::standing(tx, c.id, "ads"); });
        if (!s) continue;
        const bool doubted = s->state == "uncertain";
        low += doubted ? std::min(s->b_low, s->b_micros) : s->b_micros;
        high += doubted ? std::max(s->b_high, s->b_micros) : s->b_micros;
        out += id + " " + s->state + " " + s->reason + ": " + history(id) + "; ";
      }
    const std::int64_t believed = all_believed() * kUnit;
    if (low <= believed && believed <= high) return "";
    return std::to_string(believed / kUnit) + " is not in " + std::to_string(low / kUnit) + ".." +
           std::to_string(high / kUnit) + ": " + out;
  }
  std::int64_t retractions() {
    std::int64_t n = 0;
    for (const auto& a : sink().log) n += a.body.starts_with("retract") ? 1 : 0;
    return n;
  }

 private:
  std::string folder() const { return std::filesystem::path(store_file()).parent_path(); }
  std::vector<Record> seen_;  ///< since the backup
};

connect::Contract zero_is_final() {
  connect::Contract c = generous();
  c.zero = connect::ZeroRule::final_retraction;
  return c;
}
connect::Contract restates_alone() {
  connect::Contract c = generous();
  c.operations = {Operation::upload, Operation::restate};
  return c;
}
connect::Contract corrections_repeat() {
  connect::Contract c = generous();
  c.dedup.of_uploads_alone = true;
  return c;
}
const std::vector<connect::Contract>& corrigible() {
  static const std::vector<connect::Contract> all{zero_is_final(), restates_alone(), generous()};
  return all;
}

TEST(Gap, WhatIsJudgedInShadowAfterTheRestoreIsDoubtedOnceItIsLive) {
  GapStory l;
  l.back_up();
  l.win("D");
  l.settle();
  ASSERT_EQ(l.all_believed(), 100);
  l.clock.advance(kDay * 91);  // the click's window ends in the gap
  l.settings.destinations[0].mode = Mode::shadow;
  l.restore();
  l.read_again();
  l.pass(kDay * 9);
  ASSERT_EQ(l.stands("D"), "missing expired");
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D"), "uncertain");
  EXPECT_EQ(l.beside_the_range({"D"}), "");
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
  l.restore();
  l.read_again();
  l.pass(kDay * 9);
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
  l.restore();
  l.read_again();
  l.pass(kDay * 9);
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
          FieldChange{r.ref, "amount", "0", r.modified, Basis::crm_history}, l.tie("later", then)});
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
  l.restore();
  l.read_again();
  l.pass(kDay * 9);
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
