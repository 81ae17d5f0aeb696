#pragma once
#include <optional>
#include <string>
#include <vector>

#include "ledger/reasons.h"
#include "model/money.h"
#include "reconcile/subject.h"
#include "settings/settings.h"

/// Goals against one subject. Pure: the same facts give the same answer.
namespace hw::reconcile {

/// nullptr when the configuration has no such stage.
const settings::Stage* stage_of(const settings::Goal& goal, const settings::Settings& settings);

/// One stay in a stage.
struct Stay {
  Timestamp entered;
  Basis basis = Basis::observed;
  Timestamp learned;
  std::optional<Timestamp> left;
  const store::Fact* left_by = nullptr;  ///< of the subject
};
/// Every stay of the subject in the stage, by its trigger field's history, in order.
std::vector<Stay> stays(const Subject& subject, const settings::Stage& stage);

/// One goal reached by the subject, once.
struct Reached {
  Timestamp entered_at;  ///< of the stay that counts
  std::optional<Timestamp> left_at;
  Timestamp at;  ///< the conversion's time by the goal's `time:`
  Basis at_basis = Basis::crm_history;
  bool wanted = false;
  ledger::Reason why_not = ledger::Reason::not_wanted;
  std::string detail;
  std::optional<std::int64_t> micros;
  std::string currency;
  Timestamp changed_at;      ///< the CRM's last change of anything the answer depends on
  std::optional<Money> crm;  ///< revenue goals: the amount while the deal is won
  bool gone = false;         ///< out of sight: told values stay
};

/// Empty when the stage was never entered. More than one only for `count: each`.
/// A goal on a stage flagged `won` is wanted while the subject is in it; any other once it has been entered.
std::vector<Reached> reached(const Subject& subject, const settings::Goal& goal, const settings::Settings& settings);

/// The field that the goal's value is read from; "" when it has a value of its own or none.
std::string value_field(const settings::Goal& goal);
/// The code of the currency of that value: the goal's own, else the record's, else the configuration's.
std::string currency_of(const Subject& subject, const settings::Goal& goal, const settings::Settings& settings);
/// What the goal's value rule makes of the record's fields, also of what would be withheld.
std::optional<std::int64_t> value_of(const Subject& subject, const settings::Goal& goal,
                                     const settings::Settings& settings);

/// When the CRM last changed a field that these conditions name; the beginning of time if there are none.
Timestamp last_change(const Subject& subject, const std::vector<settings::Condition>& conditions);
/// When Headwater last learned of the trigger field of the goal's stage: what a correction of its history counts from.
Timestamp history_corrected(const Subject& subject, const settings::Goal& goal, const settings::Settings& settings);

/// "hw-" and base32 of SHA-256 over (lineage, goal, occurrence): stable for ever, reveals nothing.
std::string dedup_id(std::string_view lineage, std::string_view goal, std::int64_t occurrence);

}  // namespace hw::reconcile
