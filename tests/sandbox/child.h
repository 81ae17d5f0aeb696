#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace hw::sandbox {

/// A process that this program started, ended by its id alone.
class Child {
 public:
  /// `environment`: "NAME=value" added to ours. stdout and stderr to `log` ("" = ours).
  Child(const std::vector<std::string>& command, std::vector<std::string> environment, const std::string& log);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Has it ended? Then status() says how.
  bool ended();
  void signal(int number) const;
  /// Does it handle or wait for this signal? Not yet while it is just born: the signal would end it as any other.
  [[nodiscard]] bool hears(int number) const;
  /// Waits for its end; SIGKILL after `seconds`.
  int wait(int seconds);
  [[nodiscard]] int status() const { return status_; }  ///< exit code, or 128 + signal
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = -1;
};

/// Runs a command to its end and gives what it wrote to standard output.
struct Output {
  int status = -1;
  std::string text;
};
Output run(const std::vector<std::string>& command);

}  // namespace hw::sandbox
