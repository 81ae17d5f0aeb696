#include "ledger/decide.h"

#include <algorithm>

#include "base/text.h"
#include "model/money.h"

namespace hw::ledger {
namespace {

using connect::ZeroRule;
using store::StoredUpload;

/// Everything decide() looks at, so that its parts stay small.
struct View {
  const Desired& desired;
  const std::vector<StoredUpload>& rows;
  const Rules& rules;
  Timestamp now;
  Belief belief;

  [[nodiscard]] bool same_value() const {
    return belief.told && !belief.retracted && desired.wanted && desired.micros.value_or(0) == belief.micros &&
           (desired.currency == belief.currency || belief.micros == 0);
  }
};

void stand(Decision& d, State state, std::optional<Reason> reason, std::string detail = {}) {
  d.state = state;
  d.reason = reason;
  d.detail = std::move(detail);
}

/// What is missing, what is too much. A conversion without value that is wanted no more is too much as well.
State by_amount(const Decision& d, const Belief& belief, bool wanted) {
  if (belief.told && wanted && d.t_micros == d.b_micros && d.t_currency == d.b_currency) return State::taken;
  if (!wanted) return belief.stands ? State::excess : State::none;
  return belief.told && d.t_currency == d.b_currency && d.b_micros > d.t_micros ? State::excess : State::missing;
}

/// The operation that brings the belief to `target`, if the platform has one.
std::optional<Operation> restating(const View& v, std::int64_t target) {
  const connect::Contract& c = v.rules.contract;
  const bool takes = target > v.belief.micros ? c.restate_up : c.restate_down;
  const bool takes_it = takes && (target != 0 || c.zero != ZeroRule::refused);
  return takes_it && c.operations.contains(Operation::restate) ? std::optional(Operation::restate) : std::nullopt;
}

/// The platform believes something else than what is wanted.
void decide_correction(const View& v, Decision& d) {
  const std::int64_t target = d.t_micros;
  // Under another currency nothing of what is believed stands: it waits like any other lowering.
  const bool comparable = d.t_currency == d.b_currency || target == 0;
  const bool lowering = !v.desired.wanted || (comparable ? target < v.belief.micros : v.belief.micros > 0);
  const State state = by_amount(d, v.belief, v.desired.wanted);
  const auto operation = v.desired.wanted ? restating(v, target) : taking_back(v.rules.contract, v.belief);
  if (!operation) return stand(d, state, Reason::uncorrectable, "the platform takes no such correction");
  const Timestamp since = taken_at(v.rows[*v.belief.first_taken]);
  const auto& limit = v.rules.contract.rules_of(*operation).adjust_until;
  if (limit && v.now >= since + *limit)
    return stand(d, state, Reason::uncorrectable, "older than the platform's limit for corrections");
  if (lowering && v.now < v.desired.changed_at + v.rules.settle) {
    d.look_again = v.desired.changed_at + v.rules.settle;
    return stand(d, state, Reason::settling, "the settle time is not over");
  }
  if (lowering && v.rules.brake_closed) return stand(d, state, Reason::braked, "headwater plan approve lets it go");
  stand(d, state, Reason::waiting);
  d.make = NewRevision{*operation, v.desired.wanted ? v.desired.micros : std::optional<std::int64_t>(0),
                       target == 0 ? v.belief.currency : v.desired.currency, lowering};
}

/// Its record is out of sight, or its amount was emptied: what was told stays.
bool keeps_what_was_told(const View& v) {
  if (v.desired.wanted || !v.belief.told) return false;
  if (v.desired.gone) return true;
  const Reason r = v.desired.not_wanted_because;
  return r == Reason::gone || r == Reason::no_value || r == Reason::before_go_live;
}

/// Is the row that is still open what would be made now?
bool open_is_right(const View& v, const StoredUpload& open) {
  if (keeps_what_was_told(v) || !v.rules.contract.operations.contains(open.operation)) return false;
  if (!v.desired.wanted) return open.operation != Operation::upload && open.value_micros.value_or(0) == 0;
  return open.value_micros == v.desired.micros && (open.currency == v.desired.currency || !v.desired.micros);
}

void decide_open(const View& v, Decision& d) {
  const StoredUpload& open = v.rows[*v.belief.open];
  stand(d, by_amount(d, v.belief, v.desired.wanted), Reason::waiting, open.detail);
  if (d.state == State::taken) d.state = State::missing;
  if (open.state == UploadState::in_flight || sent(open)) return;
  if (open_is_right(v, open)) {
    d.replace_open = true;
  } else {
    d.supersede_open = true;
  }
}

void stand_in_doubt(const View& v, Decision& d, State state) {
  d.b_low = v.belief.low;
  d.b_high = v.belief.high;
  d.range_currency = v.belief.uncertain_currency;
  stand(d, state, std::nullopt);
}

/// A correction that was refused after an attempt whose answer was lost, where corrections are absolute: under a key
/// without end another value settles what that one left open.
const StoredUpload* correction_in_doubt(const View& v) {
  const connect::DedupRule& dedup = v.rules.contract.rules_of(Operation::restate).dedup;
  if (!repeat_counts_once(Operation::restate, v.rules.contract) || !dedup.known || dedup.window) return nullptr;
  const auto last = std::find_if(v.rows.rbegin(), v.rows.rend(),
                                 [](const StoredUpload& u) { return u.mode == Mode::live && !is_void(u); });
  if (last == v.rows.rend() || last->state != UploadState::uncertain || last->operation != Operation::restate)
    return nullptr;
  // If the platform has taken it, it takes nothing after it.
  if (last->value_micros.value_or(0) == 0 && v.rules.contract.zero == ZeroRule::final_retraction) return nullptr;
  return last->first_attempt_at != last->last_attempt_at ? &*last : nullptr;
}

/// Nobody knows what is believed. It is said over when something else is wanted than what may have been taken.
void decide_uncertain(const View& v, Decision& d) {
  stand_in_doubt(v, d, State::uncertain);
  const StoredUpload* doubted = correction_in_doubt(v);
  if (doubted == nullptr || !v.belief.first_taken || !v.desired.wanted || !v.desired.micros) return;
  if (v.desired.currency != doubted->currency || v.belief.currency != doubted->currency) return;
  if (v.desired.micros == doubted->value_micros) return;
  View highest = v;
  highest.belief.micros = v.belief.high;
  decide_correction(highest, d);
  const bool braked = d.reason == Reason::braked;
  const std::string detail = d.detail;
  stand_in_doubt(v, d, State::uncertain);
  if (braked) stand(d, State::uncertain, Reason::braked, detail);
}

/// Nothing is believed yet.
void decide_first(const View& v, Decision& d) {
  if (!v.desired.wanted) return stand(d, State::none, v.desired.not_wanted_because, v.desired.detail);
  stand(d, State::missing, Reason::waiting, v.desired.detail);
  if (v.desired.hold) {
    d.look_again = v.desired.hold_until;
    return;
  }
  if (v.rules.mode == Mode::shadow) {
    d.detail = "shadow: nothing is sent";
  }
  d.make = NewRevision{Operation::upload, v.desired.micros, v.desired.currency, /*lowering=*/false};
}

/// A test's rows are never believed, so that a revision would be wanted for ever: one that was validated is not made
/// again.
bool validated(const View& v, const NewRevision& revision) {
  for (auto it = v.rows.rbegin(); it != v.rows.rend(); ++it) {
    if (it->mode != Mode::test || it->state == UploadState::superseded) continue;
    return it->state != UploadState::rejected && it->operation == revision.operation &&
           it->value_micros == revision.micros && it->currency == revision.currency;
  }
  return false;
}

/// Flags are words; "crm_gap:no_value" says why a closed-won amount is not wanted.
std::string crm_gap_of(const std::string& flags) {
  for (std::string_view word : split(flags, ' '))
    if (word.substr(0, 8) == "crm_gap:") return std::string(word.substr(8));
  return {};
}

void settle_values(const View& v, Decision& d) {
  d.t_micros = v.desired.wanted ? v.desired.micros.value_or(0) : 0;
  d.t_currency = v.desired.currency;
  d.b_micros = v.belief.micros;
  d.b_currency = v.belief.currency;
  if (keeps_what_was_told(v)) {
    d.t_micros = v.belief.micros;
    d.t_currency = v.belief.currency;
  }
  if (d.t_currency.empty()) d.t_currency = d.b_currency;
  if (d.t_micros == 0 && !d.b_currency.empty()) d.t_currency = d.b_currency;
}

void decide_anything(const View& v, Decision& d) {
  if (v.belief.unlocated) return stand_in_doubt(v, d, State::unlocated);
  if (v.belief.open) {
    decide_open(v, d);
    if (v.belief.uncertain) stand_in_doubt(v, d, State::uncertain);
    return;
  }
  if (v.belief.uncertain) return decide_uncertain(v, d);
  if (!v.belief.told) return decide_first(v, d);
  if (keeps_what_was_told(v)) return stand(d, State::taken, std::nullopt, to_string(v.desired.not_wanted_because));
  if (v.same_value()) return stand(d, State::taken, std::nullopt);
  if (final_zero(v.rows, v.rules.contract)) {
    if (!v.desired.wanted) return stand(d, State::none, v.desired.not_wanted_because, v.desired.detail);
    if (v.rules.contract.counting != connect::Counting::every)
      return stand(d, State::missing, Reason::lost_by_final_retraction);
    d.t_micros = 0;
    return stand(d, State::none, Reason::not_wanted, "goes on as a new occurrence: zero was final");
  }
  if (!v.desired.wanted && !v.belief.stands)
    return stand(d, State::none, v.desired.not_wanted_because, v.desired.detail);
  decide_correction(v, d);
}

}  // namespace

std::optional<Operation> taking_back(const connect::Contract& contract, const Belief& belief) {
  if (contract.operations.contains(Operation::retract)) return Operation::retract;
  const bool restates = contract.operations.contains(Operation::restate) && contract.zero != ZeroRule::refused;
  return restates && belief.micros != 0 ? std::optional(Operation::restate) : std::nullopt;
}

Decision decide(const Desired& desired, const std::vector<StoredUpload>& rows, const Rules& rules, Timestamp now) {
  const View v{desired, rows, rules, now, believe(rows, rules.mode)};
  Decision d;
  settle_values(v, d);
  decide_anything(v, d);
  if (d.make && rules.mode == Mode::test && validated(v, *d.make)) {
    d.make.reset();
    d.detail = "test: seen by the platform, never counts";
  }
  return d;
}

void apply_refusal(Decision& d, const connect::Refusal& refusal) {
  const bool correcting = d.make && d.make->operation != Operation::upload;
  d.make.reset();
  d.reason = reason_from(refusal.reason).value_or(Reason::rejected);
  if (correcting && d.state == State::excess && d.reason == Reason::expired) d.reason = Reason::uncorrectable;
  d.detail = refusal.detail;
  d.look_again = refusal.look_again;
}

void apply_same_as_rejected(Decision& d, const StoredUpload& rejected) {
  d.make.reset();
  d.reason = Reason::rejected;
  d.detail = rejected.code + ": " + rejected.detail;
}

const char* excess_class(Reason reason) {
  switch (reason) {
    case Reason::settling:
    case Reason::braked:
    case Reason::waiting:
    case Reason::too_recent:
      return "correction_waiting";
    default:
      return "uncorrectable";
  }
}

std::vector<store::Contribution> contributions(const store::Standing& s) {
  std::vector<store::Contribution> out;
  auto add = [&](const std::string& currency, const char* line, const std::string& reason, std::int64_t n,
                 std::int64_t micros) {
    if (n != 0 || micros != 0) out.push_back({currency, line, reason, n, micros});
  };
  if (!s.crm_currency.empty()) {
    add(s.crm_currency, "crm", "", 1, s.crm_micros);
    const std::string gap = crm_gap_of(s.flags);
    if (!gap.empty()) add(s.crm_currency, "crm_gap", gap, 1, s.crm_micros - s.t_micros);
  }
  if (s.state == "uncertain" || s.state == "unlocated") {
    add(s.t_currency, s.state.c_str(), "", 1, s.t_micros);
    add(s.range_currency, "uncertain_low", "", 0, s.b_low);
    add(s.range_currency, "uncertain_high", "", 0, s.b_high);
    // Told in another currency before: it stands, or the correction replaced it.
    if (s.b_currency != s.range_currency) add(s.b_currency, "uncertain_high", "", 0, s.b_micros);
    return out;
  }
  add(s.t_currency, "wanted", "", 0, s.t_micros);
  add(s.b_currency, "told", "", 0, s.b_micros);
  const bool same = s.t_currency == s.b_currency;
  const std::int64_t both = same ? std::min(s.t_micros, s.b_micros) : 0;
  add(s.t_currency, "matched", "", s.state == "taken" ? 1 : 0, both);
  add(s.t_currency, "missing", s.reason, s.state == "missing" ? 1 : 0, std::max<std::int64_t>(0, s.t_micros - both));
  const auto reason = reason_from(s.reason);
  add(s.b_currency, "excess", reason ? excess_class(*reason) : "", s.state == "excess" ? 1 : 0,
      std::max<std::int64_t>(0, s.b_micros - both));
  add(s.t_currency, "none", s.reason, s.state == "none" ? 1 : 0, 0);
  return out;
}

}  // namespace hw::ledger
