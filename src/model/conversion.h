#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/consent.h"
#include "model/identifier.h"
#include "model/money.h"
#include "model/timestamp.h"

namespace hw {

/// A click that a conversion may be credited to.
struct Click {
  std::string type;  ///< identifier type: "gclid", "gbraid", ...
  std::string value;
  Timestamp at;
  Basis at_basis = Basis::crm_history;  ///< inferred: the true click is not later than `at`
  bool after_first = false;             ///< not the lineage's own first choice: that one was out of its window
  friend bool operator==(const Click&, const Click&) = default;
};

/// Plain address parts, only where a destination asks for them.
struct Address {
  std::string country;  ///< alpha-2, upper-case
  std::string region, city, postal_code;
  friend bool operator==(const Address&, const Address&) = default;
};

/// One goal reached by one subject, once per occurrence, as one destination is to be told of it.
struct Conversion {
  std::string dedup_id;  ///< "hw-" + base32; stable for ever
  std::string goal;
  Timestamp at;                         ///< when it happened (UTC)
  std::optional<Money> value;           ///< absent: the goal has none
  std::vector<Click> clicks;            ///< best first, at most one per click-id type
  std::vector<Identifier> identifiers;  ///< client id, user id, native lead ids of the subject's person
  Hashes hashes;
  Address address;
  Consent consent;
  Timestamp lead_created;     ///< the window of user data without a click counts from here
  std::string customer_type;  ///< "new", "returning" or ""
};

}  // namespace hw
