#pragma once
#include <string>
#include <vector>

#include "model/identifier.h"
#include "model/timestamp.h"

namespace hw {

/// One marketing interaction as its source told it. Raw text of UTM fields is kept; "" = absent.
struct Touch {
  std::string key;                   ///< stable within the source: a page seen twice gives the same key
  Timestamp at;                      ///< when it happened
  Basis basis = Basis::crm_history;  ///< inferred when the time was placed by a rule
  std::string kind = "visit";  ///< "visit", "form", "lead_form", "offline", "crm_source" (a record's own source fields)
  std::vector<Identifier> identifiers;  ///< client id, user id, click ids, hashed e-mail, CRM ids
  std::string source, medium, campaign, campaign_id, term, content, landing_page, referrer;
  std::string country;  ///< ISO 3166 alpha-2 or ""
};

/// What a channel cost: one row per day and campaign.
struct Spend {
  std::string key;
  Timestamp day;  ///< 00:00 of the day in the account's zone
  std::string account, source, medium, campaign, campaign_id;
  std::int64_t micros = 0;
  std::string currency;  ///< ISO 4217
  std::int64_t clicks = 0, impressions = 0;
};

}  // namespace hw
