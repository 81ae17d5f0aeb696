#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace hw::service {

/// `run` and `sync` hold the lock of a state directory; other commands read beside them. Released when destroyed or
/// when the process ends, however it ends. The file holds the holder's process id.
class Lock {
 public:
  /// Error code "locked" names the holder. A holder that lets go within `patience` (of the machine's clock) is waited
  /// for: commands that leave a request hold the lock for a moment.
  static Result<std::unique_ptr<Lock>> take(const std::string& state_dir,
                                            std::chrono::milliseconds patience = std::chrono::milliseconds(0));
  /// The process that holds the lock at this moment; nullopt: none does.
  static std::optional<std::string> holder(const std::string& state_dir);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hw::service
