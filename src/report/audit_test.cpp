#include <gmock/gmock.h>

#include "conformance/loop.h"
#include "reconcile/retry.h"

/// Whatever changes an upload leaves its trace: the trail of each one leads, step by step, from its first state to the
/// one that it is in.
namespace hw::report {
namespace {

using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;
using connect::Receipt;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// What is wrong with the trail of one upload; "" when it is whole.
std::string gap_in(const store::StoredUpload& u, const std::vector<store::UploadEvent>& trail) {
  if (trail.empty() || !trail.front().from_state.empty()) return "has no beginning";
  std::string state;
  Timestamp at{};
  for (const store::UploadEvent& e : trail) {
    UploadState from{}, to{};
    if (e.from_state != state) return "leaps from " + state + " to " + e.from_state;
    if (!from_string(e.to_state, to)) return "leads to no state";
    if (!state.empty() && (!from_string(state, from) || (from != to && !may_follow(from, to))))
      return "goes from " + state + " to " + e.to_state;
    if (e.actor.empty()) return "does not say who";
    if (e.at < at) return "goes back in time";
    state = e.to_state;
    at = e.at;
  }
  if (state != to_string(u.state) || trail.back().code != u.code) return "ends in " + state + " " + trail.back().code;
  return "";
}

std::string gaps(Loop& l) {
  return l.read([](store::Tx& tx) {
    std::string out;
    store::ledger_rows::UploadFilter all;
    all.limit = 10'000;
    for (const auto& u : store::ledger_rows::list_uploads(tx, all))
      if (const auto gap = gap_in(u, store::ledger_rows::events(tx, u.id)); !gap.empty())
        out += "upload " + std::to_string(u.id) + " " + gap + "\n";
    return out;
  });
}

void deal_won(Loop& l, const std::string& deal, bool refused) {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, "won", "100");
  ASSERT_TRUE(l.reconcile());
  if (refused && !l.conversions(deal).empty()) l.sink().refused[l.dedup_id(deal)] = "not_allowed";
}

/// To one of the deals that are known.
void something_happens(Loop& l, std::uint64_t known, Random& random) {
  const std::string deal = "D" + std::to_string(random.below(known));
  switch (random.below(7)) {
    case 0:
      l.set(deal, "amount", std::to_string(50 + random.below(500)));
      break;
    case 1:
      l.set(deal, "stage", random.below(2) == 0 ? "lost" : "won");
      break;
    case 2:
      l.consent("C" + deal, random.below(2) == 0 ? ConsentState::denied : ConsentState::granted);
      break;
    case 3:
      l.settings.destinations[0].settle = kHour * static_cast<int>(random.below(3));
      l.start();
      break;
    case 4:
      l.sink().refused.clear();
      break;
    default: {
      reconcile::RetryAsked asked;
      asked.uncertain = random.below(2) == 0;
      if (!asked.uncertain)
        asked.destination = "ads";
      else if (auto rows = l.uploads(deal); !rows.empty())
        asked.ids = {rows.back().id};
      ASSERT_TRUE(reconcile::retry(l.settings, l.connectors, *l.db, l.clock, asked, "ada", [] { return true; }));
    }
  }
}

class Trail : public testing::TestWithParam<std::tuple<Receipt, bool>> {};

TEST_P(Trail, OfEveryUploadIsWholeWhateverHappens) {
  const auto [receipt, dedup] = GetParam();
  connect::Contract contract = conformance::generous();
  contract.receipt = receipt;
  if (!dedup) contract.dedup = {};
  Loop l(contract, 7);
  const auto random = make_seeded_random(11);
  constexpr PlatformFault kFaults[] = {
      PlatformFault::lost_before, PlatformFault::lost_after,   PlatformFault::busy,       PlatformFault::lane_full,
      PlatformFault::sign_in,     PlatformFault::crash_before, PlatformFault::crash_after};
  l.sink().weather = [&] { return random->below(5) == 0 ? kFaults[random->below(7)] : PlatformFault::none; };
  for (std::uint64_t i = 0; i < 60; ++i) {
    if (i % 4 == 0) deal_won(l, "D" + std::to_string(i / 4), /*refused=*/random->below(2) == 0);
    something_happens(l, 1 + i / 4, *random);
    l.pass(kHour * (1 + static_cast<int>(random->below(10))));
  }
  EXPECT_EQ(gaps(l), "");
  const auto counts = l.read([](store::Tx& tx) { return store::ledger_rows::upload_states(tx); });
  std::string seen;
  for (const auto& c : counts) seen += c.state + " " + c.code + " " + std::to_string(c.n) + "; ";
  EXPECT_NE(seen.find("superseded retried"), std::string::npos) << seen;
}

/// "superseded consent: denied by the CRM", of the last step of the deal's row `n`.
std::string last_step(Loop& l, const std::string& deal, std::size_t n = 0) {
  const auto trail = l.read([&](store::Tx& tx) { return store::ledger_rows::events(tx, l.uploads(deal).at(n).id); });
  return trail.back().to_state + " " + trail.back().code + ": " + trail.back().detail;
}

/// The first step of its last row.
std::string first_step(Loop& l, const std::string& deal) {
  return l.read(
      [&](store::Tx& tx) { return store::ledger_rows::events(tx, l.uploads(deal).back().id).front().detail; });
}

TEST(TrailSays, WhyARowThatWasNotSentWentBack) {
  struct Case {
    const char* name;
    std::function<void(Loop&)> change;
    const char* said;
  };
  const Case cases[] = {
      {"raised", [](Loop& l) { l.set("D1", "amount", "150"); }, "superseded another_value: 150.00 EUR wanted"},
      {"lost", [](Loop& l) { l.set("D1", "stage", "lost"); }, "superseded not_wanted: "},
      {"deleted", [](Loop& l) { l.remove("D1"); }, "superseded not_wanted: "},
      {"withdrawn", [](Loop& l) { l.consent("C1", ConsentState::denied); }, "superseded consent: "},
      {"too old",
       [](Loop& l) {
         l.clock.advance(kDay * 200);
         ASSERT_TRUE(l.deliver());
       },
       "superseded expired: "},
  };
  for (const Case& c : cases) {
    Loop l;
    l.contact("C1", "click-1");
    l.deal("D1", "C1", "won", "100");
    ASSERT_TRUE(l.reconcile());
    ASSERT_EQ(l.history("D1"), "upload pending 100");
    c.change(l);
    ASSERT_TRUE(l.reconcile());
    EXPECT_THAT(last_step(l, "D1"), StartsWith(c.said)) << c.name;
  }
}

TEST(TrailSays, WhyARowWasMade) {
  Loop l;
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  EXPECT_THAT(first_step(l, "D1"), StartsWith("100.00 EUR wanted; cause: the CRM"));
  l.set("D1", "amount", "150");
  l.settle();
  EXPECT_THAT(first_step(l, "D1"), StartsWith("100.00 EUR believed, 150.00 EUR wanted; cause: history of it was read"));
  l.set("D1", "stage", "lost");
  l.pass(kDay * 4);
  EXPECT_THAT(first_step(l, "D1"),
              AllOf(StartsWith("150.00 EUR believed, not_wanted"), HasSubstr("; cause: its time had come")));
}

TEST(TrailSays, WhoLetALoweringGo) {
  Loop l;
  l.settings.destinations[0].settle = {};
  l.settings.destinations[0].max_lowering_count = 0;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.set("D1", "amount", "50");
  l.settle();
  ASSERT_EQ(l.stands("D1"), "excess braked");
  l.approve_brakes();
  l.settle();
  EXPECT_THAT(first_step(l, "D1"), HasSubstr("100.00 EUR believed, 50.00 EUR wanted; "));
  EXPECT_THAT(first_step(l, "D1"), HasSubstr("approved by test (brake 1)"));
}

INSTANTIATE_TEST_SUITE_P(Receipts, Trail,
                         testing::Combine(testing::Values(Receipt::request, Receipt::count, Receipt::row),
                                          testing::Bool()));

}  // namespace
}  // namespace hw::report
