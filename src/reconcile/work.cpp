#include "reconcile/work.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/zone.h"
#include "ledger/item_json.h"
#include "reconcile/adopt.h"
#include "reconcile/clicks.h"
#include "reconcile/compose.h"
#include "reconcile/consent.h"
#include "reconcile/import.h"
#include "reconcile/once_per_person.h"
#include "reconcile/restored.h"
#include "reconcile/same_person.h"
#include "reconcile/unseen.h"
#include "settings/conditions.h"

namespace hw::reconcile {
namespace {

using connect::Refusal;
using ledger::Desired;
using ledger::Reason;
using store::StoredConversion;
using store::StoredRecord;
using store::StoredUpload;
namespace rows = store::ledger_rows;

void refuse(Desired& d, Reason why, std::string detail) {
  d.wanted = false;
  d.not_wanted_because = why;
  d.detail = std::move(detail);
}

/// Told although it lies before go-live: by another tool, by a backfill, whether or not that one still goes on, or
/// before go-live was another one. It is corrected like any other.
bool is_adopted(const std::vector<StoredUpload>& history, Mode mode) {
  return std::any_of(history.begin(), history.end(), [&](const StoredUpload& u) {
    if (u.code == kImported) return true;
    return u.mode == mode && ledger::sent(u) && !ledger::is_void(u);
  });
}

/// The goal's answer as this destination sees it.
Desired desired_of(const Asked& a, bool adopted) {
  Desired d;
  d.wanted = a.reached.wanted;
  d.not_wanted_because = a.reached.why_not;
  d.detail = a.reached.detail;
  d.micros = a.reached.micros;
  d.currency = a.reached.currency;
  d.changed_at = std::max(a.reached.changed_at, last_change(a.subject, a.plan.destination->route));
  d.gone = a.reached.gone;
  // The order of the reasons: what the destination refuses comes after not_wanted and before the value's own.
  const bool judged = !d.wanted && d.not_wanted_because == Reason::not_wanted;
  const bool before = a.reached.entered_at < a.plan.go_live && !adopted && !a.plan.backfilled(a.reached.entered_at);
  if (!judged && before) {
    refuse(d, Reason::before_go_live, "reached before go-live " + format_local(a.plan.go_live, a.frame.settings->zone));
  } else if (const auto& to = *a.plan.destination; !judged && !settings::holds(to.route, a.subject.record.fields)) {
    refuse(
        d, Reason::excluded_by_goal,
        "`route:` of destination " + to.name + " does not hold: " + settings::unmet(to.route, a.subject.record.fields));
  }
  const Timestamp gathered = a.subject.changed + a.frame.settings->gather;
  if (a.frame.now < gathered) {
    d.hold = true;
    d.hold_until = gathered;
    if (d.wanted) d.detail = "gathering until " + format_local(gathered, a.frame.settings->zone);
  }
  return d;
}

/// Whose data a first upload carries: the click's owner, else the first of the people who is live.
const StoredRecord* person_of(const Subject& subject, const std::optional<ChosenClick>& click) {
  for (const auto& p : subject.people)
    if (click && p.id == click->person) return &p;
  for (const auto& p : subject.people)
    if (p.state == "live") return &p;
  return subject.people.empty() ? nullptr : &subject.people.front();
}

/// Click ids are pseudonymous: enough of one to recognise it.
std::string shortened(const std::string& value) {
  return value.size() <= 12 ? value : value.substr(0, 6) + "..." + value.substr(value.size() - 4);
}

/// Kept as JSON, with times in UTC: data, which explain() puts into words.
std::string story(const ClickStory& clicks) {
  nlohmann::json passed = nlohmann::json::array();
  for (const auto& [candidate, why] : clicks.passed_over)
    passed.push_back({{"type", candidate.click.type},
                      {"value", shortened(candidate.click.value)},
                      {"at", rfc3339(candidate.click.at)},
                      {"why", why}});
  nlohmann::json j{{"passed_over", passed}};
  if (clicks.chosen)
    j["chosen"] = {{"type", clicks.chosen->click.type},
                   {"at", rfc3339(clicks.chosen->click.at)},
                   {"whence", clicks.chosen->whence}};
  return j.dump();
}

/// The flags of a standing: words that explain and the accounts read.
void flag(store::Standing& s, const std::string& word) { s.flags += (s.flags.empty() ? "" : " ") + word; }

bool same_request(const StoredUpload& refused, const StoredUpload& row) {
  auto old = ledger::item_from_json(refused.item);
  auto now = ledger::item_from_json(row.item);
  return old && now && old->body == now->body && old->group == now->group && refused.operation == row.operation &&
         refused.value_micros == row.value_micros && refused.account == row.account && refused.action == row.action;
}

bool says_the_same(const StoredUpload& x, const StoredUpload& y) {
  return x.item == y.item && x.account == y.account && x.action == y.action && x.consent == y.consent &&
         x.person == y.person;
}

/// Without identifier because its click is out of the window: that reason stands before having none.
Refusal named(Refusal refusal, const ClickStory& clicks) {
  const bool too_old = std::any_of(clicks.passed_over.begin(), clicks.passed_over.end(),
                                   [](const auto& passed) { return passed.reason == "too_old"; });
  if (refusal.reason == "no_identifier" && too_old) refusal.reason = "expired";
  return refusal;
}

/// A withdrawal stops corrections too, and stands before the reasons why they wait or cannot be made.
bool comes_after_consent(const ledger::Decision& d) {
  return d.reason &&
         (*d.reason == Reason::settling || *d.reason == Reason::braked || *d.reason == Reason::uncorrectable);
}

std::string amount_text(std::int64_t micros, const std::string& currency) {
  const auto code = Currency::parse(currency);
  return code ? human({micros, *code}) : "no value";
}

/// What a lowering takes away, in the currency that is believed.
std::int64_t lowered_by(const ledger::Decision& d) {
  return d.t_currency == d.b_currency ? d.b_micros - d.t_micros : d.b_micros;
}

/// One conversion at one destination, step by step.
class Assessment {
 public:
  Assessment(const Asked& asked, const StoredConversion& conversion, bool dead,
             const std::vector<StoredUpload>& made_before)
      : a_(asked), c_(conversion), made_before_(made_before), dead_(dead) {
    if (c_.id != 0) history_ = rows::uploads(a_.tx, c_.id, a_.plan.destination->name);
    for (StoredUpload& u : history_)
      if (a_.frame.taken_back.contains(u.id)) u.state = UploadState::superseded;
    desired_ = desired_of(asked, is_adopted(history_, a_.plan.destination->mode));
    belief_ = ledger::believe(history_, a_.plan.destination->mode);
    if (belief_.told) desired_.changed_at = std::max(desired_.changed_at, last_merge(a_.tx, a_.subject.record.id));
    if (dead_) refuse(desired_, Reason::not_wanted, "goes on as another occurrence: the platform's zero was final");
    if (a_.plan.gap)
      gap_.emplace(Findings{a_, c_, dead_, history_, belief_, desired_, d_, clicks_, who_, held_by_, w_});
  }
  Assessment(const Assessment&) = delete;  // gap_ refers to its members

  Work work() {
    decide();
    choose();
    if (refused_ && comes_after_consent(d_)) ledger::apply_refusal(d_, *refused_);
    if (d_.make || d_.replace_open) say();
    if (d_.supersede_open)
      w_.supersede = desired_.wanted
                         ? Work::Superseded{open()->id, "another_value", wanted()}
                         : Work::Superseded{open()->id, to_string(desired_.not_wanted_because), desired_.detail};
    if (refused_ && belief_.open && open()->state == UploadState::retrying && ledger::sent(*open()))
      w_.stop = open()->id;
    if (gap_) doubt_gap();
    // Why another value does not go is no reason of this, but that a person is to let it go.
    if (d_.state == ledger::State::uncertain && d_.reason != ledger::Reason::braked) d_.reason.reset();
    fill_standing();
    return std::move(w_);
  }

 private:
  const Zone& zone() const { return a_.frame.settings->zone; }
  const StoredUpload* open() const { return belief_.open ? &history_[*belief_.open] : nullptr; }

  void decide() {
    ledger::Rules rules{
        .contract = belief_.first_taken ? a_.plan.contract_of(history_[*belief_.first_taken]) : a_.plan.contract,
        .mode = a_.plan.destination->mode,
        .settle = a_.plan.destination->settle,
        .brake_closed = false};
    judge(rules);
    if (gap_) {
      if (gap_->told_apart()) return d_.make.reset();
      judge_with_gap(rules);
    }
    if (d_.make && d_.make->lowering && a_.frame.brake_closed(a_.plan, c_.id, d_.b_currency, lowered_by(d_))) {
      rules.brake_closed = true;
      judge(rules);
    }
    if (d_.reason == Reason::settling && d_.look_again)
      d_.detail = "settles at " + format_local(*d_.look_again, zone());
    if (!d_.make || (d_.make->operation != Operation::upload && (belief_.stands || !desired_.wanted))) return;
    if (a_.goal.count != settings::Goal::Count::once_per_person) return;
    held_by_ = told_for_same_person(a_, c_, a_.goal.per_person_within);
    if (!held_by_) return;
    refuse(desired_, Reason::not_wanted, "the same person's conversion was already told within the goal's time");
    judge(rules);
  }

  /// A zero of the backup that may have been raised in the gap counts as raised: it is taken back once more, as what
  /// stands is.
  void judge(const ledger::Rules& rules) {
    if (!raised_) {
      d_ = ledger::decide(desired_, history_, rules, a_.frame.now);
      return;
    }
    std::vector<StoredUpload> history = history_;
    history.push_back(gap_->row(Operation::restate, *raised_));
    history.back().state = UploadState::processed;
    d_ = ledger::decide(desired_, history, rules, a_.frame.now);
  }

  void judge_with_gap(const ledger::Rules& rules) {
    if (!desired_.wanted && !belief_.stands) raised_ = gap_->corrected();
    if (raised_) return judge(rules);
    if (d_.state != ledger::State::taken || !desired_.wanted || !gap_->corrected()) return;
    // The CRM is back where the backup was, the platform may not be: its value is said once more.
    d_.make = ledger::NewRevision{Operation::restate, desired_.micros, desired_.currency, /*lowering=*/false};
    d_.state = ledger::State::missing;
    d_.reason = Reason::waiting;
  }

  /// Click and person, and whether that person's data may be sent. What was sent once stays with its person.
  void choose() {
    if (desired_.wanted && (!desired_.hold || d_.make || d_.replace_open)) look_at_click();
    who_.person = person_of(a_.subject, clicks_.chosen);
    const StoredUpload* frozen = belief_.first_taken                          ? &history_[*belief_.first_taken]
                                 : open() != nullptr && ledger::sent(*open()) ? open()
                                                                              : nullptr;
    if (frozen != nullptr && frozen->person) {
      frozen_person_ = survivor(a_.tx, *frozen->person);
      if (frozen_person_) who_.person = &*frozen_person_;
    }
    refused_ = consent_refusal(a_, who_.person, belief_.told, who_.consent);
    note_identity_change();
  }

  void look_at_click() {
    looks_at_click_ = true;
    clicks_ = click_story(a_.tx, a_.subject, c_, a_.goal, a_.plan, a_.frame.now);
    who_.click = clicks_.chosen;
  }

  /// A told conversion whose click would be another today: noted, never moved (DESIGN section 5).
  void note_identity_change() {
    if (!belief_.first_taken || !clicks_.chosen) return;
    if (clicks_.chosen->click.value != history_[*belief_.first_taken].click_value)
      flag(w_.standing, "identity_changed_after_upload");
  }

  void say() {
    if (refused_) return cannot_say(*refused_);
    auto composed = compose(a_, telling(), who_, made_before_);
    if (auto refusal = refusal_of(composed)) {
      // What was refused while it could still be said stands as that when its time is over.
      const StoredUpload* refused = ledger::refused_last(history_, a_.plan.destination->mode);
      if (refused != nullptr && refusal->reason == "expired" && d_.make && is_wanted_still(*refused))
        return ledger::apply_same_as_rejected(d_, *refused);
      return cannot_say(*refusal);
    }
    auto& row = std::get<StoredUpload>(composed);
    if (row.operation == Operation::upload && counted_once(row)) return;
    if (d_.make) return make(std::move(row));
    if (!says_the_same(*open(), row)) w_.replace = {open()->id, std::move(row)};
    keep_click();
  }

  /// Why the row does not go: the sink cannot say it, or a first upload waits for its people's history.
  std::optional<Refusal> refusal_of(const std::variant<StoredUpload, Refusal>& composed) const {
    const auto* cannot = std::get_if<Refusal>(&composed);
    const auto pending = history_wanting();
    if (pending)
      if (auto waits = waits_for_history(*pending, a_.frame.now, zone(), std::get_if<StoredUpload>(&composed), cannot))
        return waits;
    if (cannot == nullptr) return std::nullopt;
    Refusal refusal = named(*cannot, clicks_);
    if (pending && refusal.reason == "no_identifier") refusal.detail += "; " + to_text(*pending);
    return refusal;
  }

  /// Nothing else is wanted than what was refused, and nothing happened that could have had it taken since.
  [[nodiscard]] bool is_wanted_still(const StoredUpload& refused) const {
    return d_.make->operation == refused.operation && d_.make->micros == refused.value_micros &&
           d_.make->currency == refused.currency && !mended_since(refused);
  }

  /// The history that could still change what a first upload says.
  std::optional<PendingHistory> history_wanting() const {
    if (!d_.make || d_.make->operation != Operation::upload || a_.plan.contract.click_types.empty()) return {};
    if (clicks_.chosen && clicks_.chosen->is_settled) return {};
    return pending_history(a_.tx, a_.frame.histories, a_.subject);
  }

  Telling telling() const {
    const StoredUpload* unsent = d_.make ? nullptr : open();
    const ledger::NewRevision revision =
        unsent == nullptr
            ? *d_.make
            : ledger::NewRevision{unsent->operation, unsent->value_micros, unsent->currency, /*lowering=*/false};
    const int number = unsent != nullptr ? unsent->revision : history_.empty() ? 0 : history_.back().revision + 1;
    const bool correction = revision.operation != Operation::upload && belief_.first_taken;
    return {.conversion = c_,
            .revision = revision,
            .number = number,
            .history = history_,
            .original = correction ? &history_[*belief_.first_taken] : nullptr};
  }

  void cannot_say(const Refusal& refusal) {
    if (d_.replace_open) w_.supersede = {open()->id, refusal.reason, refusal.detail};
    ledger::apply_refusal(d_, refusal);
  }

  /// The platform counts one conversion of this click, or of this person, and has it.
  bool counted_once(const StoredUpload& row) {
    const std::int64_t own = open() == nullptr ? 0 : open()->id;
    switch (a_.plan.contract.counting) {
      case connect::Counting::every:
        return false;
      case connect::Counting::once_per_click:
        held_by_ = counted_on_click(a_, c_, row, own, made_before_);
        break;
      case connect::Counting::once_per_member:
        held_by_ = counted_on_person(a_, c_, row, own, made_before_);
        break;
    }
    if (!held_by_) return false;
    cannot_say({.reason = "platform_counts_once",
                .detail = "the action counts once and another conversion has that place",
                .look_again = {}});
    return true;
  }

  void make(StoredUpload row) {
    const StoredUpload* refused = ledger::refused_last(history_, a_.plan.destination->mode);
    if (refused != nullptr && same_request(*refused, row) && !mended_since(*refused))
      return ledger::apply_same_as_rejected(d_, *refused);
    row.backfill = row.operation == Operation::upload && a_.plan.backfilled(a_.reached.entered_at);
    if (gap_)
      if (auto said = gap_->said_already(row)) return leave_uncertain(std::move(*said));
    w_.lowering = d_.make->lowering;
    w_.lowering_micros = lowered_by(d_);
    w_.made_because = because(row);
    w_.make = std::move(row);
    w_.shadow = a_.plan.destination->mode == Mode::shadow;
    if (!w_.shadow) keep_click();
  }

  /// "150.00 EUR wanted", or why nothing is.
  [[nodiscard]] std::string wanted() const {
    if (!desired_.wanted)
      return to_string(desired_.not_wanted_because) + (desired_.detail.empty() ? "" : ": " + desired_.detail);
    return desired_.micros ? amount_text(*desired_.micros, desired_.currency) + " wanted" : "wanted";
  }

  [[nodiscard]] std::string because(const StoredUpload& row) const {
    std::string out = belief_.told ? amount_text(belief_.micros, belief_.currency) + " believed, " : "";
    out += wanted();
    if (!row.backfill) return out;
    for (const store::StoredBackfill& b : a_.plan.backfills)
      if (b.from <= a_.reached.entered_at && a_.reached.entered_at < b.to)
        return out + "; backfill asked by " + b.actor;
    return out;
  }

  /// What refused it may lie in a setting that the request does not show, or it may have been said again in the gap.
  [[nodiscard]] bool mended_since(const StoredUpload& refused) const {
    if (gap_ && gap_->retried(refused)) return true;
    if (ledger::may_have_been_taken(refused, a_.plan.contract_of(refused))) return false;
    return refused.id <= a_.plan.mended_row;
  }

  /// What may have been told in the gap is noted where nothing that is said now settles it.
  void doubt_gap() {
    const bool told = gap_->told();
    if (told && a_.plan.destination->mode == Mode::live) {
      if (!looks_at_click_) look_at_click();  // its place at the platform may be taken
      leave_uncertain(gap_->row(Operation::upload, gap_->value()));
    } else if (auto row = gap_->told_besides()) {
      leave_uncertain(std::move(*row));
    } else if (told || gap_->is_noted()) {
      flag(w_.standing, kToldInGap);
      d_.detail +=
          std::string(d_.detail.empty() ? "" : "; ") + "it may have been told between the backup and its restore";
    }
    if (raised_) stand_between(belief_.micros, *raised_);
  }

  /// It may have been said between a backup and its restore: it is noted, and not said again.
  void leave_uncertain(StoredUpload row) {
    held_by_.reset();
    doubt(row, a_.plan.gap->from);
    history_.push_back(row);
    const ledger::Belief belief = ledger::believe(history_);
    d_.state = ledger::State::uncertain;
    d_.reason.reset();
    d_.detail = row.detail;
    d_.b_low = belief.low;
    d_.b_high = belief.high;
    d_.range_currency = belief.uncertain_currency;
    w_.make = std::move(row);
    keep_click();
  }

  void stand_between(std::int64_t low, const Amount& high) {
    d_.state = ledger::State::uncertain;
    d_.b_micros = d_.b_low = low;
    d_.b_high = high.micros;
    d_.range_currency = high.currency;
  }

  void keep_click() {
    if (clicks_.chosen) w_.click = clicks_.chosen->click;
  }

  void fill_standing() {
    store::Standing& s = w_.standing;
    w_.plan = &a_.plan;
    s.conversion_id = c_.id;
    s.goal = c_.goal;
    s.destination = a_.plan.destination->name;
    s.state = to_string(d_.state);
    s.reason = d_.reason ? to_string(*d_.reason) : "";
    s.detail = d_.detail;
    s.t_micros = d_.t_micros;
    s.t_currency = d_.t_currency;
    s.b_micros = d_.b_micros;
    s.b_currency = d_.b_currency;
    s.b_low = d_.b_low;
    s.b_high = d_.b_high;
    s.range_currency = d_.range_currency;
    s.look_again_at = d_.look_again;
    s.changed_at = a_.reached.changed_at;
    s.held_by = held_by_;
    if (!dead_) fill_crm();
    if (clicks_.chosen && clicks_.chosen->click.after_first) flag(s, "click_after_first");
    if (c_.at_basis != Basis::crm_history) flag(s, std::string("time_") + to_string(c_.at_basis));
    if (looks_at_click_) s.story = story(clicks_);
  }

  /// The CRM's side of a revenue goal, and why an amount of it is not wanted.
  void fill_crm() {
    store::Standing& s = w_.standing;
    if (!a_.reached.crm) return;
    s.crm_micros = a_.reached.crm->micros;
    s.crm_currency = a_.reached.crm->currency.str();
    if (s.crm_micros == s.t_micros && s.crm_currency == s.t_currency) return;
    flag(s, std::string("crm_gap:") +
                (desired_.wanted ? (s.reason.empty() ? "other" : s.reason) : to_string(desired_.not_wanted_because)));
  }

  const Asked& a_;
  const StoredConversion& c_;
  const std::vector<StoredUpload>& made_before_;
  bool dead_;
  Desired desired_;
  std::vector<StoredUpload> history_;
  ledger::Belief belief_;
  ledger::Decision d_;
  ClickStory clicks_;
  Who who_;
  std::optional<StoredRecord> frozen_person_;
  std::optional<Refusal> refused_;
  std::optional<std::int64_t> held_by_;
  std::optional<Unseen> gap_;     ///< where a backup was restored
  std::optional<Amount> raised_;  ///< what a zero of the backup may have become in the gap
  bool looks_at_click_ = false;
  Work w_;
};

}  // namespace

Work work_for(const Asked& asked, const StoredConversion& conversion, bool dead,
              const std::vector<StoredUpload>& made_before) {
  return Assessment(asked, conversion, dead, made_before).work();
}

}  // namespace hw::reconcile
