#include "sandbox/demo.h"

#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <iostream>

#include "sandbox/child.h"
#include "sandbox/company.h"
#include "sandbox/conductor.h"
#include "sandbox/demo_accounts.h"
#include "sandbox/demo_judge.h"
#include "sandbox/demo_screen.h"
#include "sandbox/demo_setup.h"
#include "sandbox/peers.h"

namespace hw::sandbox {
namespace {

constexpr int kStopSeconds = 30;
/// The pace of the days after the end.
constexpr std::int64_t kWorldPerSecond = 24 * 3600 / 3;

std::atomic<bool> interrupted{false};

/// A directory of its own that goes away with the run.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& given) : path_(given), keep_(!given.empty()) {
    if (keep_) {
      std::filesystem::create_directories(path_);
      path_ = std::filesystem::absolute(path_);
      return;
    }
    std::string pattern = std::filesystem::temp_directory_path() / "headwater-demo-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!keep_ && !path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool keep_;
};

int complain(const std::string& text) {
  std::cerr << "demo: " << text << "\n";
  return 70;
}

/// One run: the world, its simulators, and the daemon that is shown.
class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options), dir_(options.state), script_(options.seed, dir_.path() + "/drop"), screen_(options) {}

  int run();

 private:
  std::string prepare();
  void start_daemon();
  bool goes_on() { return !daemon_->ended() && !interrupted; }
  bool pass_months();
  int stop_daemon(bool expected);
  std::string report(std::vector<std::string> more, int& status) const;
  int show_end();
  void live_on();

  const DemoOptions& options_;
  TemporaryDirectory dir_;
  Company script_;
  Screen screen_;
  World world_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<ClockFile> clock_;
  std::unique_ptr<Conductor> conductor_;
  std::unique_ptr<Child> daemon_;
  std::size_t kills_ = 0;
};

std::string Demo::prepare() {
  if (dir_.path().empty()) return "cannot make a temporary directory";
  world_.now = script_.start();
  std::unique_ptr<Recorder> recorder;
  if (!options_.record.empty()) recorder = std::make_unique<Recorder>(options_.record);
  if (recorder && !recorder->ok()) return "cannot write " + options_.record;
  server_ = std::make_unique<Server>(world_, make_peers(world_), std::move(recorder));
  const int port = server_->start(0);
  if (port == 0) return "no free port on loopback";
  if (auto wrong = write_demo_config(dir_.path(), port, world_); !wrong.empty()) return wrong;
  server_->locked([&] { script_.advance(world_, script_.start()); });
  clock_ = ClockFile::create(dir_.path() + "/clock", script_.start());
  if (!clock_) return "cannot make the clock file";
  conductor_ = std::make_unique<Conductor>(world_, script_, *server_, *clock_);
  return "";
}

void Demo::start_daemon() {
  std::vector<std::string> environment;
  if (kills_ < options_.crash_at.size()) environment.push_back("HW_CRASH_AT=" + options_.crash_at[kills_]);
  daemon_ =
      std::make_unique<Child>(std::vector<std::string>{options_.headwater, "run", "-c", dir_.path() + "/headwater.yaml",
                                                       "--follow-clock", dir_.path() + "/clock"},
                              environment, dir_.path() + "/headwater.log");
}

/// To the world's end, over all kills that were asked for.
bool Demo::pass_months() {
  for (;;) {
    const auto on = [this] { return goes_on(); };
    const bool reached = conductor_->run_until(script_.end(), on, [this](Timestamp) {
      screen_.progress(script_, world_);
    }) && conductor_->settle(on);
    const bool killed = !reached && !interrupted && daemon_->status() == 128 + SIGKILL;
    if (!killed || kills_ == options_.crash_at.size()) return reached;
    ++kills_;
    clock_->clear_idle();
    start_daemon();
  }
}

/// 0, or what to exit with.
int Demo::stop_daemon(bool expected) {
  daemon_->signal(SIGTERM);
  const int status = daemon_->wait(kStopSeconds);
  if (expected && status == 0) return 0;
  if (interrupted && status == 0) return 130;
  std::cerr << ::hw::sandbox::run({"tail", "-n", "20", dir_.path() + "/headwater.log"}).text;
  return complain("headwater ended with exit code " + std::to_string(status) + " before the world did");
}

std::string Demo::report(std::vector<std::string> more, int& status) const {
  std::vector<std::string> command{
      options_.headwater,    "report", "reconciliation", "-c", dir_.path() + "/headwater.yaml", "--follow-clock",
      dir_.path() + "/clock"};
  command.insert(command.end(), more.begin(), more.end());
  Output out = ::hw::sandbox::run(command);
  status = out.status;
  return std::move(out.text);
}

int Demo::show_end() {
  int status = 0;
  const std::string claims = report({"--conversions", "--format", "json"}, status);
  if (status != 0) return complain("headwater report failed with exit code " + std::to_string(status));
  const std::string accounts = options_.quiet ? "" : accounts_in_words(report({"--format", "json"}, status));
  std::vector<Belief> beliefs;
  server_->locked([&] { beliefs = server_->believed(); });
  const Judged judged = judge(script_, world_, claims, beliefs, kills_ > 0);
  screen_.curtain(script_, world_, accounts, judged);
  const std::string where = " -c " + dir_.path() + "/headwater.yaml --follow-clock " + dir_.path() + "/clock";
  if (!options_.once || !options_.state.empty()) screen_.look_next(script_.deal_to_show(), where);
  return judged.good ? 0 : 1;
}

/// A gentle pace, until somebody has seen enough.
void Demo::live_on() {
  screen_.goes_on(dir_.path());
  if (quicken_demo(dir_.path()).empty()) daemon_->signal(SIGHUP);
  const auto began = std::chrono::steady_clock::now();
  const Timestamp from = world_.now;
  conductor_->pace([=] {
    const auto passed = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
    return from + passed * kWorldPerSecond;
  });
  script_.tell([this](Timestamp at, const std::string& text) { screen_.happens(at, text); });
  auto look = [this](Timestamp now) {
    std::vector<Belief> beliefs;
    server_->locked([&] { beliefs = server_->believed(); });
    screen_.believe(now, beliefs, script_, world_);
  };
  look(world_.now);
  conductor_->run_until(
      Timestamp::max(), [this] { return goes_on(); }, look);
}

int Demo::run() {
  if (auto wrong = prepare(); !wrong.empty()) return complain(wrong);
  screen_.welcome(dir_.path());
  start_daemon();
  const bool reached = pass_months();
  screen_.end_progress();
  if (!reached || options_.once)
    if (const int code = stop_daemon(reached); code != 0) return code;
  if (kills_ != options_.crash_at.size())
    return complain("the crash point " + options_.crash_at[kills_] + " was never passed");
  const int code = show_end();
  if (options_.once || code == 70) return code;
  live_on();
  const int stopped = stop_daemon(interrupted);
  if (stopped == 0) screen_.goodbye(dir_.path());
  return stopped;
}

}  // namespace

int demo(const DemoOptions& options) {
  for (const int number : {SIGINT, SIGTERM}) ::signal(number, [](int) { interrupted = true; });
  ::signal(SIGPIPE, SIG_IGN);
  return Demo(options).run();
}

}  // namespace hw::sandbox
