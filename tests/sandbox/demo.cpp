#include "sandbox/demo.h"

#include <signal.h>

#include <atomic>
#include <iostream>

#include "sandbox/company.h"
#include "sandbox/demo_accounts.h"
#include "sandbox/demo_judge.h"
#include "sandbox/demo_screen.h"
#include "sandbox/demo_setup.h"
#include "sandbox/sandbox_run.h"

namespace hw::sandbox {
namespace {

constexpr int kStopSeconds = 30;
/// The pace of the days after the end.
constexpr std::int64_t kWorldPerSecond = 24 * 3600 / 3;

std::atomic<bool> interrupted{false};

int complain(const std::string& text) {
  std::cerr << "demo: " << text << "\n";
  return 70;
}

/// One run: the world, its simulators, and the daemon that is shown.
class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options),
        dir_(options.state),
        script_(options.seed, dir_.path() + "/drop"),
        run_(options.headwater, script_, dir_.path()),
        screen_(options) {}

  int run();

 private:
  bool goes_on() { return !run_.daemon().ended() && !interrupted; }
  bool pass_months();
  int stop_daemon(bool expected);
  int show_end();
  void live_on();

  const DemoOptions& options_;
  RunDirectory dir_;
  Company script_;
  SandboxRun run_;
  Screen screen_;
};

bool Demo::pass_months() {
  const auto on = [this] { return goes_on(); };
  return run_.conductor().run_until(script_.end(), on, [this](Timestamp) {
    screen_.progress(script_, run_.world());
  }) && run_.conductor().settle(on);
}

/// 0, or what to exit with.
int Demo::stop_daemon(bool expected) {
  run_.daemon().signal(SIGTERM);
  const int status = run_.daemon().wait(kStopSeconds);
  if (expected && status == 0) return 0;
  if (interrupted && status == 0) return 130;
  std::cerr << run_.log_tail();
  return complain("headwater ended with exit code " + std::to_string(status) + " before the world did");
}

int Demo::show_end() {
  std::string wrong;
  const Judged judged = judge(script_, run_, {}, wrong);
  if (!wrong.empty()) return complain(wrong);
  const std::string accounts =
      options_.quiet ? "" : accounts_in_words(run_.ask({"report", "reconciliation", "--format", "json"}).text);
  screen_.curtain(script_, run_.world(), accounts, judged);
  if (!options_.once || !options_.state.empty()) screen_.look_next(script_.deal_to_show(), run_.dir() + "/headwater");
  return judged.good ? 0 : 1;
}

/// A gentle pace, until somebody has seen enough.
void Demo::live_on() {
  screen_.goes_on(run_.dir());
  if (pull_demo_every(run_.dir(), "2h").empty()) run_.daemon().signal(SIGHUP);
  const auto began = std::chrono::steady_clock::now();
  const Timestamp from = run_.world().now;
  run_.conductor().pace([=] {
    const auto passed = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
    return from + passed * kWorldPerSecond;
  });
  script_.tell([this](Timestamp at, const std::string& text) { screen_.happens(at, text); });
  auto look = [this](Timestamp now) { screen_.believe(now, run_.believed(), script_, run_.world()); };
  look(run_.world().now);
  run_.conductor().run_until(
      Timestamp::max(), [this] { return goes_on(); }, look);
}

int Demo::run() {
  if (auto wrong = run_.prepare(options_.record, options_.touches); !wrong.empty()) return complain(wrong);
  if (auto wrong = write_demo_command(run_.dir(), options_.headwater); !wrong.empty()) return complain(wrong);
  screen_.welcome(run_.dir());
  run_.start_daemon();
  const bool reached = pass_months();
  screen_.end_progress();
  if (!reached || options_.once)
    if (const int code = stop_daemon(reached); code != 0) return code;
  const int code = show_end();
  if (options_.once || code == 70) return code;
  live_on();
  const int stopped = stop_daemon(interrupted);
  if (stopped == 0) screen_.goodbye(run_.dir());
  return stopped;
}

}  // namespace

int demo(const DemoOptions& options) {
  for (const int number : {SIGINT, SIGTERM}) ::signal(number, [](int) { interrupted = true; });
  ::signal(SIGPIPE, SIG_IGN);
  return Demo(options).run();
}

}  // namespace hw::sandbox
