#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/zone.h"
#include "connect/connector.h"

/// GA4's export to BigQuery as a source of touches: what an admin may set. README.md explains each.
namespace hw::connectors::ga4_bigquery {

/// The one list of options: parsing, schema, reference page and completion come from it.
std::vector<connect::OptionDecl> option_decls();
/// Client ids and the click ids that GA4 itself keeps in columns.
connect::Vocabulary vocabulary();

/// What of a touch a custom parameter fills: a UTM field, a CRM id or an identifier type, by the parameter's name.
struct Mapped {
  std::string field;      ///< "campaign", "contact_id", "user_id", ...
  std::string parameter;  ///< as GA4 has it
};

/// Options as values. Vendor limits are defaults and stand with their source in config.cpp.
struct Config {
  std::string instance;
  std::string credential, base_url, token_url;
  std::string project;       ///< pays for the queries
  std::string data_project;  ///< holds the data set
  std::string dataset;
  std::string location;  ///< "" = the data set's own
  std::string crm;       ///< namespace of the CRM ids in custom parameters
  Zone zone = Zone::utc();
  bool lookup = false;  ///< pull: lookup
  bool intraday = true;
  bool last_click = false;  ///< a session without a source of its own has GA4's last one
  int days = 0, late_days = 0;
  Duration every{};
  std::int64_t max_bytes_per_query = 0, max_bytes_per_day = 0;
  std::vector<std::string> events;  ///< an event of one of these names begins a session
  std::vector<Mapped> event_parameters, user_properties;
  std::size_t page_rows = 0, lookup_ids = 0;
  Duration lookup_every{}, poll_every{};
  int requests_per_minute = 0;
};

/// Reads parsed options; what the declarations cannot judge (ids, mapped names) goes to `errors`. Without a vocabulary
/// (`headwater check` of one file) any identifier type may be mapped.
Config read_config(const connect::Options& options, const std::string& instance, const connect::Vocabulary* vocabulary,
                   std::vector<connect::OptionError>& errors);

/// The account's page where a person lets Headwater in (`headwater auth login`).
http::LoginPlace login_place(const connect::Options& options);

}  // namespace hw::connectors::ga4_bigquery
