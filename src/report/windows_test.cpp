#include "report/windows.h"

#include <gtest/gtest.h>

#include "conformance/loop.h"

namespace hw::report {
namespace {

using conformance::kDay;
using conformance::Loop;

std::vector<std::string> leaving(Loop& l, Duration within) {
  const Table t =
      l.read([&](store::Tx& tx) { return windows(tx, l.settings, l.connectors, l.clock.system_now(), within); });
  std::vector<std::string> out;
  for (const auto& row : t.rows) out.push_back(row[3] + " " + row[4] + " " + row[5] + " " + row[7] + " " + row[8]);
  return out;
}

void pause(Loop& l) {
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::service_rows::set_pause(tx, {.scope = store::kByPerson,
                                        .name = "ads_connector",
                                        .code = "by_person",
                                        .detail = "ada",
                                        .since = l.clock.system_now(),
                                        .retry_at = {}});
    return {};
  }));
}

TEST(Windows, ShowsWhatIsAboutToLeaveSoonestFirst) {
  Loop l;
  l.sink().rules.click_window = kDay * 30;
  l.start();
  l.contact("C1", "click-1");
  l.clock.advance(kDay * 10);
  l.contact("C2", "click-2");
  l.contact("C3", "click-3");
  l.clock.advance(kDay * 9);
  l.consent("C1", ConsentState::denied);
  l.deal("withheld", "C1", "won", "100");
  l.deal("waiting", "C2", "won", "250.50");
  ASSERT_TRUE(l.reconcile());
  // The clicks were a day before their contacts: 20 and 10 of 30 days are gone, and some seconds.
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"withheld 100.00 EUR 9.9 consent"}));
  EXPECT_EQ(leaving(l, kDay * 20),
            (std::vector<std::string>{"withheld 100.00 EUR 9.9 consent", "waiting 250.50 EUR 19.9 waiting"}));
  EXPECT_EQ(leaving(l, kDay * 5), std::vector<std::string>{});
}

TEST(Windows, WhatWaitsForItsAnswerIsTold) {
  connect::Contract contract = conformance::generous();
  contract.receipt = connect::Receipt::row;
  contract.click_window = kDay * 10;
  Loop l(contract);
  l.contact("C1", "click-1");
  l.deal("waiting", "C1", "won", "100");
  ASSERT_TRUE(l.reconcile());
  ASSERT_FALSE(leaving(l, kDay * 14).empty());
  ASSERT_TRUE(l.deliver());
  ASSERT_EQ(l.stands("waiting"), "missing waiting");
  EXPECT_EQ(leaving(l, kDay * 14), std::vector<std::string>{});
}

TEST(Windows, WhereBrowsersAloneCountTheConversionsOwnAgeDoes) {
  Loop l;
  l.sink().rules.click_types.clear();
  l.sink().rules.hash_forms.clear();
  l.sink().rules.client_types = {"client"};
  l.sink().rules.conversion_window = kDay * 3;
  l.start();
  l.contact("C1", "");
  l.deal("bare", "C1", "won", "100");
  l.settle();
  l.clock.advance(kDay);
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"bare 100.00 EUR 2.0 no_identifier"}));
}

TEST(Windows, WhatWaitsBehindAPersonsPauseIsShown) {
  Loop l;
  l.sink().rules.click_window = kDay * 30;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  pause(l);
  l.pass(kDay * 20);
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"D1 100.00 EUR 8.9 waiting"}));
}

TEST(Windows, WhoHasNoIdentifierMayStillBringALateClick) {
  Loop l;
  l.sink().rules.user_data_window = kDay * 20;
  l.sink().rules.click_window = kDay * 30;
  l.start();
  l.contact("C1", "");
  l.shown(Object::contact, "C1").hashes.clear();
  l.set(Object::contact, "C1", "title", "none");
  l.clock.advance(kDay * 25);
  l.deal("bare", "C1", "won", "100");
  l.settle();
  ASSERT_EQ(l.stands("bare"), "missing no_identifier");
  EXPECT_EQ(leaving(l, kDay * 14), std::vector<std::string>{}) << "a click of the deal's own day has thirty days";
  l.clock.advance(kDay * 20);
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"bare 100.00 EUR 10.0 no_identifier"}));
}

TEST(Windows, AWonDealWithoutAnAmountIsShownWhilePeopleCanStillTypeIt) {
  Loop l;
  l.sink().rules.click_window = l.sink().rules.user_data_window = kDay * 30;
  l.start();
  l.contact("C1", "click-1");
  l.deal("bare", "C1", "won", "");
  l.settle();
  ASSERT_EQ(l.stands("bare"), "none no_value");
  l.clock.advance(kDay * 20);
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"bare  EUR 9.9 no_value"}));
}

TEST(Windows, WhatWasRefusedCanStillBeMendedUnlessThePlatformHasNoneToCredit) {
  Loop l;
  l.sink().rules.click_window = kDay * 30;
  l.start();
  l.contact("C1", "click-1");
  l.contact("C2", "click-2");
  l.deal("broken", "C1", "won", "100");
  l.deal("organic", "C2", "won", "100");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("broken")] = "invalid_currency";
  l.sink().refused[l.dedup_id("organic")] = connect::kUnattributed;
  l.settle();
  ASSERT_EQ(l.stands("broken"), "missing rejected");
  ASSERT_EQ(l.stands("organic"), "missing rejected");
  l.clock.advance(kDay * 20);
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"broken 100.00 EUR 8.9 rejected"}));
  EXPECT_EQ(leaving(l, kDay * 5), std::vector<std::string>{});
}

TEST(Windows, ACorrectionThatWaitsIsShownByWhatThePlatformDoesNotKnow) {
  Loop l;
  l.sink().rules.adjust_until = kDay * 55;
  l.settings.destinations[0].settle = kDay * 30;
  l.start();
  for (const char* id : {"lost", "raised"}) {
    l.contact(std::string("C-") + id, std::string("click-") + id);
    l.deal(id, std::string("C-") + id, "won", "100");
  }
  l.settle();
  l.clock.advance(kDay * 43);
  EXPECT_EQ(leaving(l, kDay * 14), std::vector<std::string>{}) << "told, and right";
  pause(l);
  l.set("lost", "stage", "lost");
  l.set("raised", "amount", "150.50");
  l.settle();
  EXPECT_EQ(leaving(l, kDay * 14),
            (std::vector<std::string>{"lost -100.00 EUR 11.9 settling", "raised 50.50 EUR 11.9 waiting"}));
}

TEST(Windows, ABrakedCorrectionIsShown) {
  Loop l;
  l.sink().rules.adjust_until = kDay * 55;
  l.settings.destinations[0].settle = Duration{};
  l.settings.destinations[0].max_lowering_count = 0;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.clock.advance(kDay * 43);
  l.set("D1", "stage", "lost");
  l.settle();
  EXPECT_EQ(leaving(l, kDay * 14), (std::vector<std::string>{"D1 -100.00 EUR 11.9 braked"}));
}

TEST(Windows, WhatWasToldOrHasLeftIsNotShown) {
  Loop l;
  l.sink().rules.click_window = kDay * 30;
  l.start();
  l.contact("C1", "click-1");
  l.contact("C2", "click-2");
  l.deal("told", "C1", "won", "100");
  l.settle();
  l.clock.advance(kDay * 40);
  l.deal("late", "C2", "won", "100");
  ASSERT_TRUE(l.reconcile());
  EXPECT_EQ(leaving(l, kDay * 60), std::vector<std::string>{});
}

}  // namespace
}  // namespace hw::report
