#include "report/quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "conformance/loop.h"
#include "http/client.h"
#include "http/lane.h"
#include "report/status.h"

namespace hw::report {
namespace {

using conformance::Loop;
using testing::ElementsAre;
using testing::IsEmpty;

/// The store as the lanes' keeper.
class StoredState final : public http::StateStore {
 public:
  explicit StoredState(store::Db& db) : db_(db) {}
  std::optional<std::string> load(const std::string& key) override {
    return db_
        .read([&](store::Tx& tx) -> Result<std::optional<std::string>> { return store::service_rows::state(tx, key); })
        .value();
  }
  Status save(const std::string& key, const std::string& value, bool) override {
    return db_.transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::service_rows::set_state(tx, key, value);
      return {};
    });
  }

 private:
  store::Db& db_;
};

TEST(Quotas, SayWhatIsUsedOfHowMuchAndUntilWhenALaneIsClosed) {
  Loop l;
  l.settings.zone = Zone::utc();
  StoredState state(*l.db);
  const http::Lane daily{.key = "main/crm", .requests = 0, .per = Duration::zero(), .per_day = 50};
  {
    http::Lanes lanes(&state, l.clock, /*may_sleep=*/false);
    for (int i = 0; i < 7; ++i) ASSERT_TRUE(lanes.enter({daily}, {}));
    lanes.close({daily}, std::chrono::minutes(10));
  }
  auto shown = [&] { return l.read([&](store::Tx& tx) { return quotas(tx, l.settings, l.clock.system_now()).rows; }); };
  const auto rows = shown();
  ASSERT_EQ(rows.size(), 1U);
  // Begun at 21:20: the hour counts until 22:00 of the next day.
  EXPECT_THAT(rows[0], ElementsAre("main/crm", "7", "50", "43", "2026-03-02 22:00:00", "2026-03-01 21:30:00"));
  l.clock.advance(std::chrono::hours(26));
  EXPECT_THAT(shown(), IsEmpty()) << "nothing of it counts any more";
}

TEST(Quotas, StatusSaysWhatIsLeftOfTheShareThatIsHeadwaters) {
  Loop l;
  l.settings.zone = Zone::utc();
  StoredState state(*l.db);
  http::Credential login;
  login.name = "main";
  login.token = Secret("a-token");
  login.quota_share = 60;
  {
    http::ClientOptions options;
    options.credentials = {login};
    options.state = &state;
    options.may_sleep = false;
    const auto client = http::make_client(options, l.clock, *l.random);
    http::Request r;
    r.url = "http://127.0.0.1:1/";  // nobody listens there: it counts all the same
    r.auth.credential = "main";
    r.lanes = {{.key = "main/crm", .requests = 0, .per = Duration::zero(), .per_day = 5000}};
    for (int i = 0; i < 7; ++i) ASSERT_FALSE(client->send(r, {}));
  }
  const auto tables = l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now()); });
  const auto found = std::find_if(tables.begin(), tables.end(), [](const Table& t) { return t.name == "quotas"; });
  ASSERT_NE(found, tables.end());
  EXPECT_EQ(render({*found}, Format::text),
            "Quotas of a day\n"
            "Quota     Used  Limit   Left  More from            Closed until\n"
            "--------  ----  -----  -----  -------------------  ------------\n"
            "main/crm     7  3,000  2,993  2026-03-02 22:00:00  -\n"
            "Limits are those of the configuration, less what quota_share of the credential leaves to other tools. A "
            "lane's day is the last 24 to 25 hours.\n");
}

TEST(Quotas, AnEmptyPartOfALanesNameIsNotShown) {
  Loop l;
  StoredState state(*l.db);
  {
    http::Lanes lanes(&state, l.clock, /*may_sleep=*/false);
    ASSERT_TRUE(lanes.enter({{.key = "ads//ingest", .requests = 0, .per = Duration::zero(), .per_day = 50}}, {}));
    lanes.close({{.key = "ads//ingest", .requests = 0, .per = Duration::zero(), .per_day = 50}},
                std::chrono::minutes(1));
  }
  const auto rows = l.read([&](store::Tx& tx) { return quotas(tx, l.settings, l.clock.system_now()).rows; });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][0], "ads/ingest");
}

}  // namespace
}  // namespace hw::report
