#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/test_kit.h"
#include "service/sync.h"

namespace hw::cli {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Steer : public CommandFixture {
 protected:
  Ran say(std::vector<std::string> words) {
    words.insert(words.end(), {"-c", main_file()});
    return run_line(std::move(words));
  }
  /// One full pass; `refuses`: the platform refuses every row.
  std::size_t work(bool refuses = false) {
    auto app = open();
    EXPECT_TRUE(service::start(*app));
    EXPECT_TRUE(app->pullers[0]->step({}));
    EXPECT_TRUE(app->reconciler->step({}));
    for (const auto& u : uploads(*app, "pending"))
      if (refuses) platform(*app).refused[u.dedup_key] = "not_allowed";
    auto done = service::sync(*app, {}, {}, [](const std::string&) {});
    EXPECT_TRUE(done);
    return done ? done->sent : 0;
  }
};

TEST_F(Steer, AConnectorIsPausedShownAndResumed) {
  pages_ = {won_deals(1, 2)};
  work(/*refuses=*/false);
  pages_ = {won_deals(1, 2), won_deals(3, 1)};
  const Ran paused = say({"pause", "ads"});
  EXPECT_EQ(paused.code, kOk) << paused.err;
  EXPECT_THAT(paused.out, HasSubstr("headwater -c " + main_file() + " resume ads"));
  EXPECT_EQ(work(), 0U);
  EXPECT_THAT(say({"status"}).out, HasSubstr("paused by a person"));
  EXPECT_EQ(say({"resume", "ads"}).code, kOk);
  EXPECT_EQ(say({"resume", "ads"}).code, kDifference) << "it was not paused";
  EXPECT_EQ(work(), 1U);
}

TEST_F(Steer, StatusShowsWhatOfAQuotaIsUsedAndLeft) {
  work();
  const auto app = open();
  const auto hour = std::chrono::floor<std::chrono::hours>(app->clock->system_now()).time_since_epoch().count();
  ASSERT_TRUE(app->db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::set_state(tx, "lane/ads_login//ingest", std::to_string(hour) + ":7 limit:40");
    return {};
  }));
  const Ran ran = say({"status"});
  EXPECT_EQ(ran.code, kOk) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("Quotas of a day"), ContainsRegex("Quota +Used +Limit +Left"),
                             ContainsRegex("ads_login/ingest +7 +40 +33 "),
                             HasSubstr("less what quota_share of the credential leaves to other tools")));
}

TEST_F(Steer, ANameThatIsNoneIsRefusedWithTheNearest) {
  work();
  for (const char* command : {"pause", "resume"}) {
    const Ran ran = say({command, "adz"});
    EXPECT_EQ(ran.code, kUsage);
    EXPECT_THAT(ran.err, HasSubstr("did you mean 'ads'?")) << command;
  }
}

TEST_F(Steer, ARetryTellsCountAndMoneyAndThenDoesIt) {
  pages_ = {won_deals(1, 3)};
  work(/*refuses=*/true);
  const std::vector<std::string> retry{"uploads", "retry", "--reason", "not_allowed", "--format", "json"};
  auto dry = retry;
  dry.emplace_back("--dry-run");
  const auto tried = say(dry).parsed();
  ASSERT_THAT(tried, SizeIs(1));
  EXPECT_EQ(tried[0]["becomes"], "tried_again");
  EXPECT_EQ(tried[0]["rows"], 3);
  EXPECT_EQ(tried[0]["value"], 300.00);
  EXPECT_THAT(uploads(*open(), "rejected"), SizeIs(3)) << "a dry run writes nothing";
  const Ran ran = say(retry);
  EXPECT_EQ(ran.code, kOk) << ran.err;
  EXPECT_EQ(ran.parsed(), tried);
  EXPECT_EQ(work(), 3U);
  EXPECT_EQ(say(retry).code, kDifference) << "nothing is left";
}

TEST_F(Steer, ARetryOfATakenRowIsLeftAndSaidSo) {
  pages_ = {won_deals(1, 1)};
  work();
  const std::string id = std::to_string(uploads(*open(), "received").front().id);
  const Ran ran = say({"uploads", "retry", id, "--format", "json"});
  EXPECT_EQ(ran.code, kDifference);
  EXPECT_EQ(ran.parsed()[0]["becomes"], "left");
  EXPECT_EQ(ran.parsed()[0]["reason"], "taken");
  EXPECT_EQ(work(), 0U);
}

TEST_F(Steer, ARetryIsToldWhichRows) {
  work();
  EXPECT_EQ(say({"uploads", "retry"}).code, kUsage);
  EXPECT_EQ(say({"uploads", "retry", "1", "--destination", "ads_won"}).code, kUsage) << "either ids or a filter";
  EXPECT_THAT(say({"uploads", "retry", "--destination", "ads_one"}).err, HasSubstr("did you mean 'ads_won'?"));
  EXPECT_THAT(say({"uploads", "retry", "--destination", "ads_won", "--uncertain"}).err, HasSubstr("row by row"));
  EXPECT_THAT(say({"uploads", "retry", "--newer-than", "yesterday"}).err, HasSubstr("is no age"));
}

/// Two goals of the same stage, each told to a destination of its own: three deals at each, two of them refused at one,
/// two rows of three days ago.
class SteerByFilter : public Steer {
 protected:
  SteerByFilter() {
    std::string two = config("live");
    for (const auto& [before, line] :
         {std::pair{"destinations:\n",
                    "  - {name: early, subject: deal, stage: won, value: fixed 5 EUR, go_live: 2020-01-01}\n"},
          {"connectors:\n",
           "  - {name: ads_early, goal: early, upload_by: ads, account: \"1\", action: \"3\", go_live: 2020-01-01, "
           "mode: live}\n"}})
      two.insert(two.find(before), line);
    write("headwater.yaml", two);
    pages_ = {won_deals(1, 2)};
    work(/*refuses=*/true);  // of ads_won alone
    pages_.push_back(won_deals(3, 1));
    work();
    const auto app = open();
    EXPECT_TRUE(app->db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
      for (const auto& row : parsed_list({}))
        if (named(row) == "ads_won D1" || named(row) == "ads_early D2")
          tx.exec("UPDATE upload SET last_attempt_at = last_attempt_at - ? WHERE id = ?",
                  {store::val(std::int64_t{3} * 86'400'000'000), store::val(row["id"].get<std::int64_t>())});
      return {};
    }));
  }
  nlohmann::json parsed_list(const std::vector<std::string>& filter) {
    std::vector<std::string> words{"uploads", "list", "--format", "json"};
    words.insert(words.end(), filter.begin(), filter.end());
    return say(words).parsed();
  }
  static std::string named(const nlohmann::json& row) {
    return row["destination"].get<std::string>() + " " + row["subject"].get<std::string>().substr(5);
  }
  std::vector<std::string> listed(const std::vector<std::string>& filter) {
    std::vector<std::string> out;
    for (const auto& row : parsed_list(filter)) out.push_back(named(row));
    return out;
  }
};

TEST_F(SteerByFilter, RowsAreListedByEachFilterAlone) {
  const char *w1 = "ads_won D1", *w2 = "ads_won D2", *w3 = "ads_won D3";
  const char *e1 = "ads_early D1", *e2 = "ads_early D2", *e3 = "ads_early D3";
  EXPECT_THAT(listed({}), UnorderedElementsAre(w1, w2, w3, e1, e2, e3));
  EXPECT_THAT(listed({"--state", "rejected"}), UnorderedElementsAre(w1, w2));
  EXPECT_THAT(listed({"--state", "received"}), UnorderedElementsAre(w3, e1, e2, e3));
  EXPECT_THAT(listed({"--reason", "not_allowed"}), UnorderedElementsAre(w1, w2)) << "the platform's code";
  EXPECT_THAT(listed({"--reason", "rejected"}), UnorderedElementsAre(w1, w2)) << "what it stands under";
  EXPECT_THAT(listed({"--destination", "ads_won"}), UnorderedElementsAre(w1, w2, w3));
  EXPECT_THAT(listed({"--destination", "ads_early"}), UnorderedElementsAre(e1, e2, e3));
  EXPECT_THAT(listed({"--goal", "early"}), UnorderedElementsAre(e1, e2, e3));
  EXPECT_THAT(listed({"--older-than", "1d"}), UnorderedElementsAre(w1, e2));
  EXPECT_THAT(listed({"--newer-than", "1d"}), UnorderedElementsAre(w2, w3, e1, e3));
  EXPECT_THAT(listed({"--older-than", "1d", "--destination", "ads_won"}), UnorderedElementsAre(w1));
  EXPECT_THAT(listed({"--limit", "1"}), SizeIs(1));
  const auto row = parsed_list({"--state", "rejected"})[0];
  EXPECT_EQ(row["stands"], "rejected");
  EXPECT_NE(row["last_attempt"], "-");
}

TEST_F(SteerByFilter, ARetryTakesTheSameFilters) {
  const auto rows = [&](const std::vector<std::string>& filter) {
    std::vector<std::string> words{"uploads", "retry", "--dry-run", "--format", "json"};
    words.insert(words.end(), filter.begin(), filter.end());
    const Ran ran = say(words);
    return ran.code == kOk ? ran.parsed()[0]["rows"].get<int>() : 0;
  };
  EXPECT_EQ(rows({"--destination", "ads_won"}), 2);
  EXPECT_EQ(rows({"--destination", "ads_early"}), 0);
  EXPECT_EQ(rows({"--goal", "early"}), 0);
  EXPECT_EQ(rows({"--older-than", "1d"}), 1);
  EXPECT_EQ(rows({"--newer-than", "1d"}), 1);
  EXPECT_EQ(rows({"--reason", "not_allowed"}), 2);
  EXPECT_EQ(rows({"--reason", "another"}), 0);
}

TEST_F(Steer, AListSaysWhatIsMissingFromItAndWhichNameIsNone) {
  pages_ = {won_deals(1, 3)};
  work();
  EXPECT_THAT(say({"uploads", "list", "--limit", "2"}).out, HasSubstr("more than these 2: --limit"));
  EXPECT_THAT(say({"uploads", "list", "--limit", "3"}).out, Not(HasSubstr("--limit")));
  const Ran place = say({"uploads", "list", "--destination", "ads_one"});
  EXPECT_EQ(place.code, kUsage);
  EXPECT_THAT(place.err, HasSubstr("did you mean 'ads_won'?"));
  for (const char* command : {"list", "retry"}) {
    const Ran goal = say({"uploads", command, "--goal", "closed_one"});
    EXPECT_EQ(goal.code, kUsage) << command;
    EXPECT_THAT(goal.err, HasSubstr("did you mean 'closed_won'?")) << command;
  }
}

}  // namespace
}  // namespace hw::cli
