#include "journey/clicks.h"

#include <gmock/gmock.h>

#include "journey/store_for_test.h"

namespace hw::journey {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kTypes{"gclid", "gbraid"};
const Identifier kAnna{"ga_client_id", "anna"}, kBob{"ga_client_id", "bob"};

std::vector<std::string> values(const std::vector<Candidate>& candidates) {
  std::vector<std::string> out;
  for (const Candidate& candidate : candidates) out.push_back(candidate.click.value);
  return out;
}

TEST(Clicks, LeadsOwnClickComesFirstWhateverItsTime) {
  in_a_world([](WorldForTest& world) {
    RecordState state = state_of(Object::lead, "lead", {{"gclid", "own"}, kAnna}, 100);
    state.click_times["gclid"] = at_minute(10);
    auto lead = world.record(state);
    world.touch(touch_of("t1", 90, {kAnna, {"gclid", "newer"}}));
    auto found = clicks(world.tx, lead, kTypes, at_minute(100));
    EXPECT_THAT(values(found), ElementsAre("own", "newer"));
    EXPECT_TRUE(found[0].captured);
    EXPECT_EQ(found[0].click.at, at_minute(10));
    EXPECT_EQ(found[0].click.at_basis, Basis::crm_history);
    EXPECT_FALSE(found[1].captured);
  });
}

TEST(Clicks, TimeOfACapturedClickIsThatOfTheTouchWithTheSameId) {
  in_a_world([](WorldForTest& world) {
    auto lead = world.record(state_of(Object::lead, "lead", {{"gclid", "own"}}, 100));
    world.touch(touch_of("t2", 80, {{"gclid", "own"}}));
    std::int64_t first = world.touch(touch_of("t1", 70, {{"gclid", "own"}}));
    auto found = clicks(world.tx, lead, kTypes, at_minute(100));
    ASSERT_THAT(values(found), ElementsAre("own"));
    EXPECT_EQ(found[0].click.at, at_minute(70));
    EXPECT_EQ(found[0].touch, first);
  });
}

TEST(Clicks, TimeOfAClickThatNothingTellsIsTheRecordsCreationInferred) {
  in_a_world([](WorldForTest& world) {
    auto found =
        clicks(world.tx, world.record(state_of(Object::lead, "lead", {{"gclid", "own"}}, 100)), kTypes, at_minute(100));
    ASSERT_THAT(values(found), ElementsAre("own"));
    EXPECT_EQ(found[0].click.at, at_minute(100));
    EXPECT_EQ(found[0].click.at_basis, Basis::inferred);
  });
}

TEST(Clicks, BetterTypeComesFirstAndOthersAreLeftOut) {
  in_a_world([](WorldForTest& world) {
    auto lead = world.record(state_of(Object::lead, "lead", {{"gbraid", "b"}, {"msclkid", "m"}, {"gclid", "g"}}, 100));
    EXPECT_THAT(values(clicks(world.tx, lead, kTypes, at_minute(100))), ElementsAre("g", "b"));
  });
}

TEST(Clicks, WithoutLeadThePrimaryContactsLatestNotAfterTheCreationComesFirst) {
  in_a_world([](WorldForTest& world) {
    world.record(state_of(Object::contact, "anna", {kAnna}, 100));
    world.record(state_of(Object::contact, "bob", {kBob}, 50));
    auto deal = world.record(state_of(Object::deal, "deal", {}, 200));
    world.tie("deal", {"anna", "bob"});
    world.touch(touch_of("1", 10, {kAnna, {"gclid", "anna-10"}}));
    world.touch(touch_of("2", 90, {kAnna, {"gclid", "anna-90"}}));
    world.touch(touch_of("3", 120, {kAnna, {"gclid", "anna-120"}}));
    world.touch(touch_of("4", 95, {kBob, {"gclid", "bob-95"}}));
    world.touch(touch_of("5", 150, {kBob, {"gclid", "bob-150"}}));
    auto found = clicks(world.tx, deal, kTypes, at_minute(100));
    EXPECT_THAT(values(found), ElementsAre("anna-90", "anna-10", "bob-95", "bob-150", "anna-120"));
    EXPECT_TRUE(found[0].primary);
    EXPECT_FALSE(found[2].primary);
  });
}

TEST(Clicks, CapturedByTheLeadThenByTheDealThenByOtherContacts) {
  in_a_world([](WorldForTest& world) {
    world.record(state_of(Object::lead, "lead", {{"gclid", "lead"}}, 100));
    world.record(state_of(Object::contact, "anna", {{"gclid", "anna"}}, 90));
    RecordState state = state_of(Object::deal, "deal", {{"gclid", "deal"}}, 200);
    state.converted_from = RecordRef{"crm", Object::lead, "lead"};
    auto deal = world.record(state);
    world.tie("deal", {"anna"});
    EXPECT_THAT(values(clicks(world.tx, deal, kTypes, at_minute(100))), ElementsAre("lead", "deal", "anna"));
  });
}

// ------------------------------------------------------------------------------------------------------------ choose

Candidate candidate(const std::string& value, int minute, Basis basis = Basis::crm_history) {
  Candidate out;
  out.click = {"gclid", value, at_minute(minute), basis, false};
  return out;
}
Click click(const std::string& value, bool after_first = false) {
  return {"gclid", value, {}, Basis::crm_history, after_first};
}

struct ChooseRow {
  const char* name;
  ClickRule rule;
  int window, conversion;
  std::optional<Click> previous;
  const char* chosen;  ///< "(none)"
  bool after_first;
  std::vector<std::string> passed_over;
};

/// In order of preference: the lead's own at 50, then 80, 20 and, after the lead, 150.
std::vector<Candidate> lineage() {
  return {candidate("own", 50), candidate("b80", 80), candidate("c20", 20), candidate("late", 150)};
}

class Choosing : public ::testing::TestWithParam<ChooseRow> {};

TEST_P(Choosing, KeepsToTheRule) {
  const ChooseRow& row = GetParam();
  std::vector<Candidate> candidates = lineage();
  Choice choice =
      choose(candidates, row.rule, std::chrono::minutes(row.window), at_minute(row.conversion), row.previous);
  EXPECT_EQ(choice.chosen ? choice.chosen->click.value : "(none)", row.chosen);
  EXPECT_EQ(choice.chosen && choice.chosen->click.after_first, row.after_first);
  std::vector<std::string> passed;
  for (const PassedOver& p : choice.passed_over) passed.push_back(p.candidate.click.value + " " + p.reason);
  EXPECT_EQ(passed, row.passed_over);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Choosing,
    ::testing::Values(ChooseRow{"LeadsOwn",
                                ClickRule::lead,
                                100,
                                100,
                                {},
                                "own",
                                false,
                                {"b80 not_first_choice", "c20 not_first_choice", "late after_conversion"}},
                      ChooseRow{"LeadsOwnAtTheEdgeOfTheWindow",
                                ClickRule::lead,
                                50,
                                100,
                                {},
                                "own",
                                false,
                                {"b80 not_first_choice", "c20 too_old", "late after_conversion"}},
                      ChooseRow{"LeadsOwnTooOldGivesTheLatestEligibleFlagged",
                                ClickRule::lead,
                                49,
                                100,
                                {},
                                "b80",
                                true,
                                {"own too_old", "c20 too_old", "late after_conversion"}},
                      ChooseRow{"LaterClickAfterTheLeadCountsOnceTheOthersAreTooOld",
                                ClickRule::lead,
                                60,
                                200,
                                {},
                                "late",
                                true,
                                {"own too_old", "b80 too_old", "c20 too_old"}},
                      ChooseRow{"NoneIsLeft",
                                ClickRule::lead,
                                10,
                                1000,
                                {},
                                "(none)",
                                false,
                                {"own too_old", "b80 too_old", "c20 too_old", "late too_old"}},
                      ChooseRow{"LeadsOwnAfterTheConversion",
                                ClickRule::lead,
                                100,
                                40,
                                {},
                                "c20",
                                true,
                                {"own after_conversion", "b80 after_conversion", "late after_conversion"}},
                      ChooseRow{"NoWindow",
                                ClickRule::lead,
                                0,
                                100000,
                                {},
                                "own",
                                false,
                                {"b80 not_first_choice", "c20 not_first_choice", "late not_first_choice"}},
                      ChooseRow{"ChosenBeforeStays",
                                ClickRule::lead,
                                100,
                                160,
                                click("b80"),
                                "b80",
                                false,
                                {"own too_old", "c20 too_old", "late not_first_choice"}},
                      ChooseRow{"ReplacementChosenBeforeStaysFlagged",
                                ClickRule::lead,
                                1000,
                                160,
                                click("b80", true),
                                "b80",
                                true,
                                {"own not_first_choice", "c20 not_first_choice", "late not_first_choice"}},
                      ChooseRow{"ChosenBeforeTooOld",
                                ClickRule::lead,
                                60,
                                200,
                                click("b80"),
                                "late",
                                true,
                                {"own too_old", "b80 too_old", "c20 too_old"}},
                      ChooseRow{"ChosenBeforeButNoLongerTheLineages",
                                ClickRule::lead,
                                100,
                                100,
                                click("gone"),
                                "own",
                                false,
                                {"b80 not_first_choice", "c20 not_first_choice", "late after_conversion"}},
                      ChooseRow{"First",
                                ClickRule::first,
                                100,
                                100,
                                {},
                                "c20",
                                false,
                                {"own not_first_choice", "b80 not_first_choice", "late after_conversion"}},
                      ChooseRow{"FirstTooOld",
                                ClickRule::first,
                                60,
                                100,
                                {},
                                "b80",
                                true,
                                {"own not_first_choice", "c20 too_old", "late after_conversion"}},
                      ChooseRow{"Last",
                                ClickRule::last,
                                100,
                                100,
                                {},
                                "b80",
                                false,
                                {"own not_first_choice", "c20 not_first_choice", "late after_conversion"}},
                      ChooseRow{"LastIsNotBoundByWhatWasChosenBefore",
                                ClickRule::last,
                                200,
                                160,
                                click("b80", true),
                                "late",
                                false,
                                {"own not_first_choice", "b80 not_first_choice", "c20 not_first_choice"}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Choosing, NothingToChooseFrom) {
  Choice choice = choose({}, ClickRule::lead, std::chrono::hours(1), at_minute(1), {});
  EXPECT_FALSE(choice.chosen.has_value());
  EXPECT_THAT(choice.passed_over, IsEmpty());
}

TEST(Choosing, ClickOfInferredTimeIsNeverAfterTheConversion) {
  std::vector<Candidate> candidates{candidate("own", 100, Basis::inferred)};
  Choice choice = choose(candidates, ClickRule::lead, std::chrono::hours(1), at_minute(90), {});
  ASSERT_TRUE(choice.chosen.has_value());
  EXPECT_FALSE(choice.chosen->click.after_first);
}

}  // namespace
}  // namespace hw::journey
