#include "conformance/books.h"

#include <algorithm>

#include "base/text.h"
#include "ledger/decide.h"
#include "model/money.h"

namespace hw::conformance {
namespace {

namespace rows = store::ledger_rows;
using store::Tx;

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

/// Who uploads to a destination; one that left the configuration had the kit's first connector.
std::string connector_of(const Loop& l, const std::string& destination) {
  const settings::Destination* d = l.settings.destination(destination);
  return d == nullptr ? "ads_connector" : d->upload_by;
}

std::string told_text(const store::Standing& s) {
  return "ledger " + s.state + " " + s.reason + " " + money_text(s.b_micros, s.b_currency) + " (" +
         money_text(s.b_low, "") + ".." + money_text(s.b_high, s.range_currency) + ")";
}

/// A revision of unknown fate: the belief lies between the bounds, or, told in another currency before, still stands
/// beside them.
bool agrees(const store::Standing& s, const std::vector<store::StoredUpload>& history, const Books::Entry& e) {
  const bool same_b = e.micros == s.b_micros && (e.micros == 0 || e.currency == s.b_currency);
  if (s.state == "uncertain" || s.state == "unlocated") {
    const bool within =
        s.b_low <= e.micros && e.micros <= s.b_high && (e.micros == 0 || e.currency == s.range_currency);
    const bool beside = same_b && e.micros != 0 && s.b_currency != s.range_currency;
    return within || beside;
  }
  if (same_b) return true;
  return std::any_of(history.begin(), history.end(), [&](const store::StoredUpload& u) {
    const bool under_way = ledger::sent(u) && ledger::unsettled(u);
    const std::int64_t says = u.operation == Operation::retract ? 0 : u.value_micros.value_or(0);
    return under_way && says == e.micros && (says == 0 || u.currency == e.currency);
  });
}

}  // namespace

struct Books::Row {
  Timestamp at;
  std::string target, operation, key, currency, by;
  std::int64_t micros = 0, second = 0;
};

Books::Books(BookRules rules, const std::vector<Arrival>& log) : rules_(rules) {
  for (const Arrival& a : log) {
    const auto cells = split(a.body, '|');
    Row row{.at = a.at,
            .target = a.target,
            .operation = std::string(cells.at(0)),
            .key = std::string(cells.at(1)),
            .currency = std::string(cells.at(3)),
            .by = std::string(cells.at(5)),
            .micros = std::stoll(std::string(cells.at(2)))};
    if (row.operation == "upload") {
      row.second = std::stoll(std::string(cells.at(4))) / kMicrosPerSecond;
      upload(row);
    } else {
      adjust(row);
    }
  }
}

Books::Entry Books::of(const std::string& key) const {
  const auto it = entries_.find(key);
  return it == entries_.end() ? Entry{} : it->second;
}

void Books::upload(const Row& row) {
  if (auto known = entries_.find(row.key); known != entries_.end()) return repeat(known->second, row);
  if (rules_.takes_for && row.at >= from_micros(row.second * kMicrosPerSecond) + *rules_.takes_for)
    complain(row, "the conversion is too old");
  Entry e{.micros = row.micros,
          .currency = row.currency,
          .target = row.target,
          .identified_by = row.by,
          .first_at = row.at};
  const std::string place = row.target + " " + row.by;
  if (rules_.one_a_second && !moments_.insert(place + " " + std::to_string(row.second)).second)
    complain(row, "another conversion of the click in the same second");
  if (rules_.counts_click_once && !used_.insert(place).second) {
    e.idle = true;
    e.micros = 0;
  }
  entries_[row.key] = e;
}

void Books::repeat(Entry& e, const Row& row) {
  if (row.target != e.target) complain(row, "the same key at another account or action");
  const bool remembered = !rules_.remembers || row.at < e.first_at + *rules_.remembers;
  if (rules_.repeat == BookRules::Repeat::counts_again || !remembered) {
    ++e.counted;
    e.micros += row.micros;
    complain(row, "counted twice");
  } else if (rules_.repeat == BookRules::Repeat::overwrites && !e.ended && !e.idle) {
    e.micros = row.micros;
    e.currency = row.currency;
  }
}

void Books::adjust(const Row& row) {
  const bool takes_back = row.operation == "retract";
  if (takes_back ? !rules_.retracts : !rules_.restates) return complain(row, "no such operation");
  if (!takes_back && row.micros == 0 && !rules_.takes_zero) return complain(row, "zero is refused");
  const auto known = entries_.find(row.key);
  if (known == entries_.end()) return complain(row, "corrects what never came");
  Entry& e = known->second;
  if (row.target != e.target) return complain(row, "a correction at another account or action");
  if (row.by != e.identified_by) complain(row, "a correction by another click than was told");
  if (rules_.adjusts_for && row.at >= e.first_at + *rules_.adjusts_for) return complain(row, "too old to be corrected");
  if (e.ended) {
    if (!rules_.retraction_counts_each_time) return;
    e.micros -= row.micros;
    return complain(row, "taken back twice");
  }
  if (e.idle) return;
  e.micros = takes_back ? 0 : row.micros;
  if (!takes_back) e.currency = row.currency;
  e.ended = e.micros == 0 && (takes_back || rules_.zero_is_final);
}

void Books::complain(const Row& row, const char* what) {
  complaints_ += row.operation + " " + row.key + ": " + what + "\n";
}

std::string against_books(Loop& l, const std::string& connector, const Books& books) {
  std::string out = books.complaints();
  std::set<std::string> known;
  l.read([&](Tx& tx) {
    for (const auto& listed : rows::list_standings(tx, "", "", "", 0, 100'000)) {
      const store::Standing& s = listed.standing;
      if (connector_of(l, s.destination) != connector) continue;
      const std::string& key = listed.conversion.dedup_id;
      known.insert(key);
      const Books::Entry e = books.of(key);
      if (!agrees(s, rows::uploads(tx, listed.conversion.id, s.destination), e))
        out += key + ": " + told_text(s) + ", platform " + money_text(e.micros, e.currency) + "\n";
    }
    return 0;
  });
  for (const auto& [key, e] : books.entries())
    if (!known.contains(key)) out += key + ": unknown to the ledger\n";
  return out;
}

std::string unbalanced(Loop& l) {
  std::map<std::string, std::int64_t> kept, counted, sums;
  l.read([&](Tx& tx) {
    for (const auto& t : rows::totals(tx)) {
      kept[t.currency + " " + t.line + " " + t.reason] += t.micros;
      sums[t.currency + " " + t.line] += t.micros;
    }
    for (const auto& s : rows::list_standings(tx, "", "", "", 0, 100'000))
      for (const auto& c : ledger::contributions(s.standing))
        counted[c.currency + " " + c.line + " " + c.reason] += c.micros;
    return 0;
  });
  std::string out;
  for (const auto& [line, micros] : counted)
    if (kept[line] != micros)
      out += line + ": total " + money_text(kept[line], "") + ", standings " + money_text(micros, "") + "\n";
  for (const auto& [line, micros] : kept)
    if (micros != 0 && !counted.contains(line)) out += line + ": total " + money_text(micros, "") + " of no standing\n";
  for (const std::string currency : {"EUR", "USD"}) {
    auto sum = [&](const char* line) { return sums[currency + " " + line]; };
    if (sum("wanted") != sum("matched") + sum("missing")) out += currency + ": wanted is not matched and missing\n";
    if (sum("told") != sum("matched") + sum("excess")) out += currency + ": told is not matched and excess\n";
  }
  return out;
}

std::string money_text(std::int64_t micros, const std::string& currency) {
  const std::string amount = decimal(micros, micros % 1'000'000 == 0 ? 0 : 2);
  return currency.empty() || currency == "EUR" || micros == 0 ? amount : amount + " " + currency;
}

}  // namespace hw::conformance
