#pragma once
#include <memory>
#include <string>

#include "base/result.h"

namespace hw::service {

/// `run` and `sync` hold the lock of a state directory; other commands read beside them. Released when destroyed or
/// when the process ends, however it ends. The file holds the holder's process id.
class Lock {
 public:
  /// Error code "locked" names the holder.
  static Result<std::unique_ptr<Lock>> take(const std::string& state_dir);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hw::service
