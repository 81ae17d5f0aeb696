#include "report/credentials.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "report/status.h"
#include "store/service_rows.h"

namespace hw::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Timestamp kToday = read_time("2026-11-20T12:00:00Z", Zone::utc())->at;
Timestamp in_days(int n) { return kToday + std::chrono::hours(24 * n); }

http::Credential named(const std::string& name, http::CredentialType type) {
  http::Credential c;
  c.name = name;
  c.type = type;
  return c;
}

/// A store, and a configuration of one connector for each credential: ads (refresh_token, no seed), crm (static_token).
class CredentialStatus : public testing::Test {
 protected:
  CredentialStatus() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_credentials_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    store::DbOptions options;
    options.path = dir_ + "/headwater.db";
    db_ = std::move(store::Db::open(options)).value();
    settings_.credentials = {named("ads_login", http::CredentialType::refresh_token),
                             named("crm_token", http::CredentialType::static_token),
                             named("spare", http::CredentialType::static_token)};
    use("ads", "ads_login");
    use("crm", "crm_token");
  }
  ~CredentialStatus() override { std::filesystem::remove_all(dir_); }

  void use(const std::string& connector, const std::string& credential) {
    settings::ConnectorInstance c;
    c.name = connector;
    c.options.set("credential", credential);
    settings_.connectors.push_back(std::move(c));
  }
  void know(const http::CredentialFacts& facts) {
    ASSERT_TRUE(db_->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::service_rows::set_state(tx, http::facts_key("ads_login"), http::facts_text(facts));
      return {};
    }));
  }
  std::vector<CredentialState> states() {
    return db_
        ->read([&](store::Tx& tx) -> Result<std::vector<CredentialState>> { return credential_states(&tx, settings_); })
        .value();
  }
  /// The cells of `ads_login`, by column name.
  std::map<std::string, std::string> cells() {
    const Table t = credentials(states(), Zone::utc());
    std::map<std::string, std::string> out;
    for (std::size_t i = 0; i < t.columns.size(); ++i) out[t.columns[i].name] = t.rows.at(0).at(i);
    return out;
  }
  /// What `headwater status` says of credentials: "what name: detail".
  std::vector<std::string> said() {
    const auto tables =
        db_->read([&](store::Tx& tx) -> Result<std::vector<Table>> { return status(tx, settings_, kToday); }).value();
    std::vector<std::string> out;
    for (const Table& t : tables)
      for (const auto& row : t.rows)
        if (row[0].starts_with("credential")) out.push_back(row[0] + " " + row[1] + ": " + row[4]);
    return out;
  }

  std::string dir_;
  std::unique_ptr<store::Db> db_;
  settings::Settings settings_;
};

TEST_F(CredentialStatus, ListsWhatConnectorsUse) {
  ASSERT_THAT(states(), SizeIs(2));
  EXPECT_THAT(states()[0].connectors, ElementsAre("ads"));
  use("ads_cost", "ads_login");
  EXPECT_THAT(states()[0].connectors, ElementsAre("ads", "ads_cost"));
}

TEST_F(CredentialStatus, WithoutTokenAndLoginNobodyIsSignedIn) {
  EXPECT_EQ(cells()["signed_in"], "no");
  EXPECT_EQ(cells()["token_from"], "-");
  EXPECT_THAT(credentials(states(), Zone::utc()).note, HasSubstr("headwater auth login ads"));
  settings_.credentials[0].has_seed = true;
  EXPECT_EQ(cells()["signed_in"], "not tried yet");
  EXPECT_EQ(cells()["token_from"], "configuration");
}

TEST_F(CredentialStatus, TellsWhereTheTokenIsFromSinceWhenAndUntilWhen) {
  know({.by_login = true, .since = in_days(-1), .ends_at = in_days(6), .refreshed_at = in_days(0)});
  EXPECT_EQ(cells()["signed_in"], "yes");
  EXPECT_EQ(cells()["token_from"], "login");
  EXPECT_THAT(cells()["since"], HasSubstr("2026-11-19"));
  EXPECT_THAT(cells()["ends"], HasSubstr("2026-11-26"));
  EXPECT_THAT(cells()["last_sign_in"], HasSubstr("2026-11-20"));
  know({.by_login = true, .rotated = true, .since = in_days(-1), .refreshed_at = in_days(0)});
  EXPECT_EQ(cells()["token_from"], "login, rotated");
  EXPECT_EQ(cells()["ends"], "-");
}

TEST_F(CredentialStatus, ARefusedTokenIsSignedOut) {
  know({.since = in_days(-9), .failed_at = in_days(-1), .failure = "revoked", .signed_out = true});
  EXPECT_EQ(cells()["signed_in"], "no");
  EXPECT_EQ(cells()["failure"], "revoked");
}

TEST_F(CredentialStatus, AFailureMayNameTheCommandThatMendsIt) {
  know({.failed_at = in_days(-1), .failure = "revoked; sign in again (headwater auth login ads)", .signed_out = true});
  const Table t = credentials(states(), Zone::utc());
  for (const Column& c : t.columns) EXPECT_EQ(c.holds == Holds::advice, c.name == "failure") << c.name;
}

TEST_F(CredentialStatus, AnOutageIsNoSignOut) {
  know({.since = in_days(-9), .failed_at = in_days(-1), .failure = "timeout"});
  EXPECT_EQ(cells()["signed_in"], "yes");
}

TEST_F(CredentialStatus, TwoWeeksAheadStatusSaysWhatEndsAndHowToRenewIt) {
  know({.by_login = true, .since = kToday, .ends_at = in_days(15)});
  EXPECT_THAT(said(), IsEmpty());
  know({.by_login = true, .since = kToday, .ends_at = in_days(14)});
  EXPECT_THAT(said(), ElementsAre(HasSubstr("credential ends ads_login: 2026-12-04")));
  EXPECT_THAT(said()[0], HasSubstr("headwater auth login ads"));
  know({.by_login = true, .since = kToday, .ends_at = in_days(0)});
  EXPECT_THAT(said(), ElementsAre(HasSubstr("credential ended ads_login")));
}

TEST_F(CredentialStatus, ASecretOfTheConfigurationIsRenewedThere) {
  settings_.credentials[1].expires_at = in_days(3);
  EXPECT_THAT(said(), ElementsAre(HasSubstr("credential ends crm_token: 2026-11-23")));
  EXPECT_THAT(said()[0], HasSubstr("expires_at"));
}

}  // namespace
}  // namespace hw::report
