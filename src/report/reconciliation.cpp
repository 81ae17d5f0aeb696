#include "report/reconciliation.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/zone.h"
#include "ledger/decide.h"
#include "ledger/reasons.h"
#include "report/cells.h"
#include "store/ledger_rows.h"
#include "store/records.h"

namespace hw::report {
namespace {

namespace ledger_rows = store::ledger_rows;
using store::Total;

/// destination, goal, currency
using Account = std::tuple<std::string, std::string, std::string>;
/// (line, reason) -> n, micros
using Lines = std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>>;

/// All reasons of a line together.
std::int64_t micros_of(const Lines& lines, const std::string& line) {
  std::int64_t sum = 0;
  for (const auto& [key, v] : lines)
    if (key.first == line) sum += v.second;
  return sum;
}

std::int64_t micros_of(const Lines& lines, const std::string& line, const std::string& reason) {
  auto it = lines.find({line, reason});
  return it == lines.end() ? 0 : it->second.second;
}

/// Wanted, told, or perhaps told.
std::int64_t conversions_of(const Lines& lines) {
  static const std::set<std::string> counted{"matched", "missing", "excess", "uncertain", "unlocated"};
  std::int64_t sum = 0;
  for (const auto& [key, v] : lines)
    if (counted.contains(key.first)) sum += v.first;
  return sum;
}

std::int64_t count_of(const Lines& lines, const std::string& line) {
  std::int64_t sum = 0;
  for (const auto& [key, v] : lines)
    if (key.first == line) sum += v.first;
  return sum;
}

std::map<Account, Lines> accounts(store::Tx& tx) {
  std::map<Account, Lines> out;
  for (const Total& t : ledger_rows::totals(tx))
    out[{t.destination, t.goal, t.currency}][{t.line, t.reason}] = {t.n, t.micros};
  return out;
}

Table account_table(const std::map<Account, Lines>& all) {
  Table t{.name = "accounts",
          .title = "Accounts by destination, goal and currency",
          .columns = {{"destination", "Destination"},
                      {"goal", "Goal"},
                      {"currency", "Currency"},
                      {"conversions", "Conversions", Holds::number},
                      {"wanted", "Wanted", Holds::number},
                      {"taken", "Taken", Holds::number},
                      {"missing", "Missing", Holds::number},
                      {"told", "Told", Holds::number},
                      {"correction_waiting", "Correction waiting", Holds::number},
                      {"uncorrectable", "Uncorrectable", Holds::number},
                      {"uncertain", "Uncertain", Holds::number},
                      {"uncertain_low", "at least", Holds::number},
                      {"uncertain_high", "at most", Holds::number},
                      {"none", "None", Holds::number}},
          .rows = {},
          .note =
              "As the CRM and the ledger stand now, of all time. wanted = taken + missing; told = taken + excess "
              "(correction "
              "waiting + uncorrectable); uncertain conversions stand apart. None: neither wanted nor told, and no part "
              "of the conversions."};
  for (const auto& [key, lines] : all) {
    const auto& [destination, goal, currency] = key;
    const std::int64_t uncertain = count_of(lines, "uncertain") + count_of(lines, "unlocated");
    auto cell = [&, c = currency](std::int64_t micros) { return amount_cell(micros, c); };
    t.rows.push_back({destination, goal, currency.empty() ? "-" : currency, std::to_string(conversions_of(lines)),
                      cell(micros_of(lines, "wanted")), cell(micros_of(lines, "matched")),
                      cell(micros_of(lines, "missing")), cell(micros_of(lines, "told")),
                      cell(micros_of(lines, "excess", "correction_waiting")),
                      cell(micros_of(lines, "excess", "uncorrectable")), std::to_string(uncertain),
                      cell(micros_of(lines, "uncertain_low")), cell(micros_of(lines, "uncertain_high")),
                      std::to_string(count_of(lines, "none"))});
  }
  return t;
}

/// A line of the table of reasons: account, state, class, reason.
using Why = std::tuple<Account, std::string, std::string, std::string>;
struct Sum {
  std::int64_t n = 0, micros = 0;
  std::int64_t also_taken = 0;  ///< the part of these conversions that was taken
};

constexpr std::int64_t kStandingsAtOnce = 1000;

/// The class of what was told too much; "" of every other state.
std::string class_of(const std::string& state, const std::string& reason) {
  const auto known = ledger::reason_from(reason);
  return state == "excess" && known ? ledger::excess_class(*known) : "";
}

/// Takes the taken part of conversions under missing or excess out of the line of those that are taken, and what was
/// told too much out of its class's line into that of the conversions' own reason.
void split_by_reason(const ledger_rows::OpenSum& s, std::map<Why, Sum>& lines) {
  const std::string excess_class = class_of("excess", s.reason);
  const bool is_excess = s.state == "excess";
  const Account wanted{s.destination, s.goal, s.t_currency}, told{s.destination, s.goal, s.b_currency};
  lines[{wanted, "taken", "", ""}].micros -= s.both_micros;
  lines[{wanted, s.state, class_of(s.state, s.reason), s.reason}].also_taken += s.both_micros;
  if (!is_excess && s.over_micros == 0) return;
  for (const auto& [under, sign] : {std::pair{std::string(), -1}, std::pair{s.reason, 1}}) {
    Sum& sum = lines[{told, "excess", excess_class, under}];
    sum.n += is_excess ? sign * s.n : 0;
    sum.micros += sign * s.over_micros;
  }
}

std::map<Why, Sum> reasons(store::Tx& tx, const std::map<Account, Lines>& all) {
  static const std::map<std::string, std::string> states{{"matched", "taken"},       {"missing", "missing"},
                                                         {"excess", "excess"},       {"none", "none"},
                                                         {"uncertain", "uncertain"}, {"unlocated", "unlocated"}};
  std::map<Why, Sum> out;
  bool any_open = false;
  for (const auto& [account, lines] : all)
    for (const auto& [line, v] : lines) {
      const auto state = states.find(line.first);
      if (state == states.end()) continue;
      const bool excess = line.first == "excess";  // the totals know its class alone
      out[{account, state->second, excess ? line.second : "", excess ? "" : line.second}] = {.n = v.first,
                                                                                             .micros = v.second};
      any_open = any_open || excess || line.first == "missing";
    }
  if (any_open)
    for (const auto& sum : ledger_rows::open_sums(tx)) split_by_reason(sum, out);
  std::erase_if(out, [](const auto& line) {
    return line.second.n == 0 && line.second.micros == 0 && line.second.also_taken == 0;
  });
  return out;
}

Table reason_table(const std::map<Why, Sum>& lines) {
  Table t{
      .name = "reasons",
      .title = "Why: every conversion stands under exactly one state and reason",
      .columns = {{"destination", "Destination"},
                  {"goal", "Goal"},
                  {"currency", "Currency"},
                  {"state", "State"},
                  {"class", "Class"},
                  {"reason", "Reason"},
                  {"conversions", "Conversions", Holds::number},
                  {"value", "Value", Holds::number},
                  {"also_taken", "Also taken", Holds::number}},
      .rows = {},
      .note =
          "Value: of taken conversions what they are worth, of missing ones what is missing of them, of excess what "
          "was told too much. Also taken: the other part of the same conversions, which is right; with the taken "
          "ones it makes the account's taken. headwater report reconciliation --reason WORD lists the conversions "
          "behind a reason, or behind a class of excess; their detail says more, as of excluded_by_goal which "
          "condition of the goal's `when:` or the destination's `route:` does not hold."};
  for (const auto& [why, sum] : lines) {
    const auto& [account, state, group, reason] = why;
    const auto& [destination, goal, currency] = account;
    t.rows.push_back({destination, goal, currency.empty() ? "-" : currency, state, group, reason, std::to_string(sum.n),
                      amount_cell(sum.micros, currency), amount_cell(sum.also_taken, currency)});
  }
  return t;
}

/// Does the conversion stand under this reason, or this class of what was told too much?
bool stands_under(const store::Standing& s, const std::string& reason) {
  if (reason.empty() || s.reason == reason) return true;
  return class_of(s.state, s.reason) == reason;
}

/// Only the goal marked `revenue: true` is held against the CRM's closed-won total.
Table revenue_table(const std::map<Account, Lines>& all) {
  Table t{.name = "revenue",
          .title = "Closed-won revenue of the CRM against what platforms are to learn",
          .columns = {{"destination", "Destination"},
                      {"goal", "Goal"},
                      {"currency", "Currency"},
                      {"deals", "Won deals", Holds::number},
                      {"closed_won", "Closed-won", Holds::number},
                      {"before_go_live", "Before go-live", Holds::number},
                      {"excluded_by_goal", "Excluded by goal or route", Holds::number},
                      {"no_value", "No value", Holds::number},
                      {"other", "Other", Holds::number},
                      {"wanted", "Wanted", Holds::number}},
          .rows = {},
          .note = {}};
  for (const auto& [key, lines] : all) {
    const auto& [destination, goal, currency] = key;
    auto crm = lines.find({"crm", ""});
    if (crm == lines.end()) continue;
    auto gap = [&lines = lines](const char* reason) { return micros_of(lines, "crm_gap", reason); };
    const std::int64_t total = micros_of(lines, "crm_gap");
    const std::int64_t named = gap("before_go_live") + gap("excluded_by_goal") + gap("no_value");
    auto cell = [&, c = currency](std::int64_t micros) { return amount_cell(micros, c); };
    t.rows.push_back({destination, goal, currency, std::to_string(crm->second.first), cell(crm->second.second),
                      cell(gap("before_go_live")), cell(gap("excluded_by_goal")), cell(gap("no_value")),
                      cell(total - named), cell(crm->second.second - total)});
  }
  return t;
}

}  // namespace

std::vector<Table> reconciliation(store::Tx& tx) {
  const auto all = accounts(tx);
  std::vector<Table> out{account_table(all), reason_table(reasons(tx, all))};
  Table revenue = revenue_table(all);
  if (!revenue.rows.empty()) out.push_back(std::move(revenue));
  return out;
}

Table conversions(store::Tx& tx, const Behind& behind, const Zone& zone) {
  Table t{.name = "conversions",
          .title = "Conversions",
          .columns = {{"destination", "Destination"},
                      {"goal", "Goal"},
                      {"object", "Object"},
                      {"id", "Id"},
                      {"occurrence", "Occurrence", Holds::id},
                      {"dedup_id", "Dedup id"},
                      {"at", "Time"},
                      {"state", "State"},
                      {"class", "Class"},
                      {"reason", "Reason"},
                      {"wanted", "Wanted", Holds::number},
                      {"wanted_currency", ""},
                      {"told", "Told", Holds::number},
                      {"told_currency", ""},
                      {"told_low", "at least", Holds::number},
                      {"told_high", "at most", Holds::number},
                      {"range_currency", ""},
                      {"detail", "Detail", Holds::advice}},
          .rows = {},
          .note = {}};
  const bool is_class = behind.reason == "correction_waiting" || behind.reason == "uncorrectable";
  std::int64_t after = 0;
  for (;;) {
    auto listed = ledger_rows::list_standings(tx, behind.destination, behind.goal, is_class ? "" : behind.reason, after,
                                              kStandingsAtOnce);
    if (listed.empty()) return t;
    for (const auto& l : listed) {
      after = std::max(after, l.conversion.id);
      if (!behind.state.empty() && l.standing.state != behind.state) continue;
      if (!stands_under(l.standing, behind.reason)) continue;
      auto record = store::records::get(tx, l.conversion.record_id);
      const auto& s = l.standing;
      t.rows.push_back({s.destination, s.goal, record ? to_string(record->ref.object) : "",
                        record ? record->ref.id : "", std::to_string(l.conversion.occurrence), l.conversion.dedup_id,
                        format_local(l.conversion.at, zone), s.state, class_of(s.state, s.reason), s.reason,
                        amount_cell(s.t_micros, s.t_currency), s.t_currency, amount_cell(s.b_micros, s.b_currency),
                        s.b_currency, amount_cell(s.b_low, s.range_currency), amount_cell(s.b_high, s.range_currency),
                        s.range_currency, s.detail});
      if (behind.limit > 0 && static_cast<std::int64_t>(t.rows.size()) >= behind.limit) return t;
    }
  }
}

}  // namespace hw::report
