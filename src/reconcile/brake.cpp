#include "reconcile/brake.h"

#include <algorithm>

#include "base/log.h"

namespace hw::reconcile {
namespace {

using store::Tx;
namespace rows = store::ledger_rows;

/// What will fall due within the hour belongs to the same wave.
constexpr Duration kSoon = std::chrono::hours(1);
constexpr std::int64_t kFewest = 5;  ///< below this many no share of the value brakes

void add(Lowered& sum, const std::vector<rows::Lowerings>& lowerings, const std::string& currency) {
  for (const auto& l : lowerings) {
    sum.n += l.n;
    if (l.currency == currency) sum.micros += l.micros;
  }
}

/// Is the conversion among the ones that wait already?
bool waits(Tx& tx, const DestinationPlan& plan, std::int64_t conversion, Timestamp until) {
  const auto s = rows::standing(tx, conversion, plan.destination->name);
  return s && (s->reason == "settling" || s->reason == "braked") && (!s->look_again_at || *s->look_again_at <= until);
}

std::int64_t told_value(Tx& tx, const settings::Destination& d, const std::string& currency) {
  std::int64_t told = 0;
  for (const auto& t : rows::totals(tx))
    if (t.destination == d.name && t.line == "told" && t.currency == currency) told += t.micros;
  return told;
}

/// What a person let go is not held against what comes after.
Timestamp counted_since(Tx& tx, const settings::Destination& d, Timestamp now) {
  Timestamp since = now - std::chrono::hours(24);
  for (const auto& old : rows::brakes(tx))
    if (old.destination == d.name && old.released_at && old.approved_at)
      since = std::max(since, *old.released_at + Duration(1));
  return since;
}

/// What went lately, what waits, and this one.
Lowered all_lowered(Tx& tx, const DestinationPlan& plan, std::int64_t conversion, const std::string& currency,
                    std::int64_t micros, Timestamp now) {
  const settings::Destination& d = *plan.destination;
  Lowered sum;
  add(sum, rows::lowerings_since(tx, d.name, counted_since(tx, d, now)), currency);
  add(sum, rows::lowering_candidates(tx, d.name, d.goal, now + kSoon), currency);
  if (!waits(tx, plan, conversion, now + kSoon)) {
    sum.n += 1;
    sum.micros += micros;
  }
  return sum;
}

bool too_much(Tx& tx, const DestinationPlan& plan, const Lowered& sum, const std::string& currency) {
  const settings::Destination& d = *plan.destination;
  if (sum.n > d.max_lowering_count) return true;
  const std::int64_t told = told_value(tx, d, currency);
  return sum.n >= kFewest && told > 0 && sum.micros > told / 1'000'000 * d.max_lowering_millionths;
}

}  // namespace

bool brake_closed(Tx& tx, const DestinationPlan& plan, std::int64_t conversion, const std::string& currency,
                  std::int64_t micros, Timestamp now) {
  const settings::Destination& d = *plan.destination;
  if (auto brake = rows::open_brake(tx, d.name)) return !brake->approved_at.has_value();
  const Lowered sum = all_lowered(tx, plan, conversion, currency, micros, now);
  if (!too_much(tx, plan, sum, currency)) return false;
  const std::int64_t id = rows::set_brake(tx, d.name, now);
  log_event(Level::error, "braked",
            {{"destination", d.name},
             {"conversions", sum.n},
             {"action", "look at `headwater plan`, then `headwater plan approve " + std::to_string(id) + "`"}});
  return true;
}

bool would_brake(Tx& tx, const DestinationPlan& plan, std::int64_t conversion, const std::string& currency,
                 std::int64_t micros, Timestamp now, const Lowered& besides) {
  if (auto brake = rows::open_brake(tx, plan.destination->name)) return !brake->approved_at.has_value();
  Lowered sum = all_lowered(tx, plan, conversion, currency, micros, now);
  sum.n += besides.n;
  sum.micros += besides.micros;
  return too_much(tx, plan, sum, currency);
}

bool approve_brake(Tx& tx, std::int64_t id, const std::string& actor, Timestamp now) {
  for (const auto& b : rows::brakes(tx)) {
    if (b.id != id || b.approved_at || b.released_at) continue;
    rows::approve_brake(tx, id, actor, now);
    rows::mark_standings(tx, b.destination, "braked", "approved");
    return true;
  }
  return false;
}

Status release_brakes(store::Db& db, Timestamp now) {
  auto open = db.read([&](Tx& tx) -> Result<bool> {
    const auto all = rows::brakes(tx);
    return std::any_of(all.begin(), all.end(), [](const auto& b) { return !b.released_at; });
  });
  if (!open) return open.error();
  if (!*open) return {};
  return db.transact(store::Durability::ledger, [&](Tx& tx) -> Status {
    for (const auto& b : rows::brakes(tx)) {
      if (b.released_at || rows::any_standing(tx, b.destination, "braked")) continue;
      rows::release_brake(tx, b.id, now);
      log_event(Level::info, "brake_released", {{"destination", b.destination}, {"brake", b.id}});
    }
    return {};
  });
}

}  // namespace hw::reconcile
