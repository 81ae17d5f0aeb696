#include "sandbox/demo.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/zone.h"
#include "model/money.h"
#include "sandbox/child.h"
#include "sandbox/company.h"
#include "sandbox/compare.h"
#include "sandbox/conductor.h"
#include "sandbox/demo_setup.h"
#include "sandbox/peers.h"

namespace hw::sandbox {
namespace {

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

std::vector<Belief> beliefs_of(const std::string& json_text) {
  std::vector<Belief> out;
  const auto all = nlohmann::json::parse(json_text);
  for (const auto& [peer, body] : all.items())
    for (const auto& k : body.at("keys"))
      out.push_back({.account = k.at("account"),
                     .action = k.at("action"),
                     .key = k.at("key"),
                     .currency = k.at("currency"),
                     .micros = parse_micros(k.at("value").get<std::string>()).value_or(0),
                     .count = k.at("count"),
                     .state = k.at("state")});
  return out;
}

void show_progress(const DemoOptions& options, Timestamp now, Timestamp& shown) {
  if (options.quiet || ::isatty(STDERR_FILENO) == 0 || now - shown < std::chrono::hours(24)) return;
  shown = now;
  std::cerr << "\r\x1b[K" << rfc3339(now).substr(0, 10) << "  the months pass" << std::flush;
}

int complain(const std::string& text) {
  std::cerr << "demo: " << text << "\n";
  return 70;
}

/// What the CRM holds in its source fields, field by field, against the script.
std::size_t judge_fields(const Company& script, const World& world) {
  std::size_t written = 0, typed = 0, differences = 0;
  for (const FieldTruth& f : script.fields(world)) {
    const CrmObject* record = world.crm.find(f.type, f.id);
    const std::string holds = record == nullptr ? "" : record->get(f.field);
    typed += f.typed ? 1 : 0;
    written += !f.typed && !f.value.empty() ? 1 : 0;
    if (holds == f.value) continue;
    ++differences;
    std::cout << "differs: " << f.type << " " << f.id << ": " << f.field << " should hold '" << f.value
              << "' and holds '" << holds << "'\n";
  }
  std::cout << "source fields: written=" << written << " kept=" << typed << " different=" << differences << "\n";
  return differences;
}

int judge(const DemoOptions& options, const std::vector<std::string>& report, const Company& script, const World& world,
          const std::string& believed) {
  std::vector<std::string> rows_command = report;
  rows_command.insert(rows_command.end(), {"--conversions", "--format", "json"});
  const Output rows = run(rows_command);
  if (rows.status != 0) return complain("headwater report failed with exit code " + std::to_string(rows.status));
  if (!options.quiet) {
    std::cout << run(report).text;
    std::cout << "\nWhat happened in this world:";
    for (const auto& [what, n] : script.census()) std::cout << " " << what << "=" << n;
    std::cout << "\n";
  }
  const Comparison c = compare(script.truth(world), read_claims(rows.text), beliefs_of(believed), demo_places());
  for (const std::string& line : c.complaints) std::cout << "differs: " << line << "\n";
  const std::size_t wrong_fields = judge_fields(script, world);
  std::cout << "demo: conversions=" << c.conversions << " destinations=" << c.destinations
            << " uncertain=" << c.uncertain << " difference=" << decimal(c.difference_micros, 2) << "\n";
  return c.equal() && c.uncertain == 0 && wrong_fields == 0 ? 0 : 1;
}

}  // namespace

int demo(const DemoOptions& options) {
  ::signal(SIGINT, [](int) { interrupted = true; });
  ::signal(SIGPIPE, SIG_IGN);
  TemporaryDirectory dir(options.state);
  if (dir.path().empty()) return complain("cannot make a temporary directory");
  Company script(options.seed, dir.path() + "/drop");
  World world;
  world.now = script.start();
  std::unique_ptr<Recorder> recorder;
  if (!options.record.empty()) recorder = std::make_unique<Recorder>(options.record);
  if (recorder && !recorder->ok()) return complain("cannot write " + options.record);
  Server server(world, make_peers(world), std::move(recorder));
  const int port = server.start(0);
  if (port == 0) return complain("no free port on loopback");
  if (auto wrong = write_demo_config(dir.path(), port, world); !wrong.empty()) return complain(wrong);
  server.locked([&] { script.advance(world, script.start()); });
  auto clock = ClockFile::create(dir.path() + "/clock", script.start());
  if (!clock) return complain("cannot make the clock file");
  const std::string config = dir.path() + "/headwater.yaml";
  const std::vector<std::string> where{"-c", config, "--follow-clock", dir.path() + "/clock"};
  std::vector<std::string> daemon_command{options.headwater, "run"};
  daemon_command.insert(daemon_command.end(), where.begin(), where.end());
  const std::string log = dir.path() + "/headwater.log";
  auto start = [&](std::size_t n) {
    std::vector<std::string> environment;
    if (n < options.crash_at.size()) environment.push_back("HW_CRASH_AT=" + options.crash_at[n]);
    return std::make_unique<Child>(daemon_command, environment, log);
  };
  Conductor conductor(world, script, server, *clock);
  Timestamp shown{};
  std::size_t kills = 0;
  for (auto daemon = start(0);;) {
    const bool reached = conductor.run_until(
        script.end(), [&] { return !daemon->ended() && !interrupted; },
        [&](Timestamp now) { show_progress(options, now, shown); });
    if (!reached && !interrupted && daemon->status() == 128 + SIGKILL && kills < options.crash_at.size()) {
      clock->clear_idle();
      daemon = start(++kills);
      continue;
    }
    daemon->signal(SIGTERM);
    const int status = daemon->wait(30);
    if (!options.quiet && ::isatty(STDERR_FILENO) != 0) std::cerr << "\r\x1b[K";
    if (reached && status == 0) break;
    std::cerr << run({"tail", "-n", "20", log}).text;
    return complain(interrupted ? "interrupted"
                                : "headwater ended with exit code " + std::to_string(status) + " before the world did");
  }
  if (kills != options.crash_at.size())
    return complain("the crash point " + options.crash_at[kills] + " was never passed");
  std::string believed;
  server.locked([&] { believed = server.believed_json(); });
  std::vector<std::string> report{options.headwater, "report", "reconciliation"};
  report.insert(report.end(), where.begin(), where.end());
  return judge(options, report, script, world, believed);
}

}  // namespace hw::sandbox
