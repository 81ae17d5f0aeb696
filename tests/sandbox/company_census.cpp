// What took effect in the world, read from the world's own records.
#include <algorithm>

#include "model/money.h"
#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

/// So long a lower value waits before it is told.
constexpr auto kSettle = std::chrono::hours(72);

const std::vector<Version>& versions(const CrmObject& o, const char* property) {
  static const std::vector<Version> none;
  const auto found = o.properties.find(property);
  return found == o.properties.end() ? none : found->second;
}

std::string value_at(const CrmObject& o, const char* property, Timestamp at) {
  std::string value;
  for (const Version& v : versions(o, property))
    if (v.at <= at) value = v.value;
  return value;
}

/// Is there a change from one value to another? `between`: how long the one stood at least.
bool changed(const CrmObject& o, const char* property, const char* from, const char* to, Duration between = {}) {
  const auto& all = versions(o, property);
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i - 1].value == from && all[i].value == to && all[i].at - all[i - 1].at >= between) return true;
  return false;
}

bool is_reopened(const CrmObject& deal) {
  return changed(deal, "stage", "won", "negotiation") || changed(deal, "stage", "lost", "won");
}

bool is_lowered(const CrmObject& deal) {
  const auto& all = versions(deal, "amount");
  for (std::size_t i = 1; i < all.size(); ++i)
    if (value_at(deal, "stage", all[i].at) == "won" &&
        parse_micros(all[i].value).value_or(0) < parse_micros(all[i - 1].value).value_or(0))
      return true;
  return false;
}

/// The click became known when the lead was qualified already.
bool has_late_click(const CrmObject& contact) {
  const auto& clicks = versions(contact, "gclid");
  return !clicks.empty() && !clicks.back().value.empty() &&
         value_at(contact, "lifecycle", clicks.back().at - Duration(1)) == "sql";
}

}  // namespace

/// Of several people, each with a device of their own.
bool Company::is_shared_mailbox(const std::string& email) const {
  std::set<std::string> clients;
  for (const TouchRow& t : visits_)
    if (!email.empty() && t.email == email) clients.insert(t.client_id);
  return clients.size() > 1 && email.starts_with("info@");
}

std::map<std::string, int> Company::census(const World& world) const {
  std::map<std::string, int> n;
  const auto of = [&](const char* type) {
    const auto found = world.crm.objects().find(type);
    return found == world.crm.objects().end() ? std::map<std::string, CrmObject>() : found->second;
  };
  const auto count = [&](const char* kind, bool holds) { n[kind] += holds ? 1 : 0; };
  for (const char* kind : {"reopen", "edit_down", "delete", "contact_merge", "unmerge", "shared_mailbox", "late_click",
                           "consent_withdrawn", "final_zero"})
    n[kind] = 0;
  for (const auto& [id, deal] : of("deals")) {
    count("reopen", is_reopened(deal));
    count("edit_down", is_lowered(deal));
    count("delete", deal.archived);
    count("final_zero", changed(deal, "stage", "won", "lost") && changed(deal, "stage", "lost", "won", kSettle));
  }
  for (const auto& [id, contact] : of("contacts")) {
    count("contact_merge", !contact.merged_into.empty());
    count("unmerge", !contact.unmerged_from.empty());
    count("shared_mailbox", is_shared_mailbox(contact.get("email")));
    count("late_click", has_late_click(contact));
    count("consent_withdrawn", changed(contact, "consent_ads", "granted", "denied"));
  }
  return n;
}

}  // namespace hw::sandbox
