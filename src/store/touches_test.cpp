#include "store/touches.h"

#include <unordered_map>

#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Identifier kClient{"ga_client_id", "1.2"};
const Identifier kClick{"gclid", "Cj0-x"};

Touch touch(std::string key, Timestamp when, std::vector<Identifier> identifiers = {kClient}) {
  Touch out;
  out.key = std::move(key);
  out.at = when;
  out.identifiers = std::move(identifiers);
  out.source = "newsletter";
  return out;
}

std::vector<std::string> keys(const std::vector<StoredTouch>& touches) {
  std::vector<std::string> out;
  for (const StoredTouch& stored : touches) out.push_back(stored.touch.key);
  return out;
}

class TouchesTest : public EngineTest {
 protected:
  static std::int64_t put(Tx& tx, const Touch& t, bool* changed = nullptr, const std::optional<std::string>& part = {},
                          std::optional<std::int64_t> record = {}) {
    return touches::put(tx, t, "web", "Email", part, record, at(999), changed);
  }
};
HW_BOTH_ENGINES(TouchesTest);

TEST_P(TouchesTest, ATouchComesBackWhole) {
  write([](Tx& tx) {
    Touch t = touch("k", at(1), {kClient, kClick});
    t.basis = Basis::inferred;
    t.kind = "form";
    t.medium = "email";
    t.campaign = "spring; 'sale'";
    t.campaign_id = "17";
    t.term = "t";
    t.content = "c";
    t.landing_page = "https://example.com/";
    t.referrer = "https://news.example.com/";
    t.country = "DE";
    const auto id = put(tx, t, nullptr, "2026-11-20", 12);
    const StoredTouch stored = *touches::get(tx, id);
    EXPECT_EQ(stored.connector, "web");
    EXPECT_EQ(stored.channel, "Email");
    EXPECT_EQ(stored.learned, at(999));
    EXPECT_EQ(stored.record_id, 12);
    EXPECT_EQ(stored.touch.key, "k");
    EXPECT_EQ(stored.touch.at, t.at);
    EXPECT_EQ(stored.touch.basis, t.basis);
    EXPECT_EQ(stored.touch.identifiers, t.identifiers);
    EXPECT_EQ(stored.touch.kind + stored.touch.source + stored.touch.medium + stored.touch.campaign_id +
                  stored.touch.term + stored.touch.content + stored.touch.country,
              "formnewsletteremail17tcDE");
    EXPECT_EQ(stored.touch.campaign, t.campaign);
    EXPECT_EQ(stored.touch.landing_page, t.landing_page);
    EXPECT_EQ(stored.touch.referrer, t.referrer);
    EXPECT_THAT(keys(touches::of_record(tx, 12)), ElementsAre("k"));
  });
}

TEST_P(TouchesTest, ARepeatChangesNothingAndOtherContentIsRewrittenInPlace) {
  write([](Tx& tx) {
    bool changed = false;
    Touch t = touch("k", at(1));
    const auto id = put(tx, t, &changed);
    EXPECT_TRUE(changed);
    EXPECT_EQ(put(tx, t, &changed), id);
    EXPECT_FALSE(changed);
    t.campaign = "other";
    t.identifiers = {kClick};
    EXPECT_EQ(put(tx, t, &changed), id);
    EXPECT_TRUE(changed);
    EXPECT_EQ(touches::get(tx, id)->touch.campaign, "other");
    EXPECT_THAT(touches::with(tx, kClient), IsEmpty());
    EXPECT_THAT(keys(touches::with(tx, kClick)), ElementsAre("k"));
    EXPECT_EQ(touches::count(tx), 1);
  });
}

TEST_P(TouchesTest, AKeyWhoseTimeWasCorrectedIsOneTouchStill) {
  write([](Tx& tx) {
    bool changed = false;
    const auto id = put(tx, touch("k", at(1)));
    for (const std::int64_t days : {1, 20, 45}) {  // across buckets of 30 days, step by step
      const Touch moved = touch("k", at(86400 * days));
      EXPECT_EQ(put(tx, moved, &changed), id);
      EXPECT_TRUE(changed);
      EXPECT_EQ(put(tx, moved, &changed), id);
      EXPECT_FALSE(changed);
      EXPECT_EQ(touches::with(tx, kClient).at(0).touch.at, moved.at);
    }
    EXPECT_EQ(touches::count(tx), 1);
  });
}

/// Two keys of one second whose 30-bit hashes meet: among 2^17 keys there are several pairs.
std::pair<std::string, std::string> clashing_keys(Timestamp when) {
  std::unordered_map<std::int64_t, std::string> seen;
  for (int i = 0; i < 1 << 17; ++i) {
    const std::string key = "key" + std::to_string(i);
    const auto [there, fresh] = seen.emplace(touches::first_id(when, "web", key), key);
    if (!fresh) return {there->second, key};
  }
  return {};
}

TEST_P(TouchesTest, KeysWhoseHashesClashTakeTheNextId) {
  const auto [first, second] = clashing_keys(at(1));
  ASSERT_NE(first, second);
  write([&, a = first, b = second](Tx& tx) {
    const auto id = put(tx, touch(a, at(1)));
    EXPECT_EQ(put(tx, touch(b, at(1))), id + 1);
    bool changed = true;
    EXPECT_EQ(put(tx, touch(a, at(1)), &changed), id);
    EXPECT_FALSE(changed);
    EXPECT_EQ(put(tx, touch(b, at(1)), &changed), id + 1);
    EXPECT_FALSE(changed);
    EXPECT_EQ(touches::get(tx, id + 1)->touch.key, b);
    EXPECT_EQ(put(tx, touch(b, at(90)), &changed), id + 1);  // found again although it was probed
    EXPECT_TRUE(changed);
  });
}

TEST_P(TouchesTest, TheIdHoldsTheSecondAlsoBefore1970) {
  EXPECT_EQ(touches::first_id(at(7), "web", "k") >> 30, to_micros(at(7)) / 1000000);
  EXPECT_EQ(touches::first_id(from_micros(-1), "web", "k") >> 30, -1);
  EXPECT_NE(touches::first_id(at(7), "web", "k"), touches::first_id(at(7), "app", "k"));
}

TEST_P(TouchesTest, AnIdentifiersTouchesAreFoundOverYearsByTime) {
  write([](Tx& tx) {
    constexpr std::int64_t kYear = 86400 * 365;
    put(tx, touch("now", at(5)));
    put(tx, touch("later", at(kYear * 3)));
    put(tx, touch("old", at(-kYear * 8), {kClick, kClient}));
    put(tx, touch("twice", at(6), {kClient, kClient}));
    put(tx, touch("other", at(5), {kClick}));
    EXPECT_THAT(keys(touches::with(tx, kClient)), ElementsAre("old", "now", "twice", "later"));
    EXPECT_THAT(touches::with(tx, {"gclid", "unknown"}), IsEmpty());
  });
}

TEST_P(TouchesTest, TouchesOfOthersDoNotMakeAnIdentifiersTouchesDearer) {
  if (!is_sqlite()) GTEST_SKIP() << "PostgreSQL counts no steps of its own";
  const auto others = [&](int from, int to) {
    write([&](Tx& tx) {
      for (int i = from; i < to; ++i) {
        const std::string n = std::to_string(i);
        put(tx, touch("other" + n, at(i), {{"ga_client_id", n}}));
      }
    });
  };
  const auto steps = [&] {
    return write([&](Tx& tx) {
      const std::int64_t before = tx.steps;
      EXPECT_THAT(keys(touches::with(tx, kClient)), ElementsAre("mine"));
      EXPECT_THAT(keys(touches::perhaps_with(tx, kClient, 0, 10)), ElementsAre("mine"));
      return tx.steps - before;
    });
  };
  write([&](Tx& tx) { put(tx, touch("mine", at(5))); });
  others(0, 10);
  const std::int64_t few = steps();
  others(10, 1000);
  EXPECT_EQ(steps(), few);
}

TEST_P(TouchesTest, AnIdentifiersTouchesComeInChunksOfTheirIds) {
  write([](Tx& tx) {
    for (int i = 0; i < 5; ++i) put(tx, touch("t" + std::to_string(i), at(86400 * 60 * i)));
    const auto first = touches::perhaps_with(tx, kClient, 0, 3);
    EXPECT_THAT(keys(first), ElementsAre("t0", "t1", "t2"));
    EXPECT_THAT(keys(touches::perhaps_with(tx, kClient, first.back().id, 3)), ElementsAre("t3", "t4"));
  });
}

TEST_P(TouchesTest, APartitionThatIsReadAgainWithdrawsWhatItDoesNotRepeat) {
  write([](Tx& tx) {
    const auto a = put(tx, touch("a", at(1)), nullptr, "day");
    put(tx, touch("b", at(2)), nullptr, "day");
    put(tx, touch("c", at(3)), nullptr, "other day");
    put(tx, touch("d", at(4)));
    EXPECT_THAT(keys(touches::withdraw_missing(tx, "web", "day", {a}, at(5))), ElementsAre("b"));
    EXPECT_THAT(touches::withdraw_missing(tx, "web", "day", {a}, at(6)), IsEmpty());
    EXPECT_THAT(touches::withdraw_missing(tx, "app", "day", {}, at(6)), IsEmpty());
    EXPECT_THAT(keys(touches::with(tx, kClient)), ElementsAre("a", "c", "d"));
    bool changed = false;
    put(tx, touch("b", at(2)), &changed, "day");
    EXPECT_TRUE(changed);
    EXPECT_THAT(keys(touches::with(tx, kClient)), ElementsAre("a", "b", "c", "d"));
  });
}

TEST_P(TouchesTest, WhoTellsATouchAgainOutsideAPartitionLeavesItInTheOneThatItWasToldIn) {
  write([](Tx& tx) {
    const auto id = put(tx, touch("k", at(1), {kClient}), nullptr, "2026-11-20");
    bool changed = true;
    EXPECT_EQ(put(tx, touch("k", at(1), {kClient}), &changed), id);
    EXPECT_FALSE(changed);
    EXPECT_THAT(keys(touches::withdraw_missing(tx, "web", "2026-11-20", {}, at(5))), ElementsAre("k"));
  });
}

TEST_P(TouchesTest, ARecordsOwnTouchesAreWithdrawnWhenItNoLongerNamesThem) {
  write([](Tx& tx) {
    const auto kept = put(tx, touch("a", at(1)), nullptr, {}, 12);
    put(tx, touch("b", at(2)), nullptr, {}, 12);
    put(tx, touch("c", at(3)), nullptr, {}, 13);
    touches::withdraw_record_touches(tx, 12, {kept}, at(4));
    EXPECT_THAT(keys(touches::of_record(tx, 12)), ElementsAre("a"));
    EXPECT_THAT(keys(touches::of_record(tx, 13)), ElementsAre("c"));
  });
}

TEST_P(TouchesTest, ChannelsAreRewrittenInChunksToTheEnd) {
  write([](Tx& tx) {
    for (int i = 0; i < 5; ++i) put(tx, touch("k" + std::to_string(i), at(i)));
    int chunks = 0;
    for (std::int64_t after = 0; (after = touches::rechannel(tx, after, 2, [](const Touch& t) {
                                    return t.key == "k3" ? "Direct" : "Email";
                                  })) != 0;) {
      ++chunks;
    }
    EXPECT_EQ(chunks, 3);
    EXPECT_EQ(tx.one_integer("SELECT COUNT(*) FROM touch WHERE channel = 'Direct' AND key = 'k3'"), 1);
    EXPECT_EQ(tx.one_integer("SELECT COUNT(*) FROM touch WHERE channel = 'Email'"), 4);
  });
}

TEST_P(TouchesTest, SpendIsReplacedByKeyAndSummedByCurrency) {
  write([](Tx& tx) {
    const auto spend = [&](std::string key, std::int64_t day, std::int64_t micros, std::string currency) {
      Spend s;
      s.key = std::move(key);
      s.day = at(86400 * day);
      s.micros = micros;
      s.currency = std::move(currency);
      touches::put_spend(tx, s, "ads", "Paid Search", {}, at(999));
    };
    spend("a", 0, 100, "EUR");
    spend("a", 0, 150, "EUR");
    spend("b", 1, 50, "EUR");
    spend("c", 1, 7, "USD");
    spend("d", 2, 1000, "EUR");
    std::vector<std::string> sums;
    for (const auto& total : touches::spend_totals(tx, at(0), at(86400 * 2))) {
      sums.push_back(total.channel + " " + std::to_string(total.micros) + " " + total.currency);
    }
    EXPECT_THAT(sums, ElementsAre("Paid Search 200 EUR", "Paid Search 7 USD"));
  });
}

}  // namespace
}  // namespace hw::store
