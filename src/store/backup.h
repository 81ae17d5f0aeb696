#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "store/engine/db.h"

/// Backups of an SQLite store, and what keeps an old copy from being taken for the present one.
///
/// A store knows its generation, and the file `generation` beside it notes the highest that this state directory has
/// had. A backup holds the generation of its moment; as soon as the copy is whole, store and note go one up. So a copy
/// that somebody put in the store's place by hand is older than the note, and check_generation() refuses it: the
/// platforms may have been told more than such a store knows. restore() is the way back: it stamps the gap between
/// backup and now into the store, gives it a generation above the note, and what could have been sent in that gap is
/// then `uncertain` instead of sent again (reconcile/restored.h).
///
/// A kill between two steps leaves the store above the note (the next start raises the note), or a file that is not
/// stamped as a whole backup and that restore() refuses.
namespace hw::store {

/// Nobody knows what was sent in it.
struct Gap {
  Timestamp from, to;
  std::int64_t last_upload = 0;  ///< id of the last row that the backup knew
  Timestamp read_from{};         ///< when a daemon began to read the CRM anew; `to` until one has
};

namespace backups {

std::int64_t generation(Tx&);  ///< 0: no backup was ever made
void add_gap(Tx&, const Gap&);
/// From the earliest backup that was restored to the latest restore.
std::optional<Gap> gap(Tx&);
/// A daemon begins to read: the first one since the restore is kept.
void note_reading(Tx&, Timestamp now);
/// Set by restore() until the rows that may have been sent are marked as such.
bool unmarked(Tx&);
void set_marked(Tx&);

}  // namespace backups

/// Refuses (code "store_outdated") a store that is older than the generation noted beside it; raises a note that is
/// older than the store.
Status check_generation(Db& db, const std::string& state_dir);

/// Copies the store of `state_dir` to the new file `file` (mode 0600), beside whoever works on it. Codes:
/// "file_exists", "store_outdated", the store's.
Status back_up(Db& db, const std::string& state_dir, const std::string& file, Timestamp now);

struct Restored {
  Gap gap;
  std::int64_t generation = 0;
  std::string kept_as;  ///< where the replaced store is now; "" when there was none
};
/// Puts a backup in the place of the store of `state_dir`, whose lock the caller holds and which nobody has open. The
/// replaced store is kept beside it. Codes: "not_a_backup", the store's.
Result<Restored> restore(const std::string& state_dir, const std::string& file, Timestamp now);

}  // namespace hw::store
