// What the CRM's source fields must hold, by the visits that the script made.
#include <algorithm>
#include <array>

#include "base/zone.h"
#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

constexpr std::array kContactFields{"hw_first_channel", "hw_first_source",  "hw_first_medium", "hw_first_campaign",
                                    "hw_first_term",    "hw_first_content", "hw_first_page",   "hw_first_referrer",
                                    "hw_first_at",      "hw_last_channel",  "hw_last_source",  "hw_last_medium",
                                    "hw_last_campaign", "hw_last_term",     "hw_last_content", "hw_last_page",
                                    "hw_last_referrer", "hw_last_at",       "hw_ga_client_id", "hw_gclid",
                                    "hw_touches",       "hw_seen_first",    "hw_seen_last"};
constexpr std::array kDealFields{"hw_first_channel", "hw_first_source", "hw_first_campaign", "hw_first_at",
                                 "hw_last_channel",  "hw_last_source",  "hw_last_campaign",  "hw_last_at",
                                 "hw_gclid",         "hw_touches"};

bool is_time(std::string_view name) { return name.ends_with("_at") || name.starts_with("hw_seen_"); }

/// A mailbox of several people is nobody's.
bool is_shared(const std::string& email) { return email.starts_with("info@"); }

std::string whole_second(Timestamp t) { return rfc3339(std::chrono::floor<std::chrono::seconds>(t)); }

std::string without_query(const std::string& page) { return page.substr(0, page.find('?')); }

/// Direct traffic has neither source nor medium: the CRM gets none.
template <class Row>
void add_touch(std::map<std::string, std::string>& out, const std::string& group, const Row& t) {
  out[group + "channel"] = way_of(t.source, t.medium).channel;
  out[group + "source"] = t.source;
  out[group + "medium"] = t.medium;
  out[group + "campaign"] = t.campaign;
  out[group + "term"] = t.term;
  out[group + "content"] = t.content;
  out[group + "page"] = without_query(t.page);
  out[group + "referrer"] = t.referrer;
  out[group + "at"] = whole_second(t.at);
}

template <class Row>
std::map<std::string, std::string> fields_of(const std::vector<const Row*>& touches) {
  std::map<std::string, std::string> out;
  if (touches.empty()) return out;
  add_touch(out, "hw_first_", *touches.front());
  add_touch(out, "hw_last_", *touches.back());
  out["hw_touches"] = std::to_string(touches.size());
  out["hw_seen_first"] = whole_second(touches.front()->at);
  out["hw_seen_last"] = whole_second(touches.back()->at);
  for (const Row* t : touches) {
    if (out["hw_ga_client_id"].empty()) out["hw_ga_client_id"] = t->client_id;
    if (out["hw_gclid"].empty()) out["hw_gclid"] = t->gclid;
  }
  return out;
}

/// "hw_first_" of "hw_first_source".
std::string group_of(const std::string& field) { return field.substr(0, field.rfind('_') + 1); }

}  // namespace

void Company::add_source_properties(World& world) {
  auto add = [&](const char* type, const char* name) {
    world.crm.custom_properties.push_back({.type = type, .name = name, .kind = is_time(name) ? "datetime" : "string"});
  };
  for (const char* name : kContactFields) add("contacts", name);
  for (const char* name : kDealFields) add("deals", name);
}

/// By client id, click id and e-mail, through all records that are one contact today.
std::vector<const Company::TouchRow*> Company::touches_of(const World& world, const std::string& contact) const {
  std::set<std::string> clients, clicks, emails;
  for (const Buyer& b : buyers_) {
    if (b.contact.empty()) continue;
    const CrmObject* c = world.crm.find("contacts", b.contact);
    const bool same = b.contact == contact || (c != nullptr && c->merged_into == contact);
    if (!same || c == nullptr) continue;
    clients.insert(c->get("ga_client_id"));
    clicks.insert(c->get("gclid"));
    if (!is_shared(c->get("email"))) emails.insert(c->get("email"));
  }
  auto holds = [](const std::set<std::string>& all, const std::string& one) {
    return !one.empty() && all.contains(one);
  };
  std::set<const TouchRow*> found;
  for (std::size_t before = 1, now = 0; before != now;) {
    before = found.size();
    for (const TouchRow& t : visits_) {
      if (!holds(clients, t.client_id) && !holds(clicks, t.gclid) && !holds(emails, t.email)) continue;
      found.insert(&t);
      clients.insert(t.client_id);
      clicks.insert(t.gclid);
    }
    now = found.size();
  }
  return in_order(found);
}

std::vector<const Company::TouchRow*> Company::in_order(const std::set<const TouchRow*>& touches) {
  std::vector<const TouchRow*> out(touches.begin(), touches.end());
  std::sort(out.begin(), out.end(), [](const TouchRow* a, const TouchRow* b) { return a->at < b->at; });
  return out;
}

/// Where nobody saw the person come, what the CRM knows itself is the one touch.
Company::Values Company::contact_fields(const World& world, std::size_t b) const {
  const CrmObject* contact = world.crm.find("contacts", buyers_[b].contact);
  TouchRow own;
  auto touches = touches_of(world, buyers_[b].contact);
  if (const auto native = native_.find(b); touches.empty() && native != native_.end()) {
    own.at = contact->created;
    own.source = "linkedin";
    own.medium = "paid_social";
    own.campaign = native->second;
    touches.push_back(&own);
  }
  Values out = fields_of(touches);
  if (out["hw_ga_client_id"].empty()) out["hw_ga_client_id"] = contact->get("ga_client_id");
  if (out["hw_gclid"].empty()) out["hw_gclid"] = contact->get("gclid");
  if (const auto typed = typed_.find(b); typed != typed_.end()) keep_typed(typed->second, touches, out);
  return out;
}

/// What a person typed stays, and with it all that is written of the same touch.
void Company::keep_typed(const Typed& typed, std::vector<const TouchRow*> touches, Values& out) {
  std::erase_if(touches, [&](const TouchRow* t) { return !typed.after || t->at > *typed.after; });
  Values then = fields_of(touches);
  for (const char* name : kContactFields)
    if (group_of(name) == group_of(typed.field)) out[name] = then[name];
  out[typed.field] = typed.value;
}

/// A deal's touches are those of all its people.
Company::Values Company::deal_fields(const World& world, const std::string& deal) const {
  std::set<const TouchRow*> all;
  for (const CrmTie& tie : world.crm.ties()) {
    if (tie.from_type != "deals" || tie.from_id != deal || tie.to_type != "contacts") continue;
    const auto touches = touches_of(world, tie.to_id);
    all.insert(touches.begin(), touches.end());
  }
  return fields_of(in_order(all));
}

std::vector<FieldTruth> Company::fields(const World& world) const {
  std::vector<FieldTruth> out;
  auto is_there = [](const CrmObject* o) { return o != nullptr && !o->archived && o->merged_into.empty(); };
  for (std::size_t b = 0; b < buyers_.size(); ++b) {
    const CrmObject* c = world.crm.find("contacts", buyers_[b].contact);
    if (!is_there(c) || path_dependent_.contains(b)) continue;
    Values expected = c->created >= start_ ? contact_fields(world, b) : Values();
    const auto typed = typed_.find(b);
    const std::string theirs = typed == typed_.end() ? "" : group_of(typed->second.field);
    for (const char* name : kContactFields)
      out.push_back({"contacts", c->id, name, expected[name], group_of(name) == theirs});
  }
  for (const Deal& deal : deals_) {
    const CrmObject* d = world.crm.find("deals", deal.id);
    if (!is_there(d)) continue;
    Values expected = d->created >= start_ ? deal_fields(world, deal.id) : Values();
    for (const char* name : kDealFields) out.push_back({"deals", d->id, name, expected[name], false});
  }
  return out;
}

}  // namespace hw::sandbox
