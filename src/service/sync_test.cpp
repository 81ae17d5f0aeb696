#include "service/sync.h"

#include <gmock/gmock.h>

#include "conformance/fake_fields.h"
#include "service/test_kit.h"
#include "store/backup.h"
#include "store/lookups.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Sync : public AppFixture {
 protected:
  static SyncResult sync_once(App& app, std::optional<std::int64_t> limit = {}) {
    EXPECT_TRUE(start(app));
    auto done = sync(app, limit, {}, [](const std::string&) {});
    EXPECT_TRUE(done) << (done ? "" : done.error().detail);
    return done ? *done : SyncResult{};
  }
  Result<std::unique_ptr<App>> make(AppOptions::Access access, const std::string& clock = "") {
    return App::make({.config = dir_ + "/headwater.yaml",
                      .state_of = "",
                      .credentials_directory = "",
                      .follow_clock = clock,
                      .access = access},
                     registry_);
  }
  static std::string cursor(App& app) {
    return app.db
        ->read([](store::Tx& tx) -> Result<std::string> {
          auto c = store::service_rows::cursor(tx, "crm", "records", "deals");
          return c ? c->text : std::string("-");
        })
        .value();
  }
};

TEST_F(Sync, ReadsReconcilesAndDeliversUntilNothingIsDue) {
  pages_ = {won_deals(1, 2), won_deals(3, 1)};
  auto app = open();
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(did.sent, 3U);
  EXPECT_FALSE(did.gated);
  EXPECT_FALSE(did.retrying);
  EXPECT_THAT(platform(*app).believed, SizeIs(3));
}

TEST_F(Sync, ATrialOnANewStoreSendsItsRowsMovesNoCursorAndLeavesNothingToBeSent) {
  pages_ = {won_deals(1, 3), won_deals(4, 2)};
  auto app = open();
  const SyncResult did = sync_once(*app, 2);
  EXPECT_FALSE(did.gated) << "a trial does not wait for the whole history";
  EXPECT_EQ(did.sent, 2U);
  EXPECT_EQ(cursor(*app), "-");
  EXPECT_THAT(platform(*app).believed, SizeIs(2));
  EXPECT_THAT(uploads(*app, "pending"), IsEmpty()) << "the daemon would send them before it knows the whole story";
  EXPECT_THAT(uploads(*app, "superseded"), SizeIs(1));
}

TEST_F(Sync, AShadowHasNoSender) {
  write("headwater.yaml", config("shadow"));
  pages_ = {won_deals(1, 1)};
  auto app = open();
  EXPECT_THAT(app->senders, IsEmpty());
  EXPECT_EQ(sync_once(*app).sent, 0U);
}

TEST_F(Sync, WhatATrialSentIsNotSentAgainAndTheRestFollows) {
  pages_ = {won_deals(1, 3), won_deals(4, 2)};
  auto app = open();
  sync_once(*app, 2);
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(did.sent, 3U);
  EXPECT_EQ(cursor(*app), "2");
  EXPECT_THAT(platform(*app).believed, SizeIs(5));
  for (const auto& [key, belief] : platform(*app).believed) EXPECT_EQ(belief.counted, 1) << key;
}

TEST_F(Sync, WhatATrialMayHaveSentIsNotTakenBack) {
  pages_ = {won_deals(1, 1)};
  auto app = open();
  platform(*app).faults = {conformance::PlatformFault::lost_after};
  sync_once(*app, 1);
  EXPECT_THAT(uploads(*app, "retrying"), SizeIs(1));
  EXPECT_THAT(uploads(*app, "superseded"), IsEmpty());
}

TEST_F(Sync, ATrialThatWasKilledLeavesNothingToBeSent) {
  pages_ = {won_deals(1, 3), won_deals(4, 2)};
  {
    auto app = open();
    platform(*app).faults = {conformance::PlatformFault::crash_before};
    EXPECT_THROW(sync_once(*app, 1), conformance::Crash);
    EXPECT_THAT(uploads(*app, "pending"), SizeIs(2));
  }
  auto app = open();
  ASSERT_TRUE(start(*app));
  EXPECT_THAT(uploads(*app, "pending"), IsEmpty()) << "the daemon would send them before it knows the whole story";
  EXPECT_EQ(sync_once(*app).sent, 5U);
}

TEST_F(Sync, ATrialAfterARestoreJudgesNothingOfTheBackup) {
  pages_ = {won_deals(1, 2)};
  const std::string state = dir_ + "/state", backup = dir_ + "/backup.db";
  Timestamp now;
  {
    auto app = open();
    sync_once(*app);
    now = app->clock->system_now();
    ASSERT_TRUE(store::back_up(*app->db, state, backup, now));
  }
  ASSERT_TRUE(store::restore(state, backup, now + std::chrono::hours(1)));
  pages_ = {won_deals(1, 2), won_deals(3, 2)};
  auto app = open();
  const SyncResult did = sync_once(*app, 1);
  EXPECT_TRUE(did.gated);
  EXPECT_EQ(did.sent, 0U);
}

TEST_F(Sync, ATrialAfterTheFirstSweepLeavesTheRestForTheNextPass) {
  pages_ = {won_deals(1, 1)};
  auto app = open();
  sync_once(*app);
  static_cast<conformance::FakeRecords*>(app->connectors.at("crm")->records())->pages.push_back(won_deals(2, 3));
  const SyncResult did = sync_once(*app, 1);
  EXPECT_EQ(did.sent, 1U);
  EXPECT_EQ(cursor(*app), "1");
  EXPECT_THAT(uploads(*app, "pending"), SizeIs(2));
  EXPECT_EQ(sync_once(*app).sent, 2U);
}

TEST_F(Sync, APauseThatIsAskedForMeanwhileHoldsWhatWasNotSentYet) {
  pages_ = {won_deals(1, 2)};
  auto app = open();
  ASSERT_TRUE(start(*app));
  bool asked = false;
  auto done = sync(*app, {}, {}, [&](const std::string&) {
    if (std::exchange(asked, true)) return;
    ASSERT_TRUE(app->db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
      store::service_rows::add_command(tx, "pause", "ads", "someone", app->clock->system_now());
      return {};
    }));
  });
  ASSERT_TRUE(done);
  EXPECT_TRUE(asked);
  EXPECT_EQ(done->sent, 0U);
}

TEST_F(Sync, AfterATrialTheGateIsShutAgain) {
  pages_ = {won_deals(1, 1), won_deals(2, 1)};
  auto app = open();
  sync_once(*app, 1);
  auto pass = app->reconciler->step({});
  ASSERT_TRUE(pass);
  EXPECT_TRUE(pass->gated);
}

TEST_F(Sync, AFieldThatAGoalNamesFromNowOnIsKnownOfTheRecordsSeenBefore) {
  pages_ = {won_deals(1, 2)};
  for (Record& r : pages_[0].rows)
    if (auto* deal = std::get_if<RecordState>(&r); deal && deal->ref.object == Object::deal)
      deal->fields["signed"] = "yes";
  std::string text = config("live");
  const auto use = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    write("headwater.yaml", text);
  };
  use("trigger: {stage: won}", "trigger: {stage: never}");
  {
    auto app = open();
    EXPECT_EQ(sync_once(*app).sent, 0U);
  }
  use("trigger: {stage: never}", "trigger: {signed: \"yes\"}");
  auto app = open();
  EXPECT_EQ(sync_once(*app).sent, 2U);
}

// ------------------------------------------------------------------------------------------------------------
// what a command is refused

TEST_F(Sync, ACopyOfTheStoreFromBeforeIsLookedAtAndNotWorkedOn) {
  { auto app = open(); }
  write("state/generation", "7\n");
  EXPECT_TRUE(open(AppOptions::Access::look));
  for (const auto access : {AppOptions::Access::ask, AppOptions::Access::hold, AppOptions::Access::work}) {
    const auto app = make(access);
    ASSERT_FALSE(app);
    EXPECT_EQ(app.error().code, "store_outdated");
  }
}

TEST_F(Sync, ASandboxsClockIsFollowedOnLoopbackAlone) {
  connect::ConnectorType crm = *registry_.find("shop_crm");
  connect::OptionDecl url;
  url.name = "base_url";
  url.type = connect::OptionType::url;
  url.help = "Where it is.";
  crm.options = {url};
  registry_ = connect::Registry({crm, *registry_.find("ads_platform"), *registry_.find("web_log")});
  write("clock", std::string(16, '\0'));
  for (const auto& [host, fits] : {std::pair{"https://crm.example.com", false}, {"http://127.0.0.1:8080", true}}) {
    std::string text = config("live");
    text.replace(text.find("shop_crm"), 8, std::string("shop_crm, base_url: \"") + host + '"');
    write("headwater.yaml", text);
    const auto app = make(AppOptions::Access::work, dir_ + "/clock");
    EXPECT_EQ(app.has_value(), fits) << host;
    EXPECT_EQ(app ? "" : app.error().code, fits ? "" : "follow_clock");
  }
}

// ------------------------------------------------------------------------------------------------------------
// which secrets a command needs

TEST_F(Sync, WhoOnlyLooksNeedsNoSecret) {
  { auto app = open(); }
  std::filesystem::remove(dir_ + "/token");
  for (auto access : {AppOptions::Access::look, AppOptions::Access::ask}) EXPECT_TRUE(open(access));
}

TEST_F(Sync, WhoSendsIsToldOfAMissingSecretBeforeAnythingElse) {
  std::filesystem::remove(dir_ + "/token");
  const auto app = make(AppOptions::Access::work);
  ASSERT_FALSE(app);
  EXPECT_EQ(app.error().code, "config");
  EXPECT_THAT(app.error().detail, HasSubstr("token does not exist"));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state"));
}

/// A source that is asked stands before the CRM in the configuration, and still hears of what the CRM says.
class SyncWithLookup : public Sync {
 protected:
  SyncWithLookup() {
    std::string text = config("live");
    text.replace(text.find("connectors:\n"), 12, "connectors:\n  web: {type: web_log}\n");
    write("headwater.yaml", text);
    pages_ = {won_deals(1, 1)};
    std::get<RecordState>(pages_[0].rows[0]).identifiers.push_back({"client_id", "browser"});
    const Timestamp at = from_micros(1'700'000'000'000'000);
    web_log() = {conformance::visit("login", at, {{"client_id", "browser"}, {"user_id", "u"}}),
                 conformance::visit("before", at - std::chrono::hours(1), {{"user_id", "u"}})};
  }
  ~SyncWithLookup() override { web_log().clear(); }
  static std::string metrics(App& app) {
    return exposition(store_metrics(*app.db, app.sender_names, app.lookup_names, {}, app.clock->system_now()).value());
  }
  static conformance::FakeLookup& lookup(App& app) {
    return *static_cast<conformance::FakeLookup*>(app.connectors.at("web")->lookup());
  }
};

TEST_F(SyncWithLookup, AsksUntilNoNewIdentifierAppears) {
  auto app = open();
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(lookup(*app).questions, (std::vector<std::string>{"browser", "u"}));
  EXPECT_EQ(did.rows, 4U + 3U);
  EXPECT_FALSE(did.retrying);
  EXPECT_THAT(metrics(*app), HasSubstr("headwater_lookup_queue{connector=\"web\"} 0\n"));
}

TEST_F(SyncWithLookup, WhatIsNotAnsweredShowsInTheMetrics) {
  auto app = open();
  lookup(*app).is_down = true;
  EXPECT_TRUE(sync_once(*app).retrying);
  EXPECT_THAT(metrics(*app), HasSubstr("headwater_lookup_queue{connector=\"web\"} 1\n"));
  EXPECT_THAT(metrics(*app), HasSubstr("headwater_lookup_oldest_timestamp_seconds{connector=\"web\"} "));
}

TEST_F(SyncWithLookup, AConnectorThatLeftTheConfigurationOwesNoAnswer) {
  {
    auto app = open();
    lookup(*app).is_down = true;
    sync_once(*app);
  }
  write("headwater.yaml", config("live"));
  auto app = open();
  sync_once(*app);
  EXPECT_TRUE(app->db->read([](store::Tx& tx) -> Result<bool> { return store::lookups::counts(tx).empty(); }).value());
}

TEST_F(SyncWithLookup, ATrialAsksNothingAndWaitsForNoAnswer) {
  auto& contact = std::get<RecordState>(pages_[0].rows[0]);
  contact.hashes["email"] = {"hash"};
  contact.identifiers = {{"client_id", "browser"}};
  auto app = open();
  EXPECT_EQ(sync_once(*app, 1).sent, 1U);
  EXPECT_THAT(lookup(*app).calls, IsEmpty());
}

/// A CRM whose records can be written to as well.
class WritableCrm final : public connect::Connector {
 public:
  conformance::FakeRecords source;
  conformance::FakeFields fields;
  connect::RecordSource* records() override { return &source; }
  connect::SourceFieldWriter* source_fields() override { return &fields; }
  Result<std::vector<connect::Finding>> check_online(const connect::References&, connect::Context) override {
    return std::vector<connect::Finding>{};
  }
  Result<std::vector<connect::RemoteObject>> discover(connect::Context) override {
    return std::vector<connect::RemoteObject>{};
  }
};

std::unique_ptr<connect::Connector> make_writable(const connect::Options&,
                                                  const std::vector<std::pair<Object, std::string>>&, connect::Env,
                                                  std::vector<connect::OptionError>&) {
  return std::make_unique<WritableCrm>();
}

connect::Registry writable_registry() {
  connect::ConnectorType crm = fake_type("shop_crm", "records", make_writable);
  crm.roles.insert("source_fields");
  connect::ConnectorType ads = *fake_registry().find("ads_platform");
  return connect::Registry({crm, ads});
}

/// The click of each contact is written to its record.
class SyncWithFields : public Sync {
 protected:
  SyncWithFields() {
    registry_ = writable_registry();
    write("headwater.yaml", config("live") + R"(source_fields:
  - {name: contacts, connector: crm, history: true, fields: {identifier.gclid: click}}
)");
    pages_ = {won_deals(1, 2)};
  }
  static conformance::FakeFields& fields(App& app) {
    return static_cast<WritableCrm&>(*app.connectors.at("crm")).fields;
  }
  const Error away_{Action::retry, "http_503", "away", {}, false};
};

TEST_F(SyncWithFields, WhatTheCrmTookIsCounted) {
  auto app = open();
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(fields(*app).held["C1"]["click"], "click1");
  EXPECT_EQ(did.fields_written, 2U);
  EXPECT_FALSE(did.retrying);
}

TEST_F(SyncWithFields, ATrialWritesNothing) {
  auto app = open();
  const SyncResult did = sync_once(*app, 1);
  EXPECT_EQ(did.sent, 1U);
  EXPECT_EQ(did.fields_written, 0U);
  EXPECT_THAT(fields(*app).held["C1"], IsEmpty());
}

TEST_F(SyncWithFields, AWriteThatFailedIsNotCountedAndWaitsForARetry) {
  auto app = open();
  fields(*app).trouble = {away_};
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(did.fields_written, 0U);
  EXPECT_TRUE(did.retrying);
  EXPECT_EQ(did.sent, 2U) << "the platforms are told all the same";
}

TEST_F(SyncWithFields, ACrmThatDoesNotSayWhatItHoldsLeavesWritesWaitingForARetry) {
  auto app = open();
  fields(*app).unread = {away_};
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(did.fields_written, 0U);
  EXPECT_TRUE(did.retrying);
}

}  // namespace
}  // namespace hw::service
