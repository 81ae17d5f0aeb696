#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/record.h"
#include "store/engine/db.h"

/// CRM records, their facts through time and their ties. Every function works inside the caller's transaction and
/// throws store::Failure. Returned ids are the store's own, dense and stable.
namespace hw::store {

/// A record as stored. state: "live", "deleted", "merged", "gone", "stub" (named by another record, not yet seen
/// itself).
struct StoredRecord {
  std::int64_t id = 0;
  RecordRef ref;
  std::string connector, state, lineage;
  Timestamp modified, learned, changed;  ///< changed: when Headwater last learned something new of it
  std::optional<Timestamp> created;
  std::optional<std::int64_t> merged_into, converted_from, account_id;
  std::map<std::string, std::string> fields;
  Hashes hashes;
  std::vector<Identifier> identifiers;
  std::map<std::string, Timestamp> click_times;
  std::string masked_email, country, region, city, postal_code;
  Consent consent;
  std::optional<Timestamp> consent_at;
};

/// Bitemporal: true from `true_from`, known since `learned`. Names: "created", "deleted", "restored", "merged",
/// "unmerged", "gone", "contact_added", "contact_removed", and every tracked field ("stage", "amount", "currency",
/// ...).
struct Fact {
  std::int64_t seq = 0;
  std::string name, value;
  Timestamp true_from, learned;
  Basis basis = Basis::observed;
};

struct Tie {
  std::int64_t other = 0;
  std::string role;
  bool primary = false;
  Timestamp since, learned;
};

struct Upserted {
  std::int64_t id = 0;
  bool is_new = false, changed = false;
  bool stale = false;                          ///< an older state than the stored one: nothing of it counts
  std::vector<Identifier> identifiers_before;  ///< what the record's identifiers were
};

namespace records {

std::optional<StoredRecord> find(Tx&, const RecordRef&);
std::optional<StoredRecord> get(Tx&, std::int64_t id);
/// Creates a stub when the record is unknown. Its lineage is "crm/object/id".
std::int64_t ensure(Tx&, const RecordRef&, std::string_view connector, Timestamp now);
/// Upserts by (crm, object, id). A state older than the stored one by `modified` changes nothing (`stale`); the same
/// (modified, content) changes nothing. Members other than `fields`, and the optional ones when absent, replace what
/// was stored: a state without identifiers has none. `changed` is also set when a state with other content brings
/// source touches. Fields named in `tracked` that changed become facts: true_from = `modified` (basis observed), or for
/// "created" the created time. A record that was "stub" or "gone" becomes "live". converted_from and account are
/// resolved to ids (stubs where unknown); a record that gets its converted_from while it has no conversion yet takes
/// that lead's lineage, and so does what was converted from it in turn.
Upserted upsert(Tx&, const RecordState&, std::string_view connector, const std::vector<std::string>& tracked,
                Timestamp now);
/// Adds a fact unless one with the same name, value and true_from stands (a crm_history one is added beside a weaker
/// one; of observed ones only the last of that name up to its true_from counts, since a field may change there and back
/// within what `modified` can tell apart); its `seq` is given here. Returns whether it was added. A history fact
/// (crm_history) replaces an observed one of the same name and value that it explains (observed.true_from >= true_from
/// and no other value between them): the observed one is then kept but marked by an equal fact, readers use
/// effective_facts().
bool add_fact(Tx&, std::int64_t record, const Fact&);
std::vector<Fact> facts(Tx&, std::int64_t record);  ///< by (true_from, seq)
/// The facts as readers use them, by (true_from, seq): without the observed ones that the CRM's own history explains,
/// that is, for which a crm_history fact of the same name and value stands at or before them and no fact of that name
/// with another value lies between.
std::vector<Fact> effective_facts(Tx&, std::int64_t record);
/// For fields that are tracked from now on: of the first `limit` records above `after`, what their stored fields hold
/// and their facts do not say becomes an observed fact, true from `modified`; `changed` is told the records that got
/// one. Returns the last id of the chunk, 0 when there is none. Doing it again changes nothing.
std::int64_t observe_fields(Tx&, const std::vector<std::string>& names, std::int64_t after, std::int64_t limit,
                            Timestamp now, const std::function<void(std::int64_t)>& changed);
void set_state(Tx&, std::int64_t record, std::string_view state, std::optional<std::int64_t> merged_into,
               Timestamp now);

/// Ties of `from`; with `complete` those to the object that are not repeated are withdrawn. Returns the ids whose tie
/// changed. A complete list whose `at` is before the record's stored `modified` is an older state of it and changes
/// nothing; the `at` of others is when the tie was made and may be long ago, a list without it is of now.
std::vector<std::int64_t> set_associations(Tx&, std::int64_t from, const Association&, std::string_view connector,
                                           Timestamp now);
std::vector<Tie> ties_from(Tx&, std::int64_t from, Object to);
std::vector<Tie> ties_to(Tx&, std::int64_t to, Object from);
std::vector<std::int64_t> merged_into(Tx&, std::int64_t survivor);  ///< records that stand as merged into it
/// When the last of the merges into it, direct or not, became known.
std::optional<Timestamp> merge_learned(Tx&, std::int64_t survivor);
std::vector<std::int64_t> converted_into(Tx&, std::int64_t lead);  ///< records whose converted_from it is

/// The alias table, kept for ever: follows loser -> winner to its end. A merge the other way round takes the earlier
/// one back.
void add_alias(Tx&, std::string_view crm, Object, std::string_view loser, std::string_view winner, Timestamp since,
               Timestamp now);
void withdraw_alias(Tx&, std::string_view crm, Object, std::string_view loser, std::string_view winner, Timestamp now);
std::string follow_alias(Tx&, std::string_view crm, Object, std::string_view id);

void add_rate(Tx&, const Rate&, Timestamp now);
/// All ids of an object kind in a namespace that are live, for the id reconcile of a source.
std::vector<std::string> live_ids(Tx&, std::string_view crm, Object);
std::vector<std::string> namespaces(Tx&);  ///< every `crm` that a record has
std::int64_t count(Tx&, std::string_view object, std::string_view state);
/// Ids in order, for walking everything in chunks: those above `after`, at most `limit`.
std::vector<std::int64_t> walk(Tx&, Object, std::int64_t after, std::int64_t limit);

}  // namespace records
}  // namespace hw::store
