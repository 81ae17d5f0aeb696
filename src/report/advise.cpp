#include "report/advise.h"

#include <algorithm>
#include <limits>
#include <map>

#include "journey/clicks.h"
#include "reconcile/clients.h"
#include "reconcile/plan.h"
#include "reconcile/subject.h"
#include "report/cells.h"

namespace hw::report {
namespace {

using reconcile::DestinationPlan;
using reconcile::Reached;
using reconcile::Subject;

constexpr std::chrono::hours kDay(24), kWeek(24 * 7);
constexpr std::int64_t kTenPercent = 100'000;
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kEnough = 30, kFew = 15;
constexpr std::int64_t kAtOnce = 1000;

struct Share {
  std::int64_t all = 0, in_time = 0;
};

/// What the past says of one destination's goal.
struct Past {
  const DestinationPlan* plan = nullptr;
  int depth = 0;  ///< the stage's place in its pipeline
  Share conversions;
  std::map<std::string, Share> money;
  std::vector<Waited> waits;
  StageFacts facts;

  /// Nothing while nobody was reached by anything that begins one.
  [[nodiscard]] std::optional<Duration> window() const {
    return facts.window > Duration{} ? std::optional(facts.window) : std::nullopt;
  }
  [[nodiscard]] std::optional<Duration> latest() const {
    return window() ? std::optional(latest_lag(facts.window)) : std::nullopt;
  }
};

/// When a platform's window for this subject begins, and how long it is: at the click, the lead's creation or, where
/// the platform knows browsers alone, the conversion itself.
struct Start {
  Timestamp at;
  Duration window{};
};

std::optional<Start> start_of(store::Tx& tx, const Subject& s, const connect::Contract& contract,
                              std::optional<Timestamp> reached) {
  if (!contract.click_types.empty()) {
    const auto clicks = journey::clicks(tx, s.record, contract.click_types, s.lead_created);
    if (!clicks.empty()) return Start{clicks.front().click.at, contract.click_window};
  }
  for (const auto& person : s.people)
    for (const HashForm& form : contract.hash_forms)
      if (person.hashes.contains(form)) return Start{s.lead_created, contract.user_data_window};
  const auto* person = s.people.empty() ? nullptr : &s.people.front();
  if (reached && !reconcile::lineage_clients(tx, s, person, contract.client_types).empty())
    return Start{*reached, contract.conversion_window};
  return std::nullopt;
}

bool is_lost(const Subject& s, const settings::Settings& settings) {
  return std::any_of(settings.stages.begin(), settings.stages.end(), [&](const settings::Stage& stage) {
    if (!stage.lost || stage.subject != s.record.ref.object) return false;
    const auto stays = reconcile::stays(s, stage);
    return !stays.empty() && !stays.back().left;
  });
}

void add(Past& past, const Reached& r, const std::optional<Start>& start, Timestamp now) {
  const bool in_time = start && r.at <= start->at + start->window;
  ++past.conversions.all;
  past.conversions.in_time += in_time ? 1 : 0;
  if (r.micros) {
    Share& money = past.money[r.currency];
    money.all += *r.micros;
    money.in_time += in_time ? *r.micros : 0;
  }
  if (!start) return;
  if (r.at > now - kDay * 30) ++past.facts.last_30_days;
  past.facts.window = std::max(past.facts.window, start->window);
  past.waits.push_back({std::max<Duration>(r.at - start->at, Duration{}), true});
}

void look_at(store::Tx& tx, const Subject& s, const settings::Settings& settings, Past& past, Timestamp now) {
  // What is routed elsewhere, this destination neither learns of nor waits for.
  if (!settings::holds(past.plan->destination->route, s.record.fields)) return;
  const settings::Goal* goal = settings.goal(past.plan->destination->goal);
  const auto all = reconcile::reached(s, *goal, settings);
  const auto wanted = std::find_if(all.begin(), all.end(), [](const Reached& r) { return r.wanted; });
  const std::optional<Timestamp> at = wanted == all.end() ? std::nullopt : std::optional(wanted->at);
  const auto start = start_of(tx, s, past.plan->contract, at);
  if (at) return add(past, *wanted, start, now);
  const bool may_come =
      s.record.state == "live" && settings::holds(goal->when, s.record.fields) && !is_lost(s, settings);
  if (all.empty() && start && may_come) past.waits.push_back({std::max<Duration>(now - start->at, Duration{}), false});
}

/// An open lead that is older than the longest wait ever seen waits no more.
void leave_out_the_given_up(std::vector<Waited>& waits) {
  Duration longest{};
  for (const Waited& w : waits)
    if (w.happened) longest = std::max(longest, w.time);
  std::erase_if(waits, [&](const Waited& w) { return !w.happened && w.time > longest; });
}

std::string percent(const Share& s) {
  if (s.all <= 0) return "-";
  // Tenths of a percent without leaving the range: a total is seldom below a thousandth of a unit.
  const std::int64_t tenths = s.all >= kMillion ? s.in_time / (s.all / 1000) : s.in_time * 1000 / s.all;
  const std::int64_t shown = std::min<std::int64_t>(tenths, 1000);
  return std::to_string(shown / 10) + "." + std::to_string(shown % 10);
}

/// Whole days, of a few also their tenths; never more than there are.
std::string days(const std::optional<Duration>& d) {
  constexpr std::int64_t kFewDays = 100;  // in tenths
  if (!d) return "-";
  const std::int64_t tenths = *d / std::chrono::minutes(144), rest = tenths < kFewDays ? tenths % 10 : 0;
  return std::to_string(tenths / 10) + (rest == 0 ? "" : "." + std::to_string(rest));
}

void read_past(store::Tx& tx, const settings::Settings& settings, std::vector<Past>& pasts, Timestamp now) {
  for (Object object : {Object::lead, Object::contact, Object::account, Object::deal}) {
    std::int64_t after = 0;
    for (auto ids = store::records::walk(tx, object, after, kAtOnce); !ids.empty();
         ids = store::records::walk(tx, object, after, kAtOnce)) {
      after = ids.back();
      for (std::int64_t id : ids) {
        auto subject = reconcile::load_subject(tx, id);
        if (!subject) continue;
        for (Past& past : pasts)
          if (settings.goal(past.plan->destination->goal)->subject == object)
            look_at(tx, *subject, settings, past, now);
      }
    }
  }
}

/// A lead's stages come before a contact's and a deal's; within one object the configured order counts.
int depth_of(const settings::Settings& settings, const settings::Goal& goal) {
  const int object = goal.subject == Object::lead ? 0 : goal.subject == Object::contact ? 1 : 2;
  for (const settings::Stage& s : settings.stages)
    if (s.name == goal.stage) return object * 1'000'000 + s.order;
  return object * 1'000'000;
}

Table stage_table() {
  return {
      .name = "stages",
      .title = "Which stage each platform can learn from",
      .columns = {{"platform", "Platform"},
                  {"destination", "Destination"},
                  {"goal", "Goal"},
                  {"conversions", "Conversions", Holds::number},
                  {"in_time", "In time", Holds::number},
                  {"share", "Share %", Holds::number},
                  {"last_30_days", "Last 30 days", Holds::number},
                  {"lag_days", "90 % within days", Holds::number},
                  {"window_days", "Window days", Holds::number},
                  {"latest_days", "Latest days", Holds::number},
                  {"advice", "Advice", Holds::advice}},
      .rows = {},
      .note =
          "Counted is all history that the destination would be wanted for. In time: it could have been told within "
          "the platform's window. Choose: the deepest stage that 30 (thin: 15) reached in the last 30 days, and 90 % "
          "within the latest days: a week before the window ends, or none where the window is no longer than a week. "
          "Change what a "
          "platform bids on only when four weeks in a row advise the same."};
}

Table money_table() {
  return {.name = "money",
          .title = "The money of these conversions",
          .columns = {{"platform", "Platform"},
                      {"goal", "Goal"},
                      {"currency", "Currency"},
                      {"value", "Value", Holds::number},
                      {"in_time", "In time", Holds::number},
                      {"share", "Share %", Holds::number}},
          .rows = {},
          .note = {}};
}

}  // namespace

std::optional<Duration> waited_until(std::vector<Waited> all, std::int64_t left) {
  std::sort(all.begin(), all.end(), [](const Waited& a, const Waited& b) {
    return a.time != b.time ? a.time < b.time : a.happened && !b.happened;
  });
  double surviving = 1;
  for (std::size_t i = 0; i < all.size();) {
    const auto at_risk = static_cast<double>(all.size() - i);
    std::size_t events = 0;
    const Duration time = all[i].time;
    for (; i < all.size() && all[i].time == time; ++i) events += all[i].happened ? 1 : 0;
    surviving *= 1 - static_cast<double>(events) / at_risk;
    // A share is no money; half a millionth forgives what binary fractions cannot say.
    if (events > 0 && surviving * static_cast<double>(kMillion) <= static_cast<double>(left) + 0.5) return time;
  }
  return std::nullopt;
}

Duration latest_lag(Duration window) { return std::max<Duration>(window - kWeek, Duration{}); }

std::string to_text(const Verdict& v) {
  std::string lacks = v.few ? "too few" : "";
  if (v.late) lacks += lacks.empty() ? "too late" : ", too late";
  if (!v.fits()) return v.chosen ? "none fits, least bad: " + lacks : lacks;
  return std::string(v.chosen ? "choose" : "fits") + (v.thin ? " (thin)" : "");
}

std::vector<Verdict> advise(const std::vector<StageFacts>& stages) {
  std::vector<Verdict> out;
  for (const StageFacts& s : stages) {
    Verdict v;
    v.few = s.last_30_days < kFew;
    v.thin = !v.few && s.last_30_days < kEnough;
    // Of a handful it is not known how long the others take.
    v.late = s.lag ? *s.lag > latest_lag(s.window) : !v.few;
    out.push_back(v);
  }
  for (const bool thin_too : {false, true})
    for (auto v = out.rbegin(); v != out.rend(); ++v)
      if (v->fits() && (thin_too || !v->thin)) {
        v->chosen = true;
        return out;
      }
  if (!out.empty()) out.front().chosen = true;
  return out;
}

std::vector<Table> advise_stages(store::Tx& tx, const settings::Settings& settings,
                                 const settings::Connectors& connectors, Timestamp now) {
  const auto plans = reconcile::destination_plans(tx, settings, connectors, now);
  std::vector<Past> pasts;
  for (const DestinationPlan& plan : plans) {
    pasts.emplace_back();
    pasts.back().plan = &plan;
    pasts.back().depth = depth_of(settings, *settings.goal(plan.destination->goal));
  }
  read_past(tx, settings, pasts, now);
  std::map<std::string, std::vector<Past*>> platforms;
  for (Past& past : pasts) platforms[past.plan->platform()].push_back(&past);
  Table stages = stage_table(), money = money_table();
  for (auto& [platform, goals] : platforms) {
    std::stable_sort(goals.begin(), goals.end(), [](const Past* a, const Past* b) { return a->depth < b->depth; });
    std::vector<StageFacts> facts;
    for (Past* past : goals) {
      leave_out_the_given_up(past->waits);
      past->facts.lag = waited_until(std::move(past->waits), kTenPercent);
      facts.push_back(past->facts);
    }
    const std::vector<Verdict> verdicts = advise(facts);
    for (std::size_t i = 0; i < goals.size(); ++i) {
      const Past& p = *goals[i];
      stages.rows.push_back({platform, p.plan->destination->name, p.plan->destination->goal,
                             std::to_string(p.conversions.all), std::to_string(p.conversions.in_time),
                             percent(p.conversions), std::to_string(p.facts.last_30_days), days(p.facts.lag),
                             days(p.window()), days(p.latest()), to_text(verdicts[i])});
      for (const auto& [currency, sum] : p.money)
        money.rows.push_back({platform, p.plan->destination->goal, currency, amount_cell(sum.all, currency),
                              amount_cell(sum.in_time, currency), percent(sum)});
    }
  }
  return {stages, money};
}

}  // namespace hw::report
