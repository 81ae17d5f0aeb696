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
/// Reasons that may pass, by themselves or by a person, so that what is missing can still be told, and what is too much
/// taken back.
constexpr const char* kPassing[] = {"waiting",  "too_recent", "consent", "history_pending", "no_identifier",
                                    "rejected", "settling",   "braked",  "no_value"};

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

/// By whom the platform would know it: the click chosen, else the lead's data or a click that may still turn up, which
/// is never later than the conversion.
std::optional<Timestamp> identifier_leaves(store::Tx& tx, const connect::Contract& contract, const Listed& l) {
  if (const auto click = click_of_story(l.standing.story)) return *click + contract.click_window;
  std::optional<Timestamp> out;
  if (!contract.hash_forms.empty())
    if (const auto subject = reconcile::load_subject(tx, l.conversion.record_id))
      out = subject->lead_created + contract.user_data_window;
  if (!contract.click_types.empty() && (!out || l.standing.reason == "no_identifier"))
    out = std::max(out, std::optional(l.conversion.at + contract.click_window));
  return out;
}

/// By the contract: nothing was prepared yet.
std::optional<Timestamp> window_of(store::Tx& tx, const connect::Contract& contract, const Listed& l) {
  const auto by_whom = identifier_leaves(tx, contract, l);
  if (contract.conversion_window == Duration{}) return by_whom;
  const Timestamp own = l.conversion.at + contract.conversion_window;
  return by_whom ? std::min(*by_whom, own) : own;
}

/// Until when the platform corrects what it took: some count from the conversion, others from when they took it.
std::optional<Timestamp> correction_ends(const connect::Contract& contract, const store::StoredUpload& original) {
  std::optional<Duration> limit;
  for (const Operation op : {Operation::restate, Operation::retract})
    if (const auto& its = contract.rules_of(op).adjust_until; contract.operations.contains(op) && its)
      limit = std::min(limit.value_or(*its), *its);
  if (!limit) return std::nullopt;
  const Timestamp taken = ledger::taken_at(original);
  return std::min(taken, original.conversion_at.value_or(taken)) + *limit;
}

/// What waits or was refused has its sink's word; the platform's own lack of an account is nobody's to mend, and what
/// was told and waits for its answer is told.
std::optional<Timestamp> leaves_at(store::Tx& tx, const DestinationPlan& plan, const Listed& l) {
  const auto history = rows::uploads(tx, l.conversion.id, plan.destination->name);
  for (auto u = history.rbegin(); u != history.rend(); ++u) {
    if (u->mode != plan.destination->mode || u->state == UploadState::superseded) continue;
    if (u->state == UploadState::pending || (u->state == UploadState::retrying && !ledger::sent(*u)))
      return u->expires_at;
    if (ledger::unsettled(*u)) return std::nullopt;
    if (u->state != UploadState::rejected || l.standing.reason != "rejected") break;
    return u->code == connect::kUnattributed ? std::nullopt : std::optional(u->expires_at);
  }
  const auto original = ledger::believe(history).first_taken;
  return original ? correction_ends(plan.contract, history[*original]) : window_of(tx, plan.contract, l);
}

std::string days_left(Timestamp from, Timestamp to) {
  constexpr std::int64_t kTenthOfDay = 8'640'000'000;
  const std::int64_t tenths = (to - from).count() / kTenthOfDay;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

/// What the platform lacks, below zero what it believes too much; nothing where that is what a person must say.
std::string lacking(const store::Standing& s) {
  if (s.reason == "no_value") return "";
  return amount_cell(s.t_currency == s.b_currency ? s.t_micros - s.b_micros : s.t_micros, s.t_currency);
}

std::vector<std::string> cells_of(store::Tx& tx, const Listed& l, Timestamp at, Timestamp now, const Zone& zone) {
  const auto record = store::records::get(tx, l.conversion.record_id);
  return {l.standing.destination,
          l.standing.goal,
          record ? to_string(record->ref.object) : "",
          record ? record->ref.id : "",
          lacking(l.standing),
          l.standing.t_currency,
          time_cell(at, zone),
          days_left(now, at),
          l.standing.reason,
          l.standing.detail};
}

}  // namespace

Table windows(store::Tx& tx, const settings::Settings& settings, const settings::Connectors& connectors, Timestamp now,
              Duration within) {
  Table t{
      .name = "windows",
      .title = "Not told yet, and about to leave the platform's window",
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
      .note =
          "headwater explain OBJECT ID says what each of them lacks. A value below zero is what the platform believes "
          "too much: its correction waits."};
  std::vector<Leaving> leaving;
  for (const DestinationPlan& plan : reconcile::destination_plans(tx, settings, connectors, now)) {
    for (const char* reason : kPassing) {
      std::int64_t after = 0;
      for (auto some = rows::list_standings(tx, plan.destination->name, "", reason, after, kWindowsAtOnce);
           !some.empty(); some = rows::list_standings(tx, plan.destination->name, "", reason, after, kWindowsAtOnce)) {
        after = some.back().conversion.id;
        for (const Listed& l : some) {
          const bool lacks = l.standing.state == "missing" || l.standing.state == "excess";
          if (!lacks && l.standing.reason != "no_value") continue;
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
