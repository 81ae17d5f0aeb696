#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace hw::service {

/// `run` and `sync` hold the lock of a state directory; other commands read beside them. Released when destroyed or
/// when the process ends, however it ends. The file holds the holder's process id, and a note of its own.
class Lock {
 public:
  /// Error code "locked" names the holder. A holder that lets go within `patience` (of the machine's clock) is waited
  /// for: commands that leave a request hold the lock for a moment, and who only looks (holder()) for less.
  static Result<std::unique_ptr<Lock>> take(const std::string& state_dir,
                                            std::chrono::milliseconds patience = std::chrono::milliseconds(100));
  /// Of who needs the lock for its work.
  static constexpr std::chrono::milliseconds kPatience{2000};
  struct Holder {
    std::string process;
    std::string note;  ///< "": none; one that is being written at this instant is half old, half new
  };
  /// Who holds the lock at this moment; nullopt: nobody does.
  static std::optional<Holder> holder(const std::string& state_dir);
  /// What the holder says to those who look beside it, in place of what it said before. Gone with the holder.
  [[nodiscard]] Status note(const std::string& text) const;
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Lock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

}  // namespace hw::service
