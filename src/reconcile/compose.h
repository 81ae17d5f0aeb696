#pragma once
#include <optional>
#include <variant>
#include <vector>

#include "reconcile/clicks.h"
#include "reconcile/work.h"

/// What a platform is to be told of a conversion: values in, a row of the ledger out. Nothing is decided here.
namespace hw::reconcile {

/// Whom and which click a row speaks of.
struct Who {
  std::optional<ChosenClick> click;
  const store::StoredRecord* person = nullptr;
  Consent consent;
};

/// The revision to be said, and the rows that came before it.
struct Telling {
  const store::StoredConversion& conversion;
  ledger::NewRevision revision;
  int number = 0;
  const std::vector<store::StoredUpload>& history;
  const store::StoredUpload* original = nullptr;  ///< what the platform took first; corrections refer to it
};

/// The ledger row with its item, or why the sink cannot say it.
std::variant<store::StoredUpload, connect::Refusal> compose(const Asked& asked, const Telling& telling, const Who& who,
                                                            const std::vector<store::StoredUpload>& made_before);

/// Live rows, stored or just made, that carry the click at the account and action.
std::vector<store::StoredUpload> rows_on_click(const Asked& asked, const std::string& type, const std::string& value,
                                               const std::vector<store::StoredUpload>& made_before);

}  // namespace hw::reconcile
