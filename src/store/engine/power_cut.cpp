#include "store/engine/power_cut.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <sstream>
#include <utility>
#include <vector>

namespace hw::store {
namespace {

constexpr const char* kVfsName = "power_cut";

struct Change {
  std::size_t at = 0;
  std::optional<std::string> bytes;  ///< nothing: the file was cut to the length `at`
};

/// One file as the disk has it, and what has not reached the disk for sure.
struct FileOnDisk {
  bool exists = false;  ///< its name too needs a sync
  bool is_deleted = false;
  std::string synced;
  std::vector<Change> changes;
};

void apply(std::string& content, const Change& change) {
  if (!change.bytes) return content.resize(change.at);
  if (content.size() < change.at + change.bytes->size()) content.resize(change.at + change.bytes->size());
  content.replace(change.at, change.bytes->size(), *change.bytes);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Decides sector by sector what of the unsynced writes is there after the cut.
class Chance {
 public:
  Chance(PowerCut::Kept kept, std::uint64_t seed)
      : kept_(kept), engine_(seed), sector_(engine_() % 2 == 0 ? 512 : 4096) {}

  bool keeps() { return kept_ == PowerCut::Kept::all || (kept_ == PowerCut::Kept::some && engine_() % 2 == 0); }

  void apply_some(std::string& content, const Change& change) {
    if (!change.bytes) {
      if (keeps()) apply(content, change);
      return;
    }
    for (std::size_t done = 0; done < change.bytes->size();) {
      const std::size_t at = change.at + done;
      const std::size_t size = std::min(sector_ - at % sector_, change.bytes->size() - done);
      if (keeps()) apply(content, {.at = at, .bytes = change.bytes->substr(done, size)});
      done += size;
    }
  }

 private:
  PowerCut::Kept kept_;
  std::mt19937_64 engine_;
  std::size_t sector_;
};

}  // namespace

class PowerCut::Disk {
 public:
  explicit Disk(std::string directory) : directory_(std::move(directory)) {}

  void begin(int operation) {
    files_.clear();
    operations_ = 0;
    cut_at_ = operation;
    is_cut_ = false;
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      files_[entry.path()] = {.exists = true, .is_deleted = false, .synced = read_file(entry.path()), .changes = {}};
  }

  [[nodiscard]] bool watches(const char* path) const {
    return path != nullptr && std::string_view(path).starts_with(directory_ + "/");
  }
  /// Counts an operation. False: the power is gone, or goes now.
  bool goes_on() {
    if (!is_cut_ && ++operations_ == cut_at_) is_cut_ = true;
    return !is_cut_;
  }
  FileOnDisk& file(const std::string& path) { return files_[path]; }

  void sync(const std::string& path) {
    FileOnDisk& f = file(path);
    for (const Change& change : f.changes) apply(f.synced, change);
    f.changes.clear();
    f.exists = true;
  }

  void write_image(const std::string& into, Chance chance) const {
    for (const auto& [path, f] : files_) {
      const bool is_there = f.exists ? !f.is_deleted || !chance.keeps() : chance.keeps();
      if (!is_there) continue;
      std::string content = f.synced;
      for (const Change& change : f.changes) chance.apply_some(content, change);
      std::ofstream(into + "/" + std::filesystem::path(path).filename().string(), std::ios::binary) << content;
    }
  }

  [[nodiscard]] int operations() const { return operations_; }
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  const std::string directory_;
  std::map<std::string, FileOnDisk> files_;
  int operations_ = 0, cut_at_ = 0;
  bool is_cut_ = false;
};

namespace {

sqlite3_vfs* g_real = nullptr;
PowerCut::Disk* g_disk = nullptr;

/// Stands before the real file, which lies behind it in the same memory.
struct Watched {
  sqlite3_file base;
  std::string* path;  ///< nullptr: not on the disk that can be cut
  [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

Watched* watched(sqlite3_file* f) { return reinterpret_cast<Watched*>(f); }
sqlite3_file* real(sqlite3_file* f) { return watched(f)->real(); }

int close_file(sqlite3_file* f) {
  delete watched(f)->path;
  watched(f)->path = nullptr;
  return real(f)->pMethods->xClose(real(f));
}

int read_from(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, size, at);
}

/// What was under way when the power went may be there in part.
int write_to(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
  if (const std::string* path = watched(f)->path) {
    const bool was_cut = g_disk->is_cut();
    const bool goes_on = g_disk->goes_on();
    if (!was_cut)
      g_disk->file(*path).changes.push_back(
          {.at = static_cast<std::size_t>(at),
           .bytes = std::string(static_cast<const char*>(from), static_cast<std::size_t>(size))});
    if (!goes_on) return SQLITE_IOERR_WRITE;
  }
  return real(f)->pMethods->xWrite(real(f), from, size, at);
}

int truncate_to(sqlite3_file* f, sqlite3_int64 size) {
  if (const std::string* path = watched(f)->path) {
    const bool was_cut = g_disk->is_cut();
    const bool goes_on = g_disk->goes_on();
    if (!was_cut) g_disk->file(*path).changes.push_back({.at = static_cast<std::size_t>(size), .bytes = {}});
    if (!goes_on) return SQLITE_IOERR_TRUNCATE;
  }
  return real(f)->pMethods->xTruncate(real(f), size);
}

/// The machine's own disk is spared: it need not outlive the test.
int sync_file(sqlite3_file* f, int) {
  const std::string* path = watched(f)->path;
  if (path == nullptr) return SQLITE_OK;
  if (!g_disk->goes_on()) return SQLITE_IOERR_FSYNC;
  g_disk->sync(*path);
  return SQLITE_OK;
}

int size_of(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int is_reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int control(sqlite3_file* f, int what, void* with) { return real(f)->pMethods->xFileControl(real(f), what, with); }
int sector_of(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int traits_of(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int map_shared(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int lock_shared(sqlite3_file* f, int from, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), from, n, flags);
}
void shared_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int unmap_shared(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

constexpr sqlite3_io_methods kMethods{.iVersion = 2,
                                      .xClose = close_file,
                                      .xRead = read_from,
                                      .xWrite = write_to,
                                      .xTruncate = truncate_to,
                                      .xSync = sync_file,
                                      .xFileSize = size_of,
                                      .xLock = lock,
                                      .xUnlock = unlock,
                                      .xCheckReservedLock = is_reserved,
                                      .xFileControl = control,
                                      .xSectorSize = sector_of,
                                      .xDeviceCharacteristics = traits_of,
                                      .xShmMap = map_shared,
                                      .xShmLock = lock_shared,
                                      .xShmBarrier = shared_barrier,
                                      .xShmUnmap = unmap_shared,
                                      .xFetch = nullptr,
                                      .xUnfetch = nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* got) {
  auto* w = ::new (f) Watched{};
  const int rc = g_real->xOpen(g_real, name, w->real(), flags, got);
  if (w->real()->pMethods == nullptr) return rc;
  w->base.pMethods = &kMethods;
  if (rc == SQLITE_OK && g_disk->watches(name)) {
    w->path = new std::string(name);
    FileOnDisk& file = g_disk->file(*w->path);
    if (file.is_deleted) file = {};
  }
  return rc;
}

/// Without a sync of its directory the file may come back.
int delete_file(sqlite3_vfs*, const char* name, int sync_directory) {
  if (g_disk->watches(name)) {
    if (!g_disk->goes_on()) return SQLITE_IOERR_DELETE;
    FileOnDisk& file = g_disk->file(name);
    file.is_deleted = true;
    if (sync_directory != 0) file = {};
  }
  return g_real->xDelete(g_real, name, 0);
}

sqlite3_vfs* this_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs own = *g_real;
    own.szOsFile = static_cast<int>(sizeof(Watched)) + g_real->szOsFile;
    own.pNext = nullptr;
    own.zName = kVfsName;
    own.xOpen = open_file;
    own.xDelete = delete_file;
    return own;
  }();
  return &vfs;
}

}  // namespace

PowerCut::PowerCut(std::string directory) : disk_(std::make_unique<Disk>(std::move(directory))) {
  g_real = sqlite3_vfs_find(nullptr);
  g_disk = disk_.get();
  sqlite3_vfs_register(this_vfs(), /*makeDflt=*/1);
}

PowerCut::~PowerCut() {
  sqlite3_vfs_unregister(this_vfs());
  sqlite3_vfs_register(g_real, /*makeDflt=*/1);
  g_disk = nullptr;
}

void PowerCut::begin(int operation) { disk_->begin(operation); }
int PowerCut::operations() const { return disk_->operations(); }
bool PowerCut::is_cut() const { return disk_->is_cut(); }
void PowerCut::write_image(const std::string& into, Kept kept, std::uint64_t seed) const {
  disk_->write_image(into, Chance(kept, seed));
}

}  // namespace hw::store
