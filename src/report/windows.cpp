#include "report/windows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/zone.h"
#include "ledger/transitions.h"
#include "reconcile/plan.h"
#include "reconcile/subject.h"
#include "report/cells.h"
#include "store/ledger_rows.h"

namespace hw::report {
namespace {

using reconcile::DestinationPlan;
using store::ledger_rows::Listed;
namespace rows = store::ledger_rows;

constexpr std::int64_t kWindowsAtOnce = 1000;
/// Reasons that may pass, so that the conversion can still be told.
constexpr const char* kPassing[] = {"waiting", "too_recent", "consent", "history_pending", "no_identifier"};

struct Leaving {
  Timestamp at;
  std::vector<std::string> cells;
};

/// The click that an assessment would have taken, kept for explain.
std::optional<Timestamp> click_of_story(const std::string& story) {
  const auto j = nlohmann::json::parse(story, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object() || !j.contains("chosen") || !j["chosen"].contains("at")) return std::nullopt;
  auto at = read_time(j["chosen"]["at"].get<std::string>(), Zone::utc());
  return at ? std::optional(at->at) : std::nullopt;
}

/// By the contract: nothing was prepared yet.
std::optional<Timestamp> window_of(store::Tx& tx, const DestinationPlan& plan, const Listed& l) {
  if (const auto click = click_of_story(l.standing.story)) return *click + plan.contract.click_window;
  if (!plan.contract.hash_forms.empty()) {
    auto subject = reconcile::load_subject(tx, l.conversion.record_id);
    return subject ? std::optional(subject->lead_created + plan.contract.user_data_window) : std::nullopt;
  }
  if (plan.contract.conversion_window > Duration{}) return l.conversion.at + plan.contract.conversion_window;
  return std::nullopt;
}

std::optional<Timestamp> leaves_at(store::Tx& tx, const DestinationPlan& plan, const Listed& l) {
  for (const auto& u : rows::uploads(tx, l.conversion.id, plan.destination->name))
    if (u.state == UploadState::pending || (u.state == UploadState::retrying && !ledger::sent(u))) return u.expires_at;
  return window_of(tx, plan, l);
}

std::string days_left(Timestamp from, Timestamp to) {
  constexpr std::int64_t kTenthOfDay = 8'640'000'000;
  const std::int64_t tenths = (to - from).count() / kTenthOfDay;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::vector<std::string> cells_of(store::Tx& tx, const Listed& l, Timestamp at, Timestamp now, const Zone& zone) {
  const auto record = store::records::get(tx, l.conversion.record_id);
  return {l.standing.destination,
          l.standing.goal,
          record ? to_string(record->ref.object) : "",
          record ? record->ref.id : "",
          amount_cell(l.standing.t_micros, l.standing.t_currency),
          l.standing.t_currency,
          time_cell(at, zone),
          days_left(now, at),
          l.standing.reason,
          l.standing.detail};
}

}  // namespace

Table windows(store::Tx& tx, const settings::Settings& settings, const settings::Connectors& connectors, Timestamp now,
              Duration within) {
  Table t{.name = "windows",
          .title = "Missing, and about to leave the platform's window",
          .columns = {{"destination", "Destination"},
                      {"goal", "Goal"},
                      {"object", "Object"},
                      {"id", "Id"},
                      {"value", "Value", Holds::number},
                      {"currency", "Currency"},
                      {"leaves", "Leaves"},
                      {"days_left", "Days left", Holds::number},
                      {"reason", "Waits for"},
                      {"detail", "Detail", Holds::advice}},
          .rows = {},
          .note = "headwater explain OBJECT ID says what each of them lacks."};
  std::vector<Leaving> leaving;
  for (const DestinationPlan& plan : reconcile::destination_plans(tx, settings, connectors, now)) {
    for (const char* reason : kPassing) {
      std::int64_t after = 0;
      for (auto some = rows::list_standings(tx, plan.destination->name, "", reason, after, kWindowsAtOnce);
           !some.empty(); some = rows::list_standings(tx, plan.destination->name, "", reason, after, kWindowsAtOnce)) {
        after = some.back().conversion.id;
        for (const Listed& l : some) {
          if (l.standing.state != "missing" || !l.standing.b_currency.empty()) continue;
          const auto at = leaves_at(tx, plan, l);
          if (at && *at > now && *at <= now + within)
            leaving.push_back({*at, cells_of(tx, l, *at, now, settings.zone)});
        }
      }
    }
  }
  std::stable_sort(leaving.begin(), leaving.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  for (Leaving& l : leaving) t.rows.push_back(std::move(l.cells));
  return t;
}

}  // namespace hw::report
