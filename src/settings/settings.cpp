#include "settings/settings.h"

#include <algorithm>
#include <set>

namespace hw::settings {
namespace {

template <class T>
const T* named(const std::vector<T>& all, std::string_view name) {
  const auto it = std::ranges::find(all, name, &T::name);
  return it == all.end() ? nullptr : &*it;
}

using Fields = std::set<std::pair<Object, std::string>>;

void add_conditions(const std::vector<Condition>& conditions, Object subject, Fields& out) {
  for (const Condition& c : conditions) out.emplace(subject, c.field);
}

Fields fields_of(const Settings& s) {
  Fields out;
  for (const Stage& stage : s.stages) {
    out.emplace(stage.subject, stage.field);
    if (!stage.pipeline.empty()) out.emplace(stage.subject, "pipeline");
  }
  for (const Goal& g : s.goals) {
    add_conditions(g.when, g.subject, out);
    if (g.value.kind == ValueRule::Kind::field) out.emplace(g.subject, g.value.field);
  }
  for (const Destination& d : s.destinations) {
    const Goal* goal = s.goal(d.goal);
    if (goal != nullptr) add_conditions(d.route, goal->subject, out);
  }
  return out;
}

}  // namespace

const Goal* Settings::goal(std::string_view name) const { return named(goals, name); }
const Destination* Settings::destination(std::string_view name) const { return named(destinations, name); }
const ConnectorInstance* Settings::connector(std::string_view name) const { return named(connectors, name); }

std::vector<const Stage*> Settings::stages_of(Object subject) const {
  std::vector<const Stage*> out;
  for (const Stage& stage : stages) {
    if (stage.subject == subject) out.push_back(&stage);
  }
  return out;
}

std::vector<std::string> Settings::tracked_fields() const {
  std::set<std::string> out{"amount", "currency", "pipeline", "closed"};
  for (const auto& [subject, field] : fields_of(*this)) out.insert(field);
  return {out.begin(), out.end()};
}

std::vector<std::pair<Object, std::string>> Settings::referenced_fields() const {
  const Fields fields = fields_of(*this);
  return {fields.begin(), fields.end()};
}

}  // namespace hw::settings
