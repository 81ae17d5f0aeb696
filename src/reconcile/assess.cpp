#include "reconcile/assess.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "base/zone.h"
#include "ledger/item_json.h"
#include "reconcile/clicks.h"
#include "reconcile/consent.h"
#include "reconcile/once_per_person.h"

namespace hw::reconcile {
namespace {

using ledger::Desired;
using ledger::Reason;
using store::StoredConversion;
using store::StoredUpload;
namespace rows = store::ledger_rows;

/// One destination's view of one reached goal.
struct Asked {
  store::Tx& tx;
  const Frame& frame;
  const Subject& subject;
  const Reached& reached;
  const DestinationPlan& plan;
};

Desired desired_of(const Asked& a) {
  Desired d;
  d.wanted = a.reached.wanted;
  d.not_wanted_because = a.reached.why_not;
  d.detail = a.reached.detail;
  d.micros = a.reached.micros;
  d.currency = a.reached.currency;
  d.changed_at = a.reached.changed_at;
  d.gone = a.reached.gone;
  auto refuse = [&](Reason why, std::string detail) {
    d.wanted = false;
    d.not_wanted_because = why;
    d.detail = std::move(detail);
  };
  // The order of the reasons: what the destination refuses comes after not_wanted and before the value's own.
  const bool judged = !d.wanted && d.not_wanted_because == Reason::not_wanted;
  if (!judged && a.reached.entered_at < a.plan.go_live) {
    refuse(Reason::before_go_live, "reached before go-live " + rfc3339(a.plan.go_live));
  } else if (!judged && !settings::holds(a.plan.destination->route, a.subject.record.fields)) {
    refuse(Reason::excluded_by_goal, "a `route:` condition of the destination does not hold");
  }
  const Timestamp gathered = a.subject.changed + a.frame.settings->gather;
  if (a.frame.now < gathered) {
    d.hold = true;
    d.hold_until = gathered;
    if (d.wanted) d.detail = "gathering until " + rfc3339(gathered);
  }
  return d;
}

const store::StoredRecord* person_of(const Asked& a, const std::optional<ChosenClick>& click) {
  if (click)
    for (const auto& p : a.subject.people)
      if (p.id == click->person) return &p;
  for (const auto& p : a.subject.people)
    if (p.state == "live") return &p;
  return a.subject.people.empty() ? nullptr : &a.subject.people.front();
}

/// Two conversions on one click in one second are one to some platforms: they are moved apart by a hash of the subject.
Timestamp apart(const Asked& a, const StoredConversion& c, Timestamp at, const Click& click) {
  std::set<std::int64_t> taken;
  const auto second = [](Timestamp t) {
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  };
  for (const auto& other : rows::conversions_on_click(a.tx, a.plan.destination->name, click.type, click.value))
    if (other.dedup_id != c.dedup_id && other.goal == c.goal) taken.insert(second(other.at));
  const auto step = std::chrono::seconds(1 + static_cast<std::int64_t>(hash64(c.dedup_id) % 50));
  for (int tries = 0; tries < 100 && taken.contains(second(at)); ++tries) at += step;
  return at;
}

Conversion conversion_for(const Asked& a, const StoredConversion& c, const std::optional<ChosenClick>& click,
                          const store::StoredRecord* person, const Consent& consent) {
  Conversion out;
  out.dedup_id = c.dedup_id;
  out.goal = c.goal;
  out.at = std::min(c.at, c.created_at);  // a time to come is placed once, when the conversion is made
  out.at_basis = c.at_basis;
  if (a.reached.micros)
    if (auto code = Currency::parse(a.reached.currency)) out.value = Money{*a.reached.micros, *code};
  if (click) {
    out.clicks.push_back(click->click);
    if (out.at < click->click.at) {
      out.at = std::min(click->click.at, a.frame.now);
      out.at_basis = Basis::inferred;
    }
    out.at = apart(a, c, out.at, click->click);
  }
  if (person != nullptr) {
    out.hashes = person->hashes;
    out.identifiers = person->identifiers;
    out.address = {
        .country = person->country, .region = person->region, .city = person->city, .postal_code = person->postal_code};
  }
  out.consent = consent;
  out.lead_created = a.subject.lead_created;
  return out;
}

/// `told`: a correction of what was told before, which a mere delete in the CRM does not forbid.
std::optional<connect::Refusal> consent_refusal(const Asked& a, const store::StoredRecord* person, bool told,
                                                Consent& as_sent) {
  if (person == nullptr) return std::nullopt;
  if (person->state == "deleted" && !told)
    return connect::Refusal{.reason = "consent", .detail = "the person was deleted in the CRM", .look_again = {}};
  if (!a.plan.contract.needs_consent && person->consent.ad_user_data != ConsentState::denied) {
    as_sent = person->consent;
    return std::nullopt;
  }
  ConsentVerdict v = judge(person->consent, person->country, a.frame.settings->consent);
  as_sent = v.as_sent;
  if (v.may_send) return std::nullopt;
  return connect::Refusal{.reason = "consent", .detail = v.detail, .look_again = {}};
}

std::string consent_text(const Consent& c) {
  return std::string("ad_user_data=") + to_string(c.ad_user_data) +
         " ad_personalization=" + to_string(c.ad_personalization);
}

std::string story(const ClickStory& clicks) {
  nlohmann::json passed = nlohmann::json::array();
  for (const auto& [what, why] : clicks.passed_over) passed.push_back({{"click", what}, {"why", why}});
  nlohmann::json j{{"passed_over", passed}};
  if (clicks.chosen)
    j["chosen"] = {{"type", clicks.chosen->click.type},
                   {"at", rfc3339(clicks.chosen->click.at)},
                   {"whence", clicks.chosen->whence}};
  return j.dump();
}

/// The flags of a standing: words that explain and the accounts read.
void flag(store::Standing& s, const std::string& word) { s.flags += (s.flags.empty() ? "" : " ") + word; }

StoredUpload upload_row(const Asked& a, const StoredConversion& c, const ledger::NewRevision& revision,
                        const connect::Item& item, int number, const Consent& consent) {
  StoredUpload u;
  u.conversion_id = c.id;
  u.destination = a.plan.destination->name;
  u.revision = number;
  u.operation = revision.operation;
  u.mode = a.plan.destination->mode;
  u.state = UploadState::pending;
  u.value_micros = revision.micros;
  u.currency = revision.currency;
  u.item = ledger::item_to_json(item);
  u.dedup_key = item.dedup_key;
  u.consent = consent_text(consent);
  u.made_at = a.frame.now;
  u.not_before = item.not_before;
  u.expires_at = item.expires_at;
  u.next_at = std::max(a.frame.now, item.not_before);
  return u;
}

/// Asks the sink for the item of a revision: the first upload from the conversion, a correction from the accepted
/// original.
ledger::Prepared prepare(const Asked& a, const Conversion& conversion, const ledger::NewRevision& revision, int number,
                         const std::vector<StoredUpload>& history, const ledger::Belief& belief) {
  Conversion wanted = conversion;
  wanted.value.reset();
  if (revision.micros)
    if (auto code = Currency::parse(revision.currency)) wanted.value = Money{*revision.micros, *code};
  const connect::Revision r{.operation = revision.operation, .number = number, .at = a.frame.now};
  std::optional<connect::Sent> sent;
  if (revision.operation != Operation::upload && belief.first_taken) {
    const StoredUpload& original = history[*belief.first_taken];
    auto item = ledger::item_from_json(original.item);
    if (!item) return connect::Refusal{.reason = "uncorrectable", .detail = item.error().detail, .look_again = {}};
    sent = connect::Sent{.item = *item,
                         .conversion_time = conversion.at,
                         .accepted_at = original.processed_at.value_or(original.made_at)};
  }
  return a.plan.sinks.of(revision.operation)
      ->prepare(wanted, r, a.plan.sinks.target, sent ? &*sent : nullptr, a.frame.now);
}

/// The last row that was refused, when nothing came after it.
const StoredUpload* refused_last(const std::vector<StoredUpload>& history, Mode mode) {
  for (auto it = history.rbegin(); it != history.rend(); ++it) {
    if (it->state == UploadState::superseded || it->mode != mode) continue;
    return it->state == UploadState::rejected ? &*it : nullptr;
  }
  return nullptr;
}

bool same_request(const StoredUpload& refused, const connect::Item& item, const ledger::NewRevision& revision) {
  auto old = ledger::item_from_json(refused.item);
  return old && old->body == item.body && refused.operation == revision.operation &&
         refused.value_micros == revision.micros;
}

int next_number(const std::vector<StoredUpload>& history) { return history.empty() ? 0 : history.back().revision + 1; }

/// A told conversion whose click or identifiers would be others today: noted, never moved (DESIGN section 5).
void note_identity_change(const Conversion& conversion, const ledger::Belief& belief,
                          const std::vector<StoredUpload>& history, store::Standing& s) {
  if (!belief.first_taken) return;
  auto original = ledger::item_from_json(history[*belief.first_taken].item);
  if (!original) return;
  const bool other_click = !conversion.clicks.empty() && conversion.clicks.front().value != original->click_value;
  if (other_click) flag(s, "identity_changed_after_upload");
}

void fill_standing(store::Standing& s, const ledger::Decision& d, const Asked& a) {
  s.destination = a.plan.destination->name;
  s.state = to_string(d.state);
  s.reason = d.reason ? to_string(*d.reason) : "";
  s.detail = d.detail;
  s.t_micros = d.t_micros;
  s.t_currency = d.t_currency;
  s.b_micros = d.b_micros;
  s.b_currency = d.b_currency;
  s.b_low = d.b_low;
  s.b_high = d.b_high;
  s.look_again_at = d.look_again;
  s.changed_at = a.reached.changed_at;
}

/// The CRM's side of a revenue goal, and why an amount of it is not wanted.
void fill_crm(store::Standing& s, const Desired& desired, const Asked& a) {
  if (!a.reached.crm) return;
  s.crm_micros = a.reached.crm->micros;
  s.crm_currency = a.reached.crm->currency.str();
  if (s.crm_micros == s.t_micros && s.crm_currency == s.t_currency) return;
  flag(s, std::string("crm_gap:") +
              (desired.wanted ? (s.reason.empty() ? "other" : s.reason) : to_string(desired.not_wanted_because)));
}

/// A withdrawal stops corrections too, and stands before the reasons why they wait or cannot be made.
bool comes_after_consent(const ledger::Decision& d) {
  return d.reason &&
         (*d.reason == Reason::settling || *d.reason == Reason::braked || *d.reason == Reason::uncorrectable);
}

/// Without identifier because its click is out of the window: that reason stands before having none.
connect::Refusal named(connect::Refusal refusal, const ClickStory& clicks) {
  const bool too_old = std::any_of(clicks.passed_over.begin(), clicks.passed_over.end(),
                                   [](const auto& passed) { return passed.second == "too_old"; });
  if (refusal.reason == "no_identifier" && too_old) refusal.reason = "expired";
  return refusal;
}

/// Frozen, and on its way to the platform a second time.
bool may_go_again(const StoredUpload& u) { return u.state == UploadState::retrying && ledger::sent(u); }

/// What a lowering takes away, in the currency that is believed.
std::int64_t lowered_by(const ledger::Decision& d) {
  return d.t_currency == d.b_currency ? d.b_micros - d.t_micros : d.b_micros;
}

/// One conversion at one destination. `dead`: another occurrence goes on in its place.
Work work_for(const Asked& a, const StoredConversion& c, const settings::Goal& goal, bool dead) {
  Work w{.plan = &a.plan,
         .standing = {},
         .make = {},
         .lowering = false,
         .lowering_micros = 0,
         .supersede = {},
         .stop = {},
         .replace = {},
         .click = {}};
  const auto history = c.id == 0 ? std::vector<StoredUpload>{} : rows::uploads(a.tx, c.id, a.plan.destination->name);
  Desired desired = desired_of(a);
  if (dead) {
    desired.wanted = false;
    desired.not_wanted_because = Reason::not_wanted;
    desired.detail = "goes on as another occurrence: the platform's zero was final";
  }
  ledger::Rules rules{.contract = a.plan.contract,
                      .mode = a.plan.destination->mode,
                      .settle = a.plan.destination->settle,
                      .brake_closed = false};
  ledger::Decision d = ledger::decide(desired, history, rules, a.frame.now);
  if (d.make && d.make->lowering && a.frame.brake_closed(a.plan, d.b_currency, lowered_by(d))) {
    rules.brake_closed = true;
    d = ledger::decide(desired, history, rules, a.frame.now);
  }
  const ledger::Belief belief = ledger::believe(history, a.plan.contract.receipt);
  if (d.make && d.make->operation == Operation::upload && goal.count == settings::Goal::Count::once_per_person &&
      told_for_same_person(a.tx, a.subject, goal, c, a.plan.destination->name)) {
    desired.wanted = false;
    desired.not_wanted_because = Reason::not_wanted;
    desired.detail = "the same person's conversion was already told within the goal's time";
    d = ledger::decide(desired, history, rules, a.frame.now);
  }
  const bool preparing = d.make || d.replace_open;
  const bool looks_at_click = desired.wanted && (!desired.hold || preparing);
  ClickStory clicks = looks_at_click
                          ? click_story(a.tx, a.subject, c, goal, *a.plan.destination, a.plan.contract, a.frame.now)
                          : ClickStory{};
  const store::StoredRecord* person = person_of(a, clicks.chosen);
  Consent consent;
  auto refused_consent = consent_refusal(a, person, belief.told, consent);
  if (preparing && refused_consent) {
    if (d.replace_open) w.supersede = history[*belief.open].id;
    ledger::apply_refusal(d, *refused_consent);
  } else if (preparing && a.plan.destination->mode != Mode::shadow) {
    const ledger::NewRevision revision =
        d.make ? *d.make
               : ledger::NewRevision{history[*belief.open].operation, history[*belief.open].value_micros,
                                     history[*belief.open].currency, false};
    const int number = d.make ? next_number(history) : history[*belief.open].revision;
    const Conversion conversion = conversion_for(a, c, clicks.chosen, person, consent);
    auto prepared = prepare(a, conversion, revision, number, history, belief);
    if (auto* refusal = std::get_if<connect::Refusal>(&prepared)) {
      if (d.replace_open) w.supersede = history[*belief.open].id;
      ledger::apply_refusal(d, named(*refusal, clicks));
    } else {
      const auto& item = std::get<connect::Item>(prepared);
      const StoredUpload* refused = refused_last(history, a.plan.destination->mode);
      StoredUpload row = upload_row(a, c, revision, item, number, consent);
      if (d.make && refused != nullptr && same_request(*refused, item, revision)) {
        ledger::apply_same_as_rejected(d, *refused);
      } else if (d.make) {
        w.lowering = d.make->lowering;
        w.lowering_micros = lowered_by(d);
        w.make = std::move(row);
        ledger::apply_made(d, item);
      } else if (history[*belief.open].item != row.item) {
        w.replace = {history[*belief.open].id, std::move(row)};
      }
      if (clicks.chosen) w.click = clicks.chosen->click;
    }
    note_identity_change(conversion, belief, history, w.standing);
  } else if (d.make) {
    const Conversion conversion = conversion_for(a, c, clicks.chosen, person, consent);
    auto prepared = prepare(a, conversion, *d.make, next_number(history), history, belief);
    if (auto* refusal = std::get_if<connect::Refusal>(&prepared)) ledger::apply_refusal(d, named(*refusal, clicks));
  } else if (desired.wanted && belief.told) {
    note_identity_change(conversion_for(a, c, clicks.chosen, person, consent), belief, history, w.standing);
  }
  if (refused_consent && comes_after_consent(d)) ledger::apply_refusal(d, *refused_consent);
  if (d.supersede_open) w.supersede = history[*belief.open].id;
  if (refused_consent && belief.open && may_go_again(history[*belief.open])) w.stop = history[*belief.open].id;
  fill_standing(w.standing, d, a);
  if (!dead) fill_crm(w.standing, desired, a);
  if (clicks.chosen && clicks.chosen->click.after_first) flag(w.standing, "click_after_first");
  if (c.at_basis != Basis::crm_history) flag(w.standing, std::string("time_") + to_string(c.at_basis));
  if (looks_at_click) w.standing.story = story(clicks);
  w.standing.conversion_id = c.id;
  w.standing.goal = c.goal;
  return w;
}

/// Was the occurrence ended at this destination by a zero that the platform never moves again?
bool ended(store::Tx& tx, const StoredConversion& c, const DestinationPlan& plan) {
  if (c.id == 0 || plan.contract.zero != connect::ZeroRule::final_retraction) return false;
  return ledger::final_zero(rows::uploads(tx, c.id, plan.destination->name), plan.contract);
}

/// The key's lineage: the record's, unless another record of that lineage has this goal's conversion (a second deal of
/// one lead).
std::string key_lineage(store::Tx& tx, const Subject& s, const settings::Goal& goal) {
  for (const auto& c : rows::conversions_of_lineage(tx, s.record.lineage))
    if (c.goal == goal.name && c.record_id != s.record.id)
      return s.record.ref.crm + "/" + to_string(s.record.ref.object) + "/" + s.record.ref.id;
  return s.record.lineage;
}

/// The next free occurrence of the lineage: a key is never used twice, also where a merge gave one away.
StoredConversion new_conversion(store::Tx& tx, const Subject& s, const settings::Goal& goal, const Reached& r,
                                std::int64_t& next, Timestamp at, Timestamp now) {
  StoredConversion c;
  c.lineage = key_lineage(tx, s, goal);
  do {
    c.occurrence = next++;
    c.dedup_id = dedup_id(c.lineage, goal.name, c.occurrence);
  } while (rows::conversion_by_dedup(tx, c.dedup_id));
  c.goal = goal.name;
  c.record_id = s.record.id;
  c.entered_at = r.entered_at;
  c.at = at;
  c.at_basis = r.at_basis;
  c.created_at = now;
  return c;
}

bool anything_sent(store::Tx& tx, const StoredConversion& c, const Frame& frame) {
  if (c.id == 0) return false;
  for (const DestinationPlan& p : frame.plans)
    for (const StoredUpload& u : rows::uploads(tx, c.id, p.destination->name))
      if (u.mode == Mode::live && (ledger::sent(u) || u.state == UploadState::rejected)) return true;
  return false;
}

/// All occurrences of one reached goal: each destination follows the first that its platform has not ended.
std::vector<ConversionWork> work_of_goal(store::Tx& tx, const Frame& frame, const Subject& s,
                                         const settings::Goal& goal, const Reached& r,
                                         std::vector<StoredConversion> occurrences, std::int64_t& next_number) {
  std::vector<ConversionWork> out;
  if (occurrences.empty()) occurrences.push_back(new_conversion(tx, s, goal, r, next_number, r.at, frame.now));
  auto slot = [&](std::size_t i) -> ConversionWork& {
    while (out.size() <= i) out.push_back({.conversion = occurrences[out.size()], .time_moved = false, .work = {}});
    return out[i];
  };
  slot(0);
  StoredConversion& first = out[0].conversion;
  if ((first.at != r.at || first.entered_at != r.entered_at || first.at_basis != r.at_basis) && first.id != 0 &&
      !anything_sent(tx, first, frame)) {
    first.at = r.at;
    first.entered_at = r.entered_at;
    first.at_basis = r.at_basis;
    occurrences[0] = first;
    out[0].time_moved = true;
  }
  for (const DestinationPlan& plan : frame.plans) {
    if (plan.destination->goal != goal.name) continue;
    const Asked asked{tx, frame, s, r, plan};
    std::size_t active = 0;
    const bool new_occurrences_count = plan.contract.counting == connect::Counting::every;
    while (active < occurrences.size() && ended(tx, occurrences[active], plan)) {
      const bool last = active + 1 == occurrences.size();
      if (last && (!r.wanted || !new_occurrences_count)) break;
      if (last)
        occurrences.push_back(new_conversion(tx, s, goal, r, next_number,
                                             occurrences.back().at + plan.contract.smallest_time_step, frame.now));
      ++active;
    }
    for (std::size_t i = 0; i < occurrences.size(); ++i)
      slot(i).work.push_back(work_for(asked, occurrences[i], goal, i != active));
  }
  return out;
}

/// Does a stored conversion stand for this reach? There is one per record, unless the goal counts each stay.
bool same_reach(const settings::Goal& goal, const StoredConversion& c, const Reached& r) {
  return goal.count != settings::Goal::Count::each || c.entered_at == r.entered_at;
}

Reached never_reached(const Subject& s, const StoredConversion& c) {
  Reached r;
  r.entered_at = c.entered_at;
  r.at = c.at;
  r.at_basis = c.at_basis;
  r.detail = "the stage is no longer in the record's history";
  r.changed_at = s.record.changed;
  return r;
}

}  // namespace

std::vector<ConversionWork> assess(store::Tx& tx, const Frame& frame, const Subject& subject) {
  std::vector<ConversionWork> out;
  const auto known = rows::conversions_of_record(tx, subject.record.id);
  for (const settings::Goal& goal : frame.settings->goals) {
    if (goal.subject != subject.record.ref.object) continue;
    std::vector<StoredConversion> mine;
    for (const auto& c : known)
      if (c.goal == goal.name) mine.push_back(c);
    std::sort(mine.begin(), mine.end(), [](const auto& a, const auto& b) { return a.occurrence < b.occurrence; });
    std::vector<Reached> all = reached(subject, goal, *frame.settings);
    // A conversion that was made stays in the accounts also when its stage's history was corrected away.
    for (const auto& c : mine) {
      const bool still = std::any_of(all.begin(), all.end(), [&](const Reached& r) { return same_reach(goal, c, r); });
      if (!still) all.push_back(never_reached(subject, c));
    }
    std::int64_t next = mine.empty() ? 1 : mine.back().occurrence + 1;
    for (const Reached& r : all) {
      std::vector<StoredConversion> same;
      std::copy_if(mine.begin(), mine.end(), std::back_inserter(same),
                   [&](const auto& c) { return same_reach(goal, c, r); });
      auto made = work_of_goal(tx, frame, subject, goal, r, std::move(same), next);
      std::move(made.begin(), made.end(), std::back_inserter(out));
    }
  }
  return out;
}

}  // namespace hw::reconcile
