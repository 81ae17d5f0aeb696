#include "ingest/take.h"

#include <algorithm>
#include <set>
#include <variant>

#include "identity/persons.h"
#include "store/identities.h"
#include "store/records.h"
#include "store/service_rows.h"
#include "store/source_fields.h"
#include "store/touches.h"

namespace hw::ingest {
namespace {

namespace records = store::records;
namespace service_rows = store::service_rows;
using store::Tx;

/// The instant at which the CRM says a thing happened, else now; and how far that can be trusted.
store::Fact fact(std::string name, std::string value, const std::optional<Timestamp>& at, Timestamp now) {
  return {.seq = 0,
          .name = std::move(name),
          .value = std::move(value),
          .true_from = at.value_or(now),
          .learned = now,
          .basis = at ? Basis::crm_history : Basis::observed};
}

void mark(Tx& tx, const identity::Changes& changes) {
  for (std::int64_t record : changes.records) service_rows::mark_with_dependents(tx, record, "identity");
}

/// When it last happened to the record ("merged", "deleted").
std::optional<Timestamp> last(Tx& tx, std::int64_t record, std::string_view what) {
  std::optional<Timestamp> at;
  for (const store::Fact& f : records::facts(tx, record))
    if (f.name == what) at = f.true_from;
  return at;
}

}  // namespace

Take::Take(const settings::Settings& settings, const identity::Resolver& resolver, ChannelOf channel_of)
    : resolver_(resolver),
      keep_address_(settings.identity.names),
      channel_of_(std::move(channel_of)),
      tracked_(settings.tracked_fields()) {}

std::optional<std::int64_t> Take::row(Tx& tx, const Record& record, const std::string& connector,
                                      const std::optional<std::string>&, Timestamp now) {
  struct Visitor {
    Take& take;
    Tx& tx;
    const std::string& connector;
    Timestamp now;
    void operator()(const RecordState& r) const { take.state(tx, r, connector, now); }
    void operator()(const FieldChange& r) const { take.change(tx, r, connector, now); }
    void operator()(const Association& r) const { take.association(tx, r, connector, now); }
    void operator()(const Removal& r) const { take.removal(tx, r, connector, now); }
    void operator()(const Merge& r) const { take.merge(tx, r, connector, now); }
    void operator()(const Rate& r) const { records::add_rate(tx, r, now); }
  };
  std::visit(Visitor{*this, tx, connector, now}, record);
  return std::nullopt;
}

void Take::resolve(Tx& tx, std::int64_t record, Timestamp now) {
  if (auto stored = records::get(tx, record)) mark(tx, resolver_.record_changed(tx, *stored, now));
}

/// What is kept of a state: postal addresses only where names are asked for; and of a partial one, together with what
/// stands already of the kinds that it does not state.
RecordState Take::kept_part(Tx& tx, const RecordState& told) const {
  RecordState state = told;
  if (!keep_address_) {
    state.city.clear();
    state.postal_code.clear();
  }
  if (!state.partial) return state;
  const auto before = records::find(tx, state.ref);
  if (!before) return state;
  std::set<std::string> stated;
  for (const Identifier& id : state.identifiers) stated.insert(id.type);
  for (const Identifier& id : before->identifiers)
    if (!stated.contains(id.type)) state.identifiers.push_back(id);
  for (const auto& [form, hashes] : before->hashes) state.hashes.try_emplace(form, hashes);
  state.click_times.insert(before->click_times.begin(), before->click_times.end());
  for (const auto& [now_is, was] : {std::pair{&state.masked_email, &before->masked_email},
                                    {&state.country, &before->country},
                                    {&state.region, &before->region},
                                    {&state.city, &before->city},
                                    {&state.postal_code, &before->postal_code}})
    if (now_is->empty()) *now_is = *was;
  return state;
}

/// A value that Headwater itself wrote to the record is never evidence (DESIGN section 6).
RecordState Take::without_our_own(Tx& tx, RecordState state) const {
  const auto before = records::find(tx, state.ref);
  if (!before) return state;
  const auto own = store::source_fields::own_values(tx, before->id);
  if (own.empty()) return state;
  const auto ours = [&](const std::string& what, const std::string& value) {
    const std::int64_t hash = store::source_fields::hash_of(value);
    return std::any_of(own.begin(), own.end(),
                       [&](const store::OwnValue& v) { return v.what == what && v.hash == hash; });
  };
  const auto knew = [&](const Identifier& id) {
    return std::find(before->identifiers.begin(), before->identifiers.end(), id) != before->identifiers.end();
  };
  // What the record carried before Headwater wrote the same is a person's or a form's own.
  std::erase_if(state.identifiers,
                [&](const Identifier& id) { return !knew(id) && ours("identifier." + id.type, id.value); });
  const auto kept = store::touches::of_record(tx, before->id);
  const auto told_before = [&](const Touch& t) {
    return std::any_of(kept.begin(), kept.end(), [&](const store::StoredTouch& k) { return k.touch.key == t.key; });
  };
  std::erase_if(state.source_touches, [&](const Touch& t) {
    if (told_before(t)) return false;
    const auto said = [&](const std::string& which) {
      return ours(which + "source", t.source) && (t.medium.empty() || ours(which + "medium", t.medium)) &&
             (t.campaign.empty() || ours(which + "campaign", t.campaign));
    };
    return !t.source.empty() && (said("first_") || said("last_"));
  });
  return state;
}

void Take::state(Tx& tx, const RecordState& told, const std::string& connector, Timestamp now) {
  const RecordState state = without_our_own(tx, kept_part(tx, told));
  // A record that answers again after it was merged away or deleted is back; an older state of it says nothing.
  const auto before = records::find(tx, state.ref);
  if (before) {
    const bool merged = before->state == "merged";
    const bool deleted = before->state == "deleted";
    const auto at = merged ? last(tx, before->id, "merged") : deleted ? last(tx, before->id, "deleted") : std::nullopt;
    if (merged && at && state.modified > *at) unmerge(tx, before->id, state.modified, now);
    if (deleted && at && state.modified > *at)
      removal(tx, {state.ref, Removal::Kind::restored, state.modified}, connector, now);
  }
  const store::Upserted upserted = records::upsert(tx, state, connector, tracked_, now);
  if (upserted.stale) return;
  source_touches(tx, upserted.id, state, connector, now);
  if (!upserted.changed && !upserted.is_new) return;
  resolve(tx, upserted.id, now);
  service_rows::mark_with_dependents(tx, upserted.id, "record");
  const bool other_consent = state.consent && (!before || !(before->consent == *state.consent));
  if (other_consent) mark_same_person(tx, upserted.id, "consent");
}

/// What one record of a human denies or allows holds for all of them.
void Take::mark_same_person(Tx& tx, std::int64_t record, const char* cause) {
  const auto stored = records::get(tx, record);
  for (const auto& other : identity::records_of(tx, identity::persons_of(tx, *stored)))
    if (other.id != record) service_rows::mark_with_dependents(tx, other.id, cause);
}

void Take::source_touches(Tx& tx, std::int64_t record, const RecordState& state, const std::string& connector,
                          Timestamp now) {
  std::vector<std::int64_t> kept;
  bool any = false;
  for (Touch touch : state.source_touches) {
    bool changed = false;
    const std::string channel = channel_of_(touch);
    kept.push_back(store::touches::put(tx, touch, connector, channel, std::nullopt, record, now, &changed));
    any = any || changed;
    if (changed) mark(tx, resolver_.touch_seen(tx, kept.back(), touch, now));
  }
  std::vector<store::StoredTouch> gone = store::touches::of_record(tx, record);
  std::erase_if(gone, [&](const auto& t) { return std::find(kept.begin(), kept.end(), t.id) != kept.end(); });
  if (state.partial && state.source_touches.empty()) gone.clear();
  if (!gone.empty()) store::touches::withdraw_record_touches(tx, record, kept, now);
  for (const auto& t : gone) mark(tx, resolver_.touch_withdrawn(tx, t.id, t.touch, now));
  any = any || !gone.empty();
  if (any) service_rows::mark_with_dependents(tx, record, "source_fields");
}

void Take::change(Tx& tx, const FieldChange& change, const std::string& connector, Timestamp now) {
  const std::int64_t record = records::ensure(tx, change.ref, connector, now);
  const bool added = records::add_fact(tx, record,
                                       {.seq = 0,
                                        .name = change.field,
                                        .value = change.value,
                                        .true_from = change.at,
                                        .learned = now,
                                        .basis = change.basis});
  if (added) service_rows::mark_dirty(tx, record, "history");
}

void Take::association(Tx& tx, const Association& a, const std::string& connector, Timestamp now) {
  const std::int64_t from = records::ensure(tx, a.from, connector, now);
  const auto changed = records::set_associations(tx, from, a, connector, now);
  if (changed.empty()) return;
  service_rows::mark_with_dependents(tx, from, "association");
}

void Take::removal(Tx& tx, const Removal& r, const std::string& connector, Timestamp now) {
  const std::int64_t record = records::ensure(tx, r.ref, connector, now);
  const auto before = records::get(tx, record);
  const std::string to = r.kind == Removal::Kind::deleted    ? "deleted"
                         : r.kind == Removal::Kind::restored ? "live"
                                                             : "gone";
  if (before->state == to || (r.kind == Removal::Kind::gone && before->state != "live")) return;
  // An archive list is read again and again: a delete that is older than the record's present life was undone since.
  if (r.kind == Removal::Kind::deleted && r.at && before->state == "live" && before->modified > *r.at) return;
  const char* name = r.kind == Removal::Kind::deleted    ? "deleted"
                     : r.kind == Removal::Kind::restored ? "restored"
                                                         : "gone";
  records::add_fact(tx, record, fact(name, "", r.at, now));
  records::set_state(tx, record, to, std::nullopt, now);
  resolve(tx, record, now);
  service_rows::mark_with_dependents(tx, record, name);
}

void Take::merge(Tx& tx, const Merge& m, const std::string& connector, Timestamp now) {
  const std::int64_t loser = records::ensure(tx, m.loser, connector, now);
  if (m.undone) return unmerge(tx, loser, m.at.value_or(now), now);
  const std::int64_t winner = records::ensure(tx, {m.loser.crm, m.loser.object, m.winner_id}, connector, now);
  const auto before = records::get(tx, loser);
  if (before->state == "merged" && before->merged_into == winner) return;
  records::add_alias(tx, m.loser.crm, m.loser.object, m.loser.id, m.winner_id, m.at.value_or(now), now);
  records::add_fact(tx, loser, fact("merged", m.winner_id, m.at, now));
  records::set_state(tx, loser, "merged", winner, now);
  resolve(tx, loser, now);
  service_rows::mark_with_dependents(tx, loser, "merged");
  service_rows::mark_with_dependents(tx, winner, "merged");
}

void Take::unmerge(Tx& tx, std::int64_t record, Timestamp at, Timestamp now) {
  const auto before = records::get(tx, record);
  if (!before || before->state != "merged") return;
  if (before->merged_into)
    if (auto winner = records::get(tx, *before->merged_into)) {
      records::withdraw_alias(tx, before->ref.crm, before->ref.object, before->ref.id, winner->ref.id, now);
      service_rows::mark_with_dependents(tx, winner->id, "unmerged");
    }
  records::add_fact(tx, record, fact("unmerged", "", at, now));
  records::set_state(tx, record, "live", std::nullopt, now);
  resolve(tx, record, now);
  service_rows::mark_with_dependents(tx, record, "unmerged");
}

std::optional<std::int64_t> Take::row(Tx& tx, const Touch& told, const std::string& connector,
                                      const std::optional<std::string>& part, Timestamp now) {
  Touch touch = told;
  const std::string channel = channel_of_(touch);
  bool changed = false;
  const std::int64_t id = store::touches::put(tx, touch, connector, channel, part, std::nullopt, now, &changed);
  if (changed) mark(tx, resolver_.touch_seen(tx, id, touch, now));
  return id;
}

std::optional<std::int64_t> Take::row(Tx& tx, const Spend& spend, const std::string& connector,
                                      const std::optional<std::string>& part, Timestamp now) {
  Touch as_touch;
  as_touch.source = spend.source;
  as_touch.medium = spend.medium;
  as_touch.campaign = spend.campaign;
  store::touches::put_spend(tx, spend, connector, channel_of_(as_touch), part, now);
  return std::nullopt;
}

bool Take::go_on(Tx& tx, Timestamp now) {
  mark(tx, resolver_.go_on(tx, now));
  return store::identities::any_unfollowed(tx);
}

void Take::end_partition(Tx& tx, const std::string& connector, const std::string& part,
                         const std::vector<std::int64_t>& kept, Timestamp now) {
  for (const store::StoredTouch& t : store::touches::withdraw_missing(tx, connector, part, kept, now))
    mark(tx, resolver_.touch_withdrawn(tx, t.id, t.touch, now));
}

}  // namespace hw::ingest
