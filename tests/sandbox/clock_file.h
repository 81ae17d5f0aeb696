#pragma once
#include <memory>
#include <string>

#include "model/timestamp.h"

namespace hw::sandbox {

/// The world's clock as the daemon follows it (base/clock.h): a mapped file of two int64, `now` which only this side
/// writes and `idle_until` which only the daemon writes.
class ClockFile {
 public:
  /// Makes the file. nullptr when it cannot.
  static std::unique_ptr<ClockFile> create(const std::string& path, Timestamp start);
  ~ClockFile();
  ClockFile(const ClockFile&) = delete;
  ClockFile& operator=(const ClockFile&) = delete;

  /// The world's time.
  [[nodiscard]] Timestamp now() const;
  void set_now(Timestamp t);
  /// The daemon's machine alone is so much ahead of the world, or behind it: all else here stays the world's time.
  void set_ahead(Duration by);
  /// When the daemon next has something to do; not after now() while it is busy.
  [[nodiscard]] Timestamp idle_until() const;
  /// Before a daemon is started anew: nobody is idle.
  void clear_idle();

 private:
  explicit ClockFile(void* map) : map_(map) {}
  void* map_;
  Duration ahead_{};
};

}  // namespace hw::sandbox
