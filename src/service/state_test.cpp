#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "http/token.h"
#include "service/act_as_owner.h"
#include "service/in_force.h"
#include "service/lock.h"
#include "service/state_store.h"
#include "store/engine/db.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::Not;

class StateDirectory : public testing::Test {
 protected:
  StateDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_service_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  ~StateDirectory() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<store::Db> open_store() {
    store::DbOptions options;
    options.path = dir_ + "/headwater.db";
    return std::move(store::Db::open(options)).value();
  }
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
  }
  std::vector<std::filesystem::path> tokens() const {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/tokens")) out.push_back(entry.path());
    return out;
  }

  std::string dir_;
};

using LockTest = StateDirectory;
using StoreStateTest = StateDirectory;

TEST_F(LockTest, ASecondTakerIsRefusedAndToldWhoHoldsIt) {
  auto first = Lock::take(dir_);
  ASSERT_TRUE(first);
  auto second = Lock::take(dir_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "locked");
  EXPECT_THAT(second.error().detail, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().detail, HasSubstr(dir_));
}

TEST_F(LockTest, ItIsFreeAgainWhenItsHolderIsGone) {
  { ASSERT_TRUE(Lock::take(dir_)); }
  EXPECT_TRUE(Lock::take(dir_));
}

TEST_F(LockTest, AHolderThatLetsGoSoonIsWaitedFor) {
  auto first = Lock::take(dir_);
  ASSERT_TRUE(first);
  std::thread asking([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));  // as long as a command takes to leave its request
    first->reset();
  });
  const auto daemon = Lock::take(dir_, std::chrono::minutes(1));
  asking.join();
  EXPECT_TRUE(daemon) << (daemon ? "" : daemon.error().detail);
}

TEST_F(LockTest, AHolderThatStaysIsNotWaitedForLongerThanAsked) {
  auto first = Lock::take(dir_);
  const auto second = Lock::take(dir_, std::chrono::milliseconds(50));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "locked");
}

TEST_F(LockTest, ARefusedTakerLeavesTheHoldersNumberStanding) {
  auto first = Lock::take(dir_);
  ASSERT_TRUE(first);
  ASSERT_FALSE(Lock::take(dir_));
  EXPECT_EQ(text_of(dir_ + "/lock"), std::to_string(::getpid()) + "\n");
}

TEST_F(LockTest, ADirectoryThatIsNotThereIsSaid) {
  auto none = Lock::take(dir_ + "/missing");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().detail, HasSubstr(dir_ + "/missing"));
}

TEST_F(StoreStateTest, ATokenIsAFileForItsOwnerAlone) {
  auto db = open_store();
  StoreState state(*db, dir_);
  ASSERT_TRUE(state.save("credential/main", "rotated-secret", /*secret=*/true));
  ASSERT_EQ(tokens().size(), 1U) << "nothing half-written stays beside it";
  struct stat s {};
  ASSERT_EQ(::stat(tokens()[0].c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600U);
  EXPECT_EQ(state.load("credential/main"), "rotated-secret");
}

TEST_F(StoreStateTest, ATokenOutlivesTheProcessAndTheNextOneReplacesIt) {
  auto db = open_store();
  {
    StoreState state(*db, dir_);
    ASSERT_TRUE(state.save("credential/main", "first", true));
    ASSERT_TRUE(state.save("credential/main", "second", true));
  }
  StoreState again(*db, dir_);
  EXPECT_EQ(again.load("credential/main"), "second");
  EXPECT_EQ(tokens().size(), 1U);
}

TEST_F(StoreStateTest, ATokenIsReplacedWholeAndNeverWrittenOver) {
  auto db = open_store();
  StoreState state(*db, dir_);
  ASSERT_TRUE(state.save("credential/main", "first", true));
  ASSERT_EQ(tokens().size(), 1U);
  std::ifstream before(tokens().at(0));
  ASSERT_TRUE(state.save("credential/main", "second", true));
  std::string kept;
  before >> kept;
  EXPECT_EQ(kept, "first") << "a kill on the way leaves it";
}

TEST_F(StoreStateTest, ATokenNeverReachesTheStore) {
  auto db = open_store();
  StoreState state(*db, dir_);
  ASSERT_TRUE(state.save("credential/main", "rotated-secret", true));
  ASSERT_TRUE(state.save("lane/main", "budget", false));
  EXPECT_EQ(state.load("lane/main"), "budget");
  std::string stored;
  for (const char* suffix : {"", "-wal"}) stored += text_of(dir_ + "/headwater.db" + suffix);
  EXPECT_THAT(stored, HasSubstr("budget"));
  EXPECT_EQ(stored.find("rotated-secret"), std::string::npos);
}

TEST_F(StoreStateTest, ATokenThatCannotBeKeptIsAnError) {
  auto db = open_store();
  StoreState state(*db, dir_ + "/missing");
  EXPECT_FALSE(state.save("credential/main", "rotated-secret", true));
}

TEST_F(StoreStateTest, ATokenHasOneHolderAmongAllProcesses) {
  auto db = open_store();
  StoreState daemon(*db, dir_), command(*db, dir_);
  auto held = daemon.hold("token/main");
  ASSERT_TRUE(held);
  const auto refused = command.hold("token/main");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "token_busy");
  EXPECT_EQ(refused.error().action, Action::retry);
  EXPECT_TRUE(command.hold("token/other")) << "each token has a holder of its own";
  held->reset();
  EXPECT_TRUE(command.hold("token/main"));
}

/// A daemon that is killed with a rotated token in hand, and what the next one signs in with.
class TokenKillTest : public StateDirectory {
 protected:
  static constexpr const char* kStateOfChild = "HW_TEST_TOKEN_STATE";

  /// The refresh token that was sent; the answer brings another one.
  std::string sign_in() {
    auto db = open_store();
    StoreState state(*db, dir_);
    const auto clock = make_system_clock();
    std::string sent;
    http::Tokens tokens({{.name = "ads",
                          .type = http::CredentialType::refresh_token,
                          .token = Secret(),
                          .client_id = "client-1",
                          .client_secret = Secret("client-secret"),
                          .refresh_token = Secret("seed"),
                          .key_json = Secret()}},
                        &state, *clock, [&sent](const http::Request& request, const std::stop_token&) {
                          sent = request.body;
                          return http::Response{
                              .status = 200,
                              .headers = {},
                              .body = R"({"access_token":"access","expires_in":3600,"refresh_token":"rotated"})"};
                        });
    EXPECT_TRUE(tokens.get({.credential = "ads", .token_url = "https://login.example.com/token", .scope = ""}, {}));
    const auto from = sent.find("refresh_token=", sent.find("client_secret="));
    const auto value = from + std::string_view("refresh_token=").size();
    return from == sent.npos ? "" : sent.substr(value, sent.find('&', value) - value);
  }

  /// The other process is this program anew (its crash point is read at its first one), in the same state directory.
  void killed_at(const char* point) {
    if (const char* given = std::getenv(kStateOfChild)) dir_ = given;
    ::setenv(kStateOfChild, dir_.c_str(), /*overwrite=*/1);
    ::setenv("HW_CRASH_AT", point, 1);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(sign_in(), testing::KilledBySignal(SIGKILL), "");
    ::unsetenv("HW_CRASH_AT");
    ::unsetenv(kStateOfChild);
  }
};

TEST_F(TokenKillTest, BeforeTheRotatedTokenIsKeptTheSeedIsTriedAgain) {
  killed_at("token.rotated");
  EXPECT_EQ(sign_in(), "seed");
  EXPECT_EQ(sign_in(), "rotated");
}

TEST_F(TokenKillTest, OnceItIsKeptTheRotatedTokenIsUsed) {
  killed_at("token.kept");
  EXPECT_EQ(sign_in(), "rotated");
}

TEST_F(StateDirectory, TellsWhoHoldsItsLock) {
  EXPECT_FALSE(Lock::holder(dir_));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/lock")) << "who only asks makes nothing";
  auto lock = Lock::take(dir_);
  ASSERT_TRUE(lock);
  ASSERT_TRUE(Lock::holder(dir_));
  EXPECT_EQ(Lock::holder(dir_)->process, std::to_string(::getpid()));
  EXPECT_EQ(Lock::holder(dir_)->note, "");
  const std::string note = std::string(10'000, 'x') + "\nand more";
  ASSERT_TRUE((*lock)->note(note));
  EXPECT_EQ(Lock::holder(dir_)->note, note);
  ASSERT_TRUE((*lock)->note("short"));
  EXPECT_EQ(Lock::holder(dir_)->note, "short");
  lock->reset();
  EXPECT_FALSE(Lock::holder(dir_));
  lock = Lock::take(dir_);
  EXPECT_EQ(Lock::holder(dir_)->note, "") << "the one before said it";
}

TEST_F(StateDirectory, WhatIsInForceIsKeptWhateverBytesItsPathsHold) {
  auto lock = Lock::take(dir_);
  ASSERT_TRUE(lock);
  EXPECT_TRUE(note_in_force(**lock, {.main_file = "M\xfcller.yaml",
                                     .documents = {{"M\xfcller.yaml", "goals: [\xfc]\n"}},
                                     .channels = "\xfc",
                                     .refused = ""}));
  EXPECT_NE(Lock::holder(dir_)->note, "");
}

/// Root in a state directory that is another user's.
class RootInAnothersState : public StateDirectory {
 protected:
  static constexpr uid_t kDaemon = 54321;
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can act in another's name";
    ASSERT_EQ(::chown(dir_.c_str(), kDaemon, kDaemon), 0);
    std::ofstream(roots_) << "root's own";
  }
  ~RootInAnothersState() override {
    EXPECT_TRUE(act_as_root_again());
    std::filesystem::remove(roots_);
  }
  void owner_links(const std::string& name, const std::string& to) const {
    std::filesystem::create_symlink(to, dir_ + "/" + name);
    ASSERT_EQ(::lchown((dir_ + "/" + name).c_str(), kDaemon, kDaemon), 0);
  }

  const std::string roots_ = dir_ + ".roots";
};

TEST_F(RootInAnothersState, WhatRootLeavesBelongsToTheStatesOwner) {
  const auto beside = StateBeside::open(dir_);
  ASSERT_TRUE(beside);
  ASSERT_TRUE(beside->tokens->hold("token/main"));
  ASSERT_TRUE(beside->tokens->save("token/main", "rotated-secret", /*secret=*/true));
  std::vector<std::filesystem::path> made = tokens();
  EXPECT_EQ(made.size(), 2U);
  for (const char* name : {"tokens", "lock", "headwater.db"}) made.emplace_back(dir_ + "/" + name);
  for (const auto& path : made) {
    struct stat s {};
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_uid, kDaemon) << path;
  }
}

TEST_F(RootInAnothersState, ALinkToAFileOfRootsIsNotWrittenThrough) {
  std::filesystem::permissions(roots_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  owner_links("lock", roots_);
  const auto beside = StateBeside::open(dir_);
  EXPECT_FALSE(beside);
  ASSERT_TRUE(act_as_root_again());
  EXPECT_EQ(text_of(roots_), "root's own");
}

TEST_F(RootInAnothersState, ALinkToADirectoryOfRootsGetsNoTokens) {
  const std::string target = dir_ + ".directory";
  std::filesystem::create_directory(target);
  owner_links("tokens", target);
  const auto beside = StateBeside::open(dir_);
  ASSERT_TRUE(beside);
  EXPECT_FALSE(beside->tokens->hold("token/main"));
  EXPECT_FALSE(beside->tokens->save("token/main", "rotated-secret", /*secret=*/true));
  EXPECT_TRUE(std::filesystem::is_empty(target));
  ASSERT_TRUE(act_as_root_again());
  std::filesystem::remove_all(target);
}

TEST_F(RootInAnothersState, WhereRootOwnsItRootStaysRoot) {
  ASSERT_EQ(::chown(dir_.c_str(), 0, 0), 0);
  ASSERT_TRUE(StateBeside::open(dir_));
  EXPECT_EQ(::geteuid(), 0U);
}

}  // namespace
}  // namespace hw::service
