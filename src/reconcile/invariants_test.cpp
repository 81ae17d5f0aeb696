#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "conformance/books.h"
#include "reconcile/test_kit.h"

/// DESIGN section 7, as far as the reconciler keeps it. (2 and 9: delivery; 3 and 5: ingest; 6: journey; 10: settings.)
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::kUnit;
using conformance::Loop;
using test::final_zero;
using test::win;
namespace rows = store::ledger_rows;

TEST(Invariant1, EveryConversionOfACommittedPageStandsUnderAReason) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Loop l(generous(), seed);
    auto dice = make_seeded_random(seed);
    l.db->commit_fails = [&] { return dice->below(3) == 0; };
    auto whatever = [&](auto&& page) {
      for (int tries = 0; tries < 50; ++tries) {
        try {
          page();
          return;
        } catch (const std::runtime_error&) {
        }
      }
    };
    std::set<std::string> won;
    for (int i = 0; i < 12; ++i) {
      const std::string id = "D" + std::to_string(i);
      whatever([&] { l.contact("C" + id, i % 3 == 0 ? "" : "k" + id); });
      whatever([&] { l.deal(id, "C" + id, "won", i % 4 == 1 ? "" : std::to_string(i)); });
      won.insert(id);
      // An edit without history and a contact's change: the state alone tells of them.
      const std::string edited = "D" + std::to_string(dice->below(static_cast<std::uint64_t>(i) + 1));
      whatever([&] {
        l.clock.advance(std::chrono::seconds(1));
        RecordState state = l.shown(Object::deal, edited);
        state.fields["amount"] = std::to_string(500 + i);
        state.modified = l.clock.system_now();
        l.show(state);
      });
      if (dice->below(2) == 0) (void)l.reconcile();
      if (dice->below(4) == 0) whatever([&] { l.start(); });
      try {
        (void)l.deliver();
      } catch (const conformance::Crash&) {
      }
      for (const std::string& known : won) {
        const std::int64_t record = l.record_id(Object::deal, known);
        const bool marked =
            l.read([&](store::Tx& tx) { return store::service_rows::dirty_of(tx, record).has_value(); });
        const std::string stands = l.stands(known);
        EXPECT_TRUE(marked || stands == "taken" || stands.find(' ') != std::string::npos)
            << known << " " << stands << ", seed " << seed;
      }
    }
    l.db->commit_fails = nullptr;
    l.pass(kDay);
    for (const std::string& id : won) {
      const std::string amount = l.shown(Object::deal, id).fields["amount"];
      const bool has_click = std::stoi(id.substr(1)) % 3 != 0;
      const std::string expected = amount.empty()  ? "none no_value"
                                   : amount == "0" ? "none not_positive"
                                   : has_click     ? "taken"
                                                   : "missing no_identifier";
      EXPECT_EQ(l.stands(id), expected) << id << ", seed " << seed;
      EXPECT_EQ(l.believed(id), expected == "taken" ? std::stoll(amount) : -1) << id << ", seed " << seed;
    }
    EXPECT_EQ(l.differences(), "") << "seed " << seed;
  }
}

TEST(Invariant4, OnlyTheLedgersRowsSayWhatIsBelieved) {
  Loop l;
  win(l);
  l.settle();
  // Whatever a standing claims, it is computed anew from the rows.
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    auto s = rows::standing(tx, l.conversions("D1").front().id, "ads");
    s->b_micros = 5 * kUnit;
    s->state = "missing";
    s->reason = "rejected";
    rows::put_standing(tx, *s, ledger::contributions);
    store::service_rows::mark_dirty(tx, l.record_id(Object::deal, "D1"), "test");
    return {};
  }));
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.standing("D1").b_micros, 100 * kUnit);
  EXPECT_EQ(l.sink().calls, 1U);
}

TEST(Invariant7, TotalsAreTheSumOfTheStandingsToTheMicro) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Loop l(final_zero(), seed);
    auto dice = make_seeded_random(seed * 77);
    auto any_amount = [&] {
      return std::to_string(dice->below(100000)) + "." + std::to_string(100001 + dice->below(899998));
    };
    for (int i = 0; i < 8; ++i) win(l, "D" + std::to_string(i), any_amount());
    l.contact("nobody", "");
    l.deal("without click", "nobody", "won", any_amount());
    for (int change = 0; change < 30; ++change) {
      const std::string id = "D" + std::to_string(dice->below(8));
      switch (dice->below(5)) {
        case 0:
          l.set(id, "stage", "lost");
          break;
        case 1:
          l.set(id, "stage", "won");
          break;
        case 2:
          l.set(id, "currency", dice->below(2) == 0 ? "USD" : "EUR");
          break;
        default:
          l.set(id, "amount", any_amount());
          break;
      }
      l.pass(kHour * static_cast<std::int64_t>(dice->below(60)));
      EXPECT_EQ(conformance::unbalanced(l), "") << "seed " << seed << ", change " << change;
    }
    EXPECT_EQ(l.differences(), "") << "seed " << seed;
  }
}

TEST(Invariant7, WhatIsLoweredInOneCurrencyIsNotHeldAgainstAnother) {
  Loop l;
  l.settings.destinations[0].max_lowering_millionths = 100'000;
  l.start();
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    win(l, "E" + n);
    win(l, "U" + n, "1000000");
    l.set("U" + n, "currency", "USD");
  }
  l.settle();
  for (const char* currency : {"U", "E"}) {
    for (int i = 0; i < 3; ++i) l.set(currency + std::to_string(i), "stage", "lost");
    l.pass(kHour * 2);
  }
  l.pass(kDay * 5);
  for (const char* deal : {"U0", "U1", "U2", "E0", "E1", "E2"}) EXPECT_EQ(l.believed(deal), 0) << deal;
}

TEST(Invariant8, ATimeToComeIsPlacedWhereItsConversionIsMadeAndStaysThere) {
  Loop l;
  l.sink().minimum_wait = kHour * 6;
  l.settings.goals[0].time = settings::Goal::Time::close_date;
  l.start();
  l.contact("C1", "click");
  l.deal("D1", "C1");
  l.set("D1", "closed", rfc3339(kStart + kDay * 3));
  l.set("D1", "stage", "won");
  l.settle();
  const auto made = l.conversions("D1").at(0);
  EXPECT_GT(made.at, made.created_at);
  EXPECT_EQ(l.uploads("D1").at(0).conversion_at, made.created_at);
  l.pass(kHour * 3);
  l.set(Object::contact, "C1", "owner", "someone else");
  l.settle();
  EXPECT_EQ(l.uploads("D1").at(0).conversion_at, made.created_at);
}

TEST(Invariant8, AConversionIsNoEarlierThanItsClick) {
  Loop l;
  l.deal("D1", "C1", "won");
  l.contact("C1", "");
  RecordState& late = l.shown(Object::contact, "C1");
  late.identifiers = {{"gclid", "click"}};  // when it clicked nobody says: as it was created
  l.show(late);
  l.pass(kHour);
  ASSERT_EQ(l.uploads("D1").size(), 1U) << l.stands("D1");
  EXPECT_LT(l.conversions("D1").at(0).at, *late.created);
  EXPECT_EQ(l.uploads("D1").at(0).conversion_at, *late.created);
}

TEST(Invariant8, AClockThatJumpsBackSendsNothingAgain) {
  Loop l;
  win(l);
  l.pass(kDay * 5);
  l.set("D1", "amount", "150");
  l.settle();
  const auto arrived = l.sink().arrived;
  l.clock.set(kStart - kDay);
  l.start();
  l.settle();
  l.pass(kDay * 20);
  EXPECT_EQ(l.sink().arrived, arrived);
  EXPECT_EQ(l.differences(), "");
}

/// One world, its pages in this order; what will be sent.
std::vector<std::string> items_of(const std::vector<int>& order) {
  Loop l;
  l.sink().minimum_wait = kDay;
  std::vector<std::vector<Record>> pages;
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    RecordState person;
    person.ref = {"crm", Object::contact, "C" + n};
    person.created = person.modified = kStart - kDay;
    person.consent = Consent{ConsentState::granted, ConsentState::granted};
    person.identifiers = {{"gclid", "k" + n}, {"email_sha256", "same for all"}};
    person.click_times["gclid"] = kStart - kDay * 2;
    RecordState deal;
    deal.ref = {"crm", Object::deal, "D" + n};
    deal.created = deal.modified = kStart;
    deal.fields = {{"stage", "won"}, {"amount", n}, {"currency", "EUR"}};
    Association tie;
    tie.from = deal.ref;
    tie.to = {{.id = "C" + n, .role = "primary", .primary = true}};
    tie.at = kStart;
    pages.push_back({person});
    pages.push_back({deal});
    pages.push_back({tie, FieldChange{deal.ref, "stage", "won", kStart, Basis::crm_history}});
  }
  for (int i : order) l.take(pages[static_cast<std::size_t>(i)]);
  l.settle();
  std::vector<std::string> out;
  for (int i = 0; i < 6; ++i)
    for (const auto& u : l.uploads("D" + std::to_string(i))) out.push_back(u.dedup_key + " " + u.item);
  return out;
}

TEST(Invariant11, TheSameFactsGiveTheSameItemsInWhateverOrderTheyCame) {
  std::vector<int> order(18);
  for (int i = 0; i < 18; ++i) order[static_cast<std::size_t>(i)] = i;
  const auto expected = items_of(order);
  ASSERT_EQ(expected.size(), 5U) << "six deals, one of them worth nothing";
  EXPECT_EQ(items_of(order), expected);
  auto dice = make_seeded_random(11);
  for (int shuffles = 0; shuffles < 4; ++shuffles) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[dice->below(i)]);
    EXPECT_EQ(items_of(order), expected);
  }
}

/// Two deals on one click, of one instant; where the second stands, read after so many other records.
Timestamp moved_to(int others) {
  Loop l;
  for (int i = 0; i < others; ++i) l.contact("other" + std::to_string(i), "");
  l.contact("C1", "click");
  l.pass(kHour);
  for (const char* id : {"D1", "D2"}) {
    RecordState deal;
    deal.ref = {"crm", Object::deal, id};
    deal.created = deal.modified = kStart;
    deal.fields = {{"stage", "won"}, {"amount", "100"}, {"currency", "EUR"}};
    Association tie;
    tie.from = deal.ref;
    tie.to = {{.id = "C1", .role = "primary", .primary = true}};
    tie.at = kStart;
    l.take({deal, tie, FieldChange{deal.ref, "stage", "won", kStart, Basis::crm_history}});
    l.settle();
  }
  return l.uploads("D2").at(0).conversion_at.value();
}

TEST(Invariant11, HowFarADealIsMovedFromAnotherOnItsClickIsOfItsKeyAlone) {
  EXPECT_NE(moved_to(0), kStart);
  EXPECT_EQ(moved_to(0), moved_to(3));
}

TEST(Invariant11, ReconcilingAgainChangesNoTable) {
  Loop l;
  for (int i = 0; i < 5; ++i) win(l, "D" + std::to_string(i));
  l.set("D2", "stage", "lost");
  l.settle();
  const auto before = conformance::tables_of(*l.db, {"standing.changed_at"});
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [](store::Tx& tx) -> Status {
    store::service_rows::mark_all(tx, "deal", "test");
    return {};
  }));
  l.settle();
  EXPECT_EQ(conformance::tables_of(*l.db, {"standing.changed_at"}), before);
}

TEST(Invariant12, AMassOfLoweringsWaitsForAPerson) {
  Loop l;
  for (int i = 0; i < 30; ++i) win(l, "D" + std::to_string(i));
  l.settle();
  for (int i = 0; i < 30; ++i) l.set("D" + std::to_string(i), "stage", "lost");
  l.pass(kDay * 10);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "excess braked");
  EXPECT_EQ(l.sink().arrived.size(), 30U) << "the uploads alone";
  l.approve_brakes();
  l.pass(kHour);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(l.believed("D" + std::to_string(i)), 0);
  EXPECT_EQ(l.differences(), "");
}

TEST(Invariant12, AFewLoweringsPassAndTheNextBeyondTheLimitWaits) {
  Loop l;
  l.settings.destinations[0].max_lowering_count = 3;
  l.settings.destinations[0].max_lowering_millionths = 1'000'000;
  l.start();
  for (int i = 0; i < 30; ++i) win(l, "D" + std::to_string(i));
  l.settle();
  for (int i = 0; i < 5; ++i) {
    l.set("D" + std::to_string(i), "stage", "lost");
    l.pass(kHour * 3);
  }
  l.pass(kDay * 4);
  int lowered = 0, braked = 0;
  for (int i = 0; i < 5; ++i) {
    lowered += l.believed("D" + std::to_string(i)) == 0 ? 1 : 0;
    braked += l.stands("D" + std::to_string(i)) == "excess braked" ? 1 : 0;
  }
  EXPECT_EQ(lowered, 3);
  EXPECT_EQ(braked, 2);
}

TEST(Invariant12, AShareOfTheToldValueBrakesAlsoWhereUnitsAreSmall) {
  Loop l;
  for (int i = 0; i < 40; ++i) win(l, "D" + std::to_string(i), "50000000000");  // 2e12 in all, as in IDR
  l.settle();
  for (int i = 0; i < 6; ++i) l.set("D" + std::to_string(i), "stage", "lost");
  l.pass(kDay * 5);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "excess braked");
}

TEST(Invariant12, AnApprovedMassIsNotHeldAgainstTheNextLowering) {
  Loop l;
  for (int i = 0; i < 40; ++i) win(l, "D" + std::to_string(i));
  l.settle();
  for (int i = 0; i < 30; ++i) l.set("D" + std::to_string(i), "stage", "lost");
  l.pass(kHour);
  l.set("D35", "stage", "lost");
  l.pass(kHour * 71 + std::chrono::minutes(30));
  l.approve_brakes();
  l.settle();
  EXPECT_EQ(l.believed("D0"), 0);
  l.pass(kHour * 2);
  EXPECT_EQ(l.believed("D35"), 0);
}

}  // namespace
}  // namespace hw::reconcile
