#include <gmock/gmock.h>

#include <vector>

#include "delivery/messy_kit.h"
#include "delivery/test_deals.h"

/// Amounts and currencies that change, at every kind of platform.
namespace hw::delivery::messy {
namespace {

class MessyAmounts : public testing::TestWithParam<Case> {};
TEST_P(MessyAmounts, EndAsThePlatformsRulesAllow) { expect_ends(GetParam()); }

const std::vector<Case> kAmountsUpload{
    {"RaisedBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "150");
     },
     {{kAll, "taken 150/150", 1}}},
    {"LoweredBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "59.99");
     },
     {{kAll, "taken 59.99/59.99", 1}}},
    {"EmptiedBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "");
     },
     {{kAll, "none no_value 0/0", 0}}},
    {"EmptiedBeforeUploadAndFilledAgain",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "");
       s.pass(kDay);
       s.set("D1", "amount", "80");
     },
     {{kAll, "taken 80/80", 1}}},
    {"SetToZeroBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "0");
     },
     {{kAll, "none not_positive 0/0", 0}}},
    {"RaisedWhileTheAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 3},
      {two_days | refunding, "missing uncorrectable 150/100", 2},
      {kWithoutKey, "uncertain 150/0..100", 1}}},
    {"LoweredWhileTheRequestIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_before};
       s.settle();
       s.set("D1", "amount", "60");
     },
     {{kRestating, "taken 60/60", 2},
      {two_days | refunding, "excess uncorrectable 60/100", 1},
      {kWithoutKey, "uncertain 60/0..100", 0}}},
    {"RaisedWhileThePlatformIsAwayForThreeDays",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.sink().weather = [] { return PlatformFault::lost_before; };
       s.settle();
       s.set("D1", "amount", "150");
       s.pass(kDay * 3);
       s.sink().weather = nullptr;
     },
     {{kRestating, "taken 150/150", 3}, {kWithoutKey | two_days | refunding, "uncertain 150/0..100", 1}}},
    {"RaisedWhileTheRequestIsCertainlyNotTaken",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::busy};
       s.settle();
       s.set("D1", "amount", "150");
     },
     {{kAll, "taken 150/150", 1}}},
    {"LostWhileTheAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.set("D1", "stage", "lost");
     },
     {{kTakingBack, "none not_wanted 0/0", 3},
      {overwriting | zero_refused | two_days, "excess uncorrectable 0/100", 2},
      {kWithoutKey, "uncertain 0/0..100", 1}}},
    {"RaisedBetweenReceiptAndConfirmation",
     [](Story& s) {
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "150");
       s.settle();
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"LoweredBetweenReceiptAndConfirmation",
     [](Story& s) {
       s.won("D1");
       s.settle();
       s.set("D1", "amount", "60");
       s.settle();
     },
     {{kRestating, "taken 60/60", 2}, {kUncorrecting | refunding, "excess uncorrectable 60/100", 1}}},
    {"RaisedAfterThePlatformRefusedIt",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       const std::string key = s.dedup_id("D1");
       const bool says_later = s.sink().rules.receipt > connect::Receipt::request;
       if (says_later) s.sink().refused_later[key] = later(connect::Verdict::reject_row, "too_small");
       if (!says_later) s.sink().refused[key] = "too_small";
       s.pass(kDay);
       EXPECT_EQ(s.stands("D1"), "missing rejected");
       s.sink().refused.clear();
       s.sink().refused_later.clear();
       s.set("D1", "amount", "150");
     },
     {{kAll, "taken 150/150", 1}}}};
INSTANTIATE_TEST_SUITE_P(Upload, MessyAmounts, testing::ValuesIn(kAmountsUpload), name_of);

const std::vector<Case> kAmountsTold{
    {"RaisedAfterConfirmation",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"LoweredByACentAfterConfirmation",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "99.99");
     },
     {{kRestating, "taken 99.99/99.99", 2}, {kUncorrecting | refunding, "excess uncorrectable 99.99/100", 1}}},
    {"RaisedAndLoweredBack",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "150");
       s.pass(kDay);
       s.set("D1", "amount", "100");
     },
     {{kRestating, "taken 100/100", 3}, {kUncorrecting | refunding, "taken 100/100", 1}}},
    {"LoweredAndRaisedBackWithinSettle",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "10");
       s.pass(kDay * 2);
       EXPECT_THAT(s.stands("D1"), testing::StartsWith("excess "));
       s.set("D1", "amount", "100");
     },
     {{kAll, "taken 100/100", 1}}},
    {"ChangedEveryDay",
     [](Story& s) {
       s.won("D1");
       for (const char* amount : {"110", "90", "130", "40", "200", "75"}) {
         s.pass(kDay);
         s.set("D1", "amount", amount);
       }
     },
     {{kRestating, "taken 75/75", 5}, {kUncorrecting | refunding, "excess uncorrectable 75/100", 1}}},
    {"EmptiedKeepsWhatWasTold",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "");
     },
     {{kAll, "taken 100/100", 1}}},
    {"EmptiedAndFilledWithAnother",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "");
       s.pass(kDay * 10);
       s.set("D1", "amount", "130");
     },
     {{kRestating, "taken 130/130", 2}, {kUncorrecting | refunding, "missing uncorrectable 130/100", 1}}},
    {"SetToZero",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "0");
     },
     {{kTakingBack, "none not_positive 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"SetBelowZero",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "-20");
     },
     {{kTakingBack, "none not_positive 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"SetToZeroAndLaterToLess",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "amount", "0");
       s.pass(kDay * 5);
       s.set("D1", "amount", "80");
     },
     // Its stage was entered too long ago for a platform that looks back for three days.
     {{final_zero | zeroing | by_counts, "none not_wanted 0/0; taken 80/80", 3},
      {refunding, "none not_wanted 0/0; missing expired 80/0", 2},
      {once_per_click, "missing lost_by_final_retraction 80/0", 2},
      {overwriting | zero_refused, "taken 80/80", 2},
      {kUncorrecting, "excess uncorrectable 80/100", 1}}},
    {"RaisedAfterThePlatformsLimitForCorrections",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay * 60);
       s.set("D1", "amount", "150");
     },
     {{overwriting | zero_refused | by_counts, "taken 150/150", 2},
      {final_zero | zeroing | once_per_click | kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"ChangedWhileTheCorrectionsAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.sink().faults = {PlatformFault::lost_after};
       s.set("D1", "amount", "150");
       s.settle();
       s.set("D1", "amount", "120");
     },
     {{kRestating, "taken 120/120", 4}, {kUncorrecting | refunding, "missing uncorrectable 120/100", 1}}},
    {"LostWhileTheRetractionsAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "lost");
       s.sink().faults = {PlatformFault::lost_after};
     },
     // A second retraction would count again where uploads alone have a key.
     {{final_zero | zeroing | by_counts | once_per_click, "none not_wanted 0/0", 3},
      {refunding, "uncertain 0/0..100", 2},
      {kStuck, "excess uncorrectable 0/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Told, MessyAmounts, testing::ValuesIn(kAmountsTold), name_of);

const std::vector<Case> kAmountsCurrency{
    {"CorrectedBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "currency", "USD");
     },
     {{kAll, "taken 100 USD/100 USD", 1}}},
    {"CorrectedAfterTelling",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "currency", "USD");
       s.settle();
       EXPECT_THAT(s.stands("D1"), testing::AnyOf("missing settling", "missing uncorrectable"));
     },
     {{kRestating, "taken 100 USD/100 USD", 2}, {kUncorrecting | refunding, "missing uncorrectable 100 USD/100", 1}}},
    {"CorrectedAfterTellingTogetherWithAHigherAmount",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "currency", "USD");
       s.set("D1", "amount", "250.50");
     },
     {{kRestating, "taken 250.50 USD/250.50 USD", 2},
      {kUncorrecting | refunding, "missing uncorrectable 250.50 USD/100", 1}}},
    {"ChangedByMistakeAndBackWithinSettle",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "currency", "USD");
       s.pass(kDay);
       s.set("D1", "currency", "EUR");
     },
     {{kAll, "taken 100/100", 1}}},
    {"CorrectedAndBackAWeekLater",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "currency", "USD");
       s.pass(kDay * 7);
       s.set("D1", "currency", "EUR");
     },
     {{kRestating, "taken 100/100", 3}, {kUncorrecting | refunding, "taken 100/100", 1}}},
    {"CorrectedAndLost",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "currency", "USD");
       s.pass(kDay * 7);
       s.set("D1", "stage", "lost");
     },
     {{final_zero | zeroing | by_counts | once_per_click, "none not_wanted 0/0", 3},
      {refunding, "none not_wanted 0/0", 2},
      {overwriting | zero_refused, "excess uncorrectable 0/100 USD", 2},
      {kUncorrecting, "excess uncorrectable 0/100", 1}}},
    {"CorrectedWhileTheAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.set("D1", "currency", "USD");
     },
     {{kRestating, "taken 100 USD/100 USD", 3},
      {two_days | refunding, "missing uncorrectable 100 USD/100", 2},
      {kWithoutKey, "uncertain 100 USD/0..100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Currency, MessyAmounts, testing::ValuesIn(kAmountsCurrency), name_of);

}  // namespace
}  // namespace hw::delivery::messy
