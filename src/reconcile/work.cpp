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

bool has_flag(const store::Standing& s, std::string_view word) {
  const auto words = split(s.flags, ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The daemon of the gap between a backup and its restore may have told it.
constexpr const char* kToldInGap = "told_in_gap";

/// The last row that was refused, when nothing came after it.
const StoredUpload* refused_last(const std::vector<StoredUpload>& history, Mode mode) {
  for (auto it = history.rbegin(); it != history.rend(); ++it) {
    if (it->state == UploadState::superseded || it->mode != mode) continue;
    return it->state == UploadState::rejected ? &*it : nullptr;
  }
  return nullptr;
}

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

struct Amount {
  std::int64_t micros = 0;
  std::string currency;
};

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
  }

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
    if (told_unseen()) {
      if (a_.plan.destination->mode == Mode::live)
        leave_uncertain(unseen_row(Operation::upload, gap_value()));
      else
        flag(w_.standing, kToldInGap);
    }
    if (told_anew_unseen()) {
      const Amount value = gap_value();
      leave_uncertain(
          unseen_row(Operation::upload, {std::max(value.micros, believed_in(value.currency)), value.currency}));
    } else if (told_before_adoption()) {
      const Amount value = gap_value();
      leave_uncertain(unseen_row(Operation::upload, {value.micros + believed_in(value.currency), value.currency}));
    }
    if (const auto value = uncovered())
      leave_uncertain(unseen_row(belief_.first_taken ? Operation::restate : Operation::upload, *value));
    if (!w_.make && !passes_by_itself()) {
      if (const auto operation = taken_back_unseen()) {
        StoredUpload row = unseen_row(*operation, {0, belief_.currency});
        row.value_micros = 0;
        leave_uncertain(std::move(row));
      } else if (const auto value = corrected_unseen()) {
        leave_uncertain(unseen_row(Operation::restate, *value));
      }
    }
    if (raised_) stand_between(belief_.micros, *raised_);
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
    d_ = ledger::decide(desired_, history_, rules, a_.frame.now);
    if (told_anew_unseen() || told_before_adoption()) return d_.make.reset();
    const auto raised = raised_unseen();
    const std::vector<StoredUpload>& history = raised ? *raised : history_;
    if (raised_) d_ = ledger::decide(desired_, history, rules, a_.frame.now);
    if (d_.state == ledger::State::taken && desired_.wanted && corrected_unseen()) {
      // The CRM is back where the backup was, the platform may not be: its value is said once more.
      d_.make = ledger::NewRevision{Operation::restate, desired_.micros, desired_.currency, /*lowering=*/false};
      d_.state = ledger::State::missing;
      d_.reason = Reason::waiting;
    }
    if (d_.make && d_.make->lowering && a_.frame.brake_closed(a_.plan, c_.id, d_.b_currency, lowered_by(d_))) {
      rules.brake_closed = true;
      d_ = ledger::decide(desired_, history, rules, a_.frame.now);
    }
    if (d_.reason == Reason::settling && d_.look_again)
      d_.detail = "settles at " + format_local(*d_.look_again, zone());
    if (!d_.make || (d_.make->operation != Operation::upload && (belief_.stands || !desired_.wanted))) return;
    if (a_.goal.count != settings::Goal::Count::once_per_person) return;
    held_by_ = told_for_same_person(a_, c_, a_.goal.per_person_within);
    if (!held_by_) return;
    refuse(desired_, Reason::not_wanted, "the same person's conversion was already told within the goal's time");
    d_ = ledger::decide(desired_, history_, rules, a_.frame.now);
  }

  /// Click and person, and whether that person's data may be sent. What was sent once stays with its person.
  void choose() {
    looks_at_click_ = desired_.wanted && (!desired_.hold || d_.make || d_.replace_open);
    if (looks_at_click_) clicks_ = click_story(a_.tx, a_.subject, c_, a_.goal, a_.plan, a_.frame.now);
    who_.click = clicks_.chosen;
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
      const StoredUpload* refused = refused_last(history_, a_.plan.destination->mode);
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
           d_.make->currency == refused.currency && !mended_since(refused) && !retried_unseen(refused);
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
    const StoredUpload* refused = refused_last(history_, a_.plan.destination->mode);
    if (refused != nullptr && same_request(*refused, row) && !mended_since(*refused) && !retried_unseen(*refused))
      return ledger::apply_same_as_rejected(d_, *refused);
    row.backfill = row.operation == Operation::upload && a_.plan.backfilled(a_.reached.entered_at);
    const bool upload = row.operation == Operation::upload;
    if (doubted(a_.plan, row, upload ? first_due_since() : changed_since()) || (upload && told_under_another_key())) {
      const auto value = upload ? std::nullopt : corrected_unseen();
      return leave_uncertain(value && reaches_to(*value, row) ? unseen_row(Operation::restate, *value)
                                                              : std::move(row));
    }
    w_.lowering = d_.make->lowering;
    w_.lowering_micros = lowered_by(d_);
    w_.made_because = because(row);
    w_.make = std::move(row);
    w_.shadow = a_.plan.destination->mode == Mode::shadow;
    if (!w_.shadow) keep_click();
  }

  /// Does the range from what is believed to this value hold what the row says? What else was true in the gap is seen
  /// in the next round.
  [[nodiscard]] bool reaches_to(const Amount& value, const StoredUpload& row) const {
    if (value.currency != belief_.currency) return true;  // from nothing on
    const auto [low, high] = std::minmax(belief_.micros, value.micros);
    const std::int64_t said = row.value_micros.value_or(0);
    return low <= said && said <= high;
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

  /// What refused it may lie in a setting that the request does not show.
  [[nodiscard]] bool mended_since(const StoredUpload& refused) const {
    if (ledger::may_have_been_taken(refused, a_.plan.contract_of(refused))) return false;
    return refused.id <= a_.plan.mended_row;
  }

  /// The daemon that was at work between a backup and its restore may have said it again: as a person wished, or in
  /// other words.
  [[nodiscard]] bool retried_unseen(const StoredUpload& refused) const {
    return a_.plan.gap && a_.plan.destination->mode == Mode::live && is_from_backup(&refused) &&
           refused.expires_at > a_.plan.gap->from && could_be_taken_unseen(refused);
  }

  /// What was due in the gap went once more, since it may be repeated. Its refusal says nothing of the first time.
  [[nodiscard]] bool told_before_refusal(const StoredUpload& refused) const {
    return refused.operation == Operation::upload && !is_from_backup(&refused) &&
           due_since(a_.plan, a_.subject, a_.reached) < a_.plan.gap->to && could_be_taken_unseen(refused);
  }

  /// Who could not be credited could not then either, in the same words.
  [[nodiscard]] bool could_be_taken_unseen(const StoredUpload& refused) const {
    return refused.code != connect::kUnattributed || was_changed_unseen() || had_another_click(refused);
  }

  [[nodiscard]] bool was_changed_unseen() const {
    const auto in_gap = [&](const store::StoredRecord& r) {
      return r.modified >= a_.plan.gap->from && r.modified < a_.plan.gap->to;
    };
    return in_gap(a_.subject.record) || std::any_of(a_.subject.people.begin(), a_.subject.people.end(), in_gap);
  }

  [[nodiscard]] bool had_another_click(const StoredUpload& refused) const {
    return std::any_of(clicks_.passed_over.begin(), clicks_.passed_over.end(), [&](const auto& passed) {
      return passed.reason == "too_old" && passed.candidate.click.value != refused.click_value;
    });
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

  /// A first upload that the daemon of the gap may have told under a key which this store does not know, or whose own
  /// key it may have spent. That key is no guard then.
  [[nodiscard]] bool told_under_another_key() const {
    if (!a_.plan.gap || a_.plan.destination->mode != Mode::live || a_.plan.destination->resend_uncertain) return false;
    if (first_due_since() >= a_.plan.gap->to) return zero_spends_key(a_.plan.contract) && left_for_a_while();
    return merged_unseen(a_.tx, a_.subject, *a_.plan.gap) ||
           key_is_of_order(a_.tx, a_.subject, a_.goal, *a_.plan.gap) || is_spent();
  }

  /// A stay before this one may have been told as well, where nothing of the goal was known as told.
  [[nodiscard]] Timestamp first_due_since() const {
    const Timestamp known = due_since(a_.plan, a_.subject, a_.reached);
    if (!a_.plan.gap || known < a_.plan.gap->to || a_.plan.go_live >= a_.plan.gap->to) return known;
    return !last_word_at() && wanted_anew() ? a_.plan.gap->from : known;
  }

  [[nodiscard]] bool is_spent() const { return zero_spends_key(a_.plan.contract) && was_away(); }

  [[nodiscard]] bool was_away() const {
    return was_away_unseen(a_.plan, a_.goal, *a_.frame.settings, a_.subject, a_.reached, last_said_at());
  }

  [[nodiscard]] bool left_for_a_while() const {
    return left_unseen(a_.plan, a_.goal, *a_.frame.settings, a_.subject, a_.reached, last_said_at());
  }

  /// Before the gap nothing stood that could be brought to zero, where nothing was said.
  [[nodiscard]] Timestamp last_said_at() const { return last_word_at().value_or(a_.plan.gap->from); }

  /// When the last word that was taken of this goal was made, under whichever of its keys.
  [[nodiscard]] std::optional<Timestamp> last_word_at() const {
    std::optional<Timestamp> last;
    const auto note = [&](const std::vector<StoredUpload>& all) {
      if (const auto taken = ledger::believe(all).last_taken)
        last = std::max(last.value_or(Timestamp{}), all[*taken].made_at);
    };
    note(history_);
    for (const StoredConversion& c : rows::conversions_of_record(a_.tx, a_.subject.record.id))
      if (c.goal == c_.goal && c.id != c_.id) note(rows::uploads(a_.tx, c.id, a_.plan.destination->name));
    return last;
  }

  /// The backup's conversion, which may have been taken back for good, and told under its next key since.
  [[nodiscard]] bool told_anew_unseen() const {
    if (!a_.plan.gap || dead_ || !belief_.told || belief_.uncertain || open() != nullptr) return false;
    // What was said after it came back is no doubt.
    if (a_.plan.destination->mode != Mode::live || !is_from_backup(last_said())) return false;
    if (belief_.stands) return is_spent() && (a_.reached.wanted || wanted_anew());
    const bool has_next = a_.plan.contract.counting == connect::Counting::every;
    return has_next && ledger::final_zero(history_, a_.plan.contract) && !desired_.wanted && wanted_anew();
  }

  [[nodiscard]] bool wanted_anew() const {
    return reconcile::wanted_anew(a_.plan, a_.goal, *a_.frame.settings, a_.subject, a_.reached,
                                  since_last_word(*a_.plan.gap), belief_.stands);
  }

  [[nodiscard]] store::Gap since_last_word(store::Gap gap) const {
    gap.from = std::max(gap.from, last_word_at().value_or(gap.from));
    return gap;
  }

  /// By what is wanted now, or was for a while.
  [[nodiscard]] bool zero_was_due(const store::Gap& within) const {
    const bool is_kept = desired_.wanted || desired_.gone || desired_.not_wanted_because == Reason::no_value;
    if (!is_kept && changed_since() + a_.plan.destination->settle < within.to) return true;
    return reconcile::zero_was_due(a_.plan, a_.goal, *a_.frame.settings, a_.subject, a_.reached,
                                   since_last_word(within));
  }

  /// What it reached in the gap may have been told under its own key there, before the loser of a merge that the backup
  /// does not know of brought this conversion.
  [[nodiscard]] bool told_before_adoption() const {
    if (!a_.plan.gap || dead_ || !belief_.stands || belief_.uncertain || open() != nullptr) return false;
    const store::Gap& gap = *a_.plan.gap;
    return a_.plan.destination->mode == Mode::live && is_from_backup(last_said()) &&
           c_.created_at < a_.reached.entered_at && a_.reached.entered_at >= gap.from &&
           due_since(a_.plan, a_.subject, a_.reached) < gap.to && merged_unseen(a_.tx, a_.subject, gap);
  }

  [[nodiscard]] bool is_from_backup(const StoredUpload* row) const {
    return row != nullptr && row->id != 0 && row->id <= a_.plan.gap->last_upload;
  }

  /// Who holds its place had it before the backup and kept it: the daemon of the gap held this one back as well.
  [[nodiscard]] bool held_in_gap(const std::optional<store::Standing>& before) const {
    if (!held_by_) return false;
    const auto all = rows::uploads(a_.tx, *held_by_, a_.plan.destination->name);
    const ledger::Belief holder = ledger::believe(all);
    const bool stands = holder.stands && !holder.uncertain;
    const StoredUpload* first = stands ? &all[*holder.first_taken] : nullptr;
    const bool held =
        (before && before->held_by) || (stands && is_from_backup(first) && first->first_attempt_at < a_.plan.gap->from);
    if (!held || people_changed_unseen(a_.tx, a_.subject, *a_.plan.gap)) return false;
    // A place at the platform is kept for ever.
    if (d_.reason == Reason::platform_counts_once) return true;
    const Timestamp said = holder.last_taken ? all[*holder.last_taken].made_at : a_.plan.gap->from;
    return !holder.uncertain && !holder_was_away(said);
  }

  /// It was unwanted for a while in the gap, or is so by now and was due to be taken back there. `said`: the last word
  /// on it that is known.
  [[nodiscard]] bool holder_was_away(Timestamp said) const {
    const auto conversion = rows::conversion(a_.tx, *held_by_);
    const auto holder = conversion ? load_subject(a_.tx, conversion->record_id) : std::nullopt;
    if (!holder) return false;
    const settings::Destination& to = *a_.plan.destination;
    const auto all = reached(*holder, a_.goal, *a_.frame.settings);
    return std::any_of(all.begin(), all.end(), [&](const Reached& r) {
      if (r.wanted && settings::holds(to.route, holder->record.fields))
        return was_away_unseen(a_.plan, a_.goal, *a_.frame.settings, *holder, r, said);
      const Timestamp changed_at = std::max(r.changed_at, last_change(*holder, to.route));
      return reconcile::changed_since(a_.plan, *holder, changed_at) + to.settle < a_.plan.gap->to;
    });
  }

  /// Nothing is told and nothing will be, but the daemon that was at work between a backup and its restore may have.
  /// In another mode than live that is noted alone: what the backup knew is gone by the time it is live again.
  [[nodiscard]] bool told_unseen() const {
    if (!a_.plan.gap || dead_ || w_.make || w_.replace) return false;
    if (belief_.told || belief_.uncertain || belief_.unlocated) return false;
    if (open() != nullptr) {
      // The backup's own row, which nothing follows: another value would go by itself.
      const bool ends = w_.supersede && (!desired_.wanted || !d_.supersede_open);
      return ends && open()->mode == Mode::live && is_from_backup(open());
    }
    if (!d_.reason) return false;
    const StoredUpload* refused = refused_last(history_, Mode::live);
    if (refused != nullptr && !passes_by_itself() && (retried_unseen(*refused) || told_before_refusal(*refused)))
      return true;
    const auto before = c_.id == 0 ? std::nullopt : rows::standing(a_.tx, c_.id, a_.plan.destination->name);
    if (before && has_flag(*before, kToldInGap)) return true;
    if (held_in_gap(before)) return false;
    return may_have_been_told(a_.plan, a_.goal, *a_.frame.settings, a_.subject, a_.reached,
                              {.why = *d_.reason,
                               .stood = before ? std::optional(before->reason) : std::nullopt,
                               .forbidden_since = stopped_since(),
                               .place_was_free = held_by_.has_value()});
  }

  /// Since when consent stands in its way. Where people were merged or parted since the backup, others stood behind it
  /// in the gap, who may have agreed.
  [[nodiscard]] std::optional<Timestamp> stopped_since() const {
    if (d_.reason != Reason::consent) return std::nullopt;
    const auto since = forbidden_since(a_, who_.person);
    return since && people_changed_unseen(a_.tx, a_.subject, *a_.plan.gap) ? a_.plan.gap->to : since;
  }

  /// What the platform should believe is on its way there.
  [[nodiscard]] bool passes_by_itself() const {
    return d_.reason == Reason::settling || d_.reason == Reason::braked || d_.reason == Reason::waiting ||
           d_.reason == Reason::too_recent;
  }

  [[nodiscard]] ValuesByCurrency values_in(const store::Gap& gap) const {
    return values_in_gap(a_.subject, a_.goal, *a_.frame.settings, gap);
  }

  /// What it was worth in the gap. Where that was so in several currencies, the others follow as uncovered().
  [[nodiscard]] Amount gap_value() const {
    const ValuesByCurrency values = values_in(*a_.plan.gap);
    const auto positive = std::find_if(values.begin(), values.end(), [](const auto& v) { return v.second.high > 0; });
    const auto& [currency, range] = positive == values.end() ? *values.begin() : *positive;
    return {range.high, currency};
  }

  [[nodiscard]] std::int64_t believed_in(const std::string& currency) const {
    return belief_.currency == currency ? belief_.micros : 0;
  }

  /// The last row that was said, or may have been.
  [[nodiscard]] const StoredUpload* last_said() const {
    for (auto row = history_.rbegin(); row != history_.rend(); ++row)
      if (row->mode == Mode::live && row->state != UploadState::superseded && row->state != UploadState::rejected)
        return &*row;
    return nullptr;
  }

  [[nodiscard]] Timestamp changed_since() const {
    const Timestamp known = reconcile::changed_since(a_.plan, a_.subject, desired_.changed_at);
    const auto due = due_unseen();
    return due ? std::min(known, due->changed_at) : known;
  }

  /// What was wanted when the gap ended, if a correction to it was due by then that the backup does not know of.
  [[nodiscard]] std::optional<Reached> due_unseen() const {
    if (!a_.plan.gap || !is_from_backup(last_said())) return std::nullopt;
    const Timestamp end = a_.plan.gap->to - Duration(1);
    const auto then = reached_at(a_.plan, a_.goal, *a_.frame.settings, a_.subject, a_.reached, end);
    if (!then) return std::nullopt;
    const std::int64_t wanted = then->wanted ? then->micros.value_or(0) : 0;
    const bool is_comparable = wanted == 0 || then->currency == belief_.currency;
    const bool same = is_comparable && wanted == belief_.micros && then->wanted == belief_.stands;
    const bool is_kept = !then->wanted && then->why_not == Reason::no_value;
    const bool is_lower = !then->wanted || !is_comparable || wanted < belief_.micros;
    const bool is_settling = is_lower && then->changed_at + a_.plan.destination->settle > end;
    return same || is_kept || is_settling ? std::nullopt : then;
  }

  /// The part of the gap in which a correction may have been told that this store does not know of: since the backup's
  /// last row of this conversion, up to the platform's limit.
  [[nodiscard]] std::optional<store::Gap> corrected_within(Operation operation) const {
    if (!a_.plan.gap || dead_ || !belief_.told || belief_.uncertain || open() != nullptr) return std::nullopt;
    if (a_.plan.destination->mode != Mode::live) return std::nullopt;
    const StoredUpload* last = last_said();
    if (!is_from_backup(last)) return std::nullopt;
    store::Gap within = *a_.plan.gap;
    within.from = std::max(within.from, last->made_at);
    if (const auto& limit = a_.plan.contract.rules_of(operation).adjust_until)
      within.to = std::min(within.to, ledger::taken_at(history_[*belief_.first_taken]) + *limit);
    return within.from < within.to ? std::optional(within) : std::nullopt;
  }

  /// How it may have been taken back meanwhile, where nothing takes it back now: the platform's limit is past, or
  /// consent is denied.
  [[nodiscard]] std::optional<Operation> taken_back_unseen() const {
    if (desired_.wanted || !belief_.stands || d_.state != ledger::State::excess) return std::nullopt;
    const auto operation = ledger::taking_back(a_.plan.contract, belief_);
    const auto within = operation ? corrected_within(*operation) : std::nullopt;
    if (!within || !zero_was_due(*within)) return std::nullopt;
    return operation;
  }

  /// Another value that was true in the gap, and that a correction may have told.
  [[nodiscard]] std::optional<Amount> corrected_unseen() const {
    const auto& contract = a_.plan.contract;
    if (!contract.operations.contains(Operation::restate)) return std::nullopt;
    const auto within = corrected_within(Operation::restate);
    if (!within) return std::nullopt;
    // What stood at zero was raised only if it was wanted again, and not where zero is final.
    if (!belief_.stands && (ledger::final_zero(history_, contract) || !wanted_anew())) return std::nullopt;
    const store::Gap& since = *within;
    const ValuesByCurrency all = values_in(since);
    for (const auto& [currency, values] : all) {
      const bool takes = values.high > belief_.micros ? contract.restate_up : contract.restate_down;
      if (currency != belief_.currency && values.high > 0 && takes) return Amount{values.high, currency};
    }
    if (belief_.currency != a_.reached.currency) return std::nullopt;
    const auto same = all.find(belief_.currency);
    ValueRange values = same == all.end() ? ValueRange{belief_.micros, belief_.micros} : same->second;
    // Left and reached again: taken back meanwhile.
    const bool left = a_.reached.entered_at > since.from && a_.reached.entered_at < since.to && c_.id != 0 &&
                      c_.entered_at < a_.reached.entered_at;
    if (left || (a_.reached.wanted && was_away())) values.low = std::min<std::int64_t>(values.low, 0);
    if (contract.restate_up && values.high > belief_.micros) return Amount{values.high, belief_.currency};
    if (contract.restate_down && values.low < belief_.micros) return Amount{values.low, belief_.currency};
    return std::nullopt;
  }

  /// It stood at zero in the backup, is unwanted, and was raised in between: the history in which it was. It is taken
  /// back once more, as what stands is.
  [[nodiscard]] std::optional<std::vector<StoredUpload>> raised_unseen() {
    if (!desired_.wanted && !belief_.stands) raised_ = corrected_unseen();
    if (!raised_) return std::nullopt;
    std::vector<StoredUpload> history = history_;
    history.push_back(unseen_row(Operation::restate, *raised_));
    history.back().state = UploadState::processed;
    return history;
  }

  void stand_between(std::int64_t low, const Amount& high) {
    d_.state = ledger::State::uncertain;
    d_.b_micros = d_.b_low = low;
    d_.b_high = high.micros;
    d_.range_currency = high.currency;
  }

  /// A value that was true in the gap, and that no row doubted for the gap holds.
  [[nodiscard]] std::optional<Amount> uncovered() const {
    if (!a_.plan.gap || dead_ || w_.make || !belief_.uncertain || !doubt_is_of_gap()) return std::nullopt;
    const auto& contract = a_.plan.contract;
    const bool restates = contract.operations.contains(Operation::restate);
    for (const auto& [currency, values] : values_in(*a_.plan.gap)) {
      if (currency != belief_.uncertain_currency) {
        const bool may_be = values.high > believed_in(currency) && (!belief_.first_taken || restates);
        if (may_be && !is_doubted(values.high, currency)) return Amount{values.high, currency};
        continue;
      }
      if (values.high > belief_.high && (!belief_.first_taken || contract.restate_up))
        return Amount{values.high, currency};
      if (values.low < belief_.low && contract.restate_down) return Amount{values.low, currency};
    }
    const bool taken_back = belief_.low > 0 && belief_.first_taken && ledger::taking_back(contract, belief_);
    if (!taken_back || !zero_was_due(*a_.plan.gap)) return std::nullopt;
    return Amount{0, belief_.uncertain_currency};
  }

  /// Also where a correction said since the restore is of unknown fate: what it was to settle is as open as before.
  [[nodiscard]] bool doubt_is_of_gap() const {
    const StoredUpload* last = last_said();
    if (last == nullptr) return false;
    if (last->code == kRestored) return true;
    return last->state == UploadState::uncertain && !is_from_backup(last) && belief_.last_taken &&
           is_from_backup(&history_[*belief_.last_taken]);
  }

  [[nodiscard]] bool is_doubted(std::int64_t micros, const std::string& currency) const {
    return std::any_of(history_.begin(), history_.end(), [&](const StoredUpload& u) {
      return u.state == UploadState::uncertain && u.currency == currency && u.value_micros.value_or(0) >= micros;
    });
  }

  /// It has no item: it is never sent.
  [[nodiscard]] StoredUpload unseen_row(Operation operation, const Amount& value) const {
    StoredUpload row;
    row.operation = operation;
    row.conversion_id = c_.id;
    row.destination = a_.plan.destination->name;
    row.revision = history_.empty() ? 0 : history_.back().revision + 1;
    row.mode = Mode::live;
    if (a_.reached.micros || value.micros != 0) row.value_micros = value.micros;
    row.currency = value.currency;
    row.item = ledger::item_to_json({});
    row.dedup_key = c_.dedup_id;
    row.account = a_.plan.sinks.target.account;
    row.action = a_.plan.sinks.target.action;
    row.made_at = row.not_before = row.expires_at = row.next_at = a_.frame.now;
    row.conversion_at = c_.at;
    if (who_.person != nullptr) row.person = who_.person->id;
    if (who_.click) {
      row.click_type = who_.click->click.type;
      row.click_value = who_.click->click.value;
    }
    return row;
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
