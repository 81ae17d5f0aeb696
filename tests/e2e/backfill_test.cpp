// Two years of a company's deals, a daemon that is started at their end, and a backfill that is asked for twice and
// killed in between.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/zone.h"
#include "model/money.h"
#include "sandbox/child.h"
#include "sandbox/company.h"
#include "sandbox/conductor.h"
#include "sandbox/demo_setup.h"
#include "sandbox/peers.h"
#include "sandbox/plain_deals.h"

namespace hw::sandbox {
namespace {

using std::chrono::hours;
using testing::SizeIs;

constexpr hours kDay(24);

/// A deal is won every second day for two years, each by a buyer who clicked an ad that morning.
class TwoYears final : public Script {
 public:
  static constexpr int kDeals = 365;
  Timestamp start() const override { return read_time("2024-11-04T09:00:00Z", Zone::utc())->at; }
  Timestamp end() const override { return start() + kDay * (2 * kDeals + 1); }
  Timestamp next_event() const override { return Timestamp::max(); }
  void advance(World& world, Timestamp now) override {
    for (; told_ < kDeals && won_at(told_) <= now; ++told_) win_plain_deal(world, told_, won_at(told_));
  }
  std::vector<TruthRow> truth(const World&) const override { return {}; }

 private:
  [[nodiscard]] Timestamp won_at(int n) const { return start() + kDay * 2 * (n + 1); }

  int told_ = 0;
};

/// The world at the end of the two years, and the daemon that was not there before.
class Backfilling : public testing::Test {
 protected:
  Backfilling() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_backfill_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    world_.now = script_.start();
    make_accounts(world_, dir_, script_.start());
    server_ = std::make_unique<Server>(world_, make_peers(world_), std::make_unique<Recorder>(dir_ + "/record.ndjson"));
    const int port = server_->start(0);
    EXPECT_NE(port, 0);
    EXPECT_EQ(write_demo_config(dir_, port, world_), "");
    server_->locked([&] {
      script_.advance(world_, script_.end());
      world_.now = script_.end();
      server_->advance(world_.now);
    });
    clock_ = ClockFile::create(dir_ + "/clock", world_.now);
    conductor_ = std::make_unique<Conductor>(world_, script_, *server_, *clock_);
  }
  ~Backfilling() override {
    daemon_.reset();
    server_->stop();
    std::filesystem::remove_all(dir_);
  }

  void start(std::vector<std::string> environment = {}) {
    clock_->clear_idle();
    daemon_ = std::make_unique<Child>(
        std::vector<std::string>{HW_PROGRAM, "run", "-c", dir_ + "/headwater.yaml", "--follow-clock", dir_ + "/clock"},
        std::move(environment), dir_ + "/headwater.log");
    // Until it works, or has died at its crash point already: a command that comes before it would take its lock.
    conductor_->settle([this] { return !daemon_->ended(); });
  }
  /// False when the daemon died on the way.
  bool pass(Duration time) {
    return conductor_->run_until(
        world_.now + time, [this] { return !daemon_->ended(); }, [](Timestamp) {});
  }
  std::vector<std::string> command(std::vector<std::string> words) const {
    words.insert(words.begin(), HW_PROGRAM);
    words.insert(words.end(), {"-c", dir_ + "/headwater.yaml", "--follow-clock", dir_ + "/clock"});
    return words;
  }
  /// As an admin asks while the daemon runs.
  int ask_for_backfill() {
    Child asking(command(kBackfill), {}, dir_ + "/asked.log");
    // Time passes no faster than the command line can follow; the daemon looks at what was asked with its next pass.
    const Timestamp from = world_.now;
    const auto began = std::chrono::steady_clock::now();
    conductor_->pace([=] {
      const auto passed = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
      return from + passed * 7200;
    });
    conductor_->run_until(
        world_.now + kDay * 2, [&] { return !asking.ended() && !daemon_->ended(); }, [](Timestamp) {});
    conductor_->pace(nullptr);
    if (daemon_->ended()) asking.signal(SIGTERM);  // nobody will answer
    const int code = asking.wait(30);
    if (code != 0 && !daemon_->ended()) ADD_FAILURE() << run({"tail", "-n", "3", dir_ + "/asked.log"}).text;
    return code;
  }
  struct Sum {
    int conversions = 0;
    std::int64_t micros = 0;
  };
  /// What a dry run says, by what becomes of them and why.
  std::map<std::string, Sum> dry_run() const {
    auto words = kBackfill;
    words.insert(words.end(), {"--dry-run", "--format", "json"});
    const Output out = run(command(words));
    EXPECT_EQ(out.status, 0) << out.text;
    std::map<std::string, Sum> sums;
    for (const auto& row : nlohmann::json::parse(out.text))
      sums[row.at("becomes").get<std::string>() + " " + row.at("reason").get<std::string>()] = {
          row.at("conversions").get<int>(), parse_micros(row.at("value").dump()).value_or(-1)};
    return sums;
  }
  /// What the platform counts of won deals: each key once, or it says so.
  Sum believed() {
    Sum sum;
    server_->locked([&] {
      for (const Belief& b : server_->believed()) {
        if (b.action != Names::kWon) continue;
        EXPECT_EQ(b.count, 1) << b.key << " " << b.state;
        ++sum.conversions;
        sum.micros += b.micros;
      }
    });
    return sum;
  }
  /// How often each conversion left for the platform.
  std::map<std::string, int> sent() const {
    std::map<std::string, int> times;
    std::ifstream lines(dir_ + "/record.ndjson");
    for (std::string line; std::getline(lines, line);) {
      const auto request = nlohmann::json::parse(line);
      if (request.at("path").get<std::string>().find("/events:ingest") == std::string::npos) continue;
      const auto body = nlohmann::json::parse(request.at("body").get<std::string>());
      for (const auto& event : body.at("events")) ++times[event.at("transactionId").get<std::string>()];
    }
    return times;
  }

  const std::vector<std::string> kBackfill{"backfill",   "--goal",     "won", "--destination", "ads_won", "--from",
                                           "2024-11-01", "--per-hour", "20"};
  std::string dir_;
  TwoYears script_;
  World world_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<ClockFile> clock_;
  std::unique_ptr<Conductor> conductor_;
  std::unique_ptr<Child> daemon_;
};

TEST_F(Backfilling, OfTwoYearsAskedForTwiceAndKilledInBetweenSendsNothingTwice) {
  start();
  ASSERT_TRUE(pass(kDay));
  EXPECT_THAT(sent(), SizeIs(0)) << "what was before go-live is nobody's business yet";
  const auto before = dry_run();
  const Sum would = before.at("sent ");
  EXPECT_GT(would.conversions, 10);
  int judged = 0;
  for (const auto& [what, sum] : before) judged += sum.conversions;
  EXPECT_EQ(judged, TwoYears::kDeals);
  std::int64_t newest = 0;
  for (int n = TwoYears::kDeals - would.conversions; n < TwoYears::kDeals; ++n) newest += plain_amount(n);
  EXPECT_EQ(would.micros, newest) << "the platform's window leaves the newest";

  daemon_->signal(SIGTERM);
  ASSERT_EQ(daemon_->wait(30), 0);
  int kills = 0;
  for (const char* point : {"ledger.claimed:1", "ledger.sent:1", "ledger.recorded:1"}) {
    start({std::string("HW_CRASH_AT=") + point});
    ask_for_backfill();
    ASSERT_FALSE(pass(kDay)) << point << " was never passed";
    ASSERT_EQ(daemon_->status(), 128 + SIGKILL);
    ++kills;
  }
  start();
  EXPECT_EQ(ask_for_backfill(), 0) << "asked for once more";
  ASSERT_TRUE(pass(kDay * 3));
  const auto all = sent();
  EXPECT_EQ(ask_for_backfill(), 0) << "and again when all was done";
  ASSERT_TRUE(pass(kDay));

  EXPECT_EQ(sent(), all) << "nothing was left to send";
  EXPECT_THAT(all, SizeIs(static_cast<std::size_t>(would.conversions)));
  for (const auto& [id, times] : all)
    EXPECT_LE(times, 1 + kills) << id << ": only what a kill left unanswered goes once more, under its own id";
  EXPECT_EQ(believed().conversions, would.conversions);
  EXPECT_EQ(believed().micros, would.micros);
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(30), 0);
}

}  // namespace
}  // namespace hw::sandbox
