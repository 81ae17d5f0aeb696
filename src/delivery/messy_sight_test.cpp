#include <gmock/gmock.h>

#include <vector>

#include "delivery/messy_kit.h"

/// What the CRM no longer shows, and what people allow and forbid, at every kind of platform.
namespace hw::delivery::messy {
namespace {

class MessySight : public testing::TestWithParam<Case> {};
TEST_P(MessySight, EndAsThePlatformsRulesAllow) { expect_ends(GetParam()); }

const std::vector<Case> kSightPermissionLost{
    {"TheDealGoesOutOfSight",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.remove("D1", Removal::Kind::gone);
       s.pass(kDay * 30);
     },
     {{kAll, "taken 100/100", 1}}},
    {"TheDealGoesOutOfSightBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.remove("D1", Removal::Kind::gone);
     },
     {{kAll, "none gone 0/0", 0}}},
    {"TheDealComesBackRaised",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.remove("D1", Removal::Kind::gone);
       s.pass(kDay * 10);
       s.remove("D1", Removal::Kind::restored);
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"TheDealComesBackLost",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.remove("D1", Removal::Kind::gone);
       s.pass(kDay * 10);
       s.remove("D1", Removal::Kind::restored);
       s.set("D1", "stage", "lost");
     },
     {{kTakingBack, "none not_wanted 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"TheDealGoesOutOfSightWhileALoweringSettles",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "lost");
       s.pass(kDay);
       s.remove("D1", Removal::Kind::gone);
       s.pass(kDay * 30);
     },
     {{kAll, "taken 100/100", 1}}},
    {"FieldsOfTheDealAreNotShownAnyMore",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       RecordState deal = s.shown(Object::deal, "D1");
       deal.fields = {{"owner", "somebody"}};
       deal.modified = s.clock.system_now();
       s.take({deal});
       s.pass(kDay * 30);
     },
     {{kAll, "taken 100/100", 1}}},
    {"ThePersonGoesOutOfSightAndTheDealIsRaised",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.clock.advance(std::chrono::seconds(1));
       s.take({Removal{{"crm", Object::contact, "CD1"}, Removal::Kind::gone, s.clock.system_now()}});
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(PermissionLost, MessySight, testing::ValuesIn(kSightPermissionLost), name_of);

constexpr int kMany = 5;

/// More deals than may be lowered unasked.
void many(Story& s) {
  s.settings.destinations[0].max_lowering_count = kMany - 1;
  s.start();
  for (int i = 0; i < kMany; ++i) {
    const std::string n = std::to_string(i);
    s.person("C" + n, "click-" + n);
    s.deal("D" + n, "C" + n, "won", "100");
  }
  s.pass(kDay);
}

/// How many of them stand so.
int standing_so(Story& s, const std::string& stands) {
  int n = 0;
  for (int i = 0; i < kMany; ++i) n += s.stands("D" + std::to_string(i)) == stands ? 1 : 0;
  return n;
}

bool takes_back(const Story& s) { return (s.platform.kind & kTakingBack) != 0; }

/// Stands for the deals of many(), which say nothing themselves.
const std::vector<Case> kSightMassChange{
    {"AStageIsRenamedInTheCrm",
     [](Story& s) {
       many(s);
       for (int i = 0; i < kMany; ++i) s.set("D" + std::to_string(i), "stage", "won 2026");
       s.pass(kDay * 10);
       EXPECT_EQ(standing_so(s, takes_back(s) ? "excess braked" : "excess uncorrectable"), kMany);
       s.settings.stages[1].values.emplace_back("won 2026");
       s.start();
       s.pass(kDay);
       EXPECT_EQ(standing_so(s, "taken"), kMany);
     },
     {{kAll, "", kMany}}},
    {"AStageIsRenamedInTheConfigurationByMistake",
     [](Story& s) {
       many(s);
       s.settings.stages[1].values = {"Won"};
       s.start();
       s.pass(kDay * 10);
       EXPECT_EQ(standing_so(s, takes_back(s) ? "excess braked" : "excess uncorrectable"), kMany);
       s.settings.stages[1].values = {"won"};
       s.start();
       s.pass(kDay);
       EXPECT_EQ(standing_so(s, "taken"), kMany);
     },
     {{kAll, "", kMany}}},
    {"AFileIsTruncated",
     [](Story& s) {
       many(s);
       std::vector<Record> half;
       for (int i = 0; i < kMany / 2; ++i) {
         RecordState deal = s.shown(Object::deal, "D" + std::to_string(i));
         deal.modified = s.clock.system_now();
         half.emplace_back(deal);
       }
       s.take(half);
       s.pass(kDay * 30);
       EXPECT_EQ(standing_so(s, "taken"), kMany);
     },
     {{kAll, "", kMany}}},
    {"AmountsAreCutOff",
     [](Story& s) {
       many(s);
       for (int i = 0; i < kMany; ++i) s.set("D" + std::to_string(i), "amount", "1");
       s.pass(kDay * 10);
       const bool lowers = (s.platform.kind & kRestating) != 0;
       EXPECT_EQ(standing_so(s, lowers ? "excess braked" : "excess uncorrectable"), kMany);
       for (int i = 0; i < kMany; ++i) s.set("D" + std::to_string(i), "amount", "100");
       s.pass(kDay);
       EXPECT_EQ(standing_so(s, "taken"), kMany);
     },
     {{kAll, "", kMany}}},
    {"AnApprovedMassIsTakenBack",
     [](Story& s) {
       many(s);
       for (int i = 0; i < kMany; ++i) s.set("D" + std::to_string(i), "stage", "lost");
       s.pass(kDay * 10);
       s.approve_brakes();
       s.pass(kDay);
       EXPECT_EQ(standing_so(s, takes_back(s) ? "none not_wanted" : "excess uncorrectable"), kMany);
     },
     {{kTakingBack, "", 2 * kMany}, {kStuck, "", kMany}}}};
INSTANTIATE_TEST_SUITE_P(MassChange, MessySight, testing::ValuesIn(kSightMassChange), name_of);

/// The CRM knows when the person said so.
void says(Story& s, const std::string& person, ConsentState state) {
  s.clock.advance(std::chrono::seconds(1));
  RecordState r = s.shown(Object::contact, person);
  r.consent = Consent{state, state};
  r.consent_at = r.modified = s.clock.system_now();
  s.show(r);
}

/// Everywhere a person in Germany must agree.
void must_agree(Story& s) {
  s.sink().rules.needs_consent = true;
  s.start();
}

const std::vector<Case> kSightConsent{
    {"IsGivenLate",
     [](Story& s) {
       must_agree(s);
       s.person("C1", "click");
       s.consent("C1", ConsentState::unknown);
       s.of("D1", "C1", "won", "100");
       s.pass(kDay * 2);
       EXPECT_EQ(s.says(), "missing consent 100/0");
       s.consent("C1", ConsentState::granted);
     },
     {{kAll, "taken 100/100", 1}}},
    {"IsGivenTooLate",
     [](Story& s) {
       must_agree(s);
       s.person("C1", "click");
       s.consent("C1", ConsentState::unknown);
       s.of("D1", "C1", "won", "100");
       s.pass(kDay * 100);
       s.consent("C1", ConsentState::granted);
     },
     {{kAll, "missing expired 100/0", 0}}},
    {"IsWithdrawnBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.consent("CD1", ConsentState::denied);
     },
     {{kAll, "missing consent 100/0", 0}}},
    {"IsWithdrawnAndTheDealIsRaised",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.consent("CD1", ConsentState::denied);
       s.set("D1", "amount", "150");
     },
     {{kAll, "missing consent 150/100", 1}}},
    {"IsWithdrawnAndTheDealIsLost",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.consent("CD1", ConsentState::denied);
       s.set("D1", "stage", "lost");
     },
     {{kAll, "excess consent 0/100", 1}}},
    {"IsWithdrawnWhileTheAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.consent("CD1", ConsentState::denied);
     },
     {{kAll, "uncertain 100/0..100", 1}}},
    {"IsWithdrawnAndGivenAgainAfterARaise",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.consent("CD1", ConsentState::denied);
       s.set("D1", "amount", "150");
       s.pass(kDay * 10);
       s.consent("CD1", ConsentState::granted);
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"IsWithdrawnAndThePersonIsMergedIntoOneWhoAgreed",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       says(s, "CD1", ConsentState::denied);
       s.set("D1", "amount", "150");
       s.pass(kDay);
       s.person("C2", "another-click");
       s.merge(Object::contact, "CD1", "C2");
     },
     // Nobody knows when: the denial holds.
     {{kAll, "missing consent 150/100", 1}}},
    {"IsWithdrawnAndThePersonIsMergedIntoOneWhoAgreedAfterIt",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       says(s, "CD1", ConsentState::denied);
       s.set("D1", "amount", "150");
       s.pass(kDay);
       s.person("C2", "another-click");
       says(s, "C2", ConsentState::granted);
       s.merge(Object::contact, "CD1", "C2");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Consent, MessySight, testing::ValuesIn(kSightConsent), name_of);

}  // namespace
}  // namespace hw::delivery::messy
