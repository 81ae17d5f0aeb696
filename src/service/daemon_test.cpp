#include "service/daemon.h"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include <thread>

#include "base/log.h"
#include "report/status.h"
#include "service/notify_socket.h"
#include "service/slow_platform.h"
#include "service/sync.h"

namespace hw::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Kind = settings::ValueRule::Kind;

/// A daemon in a thread of its own, with its end awaited. Two deals are read and reconciled before it starts.
class Reload : public AppFixture {
 protected:
  Reload() {
    g_meeting = std::make_unique<Meeting>();
    registry_ = fake_registry(make_slow);
    pages_ = {won_deals(1, 2)};
  }
  ~Reload() override {
    stop();
    daemon_.reset();
    g_meeting.reset();
  }
  void start_daemon() {
    auto app = open();
    ASSERT_TRUE(start(*app));
    ASSERT_TRUE(app->pullers[0]->step({}));
    ASSERT_TRUE(app->reconciler->step({}));
    daemon_ = std::make_unique<Daemon>(std::move(app), registry_);
    thread_ = std::thread([this] { ended_ = daemon_->run(stop_.get_token()); });
    systemd_.await("READY=1");
  }
  /// Returns when systemd is told that it is over, whatever came of it.
  void reload(const std::string& configuration) {
    write("headwater.yaml", configuration);
    daemon_->reload();
    systemd_.await("RELOADING=1");
  }
  void stop() {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  App& stopped() {
    stop();
    EXPECT_TRUE(ended_) << (ended_ ? "" : ended_.error().detail);
    return daemon_->app();
  }
  /// What `headwater status` says of a refused configuration.
  static std::vector<std::string> refused(App& app) {
    std::vector<std::string> out;
    const auto tables = app.db->read([&](store::Tx& tx) -> Result<std::vector<report::Table>> {
      return report::status(tx, app.settings, app.clock->system_now());
    });
    for (const auto& t : *tables)
      for (const auto& row : t.rows)
        if (row[0] == "configuration refused") out.push_back(row[4]);
    return out;
  }

  NotifySocket systemd_;
  std::stop_source stop_;
  Status ended_;
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
};

/// On a platform that answers at once.
class Invariant10 : public Reload {
 protected:
  Invariant10() { registry_ = fake_registry(); }
};

TEST_F(Invariant10, ABadConfigurationIsRefusedAtReloadWithItsPlaceAndTheOneBeforeStays) {
  start_daemon();
  reload(config("live", "fixed 7 EUR") + "nonsense: 1\n");
  systemd_.await("READY=1");
  App& app = stopped();
  EXPECT_EQ(app.settings.goals[0].value.kind, Kind::amount);
  EXPECT_THAT(refused(app), ElementsAre(HasSubstr("headwater.yaml:16:1: ")));
}

TEST_F(Invariant10, BesideARefusedConfigurationPeopleLookAndSteerByTheOneInForce) {
  start_daemon();
  reload(config("live", "fixed 7 EUR"));
  systemd_.await("READY=1");
  reload(config("live", "fixed 9 EUR") + "nonsense: [\n");
  systemd_.await("READY=1");
  for (const auto access : {AppOptions::Access::look, AppOptions::Access::ask}) {
    const auto beside = open(access);
    ASSERT_NE(beside, nullptr);
    ASSERT_TRUE(beside->refused);
    EXPECT_THAT(beside->refused->detail, HasSubstr("headwater.yaml:"));
    EXPECT_EQ(beside->settings.goals[0].value.kind, Kind::fixed);
    EXPECT_EQ(beside->settings.goals[0].value.micros, 7'000'000);
    EXPECT_THAT(refused(*beside), SizeIs(1));
  }
  stopped();
  daemon_.reset();
  const auto without = App::make({.config = dir_ + "/headwater.yaml",
                                  .state_of = "",
                                  .credentials_directory = "",
                                  .follow_clock = "",
                                  .access = AppOptions::Access::look},
                                 registry_);
  ASSERT_FALSE(without) << "nobody keeps the one from before";
  EXPECT_EQ(without.error().code, "config");
}

TEST_F(Invariant10, AChannelsFileThatIsNotUtf8IsRefusedWithItsLine) {
  start_daemon();
  write("channels.yaml", "# one\n# M\xfcller\n");
  reload(config("live") + "channels: {file: channels.yaml}\n");
  systemd_.await("READY=1");
  EXPECT_THAT(refused(stopped()), ElementsAre(HasSubstr("channels.yaml:2:1: this line is not UTF-8")));
}

TEST_F(Invariant10, BesideABrokenChannelsFilePeopleLookByTheRulesInForce) {
  start_daemon();
  write("channels.yaml", "nonsense: 1\n");
  write("headwater.yaml", config("live") + "channels: {file: channels.yaml}\n");
  const auto beside = open(AppOptions::Access::look);
  ASSERT_NE(beside, nullptr);
  ASSERT_TRUE(beside->refused);
  EXPECT_THAT(beside->refused->detail, HasSubstr("channels.yaml:1:1: "));
  EXPECT_EQ(beside->settings.channels_file, "");
  EXPECT_TRUE(beside->channels);
  stopped();
}

TEST_F(Invariant10, EveryErrorOfARefusedConfigurationIsShown) {
  start_daemon();
  reload(config("live") + "nonsense: 1\nrubbish: 2\n");
  systemd_.await("READY=1");
  EXPECT_THAT(refused(stopped()), ElementsAre(HasSubstr(":16:1: "), HasSubstr(":17:1: ")));
}

TEST_F(Invariant10, WhatOnlyShowsWhenTheRoomsAreMadeIsRefusedToo) {
  start_daemon();
  write("channels.yaml", "nonsense: 1\n");
  reload(config("live") + "channels: {file: channels.yaml}\n");
  systemd_.await("READY=1");
  App& app = stopped();
  EXPECT_THAT(refused(app), SizeIs(testing::Ge(1U)));
  EXPECT_EQ(app.settings.channels_file, "");
}

TEST_F(Invariant10, AMissingFileIsRefused) {
  start_daemon();
  std::filesystem::remove(dir_ + "/headwater.yaml");
  daemon_->reload();
  systemd_.await("RELOADING=1");
  systemd_.await("READY=1");
  EXPECT_THAT(refused(stopped()), SizeIs(1));
}

TEST_F(Invariant10, AnotherStateDirectoryNeedsARestart) {
  start_daemon();
  std::string elsewhere = config("live");
  elsewhere.replace(elsewhere.find("directory: state"), 16, "directory: other");
  reload(elsewhere);
  systemd_.await("READY=1");
  App& app = stopped();
  EXPECT_EQ(app.settings.state_dir, dir_ + "/state");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/other"));
  EXPECT_THAT(refused(app), ElementsAre(HasSubstr("restart")));
}

TEST_F(Invariant10, AnAddressThatIsTakenIsRefused) {
  start_daemon();
  const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  reload(config("live", "fixed 7 EUR") + "service: {listen: \"127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
         "\"}\n");
  systemd_.await("READY=1");
  {
    const auto beside = open(AppOptions::Access::look);
    ASSERT_NE(beside, nullptr);
    EXPECT_TRUE(beside->refused) << "no file has an error, and the daemon refused them";
    EXPECT_EQ(beside->settings.goals[0].value.kind, Kind::amount);
    write("headwater.yaml", config("live", "fixed 9 EUR"));
    EXPECT_FALSE(open(AppOptions::Access::look)->refused) << "mended since, though not yet read anew";
  }
  App& app = stopped();
  ::close(taken);
  EXPECT_EQ(app.settings.goals[0].value.kind, Kind::amount);
  EXPECT_THAT(refused(app), ElementsAre(HasSubstr("cannot listen")));
}

TEST_F(Reload, AGoodConfigurationTakesEffect) {
  write("headwater.yaml", config("shadow"));
  start_daemon();
  reload(config("live"));
  g_meeting->await(&Meeting::under_way);  // in shadow nothing is ever sent
  g_meeting->tell(&Meeting::may_answer);
  App& app = stopped();
  EXPECT_EQ(app.settings.destinations[0].mode, Mode::live);
  EXPECT_THAT(refused(app), IsEmpty());
}

TEST_F(Reload, ARequestUnderWayEndsUnderTheOldConfigurationAndIsNotRepeated) {
  start_daemon();
  g_meeting->await(&Meeting::under_way);
  reload(config("live", "fixed 7 EUR"));
  g_meeting->tell(&Meeting::may_answer);
  systemd_.await("READY=1");
  App& app = stopped();
  EXPECT_EQ(app.settings.goals[0].value.kind, Kind::fixed);
  EXPECT_FALSE(g_meeting->was_cut);
  EXPECT_THAT(uploads(app, "in_flight"), IsEmpty());
  EXPECT_THAT(uploads(app, "uncertain"), IsEmpty());
  EXPECT_LE(g_meeting->requests, 2) << "one for each deal";
  for (const auto& u : uploads(app, "")) EXPECT_LE(u.attempts, 1) << u.id;
}

TEST_F(Reload, AGoodConfigurationEndsTheNoteOfABadOne) {
  start_daemon();
  reload(config("live") + "nonsense: 1\n");
  systemd_.await("READY=1");
  g_meeting->tell(&Meeting::may_answer);
  reload(config("live", "fixed 7 EUR"));
  systemd_.await("READY=1");
  EXPECT_FALSE(open(AppOptions::Access::look)->refused) << "taken at last";
  App& app = stopped();
  EXPECT_EQ(app.settings.goals[0].value.kind, Kind::fixed);
  EXPECT_THAT(refused(app), IsEmpty());
}

TEST_F(Reload, TheLockIsHeldThroughout) {
  start_daemon();
  g_meeting->tell(&Meeting::may_answer);
  reload(config("live", "fixed 7 EUR"));
  systemd_.await("READY=1");
  const auto second = Lock::take(dir_ + "/state");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "locked");
}

std::string g_log;

TEST_F(Reload, TheLogSaysStoppedAtTheEndAlone) {
  set_log_sink_for_test([](std::string_view line) { g_log.append(line).append("\n"); });
  start_daemon();
  g_meeting->tell(&Meeting::may_answer);
  reload(config("live", "fixed 7 EUR"));
  systemd_.await("READY=1");
  stopped();
  set_log_sink_for_test(nullptr);
  const auto reloaded = g_log.find("event=reloaded"), ended = g_log.find("event=stopped");
  ASSERT_NE(reloaded, std::string::npos) << g_log;
  ASSERT_NE(ended, std::string::npos) << g_log;
  EXPECT_LT(reloaded, ended);
}

TEST_F(Reload, AStopSaysSo) {
  start_daemon();
  g_meeting->tell(&Meeting::may_answer);
  stopped();
  systemd_.await("STOPPING=1");
}

}  // namespace
}  // namespace hw::service
