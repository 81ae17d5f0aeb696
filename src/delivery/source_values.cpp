#include "delivery/source_values.h"

#include <algorithm>

#include "base/zone.h"
#include "identity/placeholders.h"

namespace hw::delivery {
namespace {

using journey::Journey;
using journey::JourneyTouch;
using store::WrittenField;

constexpr std::string_view kFirst = "first_", kLast = "last_", kIdentifier = "identifier.";

bool starts_with(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

/// CRMs keep times to the second or so: what they would cut off would look like a person's change.
std::string seconds(Timestamp t) { return rfc3339(std::chrono::floor<std::chrono::seconds>(t)); }

/// "channel", "source", ... of one touch.
std::string of_touch(const JourneyTouch& t, std::string_view part) {
  const Touch& touch = t.stored.touch;
  if (part == "channel") return t.stored.channel;
  if (part == "source") return touch.source;
  if (part == "medium") return touch.medium;
  if (part == "campaign") return touch.campaign;
  if (part == "term") return touch.term;
  if (part == "content") return touch.content;
  if (part == "landing_page") return touch.landing_page;
  if (part == "referrer") return touch.referrer;
  return seconds(touch.at);  // "at": the declaration knows no other
}

std::string clean(const std::string& value) { return identity::is_placeholder(value) ? std::string() : value; }

/// The identifier of the earliest touch that carries one, else the record's own: it stays the same as long as that
/// touch stays.
std::string identifier(const Journey& j, const store::StoredRecord& record, std::string_view type) {
  for (const JourneyTouch& t : j.touches)
    for (const Identifier& id : t.stored.touch.identifiers)
      if (id.type == type && !clean(id.value).empty()) return id.value;
  for (const Identifier& id : record.identifiers)
    if (id.type == type) return clean(id.value);
  return {};
}

void put(FieldGroup& group, const std::string& what, const std::string& field, const std::string& value) {
  group.values[field] = clean(value);
  group.whats[field] = what;
}

FieldGroup alone(const std::string& what, const std::string& field, const std::string& value) {
  FieldGroup group;
  put(group, what, field, value);
  return group;
}

bool is_seen(const std::string& what) { return what == "first_seen" || what == "last_seen"; }

std::string about_journey(const Journey& j, const JourneyTouch* last, const std::string& what) {
  if (what == "touches") return j.touches.empty() ? "" : std::to_string(j.touches.size());
  if (what == "first_seen") return j.touches.empty() ? "" : seconds(j.first_touch()->stored.touch.at);
  return last == nullptr ? "" : seconds(last->stored.touch.at);
}

/// What was written for another value, or to another field of the CRM, says nothing of this one.
const WrittenField* find(const std::vector<WrittenField>& written, const FieldGroup& group, const std::string& field) {
  const std::string& what = group.whats.at(field);
  auto it =
      std::find_if(written.begin(), written.end(), [&](const auto& w) { return w.what == what && w.field == field; });
  return it == written.end() ? nullptr : &*it;
}

std::string value_of(const std::map<std::string, std::string>& current, const std::string& field) {
  auto it = current.find(field);
  return it == current.end() ? std::string() : it->second;
}

bool later_first_touch(const FieldGroup& group, const std::vector<WrittenField>& written) {
  for (const auto& [field, what] : group.whats) {
    if (!starts_with(what, kFirst) || is_seen(what)) continue;
    const WrittenField* w = find(written, group, field);
    if (w != nullptr && w->hash && w->group_at && group.at && *group.at > *w->group_at) return true;
  }
  return false;
}

}  // namespace

std::vector<FieldGroup> source_values(const settings::SourceFields& entry, const store::StoredRecord& record,
                                      const Journey& whole, Timestamp now) {
  const Journey j = journey::seen(whole);
  FieldGroup first, last;
  std::vector<FieldGroup> out;
  const JourneyTouch* first_touch = j.first_touch();
  const JourneyTouch* last_touch = j.last_touch(now);
  for (const auto& [what, field] : entry.fields) {
    if (starts_with(what, kIdentifier)) {
      out.push_back(alone(what, field, identifier(j, record, what.substr(kIdentifier.size()))));
    } else if (is_seen(what) || what == "touches") {
      out.push_back(alone(what, field, about_journey(j, last_touch, what)));
    } else if (starts_with(what, kFirst)) {
      if (first_touch != nullptr) put(first, what, field, of_touch(*first_touch, what.substr(kFirst.size())));
    } else if (last_touch != nullptr) {
      put(last, what, field, of_touch(*last_touch, what.substr(kLast.size())));
    }
  }
  if (first_touch != nullptr) first.at = first_touch->stored.touch.at;
  if (last_touch != nullptr) last.at = last_touch->stored.touch.at;
  out.push_back(std::move(first));
  out.push_back(std::move(last));
  std::erase_if(out, [](const FieldGroup& g) {
    return std::all_of(g.values.begin(), g.values.end(), [](const auto& v) { return v.second.empty(); });
  });
  return out;
}

std::vector<store::OwnValue> values_of_any_time(const settings::SourceFields& entry, const store::StoredRecord& record,
                                                const Journey& whole) {
  std::vector<store::OwnValue> out;
  auto add = [&](const std::string& what, const std::string& field, const std::string& value) {
    if (!clean(value).empty()) out.push_back({what, field, store::source_fields::hash_of(clean(value))});
  };
  const Journey j = journey::seen(whole);
  for (const auto& [what, field] : entry.fields) {
    const std::string type = starts_with(what, kIdentifier) ? what.substr(kIdentifier.size()) : "";
    for (std::size_t n = 0; n < j.touches.size(); ++n) {
      const JourneyTouch& t = j.touches[n];
      if (!type.empty()) {
        for (const Identifier& id : t.stored.touch.identifiers)
          if (id.type == type) add(what, field, id.value);
      } else if (what == "touches") {
        add(what, field, std::to_string(n + 1));
      } else if (is_seen(what)) {
        add(what, field, seconds(t.stored.touch.at));
      } else {
        add(what, field, of_touch(t, what.substr(starts_with(what, kFirst) ? kFirst.size() : kLast.size())));
      }
    }
    for (const Identifier& id : record.identifiers)
      if (id.type == type) add(what, field, id.value);
  }
  return out;
}

bool written_already(const FieldGroup& group, const std::vector<WrittenField>& written,
                     const std::optional<Timestamp>& merged) {
  if (later_first_touch(group, written)) return true;
  return std::all_of(group.values.begin(), group.values.end(), [&](const auto& v) {
    const WrittenField* w = find(written, group, v.first);
    return w != nullptr && !w->intended && w->hash == store::source_fields::hash_of(v.second) &&
           (!merged || *merged <= w->written_at);
  });
}

std::vector<std::string> without_ground(const settings::SourceFields& entry, const std::vector<FieldGroup>& groups,
                                        const std::vector<WrittenField>& written) {
  std::vector<std::string> out;
  for (const auto& [what, field] : entry.fields) {
    const bool is_written = std::any_of(written.begin(), written.end(), [&, &name = field, &of = what](const auto& w) {
      return w.what == of && w.field == name && w.hash;
    });
    if (!is_written) continue;
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&, &name = field](const auto& g) { return g.values.contains(name); });
    const bool stays = starts_with(what, kFirst) && !is_seen(what) && group != groups.end();
    if (group == groups.end() || (stays && later_first_touch(*group, written))) out.push_back(field);
  }
  return out;
}

bool is_own(const std::vector<store::OwnValue>& own, const std::string& field, const std::string& value) {
  const std::int64_t hash = store::source_fields::hash_of(value);
  return std::any_of(own.begin(), own.end(),
                     [&](const store::OwnValue& v) { return v.field == field && v.hash == hash; });
}

Choice choose(const FieldGroup& group, const std::map<std::string, std::string>& current,
              const std::vector<WrittenField>& written, const std::vector<store::OwnValue>& own,
              settings::SourceFields::Overwrite overwrite) {
  if (later_first_touch(group, written)) return Choice::unchanged;
  bool same = true, theirs = false;
  for (const auto& [field, value] : group.values) {
    const std::string held = value_of(current, field);
    if (held == value) continue;
    same = false;
    theirs = theirs || !(held.empty() || is_own(own, field, held));
  }
  if (same) return Choice::unchanged;
  if (theirs && overwrite == settings::SourceFields::Overwrite::ours) return Choice::kept_theirs;
  return Choice::write;
}

}  // namespace hw::delivery
