// Disk, directory, lock, clock and descriptors fail under the real daemon; then they work again.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <thread>

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
  run_.pass_without_daemon(kDay * 30);
  expect_nothing_lost_or_doubled();
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
  ASSERT_TRUE(pass(kDay)) << run_.log_tail();
  ASSERT_EQ(::prlimit(run_.daemon().pid(), RLIMIT_NOFILE, &was, nullptr), 0);
  network_->clear();
  EXPECT_GT(network_->struck(), 0);
  expect_nothing_lost_or_doubled();
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
