#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/timestamp.h"

/// The invented world that peers serve: a company's CRM and its ad accounts at the world's own time. The script
/// (script.h) changes it through these verbs; peers read it. Not thread-safe: the server holds one lock.
namespace hw::sandbox {

/// One value of a property through time, newest last.
struct Version {
  std::string value;
  Timestamp at;
  std::string source = "CRM_UI";  ///< "CRM_UI", "IMPORT", "API"
};

/// What a person typed into a field by hand.
struct TypedValue {
  std::string value, by;  ///< by: "sales@b2b.example.com"
};

/// A property that the CRM's admin made.
struct CrmProperty {
  std::string type, name;              ///< "contacts", "hw_first_source"
  std::string kind = "string";         ///< "string", "number", "datetime", "date", "bool", "enumeration"
  std::vector<std::string> options{};  ///< of an enumeration
  bool read_only = false;
};

/// An admin's rule on every write: a record whose `when` is `equals` must have `required`. Neutral names and values.
struct CrmRule {
  std::string type, when, equals, required;
};

/// A CRM record in neutral property names: contacts: email, phone, given_name, family_name, country, city, lifecycle
/// (subscriber|lead|mql|sql|customer), ga_client_id, gclid, utm_source, utm_medium, utm_campaign, landing_page,
/// referrer, consent_ads (granted|denied|""), owner; companies: name, domain; deals: name, amount, currency, stage
/// (appointment|qualified|proposal|negotiation|won|lost), pipeline, closed_at (date), deal_type (new|renewal|test),
/// owner.
struct CrmObject {
  std::string type;  ///< "contacts", "companies", "deals"
  std::string id;    ///< digits, as the vendor has them
  Timestamp created, modified;
  std::map<std::string, std::vector<Version>> properties;
  bool archived = false;
  std::optional<Timestamp> archived_at;
  std::string merged_into;                    ///< loser: the record no longer answers
  std::optional<Timestamp> merged_at{};       ///< loser: when
  std::vector<std::string> merged;            ///< winner: ids of losers
  std::string unmerged_from{};                ///< loser: it was merged into that record for a while
  std::map<std::string, TypedValue> typed{};  ///< property -> what a person last typed into it, and who
  std::map<std::string, int> api_writes{};    ///< property -> how often the API has set it, changed or not
  [[nodiscard]] std::string get(const std::string& property) const;  ///< current value or ""
};

struct CrmTie {
  std::string from_type, from_id, to_type, to_id;
  bool primary = false;
  Timestamp since;
};

class Crm {
 public:
  const std::map<std::string, std::map<std::string, CrmObject>>& objects() const { return objects_; }
  const CrmObject* find(const std::string& type, const std::string& id) const;
  const std::vector<CrmTie>& ties() const { return ties_; }

  std::vector<CrmProperty> custom_properties;  ///< beside those that records have anyway
  std::vector<CrmRule> rules;

  // The verbs. `at` is never before an earlier verb's.
  std::string create(const std::string& type, const std::map<std::string, std::string>& properties, Timestamp at);
  void set(const std::string& type, const std::string& id, const std::string& property, const std::string& value,
           Timestamp at, const std::string& source = "CRM_UI");
  /// As `set`, by a person's own hand.
  void type_in(const std::string& type, const std::string& id, const std::string& property, const TypedValue& typed,
               Timestamp at);
  /// One write through the API: the record counts as modified even where no value changes.
  void write(const std::string& type, const std::string& id, const std::map<std::string, std::string>& properties,
             Timestamp at);
  void archive(const std::string& type, const std::string& id, Timestamp at);
  void restore(const std::string& type, const std::string& id, Timestamp at);
  void merge(const std::string& type, const std::string& loser, const std::string& winner, Timestamp at);
  void unmerge(const std::string& type, const std::string& loser, Timestamp at);
  void tie(const std::string& from_type, const std::string& from_id, const std::string& to_type,
           const std::string& to_id, bool primary, Timestamp at);

 private:
  std::map<std::string, std::map<std::string, CrmObject>> objects_;
  std::vector<CrmTie> ties_;
  std::uint64_t next_id_ = 1;
};

/// An ad click that the platform itself knows of.
struct AdClick {
  std::string type;  ///< "gclid", "gbraid", "wbraid"
  std::string value;
  Timestamp at;
  std::string account;        ///< whose ad was clicked
  std::string visitor_email;  ///< raw, "" if the platform does not know who clicked: what user data is matched against
  std::string visitor_phone{};  ///< as the visitor gave it to the platform, with country code; "" as above
};

struct AdAction {
  std::string account, id;
  std::string type = "UPLOAD_CLICKS";
  std::string counting = "every";  ///< or "once_per_click"
  std::string default_currency = "EUR";
  Timestamp created;
  bool enhanced_conversions = true;
  std::string barred_by{};    ///< the refusal of every event by the account's own state: terms not signed, ...
  std::string refuses{};      ///< the refusal of each event for itself, while the platform is wrong about a field
  bool refuses_half = false;  ///< of the events, by their keys alone: one row of a request and not the next
  bool is_attributed_elsewhere = false;  ///< by a tool that the platform does not take conversions from here for
};

class Ads {
 public:
  std::vector<AdClick> clicks;
  std::vector<AdAction> actions;
  std::size_t refused_in_part = 0;       ///< requests of which it took some events, and does not say which
  std::set<std::string> login_accounts;  ///< managers that may act on the accounts
  const AdClick* click(const std::string& type, const std::string& value) const;
  const AdAction* action(const std::string& account, const std::string& id) const;
};

/// A data stream of the company's web analytics, and the secret that lets a server send events to it.
struct AnalyticsStream {
  std::string id;  ///< "G-SANDBOX01", or an app's id
  std::string api_secret;
};

/// One event of the web site, as its tag sends it to analytics.
struct AnalyticsEvent {
  Timestamp at;
  std::string name = "page_view";
  std::string client, user;  ///< "" = none: no consent, not signed in
  std::int64_t session = 0;  ///< its start in seconds; 0 = none
  std::int64_t session_number = 1;
  std::string page, referrer, country;
  std::map<std::string, std::string> collected{};     ///< "manual_source", ..., "gclid"
  std::map<std::string, std::string> ads_campaign{};  ///< what the ad platform knows of the session's click
  std::map<std::string, std::string>
      last_campaign{};                               ///< the session's last non-direct source: "source", "medium", ...
  std::map<std::string, std::string> first_touch{};  ///< of the user: "source", "medium", "name"
  std::map<std::string, std::string> parameters{}, user_properties{};
  std::optional<Timestamp> arrived{};  ///< when the tag's host had it; default: at once
  std::optional<Timestamp> removed{};  ///< later processing takes it out
};

/// The web analytics' export to a warehouse: a table a day, in days of the property's zone.
struct AnalyticsExport {
  std::string project = "sandbox-analytics", dataset = "analytics_123456789", location = "EU", zone = "Europe/Berlin";
  bool streaming = true;                  ///< a table of today too
  Duration lag = std::chrono::hours(12);  ///< from a day's end to its table
  int late_days = 3;                      ///< so long the table is made anew, a day after the other
  std::int64_t bytes_per_event = 2'000;
  Duration query_time{};  ///< how long the warehouse works on a query
  std::vector<AnalyticsEvent> events{};
};

/// Sign-in that the world accepts.
struct SignIn {
  std::string static_token = "sandbox-token";
  std::string client_id = "sandbox-client", client_secret = "sandbox-secret", refresh_token = "sandbox-refresh";
  std::set<std::string> withheld_scopes{};  ///< what the CRM's app may not do: "crm.objects.contacts.write"
  /// Redirect addresses that are entered with an OAuth client, where the vendor wants them entered.
  std::set<std::string> redirect_urls{"http://localhost:8975/callback"};
  bool rotates = false;                  ///< each use of a refresh token answers its successor, and the old one is dead
  bool person_denies = false;            ///< what the person in front of a sign-in page does
  bool has_consented = false;            ///< that person allowed access before
  Duration login_life{};                 ///< of refresh tokens given to persons; 0: they do not end
  std::set<std::string> given_tokens{};  ///< refresh tokens that persons' logins gave, for a test to look at
  std::string service_account_email = "headwater@sandbox.example.com";
  std::string service_account_public_key;  ///< PEM, made at start; its private half goes into the demo's key file
};

struct World {
  Timestamp now;
  Crm crm;
  Ads ads;
  std::vector<AnalyticsStream> streams;
  SignIn sign_in;
  AnalyticsExport analytics;
};

}  // namespace hw::sandbox
