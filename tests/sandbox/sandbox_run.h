#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/child.h"
#include "sandbox/conductor.h"
#include "sandbox/demo_setup.h"
#include "sandbox/script.h"

namespace hw::sandbox {

/// A directory of its own that goes away with the run; one that was given stays.
class RunDirectory {
 public:
  explicit RunDirectory(const std::string& given);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }  ///< "" when it could not be made

 private:
  std::string path_;
  bool keep_;
};

/// A script's world, its simulators, and the daemon that works for it, all on one followed clock.
class SandboxRun {
 public:
  /// `script` and `dir` stay while this does.
  SandboxRun(std::string headwater, Script& script, const std::string& dir);
  ~SandboxRun();

  /// Starts the simulators and writes the configuration. "" or what went wrong. `record`: see DemoOptions. `through`:
  /// the port that the daemon is to call instead of the server's, given the server's.
  std::string prepare(const std::string& record, Touches touches = Touches::files,
                      const std::function<int(int)>& through = {});
  /// `environment`: "HW_CRASH_AT=ledger.sent:7" and the like.
  void start_daemon(const std::vector<std::string>& environment = {});
  /// Lets the world go on while no daemon runs.
  void pass_without_daemon(Duration time);
  /// A command of the program with this run's configuration and clock.
  [[nodiscard]] std::vector<std::string> command(std::vector<std::string> words) const;
  /// What the program writes to standard output, and how it ends.
  [[nodiscard]] Output ask(std::vector<std::string> words) const { return run(command(std::move(words))); }
  [[nodiscard]] std::vector<Belief> believed();
  /// The last lines of the daemon's log.
  [[nodiscard]] std::string log_tail() const;

  [[nodiscard]] const std::string& dir() const { return dir_; }
  World& world() { return world_; }
  Server& server() { return *server_; }
  Conductor& conductor() { return *conductor_; }
  ClockFile& clock() { return *clock_; }
  Child& daemon() { return *daemon_; }

 private:
  std::string headwater_;
  Script& script_;
  std::string dir_;
  World world_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<ClockFile> clock_;
  std::unique_ptr<Conductor> conductor_;
  std::unique_ptr<Child> daemon_;
};

}  // namespace hw::sandbox
