#include <gtest/gtest.h>

#include <filesystem>

#include "conformance/loop.h"
#include "store/backup.h"

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

/// As GapStory of gap_test.cpp, with records and pages in the order in which the CRM showed them.
class GapTale : public Loop {
 public:
  explicit GapTale(connect::Contract contract = generous(), Duration settle = {}) : Loop(std::move(contract)) {
    settings.destinations[0].settle = settle;
    start();
  }
  void tell(const std::vector<Record>& page) {
    seen_.push_back(page);
    take(page);
  }
  void person(const std::string& id) {
    contact(id, "click-" + id);
    seen_.push_back({shown(Object::contact, id)});
  }
  void win_of(const std::string& id, const std::string& contact_id, const std::string& amount = "100") {
    deal(id, contact_id, "won", amount);
    const RecordState& r = shown(Object::deal, id);
    Association a;
    a.from = r.ref;
    a.to = {{.id = contact_id, .role = "primary", .primary = true}};
    a.at = r.modified;
    std::vector<Record> page{r, FieldChange{r.ref, "stage", "won", r.modified, Basis::crm_history}, a};
    for (const char* f : {"amount", "currency"})
      page.push_back(FieldChange{r.ref, f, r.fields.at(f), r.modified, Basis::crm_history});
    tell(page);
  }
  void win(const std::string& id, const std::string& amount = "100") {
    person("C" + id);
    win_of(id, "C" + id, amount);
  }
  void change(const std::string& id, const std::string& field, const std::string& value) {
    clock.advance(std::chrono::seconds(1));
    RecordState& r = shown(Object::deal, id);
    r.fields[field] = value;
    r.modified = clock.system_now();
    tell({r, FieldChange{r.ref, field, value, r.modified, Basis::crm_history}});
  }
  void say_consent(const std::string& id, ConsentState state) {
    consent(id, state);
    seen_.push_back({shown(Object::contact, id)});
  }
  void merge_people(const std::string& loser, const std::string& winner) {
    clock.advance(std::chrono::seconds(1));
    tell({Merge{{"crm", Object::contact, loser}, winner, clock.system_now(), false}});
  }
  void back_up() {
    clock.advance(std::chrono::seconds(1));
    file_ = folder() + "/backup" + std::to_string(++backups_) + ".db";
    ASSERT_TRUE(store::back_up(*db, folder(), file_, clock.system_now()));
    seen_.clear();
  }
  void restore() {
    clock.advance(std::chrono::seconds(1));
    db.reset();
    ASSERT_TRUE(store::restore(folder(), file_, clock.system_now()));
    db = std::make_unique<conformance::TestDb>(*store::Db::open({.path = store_file(), .postgres = {}}));
    start();
    const auto all = seen_;
    for (const auto& page : all) take(page);
  }
  /// "" when what the platform believes, all keys together, lies in what the ledger says, currency by currency.
  std::string beside_the_range(const std::vector<std::string>& deals) {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> said;
    std::map<std::string, std::int64_t> is;
    std::string out;
    for (const std::string& id : deals)
      for (const auto& c : conversions(id)) {
        const auto s = read([&](store::Tx& tx) { return store::ledger_rows::standing(tx, c.id, "ads"); });
        if (!s) continue;
        if (s->state == "uncertain") {
          auto& r = said[s->range_currency];
          const bool same = s->b_currency == s->range_currency;
          r.first += same ? std::min(s->b_low, s->b_micros) : s->b_low;
          r.second += same ? std::max(s->b_high, s->b_micros) : s->b_high;
          if (!same) said[s->b_currency].second += s->b_micros;
        } else {
          said[s->b_currency].first += s->b_micros;
          said[s->b_currency].second += s->b_micros;
        }
        out += id + " " + s->state + " " + s->reason + " " + std::to_string(s->b_low / kUnit) + ".." +
               std::to_string(s->b_high / kUnit) + ": " + history(id) + "; ";
      }
    for (const auto& [key, b] : sink().believed)
      if (b.micros != 0) is[b.currency] += b.micros;
    std::string wrong;
    for (const auto& [currency, sum] : is) said[currency];
    for (const auto& [currency, r] : said)
      if (is[currency] < r.first || is[currency] > r.second)
        wrong += "platform " + std::to_string(is[currency] / kUnit) + " " + currency + ", ledger " +
                 std::to_string(r.first / kUnit) + ".." + std::to_string(r.second / kUnit) + " " + currency + "; ";
    return wrong.empty() ? "" : wrong + out;
  }

 private:
  std::string folder() const { return std::filesystem::path(store_file()).parent_path(); }
  std::vector<std::vector<Record>> seen_;  ///< since the backup
  std::string file_;
  int backups_ = 0;
};

TEST(GapPlaces, WhoseHolderWasTakenBackInTheGapMayHaveBeenTold) {
  connect::Contract c = generous();
  c.adjust_until = kDay * 5;
  GapTale l(c);
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.start();
  l.person("P");
  l.win_of("a", "P", "100");
  l.settle();
  l.win_of("b", "P", "200");
  l.pass(kHour);
  l.change("a", "stage", "lost");
  l.back_up();
  l.pass(kDay * 9);
  ASSERT_EQ(l.believed("b"), 200);
  l.restore();
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"a", "b"}), "");
}

TEST(GapPlaces, WhoseHolderLeftItsPlaceAndCameBackMayHaveBeenTold) {
  GapTale l;
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.start();
  l.person("P");
  l.win_of("a", "P", "100");
  l.settle();
  l.win_of("b", "P", "200");
  l.settle();
  l.back_up();
  l.change("a", "stage", "lost");
  l.pass(kDay);
  ASSERT_EQ(l.believed("b"), 200);
  l.change("a", "stage", "won");
  l.pass(kDay);
  l.restore();
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("b"), "uncertain") << l.history("b");
  EXPECT_EQ(l.beside_the_range({"a", "b"}), "");
}

TEST(GapPlaces, WhoseHolderIsStillOnItsWayOutMayHaveBeenTold) {
  GapTale l(generous(), kHour);
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.start();
  l.person("P");
  l.win_of("a", "P", "100");
  l.settle();
  l.win_of("b", "P", "200");
  l.settle();
  l.change("a", "stage", "lost");
  l.back_up();
  l.pass(kHour * 3);
  ASSERT_EQ(l.believed("b"), 200);
  l.restore();
  l.sink().faults = {PlatformFault::busy};
  l.settle();
  EXPECT_EQ(l.stands("a"), "excess waiting");
  EXPECT_EQ(l.stands("b"), "uncertain") << l.history("b");
}

TEST(GapPlaces, APersonWhoWasMergedSinceHadAClickOfItsOwnInTheGap) {
  connect::Contract c = generous();
  c.counting = connect::Counting::once_per_click;
  GapTale l(c);
  l.win("held");
  l.person("P");
  l.settle();
  l.back_up();
  l.win_of("own", "P");
  l.settle();
  ASSERT_EQ(l.believed("own"), 100);
  l.restore();
  l.merge_people("P", "Cheld");
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"held", "own"}), "");
}

TEST(GapPlaces, ARefusedRepeatOfWhatTheGapToldIsUncertain) {
  connect::Contract c = generous();
  c.dedup.repeat_overwrites = true;
  GapTale l(c);
  l.back_up();
  l.win("d");
  l.settle();
  l.sink().refused[l.dedup_id("d")] = "click_too_old";
  l.restore();
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
  GapTale l(c);
  l.win("d");
  l.pass(kDay);
  l.back_up();
  l.change("d", "amount", "150");
  l.pass(kDay);
  ASSERT_EQ(l.believed("d"), 150);
  l.restore();
  l.change("d", "amount", "100");
  l.sink().faults = {PlatformFault::lost_before};
  l.sink().refuses_all_later = true;
  l.pass(kDay * 2);
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, TheRangeIsInEveryCurrencyThatMayHaveBeenTold) {
  for (const bool corrected : {false, true}) {
    GapTale l;
    l.back_up();
    l.win("d");
    l.settle();
    l.change("d", "currency", "USD");
    if (corrected) l.pass(kDay);
    l.restore();
    l.pass(kDay * 9);
    EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
    EXPECT_EQ(l.beside_the_range({"d"}), "") << corrected;
  }
}

TEST(GapPlaces, AnotherCurrencyToldInTheGapIsDoubtedWhereNothingIsSaidOver) {
  GapTale l(generous(), kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "currency", "USD");
  l.pass(kDay);
  l.say_consent("Cd", ConsentState::denied);
  l.restore();
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.standing("d").range_currency, "USD");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ACurrencyThatCameAndWentInTheGapIsDoubtedWhereNothingIsSaidOver) {
  connect::Contract c = generous();
  c.dedup.of_uploads_alone = true;
  GapTale l(c, kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "currency", "USD");
  l.pass(kDay);
  l.change("d", "currency", "EUR");
  l.restore();
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("d"), "uncertain") << l.history("d");
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, AnEditAfterThePlatformsLimitHidesNoRetraction) {
  connect::Contract c = generous();
  c.adjust_until = kDay * 5;
  GapTale l(c, kHour);
  l.win("d");
  l.settle();
  l.back_up();
  l.change("d", "stage", "lost");
  l.pass(kDay * 9);
  l.change("d", "amount", "50");
  l.restore();
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ARouteThatEndedAfterTheRestoreHidesNotWhatWasTold) {
  GapTale l;
  l.settings.destinations[0].route = {{settings::Condition::Op::equals, "team", {"x"}}};
  l.start();
  l.back_up();
  l.win("d");
  l.change("d", "team", "x");
  l.settle();
  ASSERT_EQ(l.believed("d"), 100);
  l.restore();
  l.change("d", "team", "y");
  l.pass(kDay * 9);
  EXPECT_EQ(l.beside_the_range({"d"}), "");
}

TEST(GapPlaces, ADenialOfAnotherRecordOfThePersonCameAfterItWasTold) {
  for (const bool denied_before : {false, true}) {
    GapTale l;
    l.person("other");
    if (denied_before) l.say_consent("other", ConsentState::denied);
    l.settle();
    l.back_up();
    l.win("d");
    l.settle();
    if (!denied_before) l.say_consent("other", ConsentState::denied);
    l.merge_people("other", "Cd");
    l.restore();
    l.pass(kDay * 9);
    EXPECT_EQ(l.stands("d"), "uncertain") << denied_before << l.history("d");
    EXPECT_EQ(l.beside_the_range({"d"}), "") << denied_before;
  }
}

TEST(GapPlaces, WhoWasMergedIntoSomebodyWhoDeniesMayHaveBeenToldBefore) {
  for (const bool late : {false, true}) {
    GapTale l;
    l.person("denies");
    l.say_consent("denies", ConsentState::denied);
    l.settle();
    l.back_up();
    l.win("d");
    l.settle();
    if (!late) l.merge_people("Cd", "denies");
    l.restore();
    if (late) l.merge_people("Cd", "denies");
    l.pass(kDay * 9);
    EXPECT_EQ(l.stands("d"), "uncertain") << late << l.history("d");
    EXPECT_EQ(l.beside_the_range({"d"}), "") << late;
  }
}

TEST(GapPlaces, WhatWasForbiddenSinceBeforeTheBackupWasNotTold) {
  GapTale l;
  l.person("other");
  l.person("P");
  l.say_consent("other", ConsentState::denied);
  l.merge_people("other", "P");
  l.settle();
  l.back_up();
  l.win_of("d", "P");
  l.settle();
  l.restore();
  l.pass(kDay * 9);
  EXPECT_EQ(l.stands("d"), "missing consent") << l.history("d");
}

}  // namespace
}  // namespace hw::reconcile
