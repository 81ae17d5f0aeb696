#include "sandbox/torture.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include "base/zone.h"
#include "model/money.h"
#include "sandbox/demo_judge.h"
#include "sandbox/demo_setup.h"
#include "sandbox/fault_proxy.h"
#include "sandbox/operators.h"
#include "sandbox/sandbox_run.h"
#include "sandbox/storm.h"

namespace hw::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kEndSeconds = 60;
/// Nothing moved for so long: the daemon hangs.
constexpr std::chrono::seconds kPatience{120};
/// The end of the world in which nothing fails any more, so that everything settles.
constexpr hours kCalm(24 * 5);
/// One death of a world is followed by a restore, of a backup that is so many kills older at most. (The gaps of several
/// would join to one: what was told between the first backup and the last restore nobody knows.)
constexpr int kBackupAge = 3;

/// The daemon's durable transitions.
constexpr const char* kPoints[] = {
    "ingest.page_read", "ingest.page_committed", "reconcile.computed",   "reconcile.committed", "ledger.claimed",
    "ledger.sent",      "ledger.recorded",       "ledger.confirmed",     "fields.intended",     "fields.written",
    "fields.recorded",  "lookup.page_read",      "lookup.page_committed"};
constexpr const char* kBackupPoints[] = {"backup.copied", "backup.counted", "backup.raised", "backup.stamped"};
constexpr const char* kRestorePoints[] = {"restore.prepared", "restore.kept", "restore.placed"};

struct Tally {
  int kills = 0, at_points = 0, backups = 0, restores = 0, stops = 0;
  std::size_t conversions = 0, uncertain = 0, lost = 0, doubled = 0, vanished = 0, fields_different = 0,
              fields_excused = 0;
  std::int64_t difference = 0;
  std::size_t complaints = 0;
  std::size_t refused_in_part = 0;
  std::map<std::string, int> faults{}, people{};
};

/// "" or what a run of so many kills has never met: it would prove less than it says.
std::string missed(const Tally& t) {
  constexpr int kMany = 300;
  if (t.kills < kMany) return "";
  for (const char* what : {"pause", "resume", "reload", "tried_again"})
    if (!t.people.contains(what)) return std::string("no ") + what;
  if (t.refused_in_part == 0) return "no request that was refused in part";
  if (t.restores == 0) return "no restore";
  return t.stops == 0 ? "no orderly stop" : "";
}

/// One world, and a daemon that has no rest in it.
class Torture {
 public:
  Torture(const TortureOptions& options, std::uint64_t seed, int kills, Tally& tally)
      : kills_(kills),
        tally_(tally),
        random_(seed * 104729 + 11),
        backup_at_(below(std::max(1, kills - kBackupAge))),
        restore_at_(backup_at_ + below(kBackupAge)),
        storm_(seed * 7 + 3),
        touches_(touches_of_seed(seed)),
        dir_(options.state.empty() ? "" : options.state + "/" + std::to_string(seed)),
        script_(seed, dir_.path() + "/drop"),
        run_(options.headwater, script_, dir_.path()),
        operators_(run_, seed) {}

  /// "" or why it could not go on.
  std::string run();

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool one_in(int n) { return below(n) == 0; }
  Duration up_to(Duration d) {
    return Duration(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(d.count())));
  }
  template <std::size_t N>
  const char* any(const char* const (&names)[N]) {
    return names[below(N)];
  }

  std::string prepare();
  void start();
  bool reach(Timestamp t);
  bool is_alive();
  std::string die_by(Timestamp t, bool after_backup);
  void count_cut_short();
  void kill_at_work();
  void kill_in_exchange();
  std::string orderly();
  std::string after_death(bool restore);
  [[nodiscard]] std::string backup() const { return run_.dir() + "/backup"; }
  std::string back_up();
  std::string go_back();
  std::string finish();
  std::string reckon();

  int kills_;
  Tally& tally_;
  std::mt19937_64 random_;
  int backup_at_, restore_at_;  ///< which kill comes after the backup, and which before the restore
  Storm storm_;
  Touches touches_;
  RunDirectory dir_;
  Company script_;
  SandboxRun run_;
  Operators operators_;
  std::unique_ptr<FaultProxy> proxy_;
  Timestamp seen_{};
  std::chrono::steady_clock::time_point moved_ = std::chrono::steady_clock::now();
  bool hangs_ = false;
  std::size_t cut_short_ = 0;
  bool backed_up_ = false;
  Timestamp backed_up_at_{};
  std::optional<Deeds::Gap> gap_;
};

std::string Torture::prepare() {
  auto wrong = run_.prepare("", touches_, [this](int server) {
    proxy_ = std::make_unique<FaultProxy>(server);
    return proxy_->start();
  });
  if (!wrong.empty()) return wrong;
  run_.conductor().pace([this] { return operators_.world_waits_at(); });
  run_.server().locked([this] {
    run_.server().faults().weather([this](const std::string& peer, Timestamp now) { return storm_.strike(peer, now); });
  });
  return "";
}

/// Half of the starts lead to a crash point.
void Torture::start() {
  std::vector<std::string> environment;
  if (one_in(2)) environment.push_back(std::string("HW_CRASH_AT=") + any(kPoints) + ":" + std::to_string(1 + below(6)));
  run_.start_daemon(environment);
  moved_ = std::chrono::steady_clock::now();
}

bool Torture::is_alive() {
  if (run_.daemon().ended()) return false;
  const auto now = std::chrono::steady_clock::now();
  if (run_.world().now != seen_) {
    seen_ = run_.world().now;
    moved_ = now;
  }
  hangs_ = now - moved_ > kPatience;
  return !hangs_;
}

bool Torture::reach(Timestamp t) {
  return run_.conductor().run_until(
      t, [this] { return is_alive(); }, [this](Timestamp now) { operators_.work(now); });
}

/// Until a random instant of its work after `t`.
void Torture::kill_at_work() {
  for (int steps = 1 + below(3); steps > 0; --steps)
    if (!reach(std::max(run_.clock().idle_until(), run_.world().now + Duration(1)))) return;
  const int at_most = 1 + below(10'000);  // most kills come soon after the daemon began to work
  std::this_thread::sleep_for(microseconds(below(at_most)));
  run_.daemon().signal(SIGKILL);
}

/// With a request on its way that the vendor never sees, or sees half of.
void Torture::kill_in_exchange() {
  const int before = proxy_->struck();
  const int half = below(2) * below(1500);
  proxy_->fault(
      {.kind = FaultProxy::Kind::black_hole, .bytes = static_cast<std::size_t>(half), .time = milliseconds(3000)});
  run_.conductor().run_until(
      script_.end(), [&] { return is_alive() && proxy_->struck() == before; },
      [this](Timestamp now) { operators_.work(now); });
  run_.daemon().signal(SIGKILL);
}

/// A stop and a start. (A service manager asks nothing of a process before it is ready.)
std::string Torture::orderly() {
  if (!run_.daemon().hears(SIGTERM)) return "";
  if (!one_in(12)) return "";
  run_.daemon().signal(SIGTERM);
  const int status = run_.daemon().wait(kEndSeconds);
  if (status == 128 + SIGKILL) return "";  // at its crash point, on the way
  if (status != 0) return "headwater stopped with exit code " + std::to_string(status);
  ++tally_.stops;
  start();
  return "";
}

/// The daemon dies in some way not long after `t`.
std::string Torture::die_by(Timestamp t, bool after_backup) {
  if (one_in(3)) {
    static constexpr FaultProxy::Kind kinds[] = {FaultProxy::Kind::close, FaultProxy::Kind::cut_request,
                                                 FaultProxy::Kind::cut_response, FaultProxy::Kind::delay};
    proxy_->fault({.kind = kinds[below(4)], .bytes = static_cast<std::size_t>(below(1500)), .time = milliseconds(20)});
  }
  if (one_in(10) && !after_backup) {  // before it has found its feet
    std::this_thread::sleep_for(milliseconds(below(150)));
    run_.daemon().signal(SIGKILL);
  } else if (reach(t)) {
    if (auto wrong = orderly(); !wrong.empty()) return wrong;
    if (after_backup)
      if (auto wrong = back_up(); !wrong.empty()) return wrong;
    one_in(5) ? kill_in_exchange() : kill_at_work();
  } else if (!hangs_) {
    ++tally_.at_points;
  }
  proxy_->clear();
  if (hangs_) return "headwater does nothing and waits for nothing";
  const int status = run_.daemon().wait(kEndSeconds);
  if (status != 128 + SIGKILL) return "headwater ended by itself with exit code " + std::to_string(status);
  ++tally_.kills;
  count_cut_short();
  return after_backup && !backed_up_ ? back_up() : "";
}

/// Events of the analytics whose answers the death took with it: by its ledger, as it lies there.
void Torture::count_cut_short() {
  for (const Place& place : demo_places()) {
    if (!place.counts_repeats && !place.counts_refunds) continue;
    const Output out =
        run_.ask({"uploads", "list", "--state", "in_flight", "--destination", place.destination, "--format", "json"});
    if (out.status == 0) cut_short_ += nlohmann::json::parse(out.text).size();  // else it died before it had a ledger
  }
}

/// Beside a working daemon, unless that died before.
std::string Torture::back_up() {
  const std::string file = backup();
  if (one_in(3)) {
    Child killed(run_.command({"backup", file + ".killed"}), {std::string("HW_CRASH_AT=") + any(kBackupPoints)},
                 run_.dir() + "/backup.log");
    if (killed.wait(kEndSeconds) == 128 + SIGKILL) ++tally_.kills;
  }
  backed_up_at_ = run_.world().now;
  const Output out = run_.ask({"backup", file});
  if (out.status != 0) return "headwater backup failed: " + std::to_string(out.status);
  backed_up_ = true;
  ++tally_.backups;
  return "";
}

std::string Torture::go_back() {
  const std::string file = backup();
  if (one_in(2)) {
    Child killed(run_.command({"restore", file}), {std::string("HW_CRASH_AT=") + any(kRestorePoints)},
                 run_.dir() + "/restore.log");
    if (killed.wait(kEndSeconds) == 128 + SIGKILL) ++tally_.kills;
  }
  const Output out = run_.ask({"restore", file});
  if (out.status != 0) return "headwater restore failed: " + std::to_string(out.status);
  ++tally_.restores;
  gap_ = Deeds::Gap{backed_up_at_, run_.world().now};
  return "";
}

std::string Torture::after_death(bool restore) {
  if (one_in(6)) run_.pass_without_daemon(up_to(hours(one_in(4) ? 20 : 4)));
  if (!restore) return "";
  operators_.rest();
  auto wrong = go_back();
  operators_.look_around();
  return wrong;
}

/// Fair weather until all has settled.
std::string Torture::finish() {
  run_.server().locked([this] { run_.server().faults().weather({}); });
  operators_.finish();
  if (!operators_.wrong().empty()) return operators_.wrong();
  run_.start_daemon();
  moved_ = std::chrono::steady_clock::now();
  const auto on = [this] { return is_alive(); };
  const bool reached = run_.conductor().run_until(script_.end(), on, [](Timestamp) {}) && run_.conductor().settle(on);
  if (!reached) return hangs_ ? "headwater does nothing and waits for nothing" : "headwater ended by itself";
  run_.daemon().signal(SIGTERM);
  const int status = run_.daemon().wait(kEndSeconds);
  return status == 0 ? "" : "headwater stopped with exit code " + std::to_string(status);
}

/// "" or why nobody could be asked.
std::string Torture::reckon() {
  std::string wrong;
  const std::size_t answers_lost =
      cut_short_ + static_cast<std::size_t>(proxy_->struck() + storm_.struck("ga4_measurement_protocol"));
  const Judged judged = judge(script_, run_, {.killed = true, .gap = gap_, .answers_lost = answers_lost}, wrong);
  const Comparison& c = judged.comparison;
  tally_.conversions += c.conversions;
  tally_.uncertain += c.uncertain;
  tally_.lost += c.lost;
  tally_.doubled += c.doubled;
  tally_.vanished += c.vanished;
  tally_.difference += c.difference_micros;
  tally_.complaints += judged.differences.size();
  tally_.fields_different += judged.fields_different;
  tally_.fields_excused += judged.fields_excused;
  for (const auto& [kind, n] : storm_.census()) tally_.faults[kind] += n;
  tally_.faults["network"] += proxy_->struck();
  for (const auto& [what, n] : operators_.census()) tally_.people[what] += n;
  tally_.refused_in_part += run_.world().ads.refused_in_part;
  for (const std::string& line : judged.differences) std::cerr << "torture: " << line << "\n";
  return wrong;
}

std::string Torture::run() {
  if (auto wrong = prepare(); !wrong.empty()) return wrong;
  const Timestamp from = script_.start();
  const Duration span = script_.end() - kCalm - from;
  start();
  for (int k = 0; k < kills_; ++k) {
    const Duration slot = span / kills_;
    std::string wrong = die_by(from + slot * k + up_to(slot), k == backup_at_);
    if (wrong.empty()) wrong = after_death(k == restore_at_);
    if (wrong.empty()) wrong = operators_.wrong();
    if (!wrong.empty()) return wrong + " (world of " + rfc3339(run_.world().now) + ")\n" + run_.log_tail();
    if (k + 1 < kills_) start();
  }
  if (auto wrong = finish(); !wrong.empty()) return wrong + "\n" + run_.log_tail();
  return reckon();
}

void tell(const Tally& t) {
  std::cout << t.kills << " kills (" << t.at_points << " at crash points), " << t.restores << " restores of "
            << t.backups << " backups, " << t.stops << " stops; people:";
  for (const auto& [what, n] : t.people) std::cout << " " << what << "=" << n;
  std::cout << "; faults:";
  for (const auto& [kind, n] : t.faults) std::cout << " " << kind << "=" << n;
  std::cout << "; requests refused in part: " << t.refused_in_part
            << "; source fields different: " << t.fields_different
            << " (and excused after a restore: " << t.fields_excused << ")"
            << "; told in a gap of records that were merged in it: " << t.vanished << "\n";
}

}  // namespace

int torture(const TortureOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  Tally tally;
  std::uint64_t seed = options.seed;
  for (int left = options.kills; left > 0; ++seed) {
    const int kills = std::min(left, options.kills_a_world);
    left -= kills;
    if (auto wrong = Torture(options, seed, kills, tally).run(); !wrong.empty()) {
      std::cerr << "torture: world " << seed << ": " << wrong << "\n";
      return 70;
    }
    if (!options.quiet) tell(tally);
  }
  std::cout << "torture: kills=" << tally.kills << " conversions=" << tally.conversions << " lost=" << tally.lost
            << " doubled=" << tally.doubled << " uncertain=" << tally.uncertain
            << " difference=" << decimal(tally.difference, 2) << "\n";
  if (tally.complaints > 0) return 1;
  const std::string gap = missed(tally);
  if (!gap.empty()) std::cerr << "torture: the run met " << gap << "\n";
  return gap.empty() ? 0 : 70;
}

}  // namespace hw::sandbox
