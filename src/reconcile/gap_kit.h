#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance/loop.h"
#include "store/backup.h"

/// What tests of the gap between a backup and its restore begin with.
namespace hw::reconcile::test {

/// The CRM keeps the history of every field; what happened since the backup is shown again after the restore.
class GapStory : public conformance::Loop {
 public:
  explicit GapStory(connect::Contract contract = conformance::generous(), Duration settle = {})
      : conformance::Loop(std::move(contract)) {
    settings.destinations[0].settle = settle;
    start();
  }

  void tell(const std::vector<Record>& page) {
    seen(page);
    take(page);
  }
  void person(const std::string& id) {
    contact(id, "click-" + id);
    seen({shown(Object::contact, id)});
  }
  void win_of(const std::string& id, const std::string& contact, const std::string& amount = "100") {
    deal(id, contact, "won", amount);
    const RecordState& r = shown(Object::deal, id);
    std::vector<Record> page{r, tie(id, contact, r.modified)};
    for (const char* field : {"stage", "amount", "currency"})
      page.push_back(FieldChange{r.ref, field, r.fields.at(field), r.modified, Basis::crm_history});
    tell(page);
  }
  void win(const std::string& id, const std::string& amount = "100") {
    person("C" + id);
    win_of(id, "C" + id, amount);
  }
  void change(const std::string& id, const std::string& field, const std::string& value) {
    set(id, field, value);
    const RecordState& r = shown(Object::deal, id);
    seen({r, FieldChange{r.ref, field, value, r.modified, Basis::crm_history}});
  }
  void say_consent(const std::string& id, ConsentState state) {
    consent(id, state);
    seen({shown(Object::contact, id)});
  }
  void merge_people(const std::string& loser, const std::string& winner) {
    clock.advance(std::chrono::seconds(1));
    tell({Merge{{"crm", Object::contact, loser}, winner, clock.system_now(), false}});
  }
  void remove_or_restore(const std::string& id, Removal::Kind kind) {
    tell({Removal{{"crm", Object::deal, id}, kind, clock.system_now()}});
  }
  void merge_or_part(const std::string& loser, const std::string& winner, bool parted) {
    tell({Merge{{"crm", Object::deal, loser}, winner, clock.system_now(), parted}});
  }
  static Association tie(const std::string& id, const std::string& contact, Timestamp at) {
    Association a;
    a.from = {"crm", Object::deal, id};
    a.to = {{.id = contact, .role = "primary", .primary = true}};
    a.at = at;
    return a;
  }
  void back_up(const std::string& name = "backup") {
    clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(store::back_up(*db, folder(), folder() + "/" + name + ".db", clock.system_now()));
    since_[name].clear();
  }
  void restore(const std::string& name = "backup") {
    clock.advance(std::chrono::seconds(1));
    restored_ = name;
    db.reset();
    ASSERT_TRUE(store::restore(folder(), folder() + "/" + name + ".db", clock.system_now()));
    db = std::make_unique<conformance::TestDb>(*store::Db::open({.path = store_file(), .postgres = {}}));
    start();
  }
  void read_again() {
    for (const auto& page : since_[restored_]) take(page);
  }
  /// The CRM is read anew, and everything has its time.
  void restore_and_settle() {
    restore();
    read_again();
    pass(conformance::kDay * 9);
  }
  void forget_shown() { since_.clear(); }
  std::int64_t all_believed() {
    std::int64_t sum = 0;
    for (const auto& [key, b] : sink().believed) sum += b.micros;
    return sum / conformance::kUnit;
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
        out += id + " " + s->state + " " + s->reason + " " + std::to_string(s->b_low / conformance::kUnit) + ".." +
               std::to_string(s->b_high / conformance::kUnit) + ": " + history(id) + "; ";
      }
    for (const auto& [key, b] : sink().believed)
      if (b.micros != 0) is[b.currency] += b.micros;
    std::string wrong;
    for (const auto& [currency, sum] : is) said[currency];
    for (const auto& [currency, r] : said)
      if (is[currency] < r.first || is[currency] > r.second)
        wrong += "platform " + std::to_string(is[currency] / conformance::kUnit) + " " + currency + ", ledger " +
                 std::to_string(r.first / conformance::kUnit) + ".." + std::to_string(r.second / conformance::kUnit) +
                 " " + currency + "; ";
    return wrong.empty() ? "" : wrong + out;
  }

  std::int64_t retractions() {
    std::int64_t n = 0;
    for (const auto& a : sink().log) n += a.body.starts_with("retract") ? 1 : 0;
    return n;
  }

 private:
  std::string folder() const { return std::filesystem::path(store_file()).parent_path(); }
  void seen(const std::vector<Record>& page) {
    for (auto& [backup, pages] : since_) pages.push_back(page);
  }

  std::map<std::string, std::vector<std::vector<Record>>> since_;  ///< each backup, page by page
  std::string restored_;
};

inline connect::Contract zero_is_final() {
  connect::Contract c = conformance::generous();
  c.zero = connect::ZeroRule::final_retraction;
  return c;
}
inline connect::Contract restates_alone() {
  connect::Contract c = conformance::generous();
  c.operations = {Operation::upload, Operation::restate};
  return c;
}
inline connect::Contract corrections_repeat() {
  connect::Contract c = conformance::generous();
  c.dedup.of_uploads_alone = true;
  return c;
}
inline const std::vector<connect::Contract>& corrigible() {
  static const std::vector<connect::Contract> all{zero_is_final(), restates_alone(), conformance::generous()};
  return all;
}

}  // namespace hw::reconcile::test
