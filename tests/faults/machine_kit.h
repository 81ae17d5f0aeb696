#pragma once
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/zone.h"
#include "sandbox/company.h"
#include "sandbox/compare.h"
#include "sandbox/fault_proxy.h"
#include "sandbox/plain_deals.h"
#include "sandbox/sandbox_run.h"

/// The real daemon on a machine that fails, against the sandbox, and what must be true when the machine is whole again.
namespace hw::sandbox {

/// A deal is won every eight hours, each by a buyer who clicked an ad that day.
class DealsEveryDay final : public Script {
 public:
  explicit DealsEveryDay(std::string drop) : drop_(std::move(drop)) {}
  Timestamp start() const override { return read_time("2026-03-02T08:00:00Z", Zone::utc())->at; }
  Timestamp end() const override { return Timestamp::max(); }
  Timestamp next_event() const override { return ended_ ? Timestamp::max() : won_at(won_); }
  void advance(World& world, Timestamp now) override {
    if (!begun_) {
      begun_ = true;
      make_accounts(world, drop_, start() - std::chrono::hours(2400));
    }
    for (; !ended_ && won_at(won_) <= now; ++won_) win_plain_deal(world, won_, won_at(won_));
    world.now = now;
  }
  std::vector<TruthRow> truth(const World&) const override { return {}; }

  void end_of_deals() { ended_ = true; }
  /// What the deals that were won brought, in micros; without those of a time that is left out.
  [[nodiscard]] std::multiset<std::int64_t> amounts(Timestamp but_from = {}, Timestamp but_until = {}) const {
    std::multiset<std::int64_t> out;
    for (int n = 0; n < won_; ++n)
      if (won_at(n) < but_from || won_at(n) >= but_until) out.insert(plain_amount(n));
    return out;
  }

 private:
  [[nodiscard]] Timestamp won_at(int n) const { return start() + std::chrono::hours(8) * (n + 1); }

  std::string drop_;
  int won_ = 0;
  bool begun_ = false, ended_ = false;
};

/// The daemon of that company, behind a network that can fail.
class MachineFault : public testing::Test {
 protected:
  using hours = std::chrono::hours;
  static constexpr hours kDay{24};

  MachineFault() : dir_(""), script_(dir_.path() + "/drop"), run_(HW_PROGRAM, script_, dir_.path()) {
    const std::string wrong = run_.prepare("", Touches::files, [this](int server) {
      network_ = std::make_unique<FaultProxy>(server);
      return network_->start();
    });
    EXPECT_EQ(wrong, "");
  }

  [[nodiscard]] std::string state() const { return dir_.path() + "/state"; }
  [[nodiscard]] std::string store() const { return state() + "/headwater.db"; }
  [[nodiscard]] std::string log() const {
    std::ifstream file(dir_.path() + "/headwater.log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  [[nodiscard]] bool alive() { return !run_.daemon().ended(); }

  /// Until it has done all that is due, or has ended.
  bool start(const std::vector<std::string>& environment = {}) {
    run_.start_daemon(environment);
    return run_.conductor().settle([this] { return alive(); });
  }
  /// False when the daemon died on the way. `meanwhile` is called now and then.
  bool pass(
      Duration time, const std::function<void()>& meanwhile = [] {}) {
    return run_.conductor().run_until(
        run_.world().now + time,
        [&] {
          meanwhile();
          return alive();
        },
        [](Timestamp) {});
  }
  /// To so long after the next daily look at the sources.
  bool pass_to_time_of_day(Duration after) {
    const Duration since = run_.world().now - script_.start();
    return pass(Duration(kDay) - since % Duration(kDay) + after);
  }
  void stop() {
    run_.daemon().signal(SIGTERM);
    ASSERT_EQ(run_.daemon().wait(30), 0) << run_.log_tail();
  }
  /// The exit code of a daemon that ends by itself.
  int ended() { return run_.daemon().wait(30); }

  /// With the machine whole again: the daemon has told all there was, each deal once, and the ledger knows it. Deals of
  /// the time that is left out analytics takes no more.
  void expect_nothing_lost_or_doubled(Timestamp too_old_from = {}, Timestamp too_old_until = {}) {
    script_.end_of_deals();
    ASSERT_TRUE(pass(kDay * 3)) << run_.log_tail();
    stop();
    const Output report = run_.ask({"report", "reconciliation", "--conversions", "--format", "json"});
    ASSERT_EQ(report.status, 0) << report.text;
    const std::vector<ClaimRow> claims = read_claims(report.text);
    expect_told("ads_won", Names::kWon, claims, script_.amounts());
    expect_told("ga4_won", "purchase", claims, script_.amounts(too_old_from, too_old_until));
  }
  void expect_told(const std::string& destination, const std::string& action, const std::vector<ClaimRow>& claims,
                   std::multiset<std::int64_t> amounts) {
    std::multiset<std::int64_t> believed;
    std::map<std::string, std::int64_t> by_key, claimed;
    for (const Belief& b : run_.believed()) {
      if (b.action != action) continue;
      EXPECT_EQ(b.count, 1) << destination << " " << b.key << " " << b.state;
      believed.insert(b.micros);
      by_key[b.key] = b.micros;
    }
    for (const ClaimRow& c : claims) {
      if (c.destination != destination) continue;
      if (c.told != 0) claimed[c.dedup_id] = c.told;
      if (c.state != "uncertain" || !may_be_uncertain_.contains(destination)) continue;
      if (by_key.contains(c.dedup_id)) {
        claimed[c.dedup_id] = c.told_high;
      } else {
        if (const auto it = amounts.find(c.told_high); it != amounts.end()) amounts.erase(it);
      }
    }
    EXPECT_EQ(believed, amounts) << destination;
    EXPECT_GE(believed.size(), 5U) << "too little happened";
    EXPECT_EQ(claimed, by_key) << destination << ": what the ledger says and what the platform believes";
  }

  std::set<std::string> may_be_uncertain_;  ///< where a restore leaves open what was told since the backup
  RunDirectory dir_;
  DealsEveryDay script_;
  std::unique_ptr<FaultProxy> network_;
  SandboxRun run_;
};

}  // namespace hw::sandbox
