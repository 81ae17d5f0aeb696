#include "sandbox/compare.h"

#include <gmock/gmock.h>

#include <functional>
#include <initializer_list>

namespace hw::sandbox {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;

constexpr std::int64_t kEuro = 1'000'000;

/// One conversion worth 100 EUR that everybody agrees on; a case bends one of the three views.
struct Views {
  TruthRow truth{.destination = "ads",
                 .goal = "won",
                 .object = "deal",
                 .id = "1",
                 .occurrence = 1,
                 .dedup_id = "hw-a",
                 .state = "taken",
                 .reason = "",
                 .currency = "EUR",
                 .wanted_micros = 100 * kEuro,
                 .told_micros = 100 * kEuro};
  ClaimRow claim;
  Belief belief{
      .account = "1", .action = "2", .key = "hw-a", .currency = "EUR", .micros = 100 * kEuro, .state = "counted"};
  std::vector<Belief> more_beliefs{};  ///< before that one
  bool counts_repeats = false;
  Allowed allowed{};

  Views() {
    claim.destination = "ads";
    claim.goal = "won";
    claim.object = "deal";
    claim.id = "1";
    claim.dedup_id = "hw-a";
    claim.state = "taken";
    claim.wanted_currency = claim.told_currency = "EUR";
    claim.wanted = claim.told = claim.told_low = claim.told_high = 100 * kEuro;
  }
  [[nodiscard]] Comparison compared() const {
    std::vector<Belief> beliefs = more_beliefs;
    beliefs.push_back(belief);
    return compare({truth}, {claim}, beliefs, {{"1", "2", "ads", counts_repeats}}, allowed);
  }
};

void lose_the_answer(Views& v) {
  v.claim.state = "uncertain";
  v.claim.told_low = 0;
  v.counts_repeats = v.allowed.killed = true;
}

TEST(DemoComparison, ThreeViewsThatAgreeAreEqual) {
  const Comparison c = Views().compared();
  EXPECT_TRUE(c.equal());
  EXPECT_EQ(c.conversions, 1U);
  EXPECT_EQ(c.destinations, 1U);
}

TEST(DemoComparison, WhateverOneViewSaysOtherwiseIsADifference) {
  struct Case {
    const char* name;
    std::function<void(Views&)> bend;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"another state", [](Views& v) { v.truth.state = "missing"; }},
           {"another reason", [](Views& v) { v.truth.reason = "expired"; }},
           {"more is wanted", [](Views& v) { v.truth.wanted_micros += kEuro; }},
           {"less was told", [](Views& v) { v.truth.told_micros = 0; }},
           {"another currency", [](Views& v) { v.truth.currency = "USD"; }},
           {"a conversion that the script has not", [](Views& v) { v.truth.dedup_id = "hw-b"; }},
           {"the platform believes less", [](Views& v) { v.belief.micros = 0; }},
           {"the platform counts twice", [](Views& v) { v.belief.count = 2; }},
           {"the platform counts nothing", [](Views& v) { v.belief.count = 0; }},
           {"the platform believes what nobody claims", [](Views& v) { v.belief.key = "hw-b"; }},
           {"the platform counts one without value that nobody claims",
            [](Views& v) {
              v.belief.key = "hw-b";
              v.belief.micros = v.truth.wanted_micros = v.truth.told_micros = 0;
              v.truth.state = "none";
              v.claim.state = "none";
              v.claim.wanted = v.claim.told = v.claim.told_low = v.claim.told_high = 0;
            }},
           {"the platform has two beliefs under one key",
            [](Views& v) {
              v.more_beliefs.push_back(v.belief);
              v.more_beliefs.back().micros = 0;
            }},
           {"an action that nobody configured", [](Views& v) { v.belief.action = "3"; }},
           {"uncertain where a repeat is harmless",
            [](Views& v) {
              lose_the_answer(v);
              v.counts_repeats = false;
            }},
           {"uncertain though nobody was killed",
            [](Views& v) {
              lose_the_answer(v);
              v.allowed.killed = false;
            }},
           {"uncertain, and the belief is out of range",
            [](Views& v) {
              lose_the_answer(v);
              v.belief.micros = 200 * kEuro;
            }},
       }) {
    Views v;
    c.bend(v);
    EXPECT_FALSE(v.compared().equal()) << c.name;
  }
}

TEST(DemoComparison, AnEventWhoseAnswerDiedWithTheDaemonMayStandAsUncertain) {
  for (const std::int64_t believed : {std::int64_t{0}, 100 * kEuro}) {
    Views v;
    lose_the_answer(v);
    v.belief.micros = believed;
    EXPECT_TRUE(v.compared().equal());
    EXPECT_EQ(v.compared().uncertain, 1U);
    EXPECT_EQ(v.compared().unanswered, 1U);
  }
}

TEST(DemoComparison, AfterARestoreWhatMayHaveBeenToldMayStandAsUncertain) {
  Views v;
  lose_the_answer(v);
  v.counts_repeats = false;
  v.allowed = {.killed = false, .may_have_been_told = [](const auto&, const auto& id) { return id == "1"; }};
  EXPECT_TRUE(v.compared().equal());
  v.claim.id = v.truth.id = "2";
  EXPECT_FALSE(v.compared().equal()) << "of that record nothing happened between backup and restore";
}

TEST(DemoComparison, WhatWasToldOfARecordThatVanishedBeforeTheRestoreIsCountedApart) {
  Views v;
  v.truth.wanted_micros = v.truth.told_micros = 0;
  v.truth.state = "none";
  v.allowed.vanished = [](const auto&, const auto& id) { return id == "1"; };
  const auto judged = [&](std::int64_t believed) {
    v.belief.micros = believed;
    v.belief.state = believed == 0 ? "final_zero" : "counted";
    return compare({v.truth}, {}, {v.belief}, {{"1", "2", "ads", false}}, v.allowed);
  };
  EXPECT_TRUE(judged(0).equal());
  EXPECT_EQ(judged(0).vanished, 0U);
  EXPECT_TRUE(judged(100 * kEuro).equal());
  EXPECT_EQ(judged(100 * kEuro).vanished, 1U);
  v.belief.count = 2;
  EXPECT_FALSE(judged(100 * kEuro).equal()) << "twice is twice";
  v.belief.count = 1;
  v.truth.wanted_micros = 100 * kEuro;
  EXPECT_FALSE(judged(100 * kEuro).equal()) << "what is wanted must be known";
  v.truth.wanted_micros = 0;
  v.truth.id = "2";
  EXPECT_FALSE(judged(0).equal()) << "this one is there";
}

TEST(DemoComparison, OneWithoutValueThatAPlatformCountsIsOneToo) {
  Views v;
  v.truth.wanted_micros = v.truth.told_micros = v.belief.micros = 0;
  v.truth.state = "none";
  const auto unclaimed = [&] { return compare({v.truth}, {}, {v.belief}, {{"1", "2", "ads", false}}, v.allowed); };
  v.allowed.may_have_been_told = [](const auto&, const auto&) { return true; };
  EXPECT_FALSE(unclaimed().equal()) << "nobody claims it";
  v.belief.state = "final_zero";
  EXPECT_TRUE(unclaimed().equal()) << "the platform counts it no more";
  v.belief.state = "counted";
  v.allowed.vanished = v.allowed.may_have_been_told;
  EXPECT_EQ(unclaimed().vanished, 1U) << "it is counted apart";
}

/// Won, lost and won again: the first occurrence ended at the platform, and a second was told.
struct Again {
  Views first, second;
  bool second_is_known = true;

  Again() {
    lose_the_answer(first);
    first.truth.state = "none";
    first.truth.reason = "not_wanted";
    first.truth.wanted_micros = first.truth.told_micros = 0;
    second.truth.occurrence = second.claim.occurrence = 2;
    second.truth.dedup_id = second.claim.dedup_id = "hw-b";
    second.claim.state = "none";
    second.claim.reason = "not_wanted";
    second.claim.wanted = second.claim.told = 0;
    second.belief.key = "hw-b";
  }
  [[nodiscard]] Comparison compared() const {
    std::vector<ClaimRow> claims{first.claim};
    if (second_is_known) claims.push_back(second.claim);
    std::vector<Belief> beliefs{first.belief};
    if (second.claim.told != 0) beliefs.push_back(second.belief);
    return compare({first.truth, second.truth}, claims, beliefs, {{"1", "2", "ads", true}}, first.allowed);
  }
};

TEST(DemoComparison, WhileAnEarlierOccurrenceIsUncertainALaterOneIsNotTold) {
  Again v;
  EXPECT_TRUE(v.compared().equal());
  EXPECT_EQ(v.compared().lost, 0U);
  v.second_is_known = false;
  EXPECT_TRUE(v.compared().equal());
  EXPECT_EQ(v.compared().lost, 0U);
}

TEST(DemoComparison, AnUncertainOneMayStandUnderAKeyThatNobodyClaims) {
  Again v;
  v.second_is_known = false;
  const auto judged = [&](std::int64_t first, std::int64_t second) {
    v.first.belief.micros = first * kEuro;
    v.second.belief.micros = second * kEuro;
    v.first.belief.state = first == 0 ? "final_zero" : "counted";
    return compare({v.first.truth, v.second.truth}, {v.first.claim}, {v.first.belief, v.second.belief},
                   {{"1", "2", "ads", true}}, v.first.allowed);
  };
  EXPECT_TRUE(judged(0, 100).equal());
  EXPECT_FALSE(judged(60, 40).equal()) << "one of the two counts at most";
  EXPECT_FALSE(judged(100, 100).equal()) << "both together are beyond its range";
  EXPECT_FALSE(judged(100, 0).equal()) << "the second one has no value, and counts";
  v.second.belief.state = "final_zero";
  EXPECT_TRUE(judged(100, 0).equal()) << "and now no more";
  v.second.belief.state = "counted";
  v.second.truth.id = "2";
  EXPECT_FALSE(judged(0, 100).equal()) << "of another record";
}

TEST(DemoComparison, ALaterOccurrenceIsHeldBackOnlyByAnUncertainOneOfItsOwnAtThatDestination) {
  for (const auto& bend : std::initializer_list<std::function<void(Again&)>>{
           [](Again& v) { v.first.allowed.killed = false; },
           [](Again& v) {
             v.first.claim.state = "none";
             v.first.claim.reason = "not_wanted";
             v.first.claim.wanted = v.first.claim.told = v.first.belief.micros = 0;
           },
           [](Again& v) { v.second.truth.id = v.second.claim.id = "2"; },
           [](Again& v) { v.second.truth.goal = v.second.claim.goal = "lead"; },
           [](Again& v) { v.second.claim.state = "missing"; },
           [](Again& v) { v.second.claim.told = 100 * kEuro; },
       }) {
    for (const bool known : {true, false}) {
      Again v;
      bend(v);
      const bool said = v.second.claim.state != "none" || v.second.claim.told != 0;
      v.second_is_known = known || said || !v.first.allowed.killed;
      EXPECT_THAT(v.compared().complaints, Contains(AnyOf(HasSubstr("#2"), HasSubstr("knows of no such"))));
    }
  }
}

TEST(DemoComparison, CountsWhatIsLostAndWhatIsDoubled) {
  struct Case {
    const char* name;
    std::function<void(Views&)> bend;
    std::size_t lost, doubled;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"all is well", [](Views&) {}, 0, 0},
           {"should be taken and is not", [](Views& v) { v.claim.state = "missing"; }, 1, 0},
           {"taken, and the platform never heard of it", [](Views& v) { v.belief.count = 0; }, 1, 0},
           {"counted twice", [](Views& v) { v.belief.count = 2; }, 0, 1},
           {"uncertain, and counted twice",
            [](Views& v) {
              lose_the_answer(v);
              v.belief.count = 2;
            },
            0, 1},
           {"Headwater knows another key than script and platform", [](Views& v) { v.claim.dedup_id = "hw-b"; }, 2, 1},
       }) {
    Views v;
    c.bend(v);
    EXPECT_EQ(v.compared().lost, c.lost) << c.name;
    EXPECT_EQ(v.compared().doubled, c.doubled) << c.name;
  }
}

}  // namespace
}  // namespace hw::sandbox
