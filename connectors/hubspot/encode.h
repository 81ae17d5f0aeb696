#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connect/connector.h"
#include "connectors/hubspot/config.h"
#include "model/timestamp.h"

/// Paths and bodies of the requests, purely. Shapes: CRM reference 2.1 to 2.7 and HubSpot's published OpenAPI files
/// (CRM/Deals, CRM/Associations, 2026-09), read 2026-11-26.
namespace hw::connectors::hubspot {

/// "/crm/objects/2026-09/deals?limit=100&..." A page holds at most 100; only ids are asked for, since a long list of
/// properties in the URL is answered 414.
std::string list_path(const Config&, std::string_view type, bool archived, std::size_t limit, std::string_view after);
std::string search_path(const Config&, std::string_view type);
std::string batch_read_path(const Config&, std::string_view type);
std::string ties_path(const Config&, std::string_view from, std::string_view to);
std::string properties_path(const Config&, std::string_view type);
std::string pipelines_path(const Config&);
std::string company_currency_path(const Config&);

/// HubSpot's guides write sorts as objects, its published schema as strings.
enum class SortForm : std::uint8_t { object, text };

/// Records modified in [from, to) with an id above `after_id`, by id: pages by keyset inside a fixed window, so that no
/// query ever reaches the 10,000-result wall, however many records share one time stamp.
std::string window_search(const ObjectPlan&, Timestamp from, Timestamp to, std::string_view after_id, std::size_t limit,
                          SortForm);
/// Deals that are not closed with an id above `after_id`, by id.
std::string open_deals_search(std::string_view after_id, std::size_t limit, SortForm);

/// Records by id with all planned properties, and the history of some.
std::string batch_read_body(const ObjectPlan&, std::span<const std::string> ids);

/// Records by id with exactly these properties.
std::string values_body(std::span<const RecordRef> records, std::span<const std::string> properties);

std::string update_path(const Config&, std::string_view type);
/// A batch update; each input's objectWriteTraceId is its index (CRM reference 2.9).
std::string update_body(std::span<const connect::FieldValues> changes);

struct TieInput {
  std::string id, after;  ///< after: page token within this record's ties, "" = the first page
};
std::string ties_body(std::span<const TieInput> inputs);

}  // namespace hw::connectors::hubspot
