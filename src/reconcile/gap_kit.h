#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
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
  void back_up(const std::string& name = "backup") {
    ASSERT_TRUE(store::back_up(*db, folder(), folder() + "/" + name + ".db", clock.system_now()));
    seen_.clear();
  }
  void restore(const std::string& name = "backup") {
    db.reset();
    ASSERT_TRUE(store::restore(folder(), folder() + "/" + name + ".db", clock.system_now()));
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
    return sum / conformance::kUnit;
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
    const std::int64_t believed = all_believed() * conformance::kUnit;
    if (low <= believed && believed <= high) return "";
    return std::to_string(believed / conformance::kUnit) + " is not in " + std::to_string(low / conformance::kUnit) +
           ".." + std::to_string(high / conformance::kUnit) + ": " + out;
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
