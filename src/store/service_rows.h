#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/engine/db.h"

/// Cursors, set-aside rows, dirty subjects, commands, pauses and small state.
namespace hw::store {

struct StoredCursor {
  std::string connector, role, stream, text;
  std::optional<Timestamp> swept_at, again_at;
  Timestamp updated_at;
};
struct StoredRejection {
  std::string connector, role, stream, place, code, detail;
  Timestamp first_at, last_at;
  std::int64_t times = 0;
};
struct StoredPause {
  std::string scope, name, code, detail;  ///< scope "connector", "destination", "source", "source_fields" or kByPerson
  Timestamp since;
  std::optional<Timestamp> retry_at;
  bool retrying = false;  ///< tried again by itself, with back-off
};
/// A retry that goes on for so long is a pause like any other.
inline constexpr Duration kRetriesAlone = std::chrono::hours(1);
/// Does it need somebody? A retry by itself does not, before it has lasted for kRetriesAlone.
inline bool needs_a_person(const StoredPause& p, Timestamp now) {
  return !p.retrying || now - p.since >= kRetriesAlone;
}
/// Scope of a connector's pause by a person (`headwater pause`); its detail says by whom. It stands beside the pauses
/// that trouble makes, and no success ends it.
inline constexpr const char* kByPerson = "person";
struct StoredCommand {
  std::int64_t id = 0;
  std::string kind, args, actor, result;
  Timestamp created_at;
  std::optional<Timestamp> done_at;
};
struct Dirty {
  std::int64_t record_id = 0, seq = 0;
  std::string cause;
};

namespace service_rows {

std::optional<StoredCursor> cursor(Tx&, std::string_view connector, std::string_view role, std::string_view stream);
std::vector<StoredCursor> cursors(Tx&);
void put_cursor(Tx&, const StoredCursor&);

void reject_row(Tx&, const StoredRejection&);  ///< counts repeats
std::vector<StoredRejection> rejections(Tx&, std::int64_t limit);
std::int64_t count_rejections(Tx&);

/// Marks one record; a repeat moves its seq to the end.
void mark_dirty(Tx&, std::int64_t record, std::string_view cause);
/// Marks the record that a conversion is of.
void mark_subject_of(Tx&, std::int64_t conversion, std::string_view cause);
/// Marks a record and what depends on it: the deals tied to a contact, what a lead was converted into, what a contact
/// or deal was merged into and what was merged into it, the subjects of uploads that carry the record's data, the live
/// leads and contacts of the same persons (through links with "record:" evidence); and what depends on those in turn.
void mark_with_dependents(Tx&, std::int64_t record, std::string_view cause);
/// Marks every record of an object kind (after a change of configuration), in one statement.
void mark_all(Tx&, std::string_view object, std::string_view cause);
std::vector<Dirty> dirty(Tx&, std::int64_t limit);  ///< by seq
std::optional<Dirty> dirty_of(Tx&, std::int64_t record);
void clear_dirty(Tx&, std::int64_t record, std::int64_t seq);
std::int64_t count_dirty(Tx&);

std::int64_t add_command(Tx&, std::string_view kind, std::string_view args, std::string_view actor, Timestamp now);
std::vector<StoredCommand> open_commands(Tx&);
void note_progress(Tx&, std::int64_t id, std::string_view so_far);  ///< stands as its result until it is done
void finish_command(Tx&, std::int64_t id, std::string_view result, Timestamp now);
std::optional<StoredCommand> command(Tx&, std::int64_t id);

std::optional<StoredPause> pause(Tx&, std::string_view scope, std::string_view name);
std::vector<StoredPause> pauses(Tx&);
void set_pause(Tx&, const StoredPause&);
void clear_pause(Tx&, std::string_view scope, std::string_view name);

bool is_paused_by_person(Tx&, std::string_view connector);

/// Every stream of the connector in that role ("records", "touches") was read through to the present once.
bool is_swept(Tx&, std::string_view connector, std::string_view role);
void note_swept(Tx&, std::string_view connector, std::string_view role, Timestamp now);
/// Of no connector is that known any more. Cursors stay where they are.
void forget_sweeps(Tx&, std::string_view role);

/// The latest time by which a page was kept or a subject was judged.
std::optional<Timestamp> latest_time(Tx&);
/// Of a judgement at `now`.
void note_time(Tx&, Timestamp now);
/// The clock was set back: nothing is known of times after `now`, and what waits for one is due now. Rows of uploads
/// keep their own minimum.
void forget_later_times(Tx&, Timestamp now);

std::optional<std::string> meta(Tx&, std::string_view key);
void set_meta(Tx&, std::string_view key, std::string_view value);
std::optional<std::string> state(Tx&, std::string_view key);
void set_state(Tx&, std::string_view key, std::string_view value);
/// Those whose key begins so: the rest of the key and the value, by key.
std::vector<std::pair<std::string, std::string>> states(Tx&, std::string_view prefix);

}  // namespace service_rows
}  // namespace hw::store
