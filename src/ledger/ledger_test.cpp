#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "ledger/decide.h"
#include "ledger/item_json.h"

namespace hw::ledger {
namespace {

using connect::Contract;
using connect::Receipt;
using connect::ZeroRule;
using std::chrono::hours;
using store::StoredUpload;

constexpr std::int64_t kUnit = 1'000'000;
const Timestamp kNow = from_micros(1'780'000'000'000'000);

Contract restating() {
  Contract c;
  c.operations = {Operation::upload, Operation::restate};
  c.restate_up = c.restate_down = true;
  c.zero = ZeroRule::final_retraction;
  c.receipt = Receipt::count;
  c.dedup = {.exists = true, .known = true, .window = std::nullopt};
  c.adjust_until = hours(24 * 54);
  return c;
}

Desired wants(std::int64_t units, Timestamp changed = kNow - hours(24 * 10)) {
  Desired d;
  d.wanted = true;
  d.micros = units * kUnit;
  d.currency = "EUR";
  d.changed_at = changed;
  return d;
}

Desired unwanted(Reason why, Timestamp changed = kNow - hours(24 * 10)) {
  Desired d;
  d.not_wanted_because = why;
  d.currency = "EUR";
  d.changed_at = changed;
  return d;
}

StoredUpload row(UploadState state, std::int64_t units, Operation op = Operation::upload) {
  StoredUpload u;
  u.operation = op;
  u.state = state;
  u.value_micros = units * kUnit;
  u.currency = "EUR";
  u.made_at = kNow - hours(24 * 5);
  if (state != UploadState::pending && state != UploadState::superseded) u.first_attempt_at = u.made_at;
  if (state == UploadState::processed) u.processed_at = u.made_at + hours(1);
  u.is_awaited = state == UploadState::received;
  return u;
}

Rules rules() { return {.contract = restating(), .mode = Mode::live, .settle = hours(72), .brake_closed = false}; }

TEST(Ledger, ANewConversionIsUploadedWithItsValue) {
  Decision d = decide(wants(100), {}, rules(), kNow);
  ASSERT_TRUE(d.make);
  EXPECT_EQ(d.make->operation, Operation::upload);
  EXPECT_EQ(d.make->micros, 100 * kUnit);
  EXPECT_EQ(d.state, State::missing);
}

TEST(Ledger, WhatIsBelievedAndWantedMakesNoWork) {
  Decision d = decide(wants(100), {row(UploadState::processed, 100)}, rules(), kNow);
  EXPECT_FALSE(d.make);
  EXPECT_EQ(d.state, State::taken);
  EXPECT_FALSE(d.reason);
}

TEST(Ledger, AReceivedRowOfACountingPlatformIsNotBelievedYet) {
  Decision d = decide(wants(100), {row(UploadState::received, 100)}, rules(), kNow);
  EXPECT_EQ(d.state, State::missing);
  EXPECT_EQ(d.reason, Reason::waiting);
  EXPECT_EQ(d.b_micros, 0);
}

TEST(Ledger, ARaiseIsRestatedAtOnce) {
  Decision d = decide(wants(150, kNow), {row(UploadState::processed, 100)}, rules(), kNow);
  ASSERT_TRUE(d.make);
  EXPECT_EQ(d.make->operation, Operation::restate);
  EXPECT_EQ(d.make->micros, 150 * kUnit);
  EXPECT_FALSE(d.make->lowering);
}

TEST(Ledger, ALoweringWaitsForSettle) {
  Decision d = decide(wants(50, kNow - hours(71)), {row(UploadState::processed, 100)}, rules(), kNow);
  EXPECT_FALSE(d.make);
  EXPECT_EQ(d.reason, Reason::settling);
  EXPECT_EQ(d.look_again, kNow + hours(1));
  d = decide(wants(50, kNow - hours(72)), {row(UploadState::processed, 100)}, rules(), kNow);
  ASSERT_TRUE(d.make);
  EXPECT_TRUE(d.make->lowering);
}

TEST(Ledger, AnotherCurrencySettlesWhateverItsNumber) {
  Desired more = wants(150, kNow - hours(71));
  more.currency = "USD";
  EXPECT_EQ(decide(more, {row(UploadState::processed, 100)}, rules(), kNow).reason, Reason::settling);
}

TEST(Ledger, AClosedBrakeHoldsLoweringsAlone) {
  Rules r = rules();
  r.brake_closed = true;
  EXPECT_EQ(decide(wants(50), {row(UploadState::processed, 100)}, r, kNow).reason, Reason::braked);
  EXPECT_TRUE(decide(wants(150), {row(UploadState::processed, 100)}, r, kNow).make);
}

TEST(Ledger, ALostDealIsRestatedToZero) {
  Decision d = decide(unwanted(Reason::not_wanted), {row(UploadState::processed, 100)}, rules(), kNow);
  ASSERT_TRUE(d.make);
  EXPECT_EQ(d.make->micros, 0);
  EXPECT_EQ(d.state, State::excess);
}

TEST(Ledger, AZeroThatIsRefusedIsUncorrectable) {
  Rules r = rules();
  r.contract.zero = ZeroRule::refused;
  for (const Desired& zero : {unwanted(Reason::not_wanted), wants(0)}) {
    const Decision d = decide(zero, {row(UploadState::processed, 100)}, r, kNow);
    EXPECT_FALSE(d.make);
    EXPECT_EQ(d.reason, Reason::uncorrectable);
  }
}

TEST(Ledger, ACorrectionGoesOnlyTheWayThatThePlatformTakes) {
  for (const bool up : {true, false}) {
    Rules r = rules();
    r.contract.restate_up = up;
    r.contract.restate_down = !up;
    for (const std::int64_t units : {150, 50}) {
      const Decision d = decide(wants(units), {row(UploadState::processed, 100)}, r, kNow);
      EXPECT_EQ(d.make.has_value(), (units > 100) == up) << units;
      EXPECT_EQ(d.reason, d.make ? Reason::waiting : Reason::uncorrectable) << units;
    }
  }
}

TEST(Ledger, WantedAgainAfterAFinalZeroIsANewOccurrence) {
  std::vector<StoredUpload> rows{row(UploadState::processed, 100), row(UploadState::processed, 0, Operation::restate)};
  Decision d = decide(wants(120), rows, rules(), kNow);
  EXPECT_EQ(d.state, State::none);
  EXPECT_THAT(d.detail, testing::HasSubstr("new occurrence"));
  EXPECT_FALSE(d.make);
  Rules once = rules();
  once.contract.counting = connect::Counting::once_per_click;
  EXPECT_EQ(decide(wants(120), rows, once, kNow).reason, Reason::lost_by_final_retraction);
}

/// `value: none`: what is told and what is taken back has no amount.
TEST(Ledger, AConversionWithoutValueIsTakenBackWhereThePlatformRetracts) {
  StoredUpload told = row(UploadState::processed, 0);
  told.value_micros.reset();
  told.currency.clear();
  Rules r = rules();
  r.contract.operations.insert(Operation::retract);
  Decision d = decide(unwanted(Reason::not_wanted), {told}, r, kNow);
  ASSERT_TRUE(d.make);
  EXPECT_EQ(d.make->operation, Operation::retract);
  EXPECT_TRUE(d.make->lowering);
  EXPECT_EQ(d.state, State::excess);
  StoredUpload back = row(UploadState::processed, 0, Operation::retract);
  EXPECT_EQ(decide(unwanted(Reason::not_wanted), {told, back}, r, kNow).state, State::none);
}

TEST(Ledger, AConversionWithoutValueIsUncorrectableWhereOnlyValuesAreRestated) {
  StoredUpload told = row(UploadState::processed, 0);
  Rules r = rules();
  r.contract.operations = {Operation::upload, Operation::restate};
  Decision d = decide(unwanted(Reason::not_wanted), {told}, r, kNow);
  EXPECT_FALSE(d.make);
  EXPECT_EQ(d.state, State::excess);
  EXPECT_EQ(d.reason, Reason::uncorrectable);
}

TEST(Ledger, ARetractedConversionThatIsWantedAgainIsANewOccurrenceEvenWithoutValue) {
  StoredUpload told = row(UploadState::processed, 0);
  StoredUpload back = row(UploadState::processed, 0, Operation::retract);
  Rules r = rules();
  r.contract.operations.insert(Operation::retract);
  r.contract.zero = ZeroRule::ordinary;
  EXPECT_TRUE(final_zero({told, back}, r.contract));
  const Decision d = decide(wants(0), {told, back}, r, kNow);
  EXPECT_EQ(d.state, State::none);
  EXPECT_THAT(d.detail, testing::HasSubstr("new occurrence"));
}

TEST(Ledger, AZeroIsFinalOnlyWhileNothingIsOnItsWayOrOfUnknownFate) {
  const std::vector<StoredUpload> ended{row(UploadState::processed, 100),
                                        row(UploadState::processed, 0, Operation::restate)};
  EXPECT_TRUE(final_zero(ended, restating()));
  for (const auto state : {UploadState::pending, UploadState::in_flight, UploadState::retrying, UploadState::received,
                           UploadState::uncertain}) {
    auto rows = ended;
    rows.push_back(row(state, 120, Operation::restate));
    EXPECT_FALSE(final_zero(rows, restating())) << to_string(state);
  }
}

TEST(Ledger, ACorrectionOfUnknownFateInAnotherCurrencyKeepsBothInTheAccounts) {
  StoredUpload correction = row(UploadState::uncertain, 90, Operation::restate);
  StoredUpload told = row(UploadState::processed, 100);
  told.currency = "USD";
  const Decision d = decide(wants(90), {told, correction}, rules(), kNow);
  EXPECT_EQ(d.state, State::uncertain);
  store::Standing s;
  s.state = "uncertain";
  s.t_micros = d.t_micros;
  s.t_currency = d.t_currency;
  s.b_micros = d.b_micros;
  s.b_currency = d.b_currency;
  s.b_low = d.b_low;
  s.b_high = d.b_high;
  s.range_currency = d.range_currency;
  std::int64_t usd = 0, eur = 0;
  for (const auto& c : contributions(s)) {
    if (c.line != "uncertain_high") continue;
    (c.currency == "USD" ? usd : eur) += c.micros;
  }
  EXPECT_EQ(usd, 100 * kUnit);
  EXPECT_EQ(eur, 90 * kUnit);
}

TEST(Ledger, DoubtsInTwoCurrenciesKeepBoth) {
  StoredUpload dollars = row(UploadState::uncertain, 90, Operation::restate);
  dollars.currency = "USD";
  std::vector<StoredUpload> rows{row(UploadState::uncertain, 300), dollars};
  Belief b = believe(rows);
  EXPECT_EQ(b.uncertain_currency, "USD");
  EXPECT_EQ(b.low, 0);
  EXPECT_EQ(b.high, 90 * kUnit);
  EXPECT_EQ(b.currency, "EUR");
  EXPECT_EQ(b.micros, 300 * kUnit);
  rows.push_back(row(UploadState::uncertain, 200, Operation::restate));
  b = believe(rows);
  EXPECT_EQ(b.uncertain_currency, "EUR");
  EXPECT_EQ(b.low, 0);
  EXPECT_EQ(b.high, 300 * kUnit);
  EXPECT_EQ(b.currency, "USD");
  EXPECT_EQ(b.micros, 90 * kUnit);
}

TEST(Ledger, GoneKeepsWhatWasToldAndSendsNothing) {
  Decision d = decide(unwanted(Reason::gone), {row(UploadState::processed, 100)}, rules(), kNow);
  EXPECT_FALSE(d.make);
  EXPECT_EQ(d.t_micros, 100 * kUnit);
  EXPECT_EQ(d.state, State::taken);
}

TEST(Ledger, GoneKeepsWhatWasToldWhateverElseIsSaid) {
  Desired lost = unwanted(Reason::not_wanted);
  lost.gone = true;
  Decision d = decide(lost, {row(UploadState::processed, 100)}, rules(), kNow);
  EXPECT_FALSE(d.make);
  EXPECT_EQ(d.t_micros, 100 * kUnit);
}

TEST(Ledger, AGoLiveMovedPastWhatWasToldTakesNothingBack) {
  const Decision d = decide(unwanted(Reason::before_go_live), {row(UploadState::processed, 100)}, rules(), kNow);
  EXPECT_FALSE(d.make);
  EXPECT_EQ(d.state, State::taken);
  EXPECT_EQ(d.t_micros, 100 * kUnit);
}

TEST(Ledger, ACurrencyChangedByMistakeWaitsLikeALowering) {
  Desired d = wants(100, kNow - hours(1));
  d.currency = "USD";
  EXPECT_EQ(decide(d, {row(UploadState::processed, 100)}, rules(), kNow).reason, Reason::settling);
  d.changed_at = kNow - hours(72);
  ASSERT_TRUE(decide(d, {row(UploadState::processed, 100)}, rules(), kNow).make);
}

TEST(Ledger, OnlyOneRevisionIsUnsettled) {
  std::vector<StoredUpload> rows{row(UploadState::processed, 100),
                                 row(UploadState::in_flight, 150, Operation::restate)};
  Decision d = decide(wants(200), rows, rules(), kNow);
  EXPECT_FALSE(d.make);
  EXPECT_FALSE(d.supersede_open) << "what was sent is never replaced";
}

TEST(Ledger, AnUnsentRevisionGivesWayToANewerValue) {
  std::vector<StoredUpload> rows{row(UploadState::processed, 100), row(UploadState::pending, 150, Operation::restate)};
  EXPECT_TRUE(decide(wants(200), rows, rules(), kNow).supersede_open);
  EXPECT_TRUE(decide(wants(150), rows, rules(), kNow).replace_open);
}

TEST(Ledger, AnUncertainRowStandsWholeWithItsBounds) {
  Decision d = decide(wants(100), {row(UploadState::uncertain, 100)}, rules(), kNow);
  EXPECT_EQ(d.state, State::uncertain);
  EXPECT_EQ(d.b_low, 0);
  EXPECT_EQ(d.b_high, 100 * kUnit);
  EXPECT_FALSE(d.make);
}

TEST(Ledger, CorrectionsEndWithThePlatformsAgeLimit) {
  StoredUpload old = row(UploadState::processed, 100);
  old.processed_at = kNow - hours(24 * 55);
  EXPECT_EQ(decide(wants(150), {old}, rules(), kNow).reason, Reason::uncorrectable);
}

TEST(Ledger, ADedupWindowIsTrustedUpToTwoHoursBeforeItsEnd) {
  StoredUpload u = row(UploadState::in_flight, 1);
  u.first_attempt_at = kNow - hours(46);
  connect::Contract c;
  c.dedup = {.exists = true, .known = true, .window = Duration(hours(48))};
  EXPECT_FALSE(may_resend(u, c, kNow));
  u.first_attempt_at = kNow - hours(45);
  EXPECT_TRUE(may_resend(u, c, kNow));
  c.dedup.exists = false;
  EXPECT_FALSE(may_resend(u, c, kNow)) << "without a dedup key a repeat counts twice";
  c.dedup = {.exists = true, .known = false, .window = std::nullopt};
  EXPECT_FALSE(may_resend(u, c, kNow)) << "an unknown window is never relied upon";
  u.first_attempt_at = kNow + hours(1);
  EXPECT_FALSE(may_resend(u, c, kNow)) << "nor by a clock that was ahead at the attempt";
}

TEST(Ledger, ACorrectionIsNotSentAgainWhereOnlyUploadsAreDeduplicated) {
  connect::Contract c;
  c.dedup = {.exists = true, .known = true, .window = std::nullopt, .of_uploads_alone = true};
  StoredUpload u = row(UploadState::in_flight, 1);
  u.first_attempt_at = kNow;
  for (Operation operation : {Operation::upload, Operation::restate, Operation::retract}) {
    u.operation = operation;
    EXPECT_EQ(may_resend(u, c, kNow), operation == Operation::upload) << to_string(operation);
    EXPECT_EQ(resend_until(u, c).has_value(), operation != Operation::upload) << to_string(operation);
  }
}

TEST(Ledger, TestRowsAreNeverBelieved) {
  StoredUpload u = row(UploadState::processed, 100);
  u.mode = Mode::test;
  EXPECT_FALSE(believe({u}).told);
}

TEST(Ledger, ItemsComeBackByteForByte) {
  connect::Item item{.body = "{\"a\":\"\\u00e9\"}",
                     .dedup_key = "hw-x",
                     .group = "g",
                     .not_before = kNow,
                     .expires_at = kNow + hours(1),
                     .click_type = "gclid",
                     .click_value = "Ab_-",
                     .identifier_types = {"gclid", "phone_e164"}};
  auto back = item_from_json(item_to_json(item));
  ASSERT_TRUE(back);
  EXPECT_EQ(item_to_json(*back), item_to_json(item));
}

TEST(Ledger, AnItemThatIsNotWholeIsNoItem) {
  const std::string whole = item_to_json({});
  ASSERT_TRUE(item_from_json(whole));
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(item_from_json(whole.substr(0, n))) << n;
  for (const char* text : {"{}", "[]", "null", "{} {}"}) EXPECT_FALSE(item_from_json(text)) << text;
  EXPECT_FALSE(item_from_json(whole + "x"));
  for (const auto& [what, instead] : {std::pair{R"("body":"")", R"("body":1)"},
                                      {R"("group":"")", R"("troup":"")"},
                                      {R"("identifier_types":[])", R"("identifier_types":[7])"},
                                      {R"("identifier_types":[])", R"("identifier_types":"")"},
                                      {R"("body":"")", "\"body\":\"\xff\""}}) {
    std::string other = whole;
    ASSERT_NE(other.find(what), other.npos) << what;
    other.replace(other.find(what), std::string_view(what).size(), instead);
    EXPECT_FALSE(item_from_json(other)) << other;
  }
}

/// The account equations hold for any standing that decide() can give (DESIGN section 5, The accounts).
TEST(Ledger, TheAccountsAddUpForEveryDecision) {
  const bool ok = rc::check("wanted = matched + missing; told = matched + excess; one state each", [] {
    const auto states = std::vector<UploadState>{UploadState::pending,   UploadState::in_flight, UploadState::retrying,
                                                 UploadState::received,  UploadState::processed, UploadState::rejected,
                                                 UploadState::uncertain, UploadState::superseded};
    std::vector<StoredUpload> rows;
    const int n = *rc::gen::inRange(0, 4);
    for (int i = 0; i < n; ++i)
      rows.push_back(row(*rc::gen::elementOf(states), *rc::gen::inRange(0, 5) * 50,
                         i == 0 ? Operation::upload : Operation::restate));
    Rules r = rules();
    r.contract.zero = *rc::gen::element(ZeroRule::final_retraction, ZeroRule::refused, ZeroRule::ordinary);
    r.brake_closed = *rc::gen::arbitrary<bool>();
    const Timestamp changed = kNow - hours(*rc::gen::inRange(0, 100));
    const bool wanted = *rc::gen::arbitrary<bool>();
    const Desired desired =
        wanted ? wants(*rc::gen::inRange(1, 5) * 50, changed)
               : unwanted(*rc::gen::element(Reason::not_wanted, Reason::gone, Reason::merged), changed);
    const Decision d = decide(desired, rows, r, kNow);
    store::Standing s;
    s.state = to_string(d.state);
    s.reason = d.reason ? to_string(*d.reason) : "";
    s.t_micros = d.t_micros;
    s.b_micros = d.b_micros;
    s.b_low = d.b_low;
    s.b_high = d.b_high;
    s.t_currency = s.b_currency = "EUR";
    std::map<std::string, std::int64_t> sum;
    std::int64_t counted = 0;
    for (const auto& c : contributions(s)) {
      sum[c.line] += c.micros;
      counted += c.n;
    }
    RC_ASSERT(counted == 1);
    RC_ASSERT(sum["wanted"] == sum["matched"] + sum["missing"]);
    RC_ASSERT(sum["told"] == sum["matched"] + sum["excess"]);
    if (d.state == State::taken) RC_ASSERT(sum["missing"] == 0 && sum["excess"] == 0);
    if (d.state == State::missing || d.state == State::excess || d.state == State::none)
      RC_ASSERT(d.reason.has_value());
    if (d.make) RC_ASSERT(!believe(rows).open.has_value());
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace hw::ledger
