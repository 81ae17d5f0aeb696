#include "reconcile/reconciler.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/crash_point.h"
#include "base/hash.h"
#include "base/log.h"
#include "reconcile/adopt.h"
#include "reconcile/fingerprint.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using store::Durability;
using store::Tx;
namespace rows = store::ledger_rows;
namespace service_rows = store::service_rows;

constexpr const char* kActor = "reconcile";

/// Go-live of a destination belongs to its mode: a test run never makes live history.
std::string go_live_scope(Mode mode) { return std::string("destination:") + to_string(mode); }

Timestamp later_go_live(Tx& tx, const settings::Settings& settings, const settings::Destination& d, Timestamp now) {
  Timestamp at = d.go_live.value_or(rows::go_live(tx, go_live_scope(d.mode), d.name).value_or(now));
  const settings::Goal* goal = settings.goal(d.goal);
  if (goal != nullptr && goal->go_live) at = std::max(at, *goal->go_live);
  return at;
}

std::vector<DestinationPlan> plans(Tx& tx, const settings::Settings& settings, const settings::Connectors& connectors,
                                   Timestamp now) {
  std::vector<DestinationPlan> out;
  for (const settings::Destination& d : settings.destinations) {
    DestinationPlan p{.destination = &d,
                      .sinks = settings::sinks_of(d, connectors),
                      .contract = {},
                      .go_live = later_go_live(tx, settings, d, now)};
    if (p.sinks.upload == nullptr) continue;  // its connector is disabled
    p.contract = p.sinks.contract(d);
    out.push_back(std::move(p));
  }
  return out;
}

/// Lowerings of a destination that have just gone or are about to: what the brake judges.
struct Lowered {
  std::int64_t n = 0, micros = 0;
};

Lowered lowered(Tx& tx, const DestinationPlan& plan, const std::string& currency, Timestamp since, Timestamp until) {
  Lowered sum;
  for (const auto& l : rows::lowerings_since(tx, plan.destination->name, since)) {
    sum.n += l.n;
    if (l.currency == currency) sum.micros += l.micros;
  }
  for (const auto& l : rows::lowering_candidates(tx, plan.destination->name, plan.destination->goal, until)) {
    sum.n += l.n;
    if (l.currency == currency) sum.micros += l.micros;
  }
  return sum;
}

std::int64_t told_value(Tx& tx, const settings::Destination& d, const std::string& currency) {
  std::int64_t told = 0;
  for (const auto& t : rows::totals(tx))
    if (t.destination == d.name && t.line == "told" && t.currency == currency) told += t.micros;
  return told;
}

}  // namespace

Reconciler::Reconciler(const settings::Settings& settings, const settings::Connectors& connectors, store::Db& db,
                       const Clock& clock)
    : settings_(settings), connectors_(connectors), db_(db), clock_(clock) {}

Status Reconciler::start() {
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Status {
    for (const settings::Destination& d : settings_.destinations)
      if (!d.go_live && !rows::go_live(tx, go_live_scope(d.mode), d.name))
        rows::set_go_live(tx, go_live_scope(d.mode), d.name, now);
    for (const settings::Goal& g : settings_.goals) {
      const std::string key = "fingerprint:goal:" + g.name;
      const std::string now_is = fingerprint(settings_, g);
      if (service_rows::meta(tx, key) == now_is) continue;
      service_rows::mark_all(tx, to_string(g.subject), "configuration");
      service_rows::set_meta(tx, key, now_is);
    }
    return {};
  });
}

Result<Frame> Reconciler::frame() {
  const Timestamp now = clock_.system_now();
  return db_.read([&](Tx& tx) -> Result<Frame> {
    return Frame{
        .settings = &settings_, .plans = plans(tx, settings_, connectors_, now), .now = now, .brake_closed = {}};
  });
}

/// No conversion is made before each record and touch source has finished its first sweep: click and key freeze at
/// first send.
Result<bool> Reconciler::sources_swept() {
  if (swept_) return true;
  return db_.read([&](Tx& tx) -> Result<bool> {
    for (const auto& [name, connector] : connectors_) {
      if (connector->records() != nullptr && !service_rows::meta(tx, "swept:" + name + ":records")) return false;
      if (connector->touches() != nullptr && !service_rows::meta(tx, "swept:" + name + ":touches")) return false;
    }
    return true;
  });
}

Result<Reconciler::Pass> Reconciler::step(std::stop_token stop, std::size_t limit) {
  Pass pass;
  auto swept = sources_swept();
  if (!swept) return swept.error();
  swept_ = *swept;
  if (!swept_) {
    pass.gated = true;
    return pass;
  }
  const Timestamp now = clock_.system_now();
  auto subjects = db_.read([&](Tx& tx) -> Result<std::vector<std::int64_t>> {
    std::vector<std::int64_t> out;
    for (const auto& d : service_rows::dirty(tx, static_cast<std::int64_t>(limit))) out.push_back(d.record_id);
    std::set<std::int64_t> known(out.begin(), out.end());
    for (const auto& due : rows::due_standings(tx, now, static_cast<std::int64_t>(limit)))
      if (known.insert(due.record_id).second) out.push_back(due.record_id);
    return out;
  });
  if (!subjects) return subjects.error();
  if (!subjects->empty()) {
    auto plan = frame();
    if (!plan) return plan.error();
    for (std::size_t i = 0; i < subjects->size() && !stop.stop_requested(); i += 50) {
      const std::size_t end = std::min(subjects->size(), i + 50);
      auto done = work_off(
          {subjects->begin() + static_cast<std::ptrdiff_t>(i), subjects->begin() + static_cast<std::ptrdiff_t>(end)},
          *plan);
      if (!done) return done.error();
      pass.subjects += *done;
      crash_point("reconcile.committed");
    }
    if (auto released = release_brakes(); !released) return released.error();
  }
  auto next = db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    if (!service_rows::dirty(tx, 1).empty()) return std::optional(now);
    return rows::next_due_standing(tx);
  });
  if (!next) return next.error();
  pass.next = *next;
  return pass;
}

Result<std::size_t> Reconciler::work_off(const std::vector<std::int64_t>& subjects, const Frame& base) {
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    Frame frame = base;
    frame.brake_closed = [&](const DestinationPlan& p, const std::string& currency, std::int64_t micros) {
      return brake_closed(tx, p, currency, micros);
    };
    for (std::int64_t record : subjects) {
      const auto mark = service_rows::dirty_of(tx, record);
      if (auto s = reconcile_one(tx, frame, record); !s) return s.error();
      if (mark) service_rows::clear_dirty(tx, record, mark->seq);
    }
    return subjects.size();
  });
}

Status Reconciler::reconcile_one(Tx& tx, Frame& frame, std::int64_t record) {
  auto subject = load_subject(tx, record);
  if (!subject) return {};
  adopt_from_merged(tx, *subject);
  for (ConversionWork& work : assess(tx, frame, *subject)) apply(tx, std::move(work));
  rest_unasked(tx, record, frame.now);
  return {};
}

/// A standing that is due even now belongs to a goal or destination that left the configuration: nothing looks at it
/// again before something changes.
void Reconciler::rest_unasked(Tx& tx, std::int64_t record, Timestamp now) {
  for (const auto& c : rows::conversions_of_record(tx, record)) {
    for (store::Standing& s : rows::standings(tx, c.id)) {
      if (!s.look_again_at || *s.look_again_at > now) continue;
      s.look_again_at.reset();
      rows::put_standing(tx, s, ledger::contributions);
    }
  }
}

void Reconciler::apply(Tx& tx, ConversionWork work) {
  const Timestamp now = clock_.system_now();
  std::int64_t id = work.conversion.id;
  if (id == 0) id = rows::add_conversion(tx, work.conversion);
  if (work.time_moved)
    rows::set_conversion_time(tx, id, work.conversion.entered_at, work.conversion.at, work.conversion.at_basis);
  for (Work& w : work.work) {
    const std::string& destination = w.plan->destination->name;
    if (w.supersede) {
      auto old = rows::upload(tx, *w.supersede);
      const UploadState from = old->state;
      old->state = UploadState::superseded;
      old->detail = "another value or item is wanted now";
      rows::move(tx, *old, from, kActor, now);
      // The place is free now: what is wanted instead is judged in the next round.
      service_rows::mark_dirty(tx, work.conversion.record_id, "superseded");
    }
    if (w.stop) {
      auto frozen = rows::upload(tx, *w.stop);
      frozen->state = UploadState::uncertain;
      frozen->code = "consent";
      frozen->detail = "consent was withdrawn before its answer came";
      rows::move(tx, *frozen, UploadState::retrying, kActor, now);
      service_rows::mark_dirty(tx, work.conversion.record_id, "consent");
    }
    if (w.replace) {
      const auto& u = w.replace->second;
      rows::replace_item(tx, w.replace->first, u.item, u.value_micros, u.currency, u.not_before, u.expires_at,
                         u.consent);
    }
    if (w.make) {
      w.make->conversion_id = id;
      rows::add_upload(tx, *w.make, kActor);
      if (w.lowering) rows::add_lowering(tx, destination, now, id, w.lowering_micros, w.make->currency);
    }
    if (w.click) rows::choose_click(tx, work.conversion.lineage, destination, *w.click, now);
    w.standing.conversion_id = id;
    rows::put_standing(tx, w.standing, ledger::contributions);
  }
}

bool Reconciler::brake_closed(Tx& tx, const DestinationPlan& plan, const std::string& currency, std::int64_t micros) {
  const settings::Destination& d = *plan.destination;
  const Timestamp now = clock_.system_now();
  auto brake = rows::open_brake(tx, d.name);
  if (brake) return !brake->approved_at.has_value();
  // What a person let go is not held against what comes after.
  Timestamp since = now - std::chrono::hours(24);
  for (const auto& old : rows::brakes(tx))
    if (old.destination == d.name && old.released_at) since = std::max(since, *old.released_at + Duration(1));
  Lowered sum = lowered(tx, plan, currency, since, now + std::chrono::hours(1));
  sum.n = std::max<std::int64_t>(sum.n, 1);
  sum.micros = std::max(sum.micros, micros);
  const std::int64_t told = told_value(tx, d, currency);
  const bool many = sum.n > d.max_lowering_count;
  const bool much = sum.n >= 5 && told > 0 && sum.micros > told / 1'000'000 * d.max_lowering_millionths;
  if (!many && !much) return false;
  const std::int64_t id = rows::set_brake(tx, d.name, now);
  log_event(Level::error, "braked",
            {{"destination", d.name},
             {"conversions", sum.n},
             {"action", "look at `headwater plan`, then `headwater plan approve " + std::to_string(id) + "`"}});
  return true;
}

/// An approved brake ends when nothing waits behind it any more.
Status Reconciler::release_brakes() {
  auto approved = db_.read([&](Tx& tx) -> Result<bool> {
    const auto all = rows::brakes(tx);
    return std::any_of(all.begin(), all.end(), [](const auto& b) { return b.approved_at && !b.released_at; });
  });
  if (!approved) return approved.error();
  if (!*approved) return {};
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Status {
    for (const auto& b : rows::brakes(tx)) {
      if (b.released_at || !b.approved_at) continue;
      if (rows::list_standings(tx, b.destination, "", "braked", 0, 1).empty())
        rows::release_brake(tx, b.id, clock_.system_now());
    }
    return {};
  });
}

Result<std::vector<PlannedChange>> plan(const settings::Settings& settings, const settings::Connectors& connectors,
                                        store::Db& db, const Clock& clock) {
  return db.read([&](Tx& tx) -> Result<std::vector<PlannedChange>> {
    const Timestamp now = clock.system_now();
    Frame frame{.settings = &settings,
                .plans = plans(tx, settings, connectors, now),
                .now = now,
                .brake_closed = [](const DestinationPlan&, const std::string&, std::int64_t) { return false; }};
    std::map<std::tuple<std::string, std::string, std::string, std::string>, PlannedChange> sums;
    for (Object object : {Object::lead, Object::contact, Object::account, Object::deal}) {
      std::int64_t after = 0;
      for (;;) {
        auto ids = store::records::walk(tx, object, after, 1000);
        if (ids.empty()) break;
        after = ids.back();
        for (std::int64_t id : ids) {
          auto subject = load_subject(tx, id);
          if (!subject) continue;
          for (const ConversionWork& c : assess(tx, frame, *subject)) {
            for (const Work& w : c.work) {
              if (!w.make) continue;
              auto& sum =
                  sums[{w.plan->destination->name, c.conversion.goal, to_string(w.make->operation), w.make->currency}];
              sum.destination = w.plan->destination->name;
              sum.goal = c.conversion.goal;
              sum.operation = to_string(w.make->operation);
              sum.currency = w.make->currency;
              ++sum.n;
              sum.micros += w.lowering ? w.lowering_micros : w.make->value_micros.value_or(0);
            }
          }
        }
      }
    }
    std::vector<PlannedChange> out;
    for (auto& [key, change] : sums) out.push_back(std::move(change));
    return out;
  });
}

}  // namespace hw::reconcile
