#include "reconcile/backfill.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "reconcile/adopt.h"
#include "reconcile/plan.h"

namespace hw::reconcile {
namespace {

using store::StoredBackfill;
using store::Tx;

bool spans(const StoredBackfill& b, Timestamp at) { return b.from <= at && at < b.to; }

/// What has not left stays here; what was told goes on being corrected.
std::string stop(Tx& tx, const StoredBackfill& b) {
  const auto known = store::backfills::remove(tx, b.goal, b.destination);
  if (known.empty()) return fmt::format("there is no backfill of goal {} for destination {}", b.goal, b.destination);
  std::int64_t left = 0;
  for (const StoredBackfill& k : known) {
    left += store::backfills::progress(tx, k).left;
    store::backfills::mark(tx, k.goal, k.from, k.to, "backfill stopped");
  }
  return fmt::format("backfill: stopped; {} rows had not left", left);
}

class Sum {
 public:
  void add(const Work& w) {
    const bool sent = w.make && w.make->state == UploadState::pending;
    const std::string state = sent ? "sent" : w.standing.state;
    const std::string reason = sent ? "" : w.standing.reason;
    // What is not wanted at a destination still has a value: what the CRM says of it.
    const bool by_crm = w.standing.t_micros == 0 && !w.standing.crm_currency.empty();
    const std::string currency = by_crm ? w.standing.crm_currency : w.standing.t_currency;
    Backfilled& sum = sums_[{state, reason, currency}];
    sum.state = state;
    sum.reason = reason;
    sum.currency = currency;
    ++sum.n;
    sum.micros += by_crm ? w.standing.crm_micros : w.standing.t_micros;
  }
  [[nodiscard]] std::vector<Backfilled> all() const {
    std::vector<Backfilled> out;
    for (const auto& [key, sum] : sums_) out.push_back(sum);
    return out;
  }

 private:
  std::map<std::tuple<std::string, std::string, std::string>, Backfilled> sums_;
};

}  // namespace

Result<std::vector<Backfilled>> try_backfill(const settings::Settings& settings, const settings::Connectors& connectors,
                                             store::Db& db, const Clock& clock, const StoredBackfill& backfill) {
  const settings::Goal* goal = settings.goal(backfill.goal);
  return db.read([&](Tx& tx) -> Result<std::vector<Backfilled>> {
    const Timestamp now = clock.system_now();
    Frame frame{.settings = &settings,
                .plans = destination_plans(tx, settings, connectors, now),
                .now = now,
                .brake_closed = [](const auto&...) { return false; },
                .histories = history_sources(connectors)};
    for (DestinationPlan& p : frame.plans)
      if (p.destination->name == backfill.destination) p.backfills.push_back(backfill);
    Sum sum;
    std::int64_t after = 0;
    for (auto ids = store::records::walk(tx, goal->subject, after, 1000); !ids.empty();
         ids = store::records::walk(tx, goal->subject, after, 1000)) {
      after = ids.back();
      for (std::int64_t id : ids) {
        auto subject = load_subject(tx, id);
        if (!subject) continue;
        for (const ConversionWork& c : assess(tx, frame, *subject, conversions_after_merges(tx, *subject))) {
          if (c.conversion.goal != backfill.goal || !spans(backfill, c.conversion.entered_at)) continue;
          for (const Work& w : c.work)
            if (w.plan->destination->name == backfill.destination && w.plan->backfilled(c.conversion.entered_at))
              sum.add(w);
        }
      }
    }
    return sum.all();
  });
}

std::string to_text(const StoredBackfill& b) {
  return nlohmann::json{{"goal", b.goal},        {"destination", b.destination}, {"from", to_micros(b.from)},
                        {"to", to_micros(b.to)}, {"per_hour", b.per_hour},       {"mode", to_string(b.mode)}}
      .dump();
}

Result<StoredBackfill> backfill_from(std::string_view text) {
  const auto j = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  auto number = [&](const char* key) { return j[key].get<std::int64_t>(); };
  const bool whole = j.is_object() && j.contains("goal") && j["goal"].is_string() && j.contains("destination") &&
                     j["destination"].is_string() && j.contains("from") && j["from"].is_number_integer() &&
                     j.contains("to") && j["to"].is_number_integer() && j.contains("per_hour") &&
                     j["per_hour"].is_number_integer() && j.contains("mode") && j["mode"].is_string();
  Mode mode{};
  if (!whole || !from_string(j["mode"].get<std::string>(), mode))
    return Error{Action::reject_row, "backfill", "the request for a backfill is unreadable", {}, false};
  StoredBackfill b;
  b.goal = j["goal"].get<std::string>();
  b.destination = j["destination"].get<std::string>();
  b.from = from_micros(number("from"));
  b.to = from_micros(number("to"));
  b.per_hour = number("per_hour");
  b.mode = mode;
  return b;
}

StoredBackfill stop_of(std::string goal, std::string destination) {
  StoredBackfill b;
  b.goal = std::move(goal);
  b.destination = std::move(destination);
  b.per_hour = 0;
  return b;
}

std::string take_up(Tx& tx, const settings::Settings& settings, const StoredBackfill& b) {
  if (b.per_hour <= 0) return stop(tx, b);
  const settings::Destination* destination = settings.destination(b.destination);
  if (destination == nullptr || destination->goal != b.goal)
    return fmt::format("the running configuration has no destination {} for goal {}", b.destination, b.goal);
  if (destination->mode != b.mode)
    return fmt::format("destination {} is in mode {} in the running configuration, and in mode {} in yours: reload",
                       b.destination, to_string(destination->mode), to_string(b.mode));
  if (destination->mode == Mode::shadow)
    return fmt::format(
        "destination {} is in shadow, where nothing is sent: --dry-run shows what would be; ask again when "
        "it is live",
        b.destination);
  store::backfills::add(tx, b);
  const std::int64_t marked = store::backfills::mark(tx, b.goal, b.from, b.to, "backfill");
  return fmt::format("backfill: {} records are looked at; at most {} rows an hour leave, after all others", marked,
                     b.per_hour);
}

}  // namespace hw::reconcile
