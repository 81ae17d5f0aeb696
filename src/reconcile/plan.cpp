#include "reconcile/plan.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <tuple>

#include "reconcile/adopt.h"
#include "reconcile/fingerprint.h"
#include "reconcile/restored.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using store::Tx;
namespace rows = store::ledger_rows;

std::string told_of_key(const settings::Destination& d) { return "told_of:" + go_live_scope(d.mode) + ":" + d.name; }

/// Of the goal that the destination is told of, where it was told of another one before; a name is a goal's identity.
std::string goal_scope(const settings::Destination& d) { return go_live_scope(d.mode) + ":" + d.goal; }

Timestamp later_go_live(Tx& tx, const settings::Settings& settings, const settings::Destination& d, Timestamp now) {
  const Timestamp at = d.go_live.value_or(rows::go_live(tx, go_live_scope(d.mode), d.name).value_or(now));
  const settings::Goal* goal = settings.goal(d.goal);
  if (goal != nullptr && goal->go_live) return std::max(at, *goal->go_live);
  const auto told_of = store::service_rows::meta(tx, told_of_key(d));
  if (told_of && *told_of != d.goal) return std::max(at, now);  // a candidate's
  return std::max(at, rows::go_live(tx, goal_scope(d), d.name).value_or(at));
}

/// A configuration that was not started yet mends with its start.
std::int64_t mended_row(Tx& tx, const settings::Settings& settings, const settings::Destination& d) {
  const auto known = store::service_rows::meta(tx, fingerprint_key(d.name));
  if (known && *known != fingerprint(settings, d)) return rows::last_upload(tx);
  const auto kept = store::service_rows::meta(tx, mended_key(d.name));
  return kept ? std::strtoll(kept->c_str(), nullptr, 10) : 0;
}

/// Shows every row that would be made now to `see`, until it says no.
Status each_row(const settings::Settings& settings, const settings::Connectors& connectors, store::Db& db,
                const Clock& clock, const std::function<bool(const ConversionWork&, const Work&)>& see) {
  return db.read([&](Tx& tx) -> Status {
    const Timestamp now = clock.system_now();
    Frame frame{.settings = &settings,
                .plans = destination_plans(tx, settings, connectors, now),
                .now = now,
                .brake_closed = [](const auto&...) { return false; },
                .histories = history_sources(connectors)};
    for (Object object : {Object::lead, Object::contact, Object::account, Object::deal}) {
      std::int64_t after = 0;
      for (auto ids = store::records::walk(tx, object, after, 1000); !ids.empty();
           ids = store::records::walk(tx, object, after, 1000)) {
        after = ids.back();
        for (std::int64_t id : ids) {
          auto subject = load_subject(tx, id);
          if (!subject) continue;
          for (const ConversionWork& c : assess(tx, frame, *subject, conversions_after_merges(tx, *subject)))
            for (const Work& w : c.work)
              if (w.make && w.make->state == UploadState::pending && !see(c, w)) return {};
        }
      }
    }
    return {};
  });
}

}  // namespace

connect::Contract DestinationPlan::contract_of(const store::StoredUpload& row) const {
  if (row.account == sinks.target.account && row.action == sinks.target.action) return contract;
  return sinks.contract(*destination, sinks.target_at(row.account, row.action));
}

bool DestinationPlan::backfilled(Timestamp entered) const {
  return entered < go_live && std::any_of(backfills.begin(), backfills.end(), [&](const store::StoredBackfill& b) {
           return b.from <= entered && entered < b.to;
         });
}

namespace {
std::string moved_key(const std::string& destination) { return "moved_in_gap:destination:" + destination; }
}  // namespace

std::string fingerprint_key(const std::string& destination) { return "fingerprint:destination:" + destination; }

std::string mended_key(const std::string& destination) { return "mended_row:destination:" + destination; }

void note_go_live(Tx& tx, const settings::Destination& d, Timestamp now) {
  if (!d.go_live && !rows::go_live(tx, go_live_scope(d.mode), d.name))
    rows::set_go_live(tx, go_live_scope(d.mode), d.name, now);
  const auto told_of = store::service_rows::meta(tx, told_of_key(d));
  if (told_of == d.goal) return;
  if (told_of) rows::set_go_live(tx, goal_scope(d), d.name, now);
  store::service_rows::set_meta(tx, told_of_key(d), d.goal);
}

void note_place(Tx& tx, const settings::Destination& d, bool first_after_restore) {
  const std::string key = "place:destination:" + d.name, now_is = d.upload_by + "\n" + d.account + "\n" + d.action;
  const auto before = store::service_rows::meta(tx, key);
  if (first_after_restore) store::service_rows::set_meta(tx, moved_key(d.name), before && before != now_is ? "1" : "");
  if (before != now_is) store::service_rows::set_meta(tx, key, now_is);
}

std::string go_live_scope(Mode mode) { return std::string("destination:") + to_string(mode); }

std::vector<DestinationPlan> destination_plans(Tx& tx, const settings::Settings& settings,
                                               const settings::Connectors& connectors, Timestamp now) {
  std::vector<DestinationPlan> out;
  const auto asked = store::backfills::list(tx);
  const auto gap = store::backups::gap(tx);
  for (const settings::Destination& d : settings.destinations) {
    DestinationPlan p{.destination = &d,
                      .sinks = settings::sinks_of(d, connectors),
                      .contract = {},
                      .go_live = later_go_live(tx, settings, d, now),
                      .backfills = {},
                      .mended_row = 0,
                      .moved_in_gap = store::service_rows::meta(tx, moved_key(d.name)) == "1",
                      .gap = is_doubtful(tx, d.name) ? gap : std::nullopt};
    if (!p.sinks.complete()) continue;
    p.mended_row = mended_row(tx, settings, d);
    std::copy_if(asked.begin(), asked.end(), std::back_inserter(p.backfills),
                 [&](const auto& b) { return b.destination == d.name && b.goal == d.goal && b.mode == d.mode; });
    p.contract = p.sinks.contract(d);
    out.push_back(std::move(p));
  }
  return out;
}

Result<std::vector<PlannedChange>> plan(const settings::Settings& settings, const settings::Connectors& connectors,
                                        store::Db& db, const Clock& clock) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, PlannedChange> sums;
  auto seen = each_row(settings, connectors, db, clock, [&](const ConversionWork& c, const Work& w) {
    const settings::Destination& d = *w.plan->destination;
    auto& sum = sums[{d.name, c.conversion.goal, to_string(w.make->operation), w.make->currency}];
    sum.destination = d.name;
    sum.goal = c.conversion.goal;
    sum.operation = to_string(w.make->operation);
    sum.currency = w.make->currency;
    sum.mode = d.mode;
    ++sum.n;
    sum.micros += w.lowering ? w.lowering_micros : w.make->value_micros.value_or(0);
    return true;
  });
  if (!seen) return seen.error();
  std::vector<PlannedChange> out;
  for (auto& [key, change] : sums) out.push_back(std::move(change));
  return out;
}

Result<std::vector<store::StoredUpload>> shadow_rows(const settings::Settings& settings,
                                                     const settings::Connectors& connectors, store::Db& db,
                                                     const Clock& clock, std::string_view destination,
                                                     std::size_t limit) {
  std::vector<store::StoredUpload> out;
  auto seen = each_row(settings, connectors, db, clock, [&](const ConversionWork&, const Work& w) {
    if (w.shadow && w.plan->destination->name == destination) out.push_back(*w.make);
    return out.size() < limit;
  });
  if (!seen) return seen.error();
  return out;
}

}  // namespace hw::reconcile
