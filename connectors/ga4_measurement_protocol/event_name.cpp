#include "connectors/ga4_measurement_protocol/event_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace hw::connectors::ga4_measurement_protocol {

namespace {

// Measurement Protocol, "Sending events", section Limitations, read 2026-11.
constexpr std::size_t kMaxName = 40;

constexpr std::string_view kRecommended[] = {
    "purchase",     "generate_lead",      "qualify_lead",         "disqualify_lead",
    "working_lead", "close_convert_lead", "close_unconvert_lead",
};

// Names that Analytics collects by itself: Measurement Protocol reference, "Reserved names", and support.google.com/
// analytics/answer/13316687 (event naming rules), read 2026-11.
constexpr std::string_view kReserved[] = {
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_impression",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_background",
    "app_clear_data",
    "app_exception",
    "app_install",
    "app_remove",
    "app_store_refund",
    "app_store_subscription_cancel",
    "app_store_subscription_convert",
    "app_store_subscription_renew",
    "app_update",
    "app_upgrade",
    "click",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "file_download",
    "first_open",
    "first_visit",
    "form_start",
    "form_submit",
    "in_app_purchase",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "os_update",
    "page_view",
    "screen_view",
    "scroll",
    "session_start",
    "session_start_with_rollout",
    "user_engagement",
    "video_complete",
    "video_progress",
    "video_start",
    "view_complete",
    "view_search_results",
};

constexpr std::string_view kReservedPrefixes[] = {"_", "firebase_", "ga_", "google_", "gtag."};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name_character(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; }

std::string recommended() {
  std::string out;
  for (std::string_view name : kRecommended) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

}  // namespace

std::string event_name_fault(std::string_view name) {
  if (name.empty()) return "action is missing: the event's name, one of " + recommended() + ", or one of your own";
  if (std::find(std::begin(kRecommended), std::end(kRecommended), name) != std::end(kRecommended)) return "";
  for (std::string_view known : kRecommended)
    if (equals_ci(name, known))
      return fmt::format("action '{}' must be written {}: event names are case-sensitive", name, known);
  if (equals_ci(name, kRefund))
    return "action 'refund' is what Headwater sends by itself to take a purchase back; name the action purchase";
  for (std::string_view prefix : kReservedPrefixes)
    if (name.starts_with(prefix))
      return fmt::format("action '{}' begins with '{}', which Google keeps for itself", name, prefix);
  if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved))
    return fmt::format(
        "action '{}' is an event that Analytics collects by itself; use one of {}, or a name of your own", name,
        recommended());
  if (name.size() > kMaxName) return fmt::format("action '{}' is longer than 40 characters", name);
  if (!is_letter(name.front()) || !std::all_of(name.begin(), name.end(), is_name_character))
    return fmt::format("action '{}' must begin with a letter and hold letters, digits and _ alone", name);
  return "";
}

}  // namespace hw::connectors::ga4_measurement_protocol
