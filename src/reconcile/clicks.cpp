#include "reconcile/clicks.h"

#include <algorithm>
#include <utility>

namespace hw::reconcile {
namespace {

journey::ClickRule rule_of(settings::Goal::ClickRule rule) {
  switch (rule) {
    case settings::Goal::ClickRule::lead:
      return journey::ClickRule::lead;
    case settings::Goal::ClickRule::first:
      return journey::ClickRule::first;
    case settings::Goal::ClickRule::last:
      return journey::ClickRule::last;
  }
  return journey::ClickRule::lead;
}

std::string whence(const Subject& subject, const journey::Candidate& c) {
  auto person =
      std::find_if(subject.people.begin(), subject.people.end(), [&](const auto& p) { return p.id == c.record; });
  const store::StoredRecord& owner = person == subject.people.end() ? subject.record : *person;
  return std::string(c.captured ? "captured on " : "touch of ") + to_string(owner.ref.object) + " " + owner.ref.id;
}

/// The lead's own captured click comes before every touch, and what was chosen before stays chosen; `first` and `last`
/// look at all touches.
bool is_settled(const Subject& subject, const journey::Candidate& c, settings::Goal::ClickRule rule,
                const std::optional<Click>& before) {
  if (c.click.after_first || rule == settings::Goal::ClickRule::last) return false;
  if (before && before->type == c.click.type && before->value == c.click.value) return true;
  if (!c.captured || rule != settings::Goal::ClickRule::lead) return false;
  const std::int64_t lead = subject.lead             ? subject.lead->id
                            : subject.people.empty() ? subject.record.id
                                                     : subject.people.front().id;
  return c.record == lead || c.record == subject.record.id;
}

}  // namespace

ClickStory click_story(store::Tx& tx, const Subject& subject, const store::StoredConversion& conversion,
                       const settings::Goal& goal, const DestinationPlan& plan, Timestamp now) {
  ClickStory story;
  const connect::Contract& contract = plan.contract;
  if (contract.click_types.empty()) return story;
  const auto candidates = journey::clicks(tx, subject.record, contract.click_types, subject.lead_created);
  const auto before = store::ledger_rows::chosen_click(tx, conversion.lineage, plan.platform());
  // Age counts until the platform gets it: a click that is too old by now is no choice any more.
  const Timestamp moment =
      conversion.at_basis == Basis::inferred ? conversion.at + std::chrono::hours(12) : conversion.at;
  const Duration window = contract.click_window - std::max<Duration>(Duration{}, now - moment);
  journey::Choice choice =
      journey::choose(candidates, rule_of(goal.click), std::max<Duration>(window, Duration(1)), moment, before);
  if (choice.chosen)
    story.chosen = ChosenClick{.click = choice.chosen->click,
                               .person = choice.chosen->record,
                               .whence = whence(subject, *choice.chosen),
                               .is_settled = is_settled(subject, *choice.chosen, goal.click, before)};
  story.passed_over = std::move(choice.passed_over);
  return story;
}

}  // namespace hw::reconcile
