#pragma once
#include <gtest/gtest.h>

#include <string>

#include "conformance/loop.h"

/// What the tests of delivery begin with.
namespace hw::delivery {

inline void win(conformance::Loop& l, const std::string& deal, const std::string& amount = "100") {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, "won", amount);
}

inline connect::Contract confirming(connect::Receipt receipt) {
  connect::Contract c = conformance::generous();
  c.receipt = receipt;
  return c;
}

/// Several won deals whose rows wait to be sent in one request.
inline void batch(conformance::Loop& l, int deals) {
  l.settings.destinations[0].batch = 100;
  l.start();
  for (int i = 0; i < deals; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
}

inline connect::Outcome later(connect::Verdict verdict, const std::string& code) {
  connect::Outcome o;
  o.verdict = verdict;
  o.code = code;
  return o;
}

}  // namespace hw::delivery
