#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/identifiers.h"
#include "connect/options.h"
#include "http/client.h"
#include "model/record.h"

/// What the connector is told: its options as declared, and the reading plan that follows from them.
namespace hw::connectors::hubspot {

enum class FieldKind : std::uint8_t { text, amount, currency, time, country };

/// One property of the portal and the name under which the core sees its value.
struct Field {
  std::string name;      ///< "stage", or a portal property that a trigger names: "dealstage"
  std::string property;  ///< "dealstage"
  FieldKind kind = FieldKind::text;
};

/// One of HubSpot's objects as it is read.
struct ObjectPlan {
  Object object = Object::contact;
  std::string type;                           ///< HubSpot's name, and the stream's: "contacts", "companies", "deals"
  std::string modified_property;              ///< contacts differ: "lastmodifieddate" (CRM reference 2.3)
  std::map<std::string, std::string> mapped;  ///< canonical name or identifier type -> portal property
  std::vector<Field> fields;                  ///< become RecordState::fields
  std::vector<Field> history;                 ///< whose history is read; empty = batches without history
  std::vector<std::string> ties;              ///< types whose associations are read with each record

  /// The portal property behind a canonical name, "" where none is mapped.
  [[nodiscard]] const std::string& property(std::string_view canonical) const;
  /// All properties to request, sorted, each once.
  [[nodiscard]] std::vector<std::string> properties() const;
  [[nodiscard]] std::vector<std::string> history_properties() const;
};

struct Config {
  std::string credential, base_url, token_url, api_version, crm;
  std::string company_currency;  ///< "" = ask the portal
  Duration search_lag{}, overlap{}, archived_every{}, open_deals_every{}, daily_limit_wait{};
  int search_per_second = 0, per_ten_seconds = 0, per_day = 0;
  std::size_t history_batch = 0, read_batch = 0, association_batch = 0, write_batch = 0;
  ObjectPlan companies, contacts, deals;

  [[nodiscard]] const ObjectPlan* plan(std::string_view type) const;
  [[nodiscard]] const ObjectPlan& plan_of(Object object) const;
};

/// CRM fields that stages and goals name.
using NamedFields = std::vector<std::pair<Object, std::string>>;

std::vector<connect::OptionDecl> option_declarations();

/// Where a person signs in.
http::LoginPlace login_place(const connect::Options& options);

/// Reads the options; what is wrong is added to `errors`. Without a vocabulary (a check that makes nothing) identifier
/// types of the mapping are taken as they stand.
Config read_config(const connect::Options& options, const NamedFields& fields, std::string_view instance,
                   const connect::Vocabulary* vocabulary, std::vector<connect::OptionError>& errors);

/// "contact" property of a person that must never become a field: its raw text may not be stored.
bool is_personal(const ObjectPlan& plan, std::string_view property);

}  // namespace hw::connectors::hubspot
