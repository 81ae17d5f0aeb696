#include "delivery/outcomes.h"

#include <gtest/gtest.h>

#include "conformance/fake_platform.h"

/// What an answer makes of a row, where no platform of the other tests gives such an answer.
namespace hw::delivery {
namespace {

using connect::Receipt;

const Timestamp kAnsweredAt = from_micros(1'772'400'000'000'000);

Policy policy_of(Receipt receipt, Mode mode) {
  Policy p;
  p.contract = conformance::generous();
  p.contract.receipt = receipt;
  p.mode = mode;
  return p;
}

store::StoredUpload row_accepted(bool receipted, const Policy& policy) {
  store::StoredUpload row;
  row.state = UploadState::in_flight;
  row.first_attempt_at = row.last_attempt_at = kAnsweredAt;
  const auto random = make_seeded_random(1);
  apply_answer(row, {}, receipted, policy, kAnsweredAt, *random);
  return row;
}

TEST(Outcomes, WhatIsAcceptedWithoutAReceiptIsSettledAtOnce) {
  for (const Receipt receipt : {Receipt::count, Receipt::row}) {
    const Policy policy = policy_of(receipt, Mode::live);
    EXPECT_EQ(row_accepted(/*receipted=*/false, policy).state, UploadState::processed)
        << "nobody would ever confirm it";
    EXPECT_EQ(row_accepted(/*receipted=*/true, policy).state, UploadState::received);
  }
}

TEST(Outcomes, ATestsRowIsValidatedAndNeverReceived) {
  for (const Receipt receipt : {Receipt::none, Receipt::request, Receipt::count, Receipt::row}) {
    const auto row = row_accepted(/*receipted=*/true, policy_of(receipt, Mode::test));
    EXPECT_EQ(row.state, UploadState::processed);
    EXPECT_EQ(row.code, "validated");
  }
}

}  // namespace
}  // namespace hw::delivery
