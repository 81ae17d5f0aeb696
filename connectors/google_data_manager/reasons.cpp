#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "connectors/google_data_manager/decode.h"

namespace hw::connectors::google_data_manager {

namespace {

using C = ReasonClass;

constexpr std::pair<std::string_view, C> kReasons[] = {
    {"ABORTED", C::retry},
    {"CANCELLED", C::retry},
    {"DEADLINE_EXCEEDED", C::retry},
    {"INTERNAL", C::retry},
    {"INTERNAL_ERROR", C::retry},
    {"RATE_LIMIT_EXCEEDED", C::retry},
    {"RESOURCE_EXHAUSTED", C::retry},
    {"UNAVAILABLE", C::retry},

    {"TOO_RECENT_CLICK", C::hold},
    {"TOO_RECENT_CONVERSION_ACTION", C::hold},
    {"TOO_RECENT_EVENT", C::hold},

    {"DUPLICATE_TRANSACTION_ID", C::duplicate},

    {"CLICK_NOT_FOUND", C::unattributed},
    {"INVALID_CLICK", C::unattributed},
    {"INVALID_OPERATING_ACCOUNT_FOR_CLICK", C::unattributed},
    {"OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER", C::unattributed},

    {"CONVERSION_PRECEDES_CLICK", C::row},
    {"DUPLICATE_GCLID", C::row},
    {"EVENT_TIME_INVALID", C::row},
    {"EVENT_TOO_OLD", C::row},
    {"FIELD_VALUE_TOO_LONG", C::row},
    {"INVALID_ARGUMENT", C::row},
    {"INVALID_BASE64_ENCODING", C::row},
    {"INVALID_COUNTRY_CODE", C::row},
    {"INVALID_CURRENCY_CODE", C::row},
    {"INVALID_CUSTOM_VARIABLE", C::row},
    {"INVALID_ENUM_VALUE", C::row},
    {"INVALID_EVENT", C::row},
    {"INVALID_FORMAT", C::row},
    {"INVALID_GBRAID", C::row},
    {"INVALID_GCLID", C::row},
    {"INVALID_HEX_ENCODING", C::row},
    {"INVALID_NUMBER_FORMAT", C::row},
    {"INVALID_POSTAL_CODE", C::row},
    {"INVALID_REGION_CODE", C::row},
    {"INVALID_SHA256_FORMAT", C::row},
    {"INVALID_WBRAID", C::row},
    {"NO_IDENTIFIERS_PROVIDED", C::row},
    {"ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID", C::row},
    {"OUT_OF_RANGE", C::row},
    {"REQUIRED_FIELD_MISSING", C::row},
    {"TOO_MANY_EVENTS", C::row},
    {"TOO_MANY_USER_IDENTIFIERS", C::row},

    {"DENIED_CONSENT", C::consent},
    {"NO_CONSENT", C::consent},
    {"UNKNOWN_CONSENT", C::consent},

    {"CUSTOM_VARIABLE_NOT_ENABLED", C::configuration},
    {"DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS", C::configuration},
    {"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", C::configuration},
    {"DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS", C::configuration},
    {"DESTINATION_ACCOUNT_TYPE_MISMATCH", C::configuration},
    {"EVENT_SOURCE_AND_DESTINATION_MISMATCH", C::configuration},
    {"EXTERNAL_ATTRIBUTION_DATA_MISSING", C::configuration},
    {"INVALID_CONVERSION_ACTION_ID", C::configuration},
    {"INVALID_CONVERSION_ACTION_TYPE", C::configuration},
    {"INVALID_DESTINATION", C::configuration},
    {"MISMATCHED_ACCOUNT_TYPE", C::configuration},
    {"NOT_ALLOWLISTED", C::configuration},
    {"NOT_FOUND", C::configuration},
    {"OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", C::configuration},
    {"PERMISSION_DENIED", C::configuration},
    {"TERMS_AND_CONDITIONS_NOT_SIGNED", C::configuration},

    {"ACCESS_TOKEN_EXPIRED", C::access},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", C::access},
    {"ACCESS_TOKEN_TYPE_UNSUPPORTED", C::access},
    {"ACCOUNT_STATE_INVALID", C::access},
    {"BILLING_DISABLED", C::access},
    {"CONSUMER_INVALID", C::access},
    {"CREDENTIALS_MISSING", C::access},
    {"SERVICE_DISABLED", C::access},
    {"UNAUTHENTICATED", C::access},
    {"USER_PROJECT_DENIED", C::access},
};

constexpr std::string_view kUserDataOff = "or leave hashed data out: user_data: false";

/// What a person does about the reasons that pause. Each of them is here.
struct Mend {
  std::string_view reason, text;
};
constexpr Mend kMends[] = {
    {"CUSTOM_VARIABLE_NOT_ENABLED", "enable the custom variable in Google Ads"},
    {"DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
     "ask Google Ads' support about the account's policy"},
    {"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
     "accept the customer data terms in Google Ads (Goals, Settings)"},
    {"DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
     "switch on enhanced conversions for leads in Google Ads (Goals, Settings)"},
    {"DESTINATION_ACCOUNT_TYPE_MISMATCH", "name a Google Ads account as account"},
    {"EVENT_SOURCE_AND_DESTINATION_MISMATCH", "change event_source, or name an action that takes it"},
    {"EXTERNAL_ATTRIBUTION_DATA_MISSING", "the action is attributed elsewhere, which is not supported: name another"},
    {"INVALID_CONVERSION_ACTION_ID",
     "name an action of this account by its id; with cross-account tracking the manager owns the action: name the "
     "manager "
     "as account"},
    {"INVALID_CONVERSION_ACTION_TYPE", "name an action of the type import, from clicks (UPLOAD_CLICKS)"},
    {"INVALID_DESTINATION", "look at account and action"},
    {"MISMATCHED_ACCOUNT_TYPE", "name a Google Ads account as account and login_account"},
    {"NOT_ALLOWLISTED", "name an action of the type import, from clicks, or ask Google Ads' support for access"},
    {"NOT_FOUND", "look at account and action"},
    {"OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "login_account must be a manager of account, or be left out"},
    {"PERMISSION_DENIED",
     "give the credential's user access to the account, or name the manager that has it as login_account"},
    {"TERMS_AND_CONDITIONS_NOT_SIGNED", "accept the terms in Google Ads"},

    {"ACCESS_TOKEN_EXPIRED", "sign in again (headwater auth login), or look at this machine's clock"},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT",
     "grant the credential the scope https://www.googleapis.com/auth/datamanager (headwater auth login)"},
    {"ACCESS_TOKEN_TYPE_UNSUPPORTED", "use a service account or sign in again (headwater auth login)"},
    {"ACCOUNT_STATE_INVALID", "the credential's account is disabled or deleted: name another credential"},
    {"BILLING_DISABLED", "switch billing on in the Cloud project"},
    {"CONSUMER_INVALID", "name a Cloud project that exists as quota_project"},
    {"CREDENTIALS_MISSING", "name a credential"},
    {"SERVICE_DISABLED", "switch the Data Manager API on in the Cloud project"},
    {"UNAUTHENTICATED", "sign in again (headwater auth login), or put a new key into the configuration"},
    {"USER_PROJECT_DENIED", "give the credential the role Service Usage Consumer on quota_project"},
};

std::string_view without_prefix(std::string_view reason) {
  // One member of the enum lacks the REASON_ part (processing_errors.proto, number 26).
  for (std::string_view prefix : {"PROCESSING_ERROR_REASON_", "PROCESSING_ERROR_", "ERROR_REASON_"})
    if (reason.starts_with(prefix)) return reason.substr(prefix.size());
  return reason;
}

}  // namespace

ReasonClass reason_class(std::string_view reason) {
  const std::string_view name = without_prefix(reason);
  const auto* it =
      std::find_if(std::begin(kReasons), std::end(kReasons), [&](const auto& r) { return r.first == name; });
  return it == std::end(kReasons) ? C::unknown : it->second;
}

std::string mend_of(std::string_view reason) {
  const std::string_view name = without_prefix(reason);
  const auto* it = std::find_if(std::begin(kMends), std::end(kMends), [&](const Mend& m) { return m.reason == name; });
  if (it == std::end(kMends)) return "";
  const bool is_of_user_data = name.find("ENHANCED_CONVERSIONS") != std::string_view::npos;
  return std::string(it->text) + (is_of_user_data ? ", " : "") + std::string(is_of_user_data ? kUserDataOff : "");
}

std::string code_of(std::string_view reason) {
  constexpr std::size_t kMaxCode = 80;
  std::string code = to_lower_ascii(without_prefix(reason).substr(0, kMaxCode));
  for (char& c : code)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '_';
  return code.empty() ? "unnamed" : code;
}

}  // namespace hw::connectors::google_data_manager
