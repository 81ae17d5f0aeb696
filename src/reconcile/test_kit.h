#pragma once
#include <string>

#include "conformance/loop.h"

/// What several tests of this room begin with.
namespace hw::reconcile::test {

/// The rules that make corrections hard: zero is final, the original must be confirmed by counts.
inline connect::Contract final_zero() {
  connect::Contract c = conformance::generous();
  c.operations = {Operation::upload, Operation::restate};
  c.zero = connect::ZeroRule::final_retraction;
  return c;
}

/// A contact with a click and a deal that is won.
inline void win(conformance::Loop& l, const std::string& deal = "D1", const std::string& amount = "100") {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, "won", amount);
}

}  // namespace hw::reconcile::test
