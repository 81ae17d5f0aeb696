#pragma once
#include <cstdint>
#include <memory>
#include <string>

/// For tests: a disk whose power can be cut.
namespace hw::store {

/// While it lives it is SQLite's default file system. Of the files under `directory` it remembers what was synced and
/// what was only written since; the rest of the machine it leaves alone. At the cut the operation under way and all
/// that follow fail, and write_image() makes files that a disk could hold then: everything that was synced, and of the
/// other writes none, all, or a part in which every sector was written or was not. Not thread-safe, one at a time.
class PowerCut {
 public:
  explicit PowerCut(std::string directory);
  ~PowerCut();
  PowerCut(const PowerCut&) = delete;
  PowerCut& operator=(const PowerCut&) = delete;

  /// Forgets every file and counts anew; the files that are there now count as synced. The power goes at the
  /// `operation`th write, truncation, deletion or sync (0: never).
  void begin(int operation);
  [[nodiscard]] int operations() const;
  [[nodiscard]] bool is_cut() const;

  enum class Kept : std::uint8_t { none, all, some };
  /// Of the writes that were not synced. `seed`: which, and whether sectors are of 512 or 4096 bytes.
  void write_image(const std::string& into, Kept kept, std::uint64_t seed) const;

  class Disk;

 private:
  std::unique_ptr<Disk> disk_;
};

}  // namespace hw::store
