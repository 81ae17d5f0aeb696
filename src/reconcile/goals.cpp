#include "reconcile/goals.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/zone.h"
#include "settings/conditions.h"

namespace hw::reconcile {
namespace {

using ledger::Reason;
using settings::Goal;
using settings::Settings;
using settings::Stage;
using settings::ValueRule;

std::string field(const Subject& s, const std::string& name) {
  auto it = s.record.fields.find(name);
  return it == s.record.fields.end() ? std::string() : it->second;
}

bool matches(const Stage& stage, const std::string& value) {
  if (value.empty()) return false;
  return stage.values.empty() || std::find(stage.values.begin(), stage.values.end(), value) != stage.values.end();
}

/// What a change of which would change the answer.
std::set<std::string> watched(const Goal& goal, const Stage& stage) {
  std::set<std::string> names{"deleted", "restored", "merged", "unmerged", "pipeline", stage.field};
  for (const settings::Condition& c : goal.when) names.insert(c.field);
  if (goal.revenue) names.insert({"amount", "currency"});
  if (const std::string value = value_field(goal); !value.empty()) names.insert({value, "currency"});
  return names;
}

Timestamp last_change_of(const Subject& s, const std::set<std::string>& names, Timestamp at_least) {
  for (const store::Fact& f : s.facts)
    if (names.contains(f.name)) at_least = std::max(at_least, f.true_from);
  return at_least;
}

/// The goal's value before the rules for missing, zero and negative ones. Empty = the CRM has none.
std::optional<std::int64_t> raw_value(const Subject& s, const Goal& goal, const std::string& currency) {
  auto amount = [&](const std::string& name) -> std::optional<std::int64_t> {
    const std::string text = field(s, name);
    if (text.empty()) return std::nullopt;
    auto micros = parse_micros(text);
    return micros ? std::optional(*micros) : std::nullopt;
  };
  switch (goal.value.kind) {
    case ValueRule::Kind::none:
      return std::nullopt;
    case ValueRule::Kind::fixed:
      return goal.value.micros;
    case ValueRule::Kind::field:
      return amount(goal.value.field);
    case ValueRule::Kind::amount:
      return amount("amount");
    case ValueRule::Kind::share: {
      auto whole = amount("amount");
      auto code = Currency::parse(currency);
      if (!whole || !code) return whole;
      return share_of({*whole, *code}, goal.value.millionths).micros;
    }
  }
  return std::nullopt;
}

void refuse(Reached& r, Reason why, std::string detail) {
  if (!r.wanted) return;  // the first reason that holds stands
  r.wanted = false;
  r.why_not = why;
  r.detail = std::move(detail);
}

void apply_value(Reached& r, const Subject& s, const Goal& goal, const Settings& settings) {
  r.currency = currency_of(s, goal, settings);
  r.micros = raw_value(s, goal, r.currency);
  if (goal.value.kind == ValueRule::Kind::none) return;
  if (!r.micros) {
    r.micros = goal.missing_value_micros;
    if (!r.micros) refuse(r, Reason::no_value, "the CRM has no value and missing_value says withhold");
  }
  if (r.micros && *r.micros < 0) refuse(r, Reason::not_positive, "the value is below zero");
  if (r.micros && *r.micros == 0 && !goal.send_zero)
    refuse(r, Reason::not_positive, "the value is zero and zero_value says withhold");
}

void apply_time(Reached& r, const Subject& s, const Goal& goal, const Stay& stay, const Zone& zone) {
  r.entered_at = stay.entered;
  r.left_at = stay.left;
  r.at = stay.entered;
  r.at_basis = stay.basis;
  if (goal.time == Goal::Time::recorded) {
    r.at = stay.learned;
    r.at_basis = Basis::observed;
  } else if (goal.time == Goal::Time::close_date) {
    auto closed = read_time(field(s, "closed"), zone);
    if (closed) {
      r.at = closed->at;
      r.at_basis = Basis::inferred;
    }
  }
}

Reached reach(const Subject& s, const Goal& goal, const Stage& stage, const Settings& settings, const Stay& stay,
              bool in_stage) {
  Reached r;
  r.wanted = true;
  apply_time(r, s, goal, stay, settings.zone);
  r.changed_at = last_change_of(s, watched(goal, stage), s.record.created.value_or(s.record.modified));
  if (s.record.state == "deleted") refuse(r, Reason::not_wanted, "deleted in the CRM");
  if (stage.won && !in_stage) refuse(r, Reason::not_wanted, "no longer in stage " + stage.name);
  const bool won_now = r.wanted && s.record.state == "live";
  if (const std::string unmet = settings::unmet(goal.when, s.record.fields); !unmet.empty())
    refuse(r, Reason::excluded_by_goal, "`when:` of goal " + goal.name + " does not hold: " + unmet);
  apply_value(r, s, goal, settings);
  if (s.record.state == "merged") refuse(r, Reason::merged, "merged into another record");
  if (s.record.state == "gone") refuse(r, Reason::gone, "no longer visible to Headwater's CRM user");
  r.gone = s.record.state == "gone";
  if (goal.revenue && won_now) {
    auto amount = parse_micros(field(s, "amount"));
    auto code = Currency::parse(r.currency);
    if (code) r.crm = Money{amount ? *amount : 0, *code};
  }
  return r;
}

}  // namespace

const Stage* stage_of(const Goal& goal, const Settings& settings) {
  auto it = std::find_if(settings.stages.begin(), settings.stages.end(),
                         [&](const Stage& st) { return st.name == goal.stage && st.subject == goal.subject; });
  return it == settings.stages.end() ? nullptr : &*it;
}

std::vector<Stay> stays(const Subject& s, const Stage& stage) {
  std::vector<Stay> out;
  if (!stage.pipeline.empty() && field(s, "pipeline") != stage.pipeline) return out;
  bool inside = false;
  for (const store::Fact& f : s.facts) {
    if (f.name != stage.field) continue;
    const bool now_inside = matches(stage, f.value);
    if (now_inside && !inside)
      out.push_back({.entered = f.true_from, .basis = f.basis, .learned = f.learned, .left = {}, .left_by = nullptr});
    if (!now_inside && inside) {
      out.back().left = f.true_from;
      out.back().left_by = &f;
    }
    inside = now_inside;
  }
  return out;
}

std::vector<Reached> reached(const Subject& s, const Goal& goal, const Settings& settings) {
  std::vector<Reached> out;
  if (s.record.ref.object != goal.subject) return out;
  const Stage* stage = stage_of(goal, settings);
  if (stage == nullptr) return out;
  const std::vector<Stay> all = stays(s, *stage);
  if (all.empty()) return out;
  const bool in_stage = !all.back().left.has_value();
  if (goal.count == Goal::Count::each) {
    for (const Stay& stay : all) out.push_back(reach(s, goal, *stage, settings, stay, !stage->won || !stay.left));
    return out;
  }
  // A won stage counts its present stay (what is true now); any other its first.
  out.push_back(reach(s, goal, *stage, settings, stage->won ? all.back() : all.front(), in_stage));
  return out;
}

std::string value_field(const Goal& goal) {
  switch (goal.value.kind) {
    case ValueRule::Kind::amount:
    case ValueRule::Kind::share:
      return "amount";
    case ValueRule::Kind::field:
      return goal.value.field;
    case ValueRule::Kind::none:
    case ValueRule::Kind::fixed:
      break;
  }
  return "";
}

std::string currency_of(const Subject& s, const Goal& goal, const Settings& settings) {
  if (goal.value.currency) return goal.value.currency->str();
  auto c = Currency::parse(field(s, "currency"));
  return c ? c->str() : settings.currency.str();
}

std::optional<std::int64_t> value_of(const Subject& s, const Goal& goal, const Settings& settings) {
  const auto value = raw_value(s, goal, currency_of(s, goal, settings));
  return value ? value : goal.missing_value_micros;
}

Timestamp last_change(const Subject& s, const std::vector<settings::Condition>& conditions) {
  std::set<std::string> names;
  for (const settings::Condition& c : conditions) names.insert(c.field);
  return last_change_of(s, names, Timestamp{});
}

Timestamp history_corrected(const Subject& s, const Goal& goal, const Settings& settings) {
  Timestamp last = s.record.created.value_or(s.record.modified);
  const Stage* stage = stage_of(goal, settings);
  for (const store::Fact& f : s.facts)
    if (stage != nullptr && f.name == stage->field) last = std::max({last, f.true_from, f.learned});
  return last;
}

std::string dedup_id(std::string_view lineage, std::string_view goal, std::int64_t occurrence) {
  return "hw-" + sha256_base32(std::string(lineage) + '\n' + std::string(goal) + '\n' + std::to_string(occurrence));
}

}  // namespace hw::reconcile
