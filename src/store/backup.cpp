#include "store/backup.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include "base/crash_point.h"
#include "base/durable_file.h"
#include "base/text.h"
#include "store/engine/failures.h"
#include "store/ledger_rows.h"
#include "store/service_rows.h"

namespace hw::store {
namespace {

constexpr const char* kGeneration = "generation";
constexpr const char* kBackedUpAt = "backed_up_at";  // in a whole backup alone
constexpr const char* kUnmarked = "restore_unmarked";
constexpr const char* kLastUpload = "restored_last_upload";
constexpr const char* kReadFrom = "restored_read_from";
constexpr int kBusyMs = 10'000;

std::string store_of(const std::string& state_dir) { return state_dir + "/headwater.db"; }
std::string note_of(const std::string& state_dir) { return state_dir + "/generation"; }

Error refused(const char* code, std::string detail) { return {Action::pause, code, std::move(detail), {}, false}; }

Status io_error(const std::string& path) { return store_io(path, std::strerror(errno)).error; }

Status of_store(const std::string& path, const Status& done) {
  return done ? done : store_io(path, done.error().detail).error;
}

/// Root may make a backup or put one back; what it leaves in the state directory is the directory's owner's.
bool give_to_owner(int file, const std::string& state_dir) {
  struct stat owner {};
  if (::geteuid() != 0) return true;
  return ::stat(state_dir.c_str(), &owner) == 0 && ::fchown(file, owner.st_uid, owner.st_gid) == 0;
}

/// Makes a new file and leaves an existing one alone. In `state_dir`, where one is named.
Status create_new(const std::string& path, const std::string& state_dir = "") {
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) {
    const bool owned = state_dir.empty() || give_to_owner(file, state_dir);
    ::close(file);
    return owned ? Status() : io_error(path);
  }
  if (errno == EEXIST)
    return refused("file_exists", path + ": there is such a file already, and it is not overwritten");
  return refused("cannot_create", fmt::format("{}: {}", path, std::strerror(errno)));
}

/// Runs what uses SQLite without the engine. `name`: the file that an error is about.
template <class F>
Status with_sqlite(const std::string& name, F&& work) {
  try {
    work();
    return {};
  } catch (const SQLite::Exception& e) {
    const std::string cause = fmt::format("SQLite {}: {}", e.getExtendedErrorCode(), e.what());
    switch (e.getErrorCode()) {
      case SQLITE_FULL:
        return store_full(name, cause).error;
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return store_busy(name, cause).error;
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return store_corrupt(name, cause).error;
      default:
        return store_io(name, cause).error;
    }
  } catch (const Failure& failure) {
    return failure.error;
  }
}

/// All pages in one step, as of one commit: writers neither wait for it nor are seen by it. The copy is one plain file,
/// without a log beside it.
Status copy_database(const std::string& from, const std::string& to) {
  return with_sqlite(to, [&] {
    SQLite::Database source(from, SQLite::OPEN_READONLY, kBusyMs);
    SQLite::Database target(to, SQLite::OPEN_READWRITE, kBusyMs);
    {
      SQLite::Backup backup(target, source);
      if (backup.executeStep(-1) != SQLITE_DONE) throw store_busy(from, "it is locked by another program");
    }
    target.exec("PRAGMA journal_mode = DELETE");
  });
}

Status stamp(const std::string& file, Timestamp backed_up_at) {
  return with_sqlite(file, [&] {
    SQLite::Database db(file, SQLite::OPEN_READWRITE, kBusyMs);
    SQLite::Statement put(db, "INSERT INTO meta(key, value) VALUES(?, ?)");
    put.bind(1, kBackedUpAt);
    put.bind(2, std::to_string(to_micros(backed_up_at)));
    put.exec();
  });
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::int64_t number_of(Tx& tx, const char* key) {
  return number(service_rows::meta(tx, key).value_or("0")).value_or(0);
}

/// 0: nothing noted yet.
Result<std::int64_t> noted(const std::string& state_dir) {
  const std::string path = note_of(state_dir);
  if (::access(path.c_str(), F_OK) != 0) return std::int64_t{0};
  std::ifstream file(path);
  if (!file) return store_readonly(path, std::strerror(errno)).error;
  std::string line;
  std::getline(file, line);
  const auto found = number(trim(line));
  if (!found) return store_corrupt(path, "it does not hold a number").error;
  return *found;
}

Status note(const std::string& state_dir, std::int64_t generation) {
  const std::string path = note_of(state_dir);
  return of_store(path, replace_file(path, std::to_string(generation) + "\n",
                                     [&](int file) { return give_to_owner(file, state_dir); }));
}

/// From here on the copy is older than the store and the note.
Status raise(Db& db, const std::string& state_dir) {
  auto raised = db.transact(Durability::ledger, [&](Tx& tx) -> Result<std::int64_t> {
    const std::int64_t next = backups::generation(tx) + 1;
    service_rows::set_meta(tx, kGeneration, std::to_string(next));
    return next;
  });
  if (!raised) return raised.error();
  crash_point("backup.counted");
  auto known = noted(state_dir);
  if (!known) return known.error();
  return *known >= *raised ? Status() : note(state_dir, *raised);
}

Status write_backup(Db& db, const std::string& state_dir, const std::string& file, Timestamp now) {
  if (auto copied = copy_database(store_of(state_dir), file); !copied) return copied;
  crash_point("backup.copied");
  if (auto raised = raise(db, state_dir); !raised) return raised;
  crash_point("backup.raised");
  if (auto stamped = stamp(file, now); !stamped) return stamped;
  crash_point("backup.stamped");
  return of_store(file, sync_directory_of(file));
}

void remove_store(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((path + suffix).c_str());
}

/// What the working copy of a backup becomes before it takes the store's place.
Result<Restored> prepare(const std::string& copy, std::int64_t known, Timestamp now) {
  auto db = Db::open({.path = copy, .postgres = {}, .create = true, .read_only = false});
  if (!db) return db.error();
  if (auto whole = (*db)->integrity_check(); !whole) return whole.error();
  return (*db)->transact(Durability::ledger, [&](Tx& tx) -> Result<Restored> {
    const std::int64_t at = number_of(tx, kBackedUpAt);
    if (at == 0)
      return refused("not_a_backup", "it is no backup that `headwater backup` finished: nothing was changed");
    Restored r;
    r.gap = {.from = from_micros(at),
             .to = std::max(from_micros(at), now),
             .last_upload = ledger_rows::last_upload(tx),
             .read_from = {}};
    r.generation = std::max(known, backups::generation(tx)) + 1;
    backups::add_gap(tx, r.gap);
    service_rows::set_meta(tx, kGeneration, std::to_string(r.generation));
    service_rows::set_meta(tx, kUnmarked, "1");
    tx.exec("DELETE FROM meta WHERE key = ?", {val(kBackedUpAt)});
    return r;
  });
}

/// The generation of the store that is about to be replaced, if it can be read at all.
std::int64_t generation_of(const std::string& path) {
  auto db = Db::open({.path = path, .postgres = {}, .create = false, .read_only = true});
  if (!db) return 0;
  auto found = (*db)->read([](Tx& tx) -> Result<std::int64_t> { return backups::generation(tx); });
  return found ? *found : 0;
}

/// Its log goes first: a kill between leaves a store without log beside it, never a log beside another store.
Status keep_replaced(const std::string& path, const std::string& kept) {
  (void)with_sqlite(path, [&] {
    SQLite::Database db(path, SQLite::OPEN_READWRITE, kBusyMs);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  });
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string file = path + suffix;
    if (::rename(file.c_str(), (kept + suffix).c_str()) != 0 && errno != ENOENT) return io_error(file);
  }
  return {};
}

}  // namespace

namespace backups {

std::int64_t generation(Tx& tx) { return number_of(tx, kGeneration); }

void add_gap(Tx& tx, const Gap& gap) {
  tx.exec("INSERT INTO restored_gap(from_at, to_at) VALUES(?, ?)", {val(gap.from), val(gap.to)});
  service_rows::set_meta(tx, kLastUpload, std::to_string(gap.last_upload));
  service_rows::set_meta(tx, kReadFrom, "0");
}

std::optional<Gap> gap(Tx& tx) {
  std::optional<Gap> out;
  tx.query("SELECT MIN(from_at), MAX(to_at) FROM restored_gap", {}, [&](const Row& row) {
    if (!row.is_null(0)) out = Gap{.from = row.time(0), .to = row.time(1), .last_upload = 0, .read_from = {}};
  });
  if (!out) return out;
  out->last_upload = number_of(tx, kLastUpload);
  out->read_from = std::max(out->to, from_micros(number_of(tx, kReadFrom)));
  return out;
}

void note_reading(Tx& tx, Timestamp now) {
  if (number_of(tx, kReadFrom) == 0 && gap(tx)) service_rows::set_meta(tx, kReadFrom, std::to_string(to_micros(now)));
}

bool unmarked(Tx& tx) { return service_rows::meta(tx, kUnmarked) == "1"; }

void set_marked(Tx& tx) { service_rows::set_meta(tx, kUnmarked, "0"); }

}  // namespace backups

Status check_generation(Db& db, const std::string& state_dir) {
  auto known = noted(state_dir);
  if (!known) return known.error();
  auto own = db.read([](Tx& tx) -> Result<std::int64_t> { return backups::generation(tx); });
  if (!own) return own.error();
  if (*own < *known)
    return refused(
        "store_outdated",
        fmt::format("{}: this store is of generation {}, and generation {} was at work here: it is a copy from before. "
                    "Platforms may have been told more than it knows, and would be told again. Put the present store "
                    "back; or, if that is lost, `headwater restore FILE` with a backup: it marks what may have been "
                    "sent since as uncertain. To begin anew, remove the file {} as well",
                    store_of(state_dir), *own, *known, note_of(state_dir)));
  return *own > *known ? note(state_dir, *own) : Status();
}

Status back_up(Db& db, const std::string& state_dir, const std::string& file, Timestamp now) {
  if (auto present = check_generation(db, state_dir); !present) return present;
  if (auto created = create_new(file); !created) return created;
  Status written = write_backup(db, state_dir, file, now);
  if (!written) remove_store(file);
  return written;
}

Result<Restored> restore(const std::string& state_dir, const std::string& file, Timestamp now) {
  const std::string path = store_of(state_dir), copy = path + ".restoring";
  struct stat found {};
  if (::access(file.c_str(), R_OK) != 0 || ::stat(file.c_str(), &found) != 0)
    return refused("no_backup", fmt::format("{}: {}", file, std::strerror(errno)));
  if (!S_ISREG(found.st_mode))
    return refused("no_backup", file + ": it is no file; name the file that `headwater backup` wrote");
  auto known = noted(state_dir);
  if (!known) return known.error();
  const bool replaces = ::access(path.c_str(), F_OK) == 0;
  if (replaces) *known = std::max(*known, generation_of(path));
  remove_store(copy);
  if (auto created = create_new(copy, state_dir); !created) return created.error();
  if (auto copied = copy_database(file, copy); !copied) {
    remove_store(copy);
    if (copied.error().code == "store_corrupt")
      return refused("not_a_backup", file + ": it is no backup of Headwater, or a damaged one: nothing was changed");
    return copied.error();
  }
  auto restored = prepare(copy, *known, now);
  if (!restored) {
    remove_store(copy);
    restored.error().detail = file + ": " + restored.error().detail;
    return restored;
  }
  crash_point("restore.prepared");
  if (replaces) {
    restored->kept_as = fmt::format("{}.replaced-{}", path, restored->generation);
    if (auto kept = keep_replaced(path, restored->kept_as); !kept) return kept.error();
  }
  crash_point("restore.kept");
  if (::rename(copy.c_str(), path.c_str()) != 0) return io_error(path).error();
  crash_point("restore.placed");
  if (auto synced = of_store(path, sync_directory_of(path)); !synced) return synced.error();
  if (auto written = note(state_dir, restored->generation); !written) return written.error();
  return restored;
}

}  // namespace hw::store
