#include "sandbox/sandbox_run.h"

#include <stdlib.h>

#include <filesystem>

#include "sandbox/demo_setup.h"
#include "sandbox/peers.h"

namespace hw::sandbox {

RunDirectory::RunDirectory(const std::string& given) : path_(given), keep_(!given.empty()) {
  if (keep_) {
    std::filesystem::create_directories(path_);
    path_ = std::filesystem::absolute(path_);
    return;
  }
  std::string pattern = std::filesystem::temp_directory_path() / "headwater-demo-XXXXXX";
  if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

RunDirectory::~RunDirectory() {
  std::error_code ignored;
  if (!keep_ && !path_.empty()) std::filesystem::remove_all(path_, ignored);
}

SandboxRun::SandboxRun(std::string headwater, Script& script, const std::string& dir)
    : headwater_(std::move(headwater)), script_(script), dir_(dir) {}

SandboxRun::~SandboxRun() {
  daemon_.reset();
  if (server_) server_->stop();
}

std::string SandboxRun::prepare(const std::string& record, Touches touches, const std::function<int(int)>& through) {
  if (dir_.empty()) return "cannot make a temporary directory";
  world_.now = script_.start();
  std::unique_ptr<Recorder> recorder;
  if (!record.empty()) recorder = std::make_unique<Recorder>(record);
  if (recorder && !recorder->ok()) return "cannot write " + record;
  server_ = std::make_unique<Server>(world_, make_peers(world_), std::move(recorder));
  int port = server_->start(0);
  if (port != 0 && through) port = through(port);
  if (port == 0) return "no free port on loopback";
  if (auto wrong = write_demo_config(dir(), port, world_, touches); !wrong.empty()) return wrong;
  server_->locked([&] { script_.advance(world_, script_.start()); });
  clock_ = ClockFile::create(dir() + "/clock", script_.start());
  if (!clock_) return "cannot make the clock file";
  conductor_ = std::make_unique<Conductor>(world_, script_, *server_, *clock_);
  return "";
}

void SandboxRun::start_daemon(const std::vector<std::string>& environment) {
  clock_->clear_idle();
  daemon_ = std::make_unique<Child>(command({"run"}), environment, dir() + "/headwater.log");
}

void SandboxRun::pass_without_daemon(Duration time) {
  server_->locked([&] {
    const Timestamp then = world_.now + time;
    script_.advance(world_, then);
    server_->advance(then);
    clock_->set_now(then);
  });
}

std::vector<std::string> SandboxRun::command(std::vector<std::string> words) const {
  words.insert(words.begin(), headwater_);
  words.insert(words.end(), {"-c", dir() + "/headwater.yaml", "--follow-clock", dir() + "/clock"});
  return words;
}

std::vector<Belief> SandboxRun::believed() {
  std::vector<Belief> out;
  server_->locked([&] { out = server_->believed(); });
  return out;
}

std::string SandboxRun::log_tail() const { return run({"tail", "-n", "20", dir() + "/headwater.log"}).text; }

}  // namespace hw::sandbox
