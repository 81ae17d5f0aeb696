#include "report/channels.h"

#include <algorithm>
#include <map>

#include "base/zone.h"
#include "journey/journey.h"
#include "model/money.h"
#include "reconcile/goals.h"
#include "reconcile/subject.h"
#include "report/cells.h"
#include "store/touches.h"

namespace hw::report {
namespace {

using journey::Journey;
using reconcile::Subject;

constexpr Duration kLookBack = std::chrono::hours(24 * 365);
constexpr const char* kUnattributed = "(unattributed)";
constexpr std::int64_t kDealsAtOnce = 1000;
/// Ten thousand times an amount leaves 64 bits.
__extension__ using Wide = __int128;

/// Of one channel in one currency.
struct Sums {
  std::int64_t deals = 0, pipeline = 0, won_deals = 0, won = 0, cost = 0;
  bool has_cost = false;
};
/// channel, currency
using All = std::map<std::pair<std::string, std::string>, Sums>;

struct LeftOut {
  std::int64_t excluded = 0, without_amount = 0;
};

std::optional<Timestamp> entered_pipeline(const Subject& s, const settings::Settings& settings) {
  std::optional<Timestamp> first;
  for (const settings::Stage* stage : settings.stages_of(Object::deal)) {
    if (!stage->in_pipeline && !stage->won) continue;
    const auto stays = reconcile::stays(s, *stage);
    if (!stays.empty() && (!first || stays.front().entered < *first)) first = stays.front().entered;
  }
  return first;
}

/// When the deal was won, if it is.
std::optional<Timestamp> won_at(const Subject& s, const settings::Settings& settings) {
  for (const settings::Stage* stage : settings.stages_of(Object::deal)) {
    if (!stage->won) continue;
    const auto stays = reconcile::stays(s, *stage);
    if (!stays.empty() && !stays.back().left) return stays.back().entered;
  }
  return std::nullopt;
}

std::string credited(const Journey& journey, Timestamp conversion, CreditModel model) {
  const auto path = journey::attribution_path(journey, conversion, kLookBack);
  if (path.empty()) return kUnattributed;
  if (model == CreditModel::first) return path.front().stored.channel;
  if (model == CreditModel::last_non_direct)
    for (auto t = path.rbegin(); t != path.rend(); ++t)
      if (t->stored.channel != "Direct") return t->stored.channel;
  return path.back().stored.channel;
}

const settings::Goal* revenue_goal(const settings::Settings& settings) {
  for (const settings::Goal& g : settings.goals)
    if (g.revenue) return &g;
  return nullptr;
}

std::string field(const Subject& s, const char* name) {
  auto it = s.record.fields.find(name);
  return it == s.record.fields.end() ? std::string() : it->second;
}

class Counter {
 public:
  Counter(store::Tx& tx, const settings::Settings& settings, const ChannelsAsked& asked)
      : tx_(tx), settings_(settings), asked_(asked), revenue_(revenue_goal(settings)) {}

  void add_deals() {
    std::int64_t after = 0;
    for (auto ids = store::records::walk(tx_, Object::deal, after, kDealsAtOnce); !ids.empty();
         ids = store::records::walk(tx_, Object::deal, after, kDealsAtOnce)) {
      after = ids.back();
      for (const std::int64_t id : ids)
        if (auto s = reconcile::load_subject(tx_, id)) add_deal(*s);
    }
  }

  void add_cost() {
    for (const auto& spent : store::touches::spend_totals(tx_, asked_.from, asked_.to)) {
      Sums& sums = all[{spent.channel, spent.currency}];
      sums.cost += spent.micros;
      sums.has_cost = true;
    }
  }

  All all;
  LeftOut left_out;

 private:
  [[nodiscard]] bool within(const std::optional<Timestamp>& at) const {
    return at && *at >= asked_.from && *at < asked_.to;
  }

  void add_deal(const Subject& s) {
    if (s.record.state == "deleted" || s.record.state == "merged") return;
    const auto entered = entered_pipeline(s, settings_), won = won_at(s, settings_);
    if (!within(entered) && !within(won)) return;
    if (revenue_ != nullptr && !settings::holds(revenue_->when, s.record.fields)) {
      ++left_out.excluded;
      return;
    }
    const auto amount = parse_micros(field(s, "amount"));
    if (!amount) ++left_out.without_amount;
    const std::string stated = field(s, "currency");
    const std::string currency = stated.empty() ? settings_.currency.str() : stated;
    const Journey journey = journey::seen(journey::of(tx_, s.record));
    if (within(entered)) {
      Sums& sums = all[{credited(journey, *entered, asked_.model), currency}];
      ++sums.deals;
      sums.pipeline += amount.value_or(0);
    }
    if (within(won)) {
      Sums& sums = all[{credited(journey, *won, asked_.model), currency}];
      ++sums.won_deals;
      sums.won += amount.value_or(0);
    }
  }

  store::Tx& tx_;
  const settings::Settings& settings_;
  const ChannelsAsked& asked_;
  const settings::Goal* revenue_;
};

/// Four decimals, rounded half away from zero; "-" when there is nothing to divide by.
std::string ratio(std::int64_t above, std::int64_t below) {
  if (below <= 0) return "-";
  const Wide parts = (Wide(above) * 20'000 + (above < 0 ? -below : below)) / (Wide(below) * 2);
  return decimal(static_cast<std::int64_t>(parts) * 100, 4);
}

/// Why a ratio is missing.
std::string remark(const Sums& s) {
  if (!s.has_cost) return "no_spend_data";
  if (s.pipeline > 0) return "";
  return s.cost > 0 ? "no_pipeline" : "idle";
}

std::vector<std::string> amounts(const Sums& s, const std::string& currency) {
  return {std::to_string(s.deals), amount_cell(s.pipeline, currency), std::to_string(s.won_deals),
          amount_cell(s.won, currency), s.has_cost ? amount_cell(s.cost, currency) : "-"};
}

std::string period(const ChannelsAsked& asked, const Zone& zone) {
  std::string out;
  if (asked.from != Timestamp::min()) out = "From " + format_local(asked.from, zone);
  if (asked.to != Timestamp::max()) out += (out.empty() ? "Before " : " to before ") + format_local(asked.to, zone);
  return out.empty() ? "Of all time" : out;
}

std::string sentence(const Sums& sum, const std::string& currency, const LeftOut& left_out, CreditModel model) {
  static const std::map<CreditModel, const char*> credit{
      {CreditModel::first, "first touch"},
      {CreditModel::last, "last touch"},
      {CreditModel::last_non_direct, "last touch that is not direct"}};
  const auto amount = [&](std::int64_t micros) { return grouped(amount_cell(micros, currency)); };
  std::string out = std::string("Each deal goes whole to the ") + credit.at(model) +
                    " of its people. All together: pipeline " + amount(sum.pipeline) + ", won " + amount(sum.won) +
                    ", cost " + amount(sum.cost) + " " + currency + ".";
  if (left_out.without_amount > 0)
    out += " Deals without an amount, counted as nothing: " + std::to_string(left_out.without_amount) + ".";
  if (left_out.excluded > 0)
    out += " Left out by the revenue goal's conditions: " + std::to_string(left_out.excluded) + ".";
  return out;
}

std::vector<Column> columns() {
  return {{"channel", "Channel"},
          {"deals", "Deals", Holds::number},
          {"pipeline", "Pipeline", Holds::number},
          {"won_deals", "Won", Holds::number},
          {"won", "Revenue", Holds::number},
          {"cost", "Cost", Holds::number}};
}

Table main_table(const Counter& c, const settings::Settings& settings, const ChannelsAsked& asked) {
  const std::string currency = settings.currency.str();
  Table t{.name = "channels",
          .title = "What each channel brought and cost, in " + currency,
          .columns = columns(),
          .rows = {},
          .note = {}};
  for (Column more : {Column{"cost_per_pipeline", "Cost/pipeline", Holds::number},
                      Column{"roas", "ROAS", Holds::number}, Column{"remark", "Remark"}})
    t.columns.push_back(std::move(more));
  std::vector<std::pair<std::string, Sums>> rows;
  Sums total;
  for (const auto& [key, s] : c.all) {
    if (key.second != currency) continue;
    rows.emplace_back(key.first, s);
    total.pipeline += s.pipeline;
    total.won += s.won;
    total.cost += s.cost;
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.won, a.second.pipeline) > std::pair(b.second.won, b.second.pipeline);
  });
  for (const auto& [channel, s] : rows) {
    std::vector<std::string> cells{channel};
    for (std::string& cell : amounts(s, currency)) cells.push_back(std::move(cell));
    cells.push_back(s.has_cost ? ratio(s.cost, s.pipeline) : "-");
    cells.push_back(ratio(s.won, s.cost));
    cells.push_back(remark(s));
    t.rows.push_back(std::move(cells));
  }
  t.note = period(asked, settings.zone) +
           ": deals and pipeline by when a deal entered the pipeline, won and revenue by when it was won (each at its "
           "present amount), cost by its day. " +
           sentence(total, currency, c.left_out, asked.model);
  return t;
}

Table other_table(const All& all, const std::string& currency) {
  Table t{.name = "not_converted",
          .title = "In other currencies, not converted and not part of the above",
          .columns = columns(),
          .rows = {},
          .note = {}};
  t.columns.insert(t.columns.begin() + 1, {"currency", "Currency"});
  for (const auto& [key, s] : all) {
    if (key.second == currency) continue;
    std::vector<std::string> cells{key.first, key.second};
    for (std::string& cell : amounts(s, key.second)) cells.push_back(std::move(cell));
    t.rows.push_back(std::move(cells));
  }
  return t;
}

}  // namespace

std::optional<CreditModel> credit_model(std::string_view name) {
  if (name == "first") return CreditModel::first;
  if (name == "last") return CreditModel::last;
  if (name == "last_non_direct") return CreditModel::last_non_direct;
  return std::nullopt;
}

std::vector<Table> channels(store::Tx& tx, const settings::Settings& settings, const ChannelsAsked& asked) {
  Counter counter(tx, settings, asked);
  counter.add_deals();
  counter.add_cost();
  const std::string currency = settings.currency.str();
  std::vector<Table> out{main_table(counter, settings, asked)};
  Table others = other_table(counter.all, currency);
  if (!others.rows.empty()) out.push_back(std::move(others));
  return out;
}

}  // namespace hw::report
