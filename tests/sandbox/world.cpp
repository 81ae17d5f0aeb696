#include "sandbox/world.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace hw::sandbox {

std::string CrmObject::get(const std::string& property) const {
  auto it = properties.find(property);
  return it == properties.end() || it->second.empty() ? std::string() : it->second.back().value;
}

const CrmObject* Crm::find(const std::string& type, const std::string& id) const {
  auto t = objects_.find(type);
  if (t == objects_.end()) return nullptr;
  auto it = t->second.find(id);
  return it == t->second.end() ? nullptr : &it->second;
}

std::string Crm::create(const std::string& type, const std::map<std::string, std::string>& properties, Timestamp at) {
  // Ids look like the vendor's: digits, growing, not dense.
  std::string id = std::to_string(1'000'000 + 37 * next_id_++);
  CrmObject o{.type = type,
              .id = id,
              .created = at,
              .modified = at,
              .properties = {},
              .archived_at = {},
              .merged_into = {},
              .merged = {},
              .typed = {},
              .api_writes = {}};
  for (const auto& [k, v] : properties) o.properties[k].push_back({v, at});
  objects_[type][id] = std::move(o);
  return id;
}

namespace {
CrmObject& existing(std::map<std::string, std::map<std::string, CrmObject>>& objects, const std::string& type,
                    const std::string& id) {
  auto t = objects.find(type);
  if (t == objects.end() || !t->second.contains(id))
    throw std::logic_error("the script names a record that is not there: " + type + "/" + id);
  return t->second.at(id);
}
}  // namespace

void Crm::set(const std::string& type, const std::string& id, const std::string& property, const std::string& value,
              Timestamp at, const std::string& source) {
  CrmObject& o = existing(objects_, type, id);
  if (o.get(property) == value) return;
  o.properties[property].push_back({value, at, source});
  o.modified = at;
}

void Crm::type_in(const std::string& type, const std::string& id, const std::string& property, const TypedValue& typed,
                  Timestamp at) {
  set(type, id, property, typed.value, at);
  existing(objects_, type, id).typed[property] = typed;
}

void Crm::write(const std::string& type, const std::string& id, const std::map<std::string, std::string>& values,
                Timestamp at) {
  CrmObject& o = existing(objects_, type, id);
  for (const auto& [property, value] : values) {
    set(type, id, property, value, at, "API");
    ++o.api_writes[property];
  }
  o.modified = at;
}

void Crm::archive(const std::string& type, const std::string& id, Timestamp at) {
  CrmObject& o = existing(objects_, type, id);
  o.archived = true;
  o.archived_at = at;
}

void Crm::restore(const std::string& type, const std::string& id, Timestamp at) {
  CrmObject& o = existing(objects_, type, id);
  o.archived = false;
  o.archived_at.reset();
  o.modified = at;
}

void Crm::merge(const std::string& type, const std::string& loser, const std::string& winner, Timestamp at) {
  CrmObject& l = existing(objects_, type, loser);
  CrmObject& w = existing(objects_, type, winner);
  l.merged_into = winner;
  l.merged_at = at;
  w.merged.push_back(loser);
  w.modified = at;
  // The vendor moves the loser's ties to the winner and fills the winner's empty properties from it.
  for (const auto& [k, versions] : l.properties)
    if (w.get(k).empty() && !versions.empty()) w.properties[k].push_back({versions.back().value, at, "MERGE_OBJECTS"});
  std::vector<CrmTie> moved;
  for (const CrmTie& t : ties_) {
    CrmTie m = t;
    if (m.from_type == type && m.from_id == loser) m.from_id = winner;
    if (m.to_type == type && m.to_id == loser) m.to_id = winner;
    bool there = std::any_of(moved.begin(), moved.end(), [&](const CrmTie& o) {
      return o.from_type == m.from_type && o.from_id == m.from_id && o.to_type == m.to_type && o.to_id == m.to_id;
    });
    if (!there) moved.push_back(m);
  }
  ties_ = std::move(moved);
}

void Crm::unmerge(const std::string& type, const std::string& loser, Timestamp at) {
  CrmObject& l = existing(objects_, type, loser);
  CrmObject& w = existing(objects_, type, l.merged_into);
  std::erase(w.merged, loser);
  w.modified = at;
  l.unmerged_from = std::exchange(l.merged_into, {});
  l.merged_at.reset();
  l.modified = at;
}

void Crm::tie(const std::string& from_type, const std::string& from_id, const std::string& to_type,
              const std::string& to_id, bool primary, Timestamp at) {
  existing(objects_, from_type, from_id).modified = at;
  existing(objects_, to_type, to_id);
  ties_.push_back({from_type, from_id, to_type, to_id, primary, at});
}

const AdClick* Ads::click(const std::string& type, const std::string& value) const {
  auto it =
      std::find_if(clicks.begin(), clicks.end(), [&](const AdClick& c) { return c.type == type && c.value == value; });
  return it == clicks.end() ? nullptr : &*it;
}

const AdAction* Ads::action(const std::string& account, const std::string& id) const {
  auto it = std::find_if(actions.begin(), actions.end(),
                         [&](const AdAction& a) { return a.account == account && a.id == id; });
  return it == actions.end() ? nullptr : &*it;
}

}  // namespace hw::sandbox
