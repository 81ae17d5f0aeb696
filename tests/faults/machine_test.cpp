// Disk, directory, lock, clock and descriptors fail under the real daemon; then they work again.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/hash.h"
#include "faults/machine_kit.h"

namespace hw::sandbox {
namespace {

using std::chrono::minutes;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A small file system of its own over a directory.
class SmallDisk {
 public:
  explicit SmallDisk(std::string at) : at_(std::move(at)) {
    if (::geteuid() != 0) {
      why_not_ = "only root may mount a file system";
    } else if (::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=128m,mode=0700") != 0) {
      why_not_ = std::string("a tmpfs cannot be mounted here: ") + std::strerror(errno);
    }
  }
  ~SmallDisk() {
    if (why_not_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  bool set_writable(bool writable) const {
    return ::mount(nullptr, at_.c_str(), nullptr, writable ? MS_REMOUNT : MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }
  /// Takes every byte that is free.
  void fill() const {
    std::ofstream file(at_ + "/filler", std::ios::binary);
    const std::string block(4096, 'f');
    while (file.write(block.data(), 4096).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(at_ + "/filler"); }

 private:
  std::string at_, why_not_;
};

/// Another program's open write transaction.
class WriteLock {
 public:
  explicit WriteLock(const std::string& store) {
    EXPECT_EQ(sqlite3_open_v2(store.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~WriteLock() { release(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;
  void release() {
    sqlite3_close(db_);
    db_ = nullptr;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// A file system in a file, which the kernel gives up as it does one whose disk fails: from then on nothing can be
/// written, and what was synced is there when it is mounted again.
class FailingDisk {
 public:
  FailingDisk(std::string image, std::string at) : image_(std::move(image)), at_(std::move(at)) {
    if (::geteuid() != 0) {
      why_not_ = "only root may mount a file system";
      return;
    }
    std::ofstream(image_).flush();
    std::filesystem::resize_file(image_, 128U << 20);
    if (run({"mkfs.ext4", "-q", image_}).status != 0 || !mount()) why_not_ = "an ext4 in a file cannot be mounted here";
  }
  ~FailingDisk() { ::umount2(at_.c_str(), MNT_DETACH); }
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  bool fail() const { return run({"mount", "-o", "remount,abort", at_}).status == 0; }
  bool mend() const { return ::umount(at_.c_str()) == 0 && mount(); }

 private:
  bool mount() const { return run({"mount", "-o", "loop", image_, at_}).status == 0; }

  std::string image_, at_, why_not_;
};

class DiskFault : public MachineFault {};

TEST_F(DiskFault, ADiskThatIsFullHoldsTheWorkUpAndLosesNothing) {
  const SmallDisk disk(state());
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 3 - hours(2)));
  disk.fill();
  ASSERT_TRUE(pass(hours(4))) << run_.log_tail();
  EXPECT_THAT(log(), AllOf(HasSubstr("store_full"), HasSubstr("Free space")));
  disk.make_room();
  expect_nothing_lost_or_doubled();
}

TEST_F(DiskFault, AStateDirectoryThatMayNotBeWrittenEndsTheStartWithTheMend) {
  const SmallDisk disk(state());
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2));
  stop();
  ASSERT_TRUE(disk.set_writable(false));
  EXPECT_FALSE(start());
  EXPECT_EQ(ended(), 74) << run_.log_tail();
  EXPECT_THAT(log(), AllOf(HasSubstr(state()), HasSubstr("mounted for writing")));
  ASSERT_TRUE(disk.set_writable(true));
  ASSERT_TRUE(start()) << run_.log_tail();
  expect_nothing_lost_or_doubled();
}

TEST_F(DiskFault, ADiskThatTheKernelGivesUpIsSaidAndLosesNothing) {
  const FailingDisk disk(dir_.path() + "/disk", state());
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  std::filesystem::permissions(state(), std::filesystem::perms::owner_all);
  ASSERT_TRUE(start()) << run_.log_tail();
  ASSERT_TRUE(pass(kDay * 3 - hours(2)));
  ASSERT_TRUE(disk.fail());
  ASSERT_TRUE(pass(hours(4))) << run_.log_tail();
  EXPECT_THAT(log(), AllOf(HasSubstr("store_io"), HasSubstr("kernel log")));
  stop();
  ASSERT_TRUE(disk.mend());
  ASSERT_TRUE(start()) << run_.log_tail();
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AStoreThatAnotherProgramLocksForAWhileIsWaitedFor) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 - hours(1)));
  WriteLock other(store());
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
  bool released = false;
  ASSERT_TRUE(pass(hours(3), [&] {
    if (!released && std::chrono::steady_clock::now() > until) {
      other.release();
      released = true;
    }
  }));
  EXPECT_TRUE(released) << "the daemon did nothing that needs the store";
  EXPECT_THAT(log(), Not(HasSubstr("step_failed")));
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AStoreThatStaysLockedIsSaidAndTriedAgain) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2));
  stop();
  {
    const WriteLock other(store());
    EXPECT_FALSE(start());
    EXPECT_EQ(ended(), 75) << "systemd starts it again";
    EXPECT_THAT(log(), HasSubstr("another process kept the store's write lock"));
  }
  ASSERT_TRUE(start());
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AClockThatIsSetBackAnHourDoesNoHarm) {
  ASSERT_TRUE(start());
  // When a page was just read, when rows were just sent, when their receipts were just asked for.
  for (const minutes after : {minutes(10), minutes(70), minutes(110)}) {
    ASSERT_TRUE(pass_to_time_of_day(after));
    run_.server().locked([&] { run_.server().advance(run_.world().now - hours(1)); });
    run_.clock().set_now(run_.world().now);
  }
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AClockThatJumpsAMonthAheadDoesNoHarm) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 + hours(3)));
  const Timestamp before = run_.world().now;
  run_.pass_without_daemon(kDay * 30);
  expect_nothing_lost_or_doubled(before - hours(3), run_.world().now - kDay * 3);
}

TEST_F(MachineFault, AMachinesClockThatIsAnHourBehindForADayDoesNoHarm) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 + minutes(10)));
  run_.clock().set_ahead(-hours(1));
  ASSERT_TRUE(pass(kDay)) << run_.log_tail();
  run_.clock().set_ahead({});
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AMachinesClockThatIsAnHourAheadForADayDoesNoHarm) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 + minutes(10)));
  run_.clock().set_ahead(hours(1));
  ASSERT_TRUE(pass(kDay)) << run_.log_tail();
  run_.clock().set_ahead({});
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AMachinesClockThatIsAMonthAheadForADayLeavesNothingExpired) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 + minutes(30)));
  network_->fault({.kind = FaultProxy::Kind::refuse, .time = hours(1)});  // rows that are due wait
  ASSERT_TRUE(pass(hours(1)));
  run_.clock().set_ahead(kDay * 30);
  ASSERT_TRUE(pass(hours(1)));
  EXPECT_THAT(run_.ask({"report", "reconciliation", "--conversions"}).text, HasSubstr("expired"))
      << "or nothing waited";
  network_->clear();
  ASSERT_TRUE(pass(hours(28))) << run_.log_tail();
  run_.clock().set_ahead({});
  expect_nothing_lost_or_doubled();
  EXPECT_THAT(log(), HasSubstr("clock_set_back"));
}

/// As a machine that boots with a wrong time and asks for the right one later.
TEST_F(MachineFault, AStartUnderAClockThatIsAMonthAheadLeavesNothingExpired) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 - hours(1)));
  stop();
  run_.clock().set_ahead(kDay * 30);
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(hours(30))) << run_.log_tail();
  stop();
  run_.clock().set_ahead({});
  ASSERT_TRUE(start());
  expect_nothing_lost_or_doubled();
}

TEST_F(MachineFault, AFirstStartUnderAClockThatIsAMonthAheadPutsNoGoLiveOff) {
  run_.clock().set_ahead(kDay * 30);
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(hours(2))) << run_.log_tail();
  run_.clock().set_ahead({});
  ASSERT_TRUE(pass(kDay * 3));
  expect_nothing_lost_or_doubled();
}

/// The buyers leave a telephone number too.
class DeadLetters : public MachineFault {
 protected:
  void leave_numbers() {
    run_.server().locked([&] {
      Crm& crm = run_.world().crm;
      std::vector<std::string> silent;
      if (const auto contacts = crm.objects().find("contacts"); contacts != crm.objects().end())
        for (const auto& [id, contact] : contacts->second)
          if (contact.get("phone").empty()) silent.push_back(id);
      for (const std::string& id : silent) crm.set("contacts", id, "phone", kNumber, run_.world().now);
    });
  }
  void set_refusal(const std::string& code) {
    run_.server().locked([&] {
      for (AdAction& action : run_.world().ads.actions)
        if (action.id == Names::kWon) action.refuses = code;
    });
  }
  std::vector<nlohmann::json> rejected() {
    const Output said = run_.ask({"uploads", "list", "--state", "rejected", "--format", "json"});
    EXPECT_EQ(said.status, 0) << said.text;
    return nlohmann::json::parse(said.text);
  }
  static constexpr const char* kNumber = "+49 30 23125 001";
};

TEST_F(DeadLetters, HoldHashesAndNobodysAddressAndAreRetriedAfterARestart) {
  ASSERT_TRUE(start());
  set_refusal("INVALID_EVENT");
  ASSERT_TRUE(pass(kDay * 3, [&] { leave_numbers(); })) << run_.log_tail();
  stop();
  const auto dead = rejected();
  ASSERT_GE(dead.size(), 2U);
  int of_both = 0;
  for (const auto& row : dead) {
    const Output shown = run_.ask({"uploads", "show", std::to_string(row.at("id").get<std::int64_t>())});
    EXPECT_THAT(shown.text,
                AllOf(HasSubstr("userIdentifiers"), Not(HasSubstr("example.com")), Not(HasSubstr("23125"))));
    bool of_buyer = false;
    for (int n = 0; n < 20; ++n)
      of_buyer =
          of_buyer || shown.text.find(sha256_hex("buyer" + std::to_string(n) + "@example.com")) != std::string::npos;
    EXPECT_TRUE(of_buyer) << shown.text;
    of_both += shown.text.find(sha256_hex("+493023125001")) != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(of_both, 0) << "no item has a number's hash";
  EXPECT_THAT(log(), AllOf(Not(HasSubstr("@example.com")), Not(HasSubstr("23125"))));
  ASSERT_TRUE(start());
  EXPECT_EQ(rejected(), dead) << "as they were, also for a new process";
  set_refusal("");
  EXPECT_EQ(run_.ask({"uploads", "retry", "--destination", "ads_won"}).status, 0);
  expect_nothing_lost_or_doubled();
}

/// How often the log says it.
std::size_t lines_with(const std::string& log, const std::string& a, const std::string& b) {
  std::istringstream in(log);
  std::size_t n = 0;
  for (std::string line; std::getline(in, line);) n += line.find(a) != line.npos && line.find(b) != line.npos ? 1 : 0;
  return n;
}

TEST_F(MachineFault, AnAdAccountsKeyThatIsRevokedPausesOnceAndTheWorkGoesOnWhenItIsGoodAgain) {
  std::string other;
  const auto swap_keys = [&] {
    run_.server().locked([&] { std::swap(run_.world().sign_in.service_account_public_key, other); });
  };
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 - hours(1)));
  swap_keys();
  ASSERT_TRUE(pass(kDay)) << run_.log_tail();
  EXPECT_THAT(run_.ask({"status"}).text, HasSubstr("invalid_grant"));
  swap_keys();
  expect_nothing_lost_or_doubled();
  EXPECT_EQ(lines_with(log(), "event=paused", "google"), 1U) << "said once, and not held back either";
  EXPECT_EQ(lines_with(log(), "event=resumed", "google"), 1U);
}

TEST_F(MachineFault, ACrmsTokenThatIsRevokedPausesOnceAndTheWorkGoesOnWhenItIsGoodAgain) {
  std::string other = "another-token";
  const auto swap_tokens = [&] { run_.server().locked([&] { std::swap(run_.world().sign_in.static_token, other); }); };
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 - hours(1)));
  swap_tokens();
  ASSERT_TRUE(pass(kDay)) << run_.log_tail();
  EXPECT_THAT(run_.ask({"status"}).text, HasSubstr("http_401"));
  swap_tokens();
  expect_nothing_lost_or_doubled();
  EXPECT_EQ(lines_with(log(), "event=pull_failed", "hubspot"), 1U) << "said once, and not held back either";
  EXPECT_EQ(lines_with(log(), "event=pull_resumed", "hubspot"), 1U);
}

TEST_F(MachineFault, WithoutFileDescriptorsTheDaemonWaitsAndGoesOn) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan asks by a pipe whether an object's memory may be read: without descriptors it sees faults "
                  "that are none";
#endif
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2 - hours(1)));
  rlimit was{};
  ASSERT_EQ(::prlimit(run_.daemon().pid(), RLIMIT_NOFILE, nullptr, &was), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = was.rlim_max};
  ASSERT_EQ(::prlimit(run_.daemon().pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  network_->fault(FaultProxy::Kind::close, 0, 4);  // or it would go on with the connections that it has
  const std::size_t log_before = log().size(), told_before = run_.believed().size();
  ASSERT_GT(told_before, 0U);
  ASSERT_TRUE(pass(kDay)) << run_.log_tail();
  EXPECT_EQ(run_.believed().size(), told_before) << "it still had a descriptor for a connection";
  const std::string said = log().substr(log_before);
  EXPECT_EQ(lines_with(said, "event=pull_failed", "Too many open files"), 2U) << "each folder once: " << said;
  EXPECT_EQ(lines_with(said, "event=pull_failed connector=hubspot", "code=connect"), 1U) << said;
  ASSERT_EQ(::prlimit(run_.daemon().pid(), RLIMIT_NOFILE, &was, nullptr), 0);
  network_->clear();
  EXPECT_GT(network_->struck(), 0);
  expect_nothing_lost_or_doubled();
  for (const char* source : {"visits", "spend", "hubspot"})
    EXPECT_GE(lines_with(log(), "event=pull_resumed", source), 1U) << source;
}

TEST_F(MachineFault, ASecondDaemonOnTheStateDirectoryIsRefusedAndToldWhoHoldsIt) {
  ASSERT_TRUE(start());
  const std::string said = dir_.path() + "/second.log";
  Child second(run_.command({"run"}), {}, said);
  EXPECT_EQ(second.wait(30), 69);
  std::ifstream text(said);
  std::ostringstream line;
  line << text.rdbuf();
  EXPECT_THAT(line.str(), AllOf(HasSubstr("process " + std::to_string(run_.daemon().pid())), HasSubstr(state()),
                                HasSubstr("stop it")));
  ASSERT_TRUE(pass(kDay * 2));
  expect_nothing_lost_or_doubled();
}

/// Does the process hold that file open?
bool has_open(const Child& process, const std::string& path) {
  std::error_code gone;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/" + std::to_string(process.pid()) + "/fd", gone))
    if (std::filesystem::read_symlink(fd.path(), gone) == path) return true;
  return false;
}

TEST_F(MachineFault, ACommandThatLeavesARequestWhileTheDaemonStartsDoesNotKeepItFromStarting) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2));
  stop();
  // As such a command does: it holds the lock for a moment, and the daemon comes in that moment.
  const int lock = ::open((state() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  run_.start_daemon();
  while (alive() && !has_open(run_.daemon(), state() + "/lock")) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::close(lock);
  ASSERT_TRUE(run_.conductor().settle([this] { return alive(); })) << run_.log_tail();
  expect_nothing_lost_or_doubled();
}

}  // namespace
}  // namespace hw::sandbox
