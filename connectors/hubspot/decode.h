#pragma once
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connect/connector.h"
#include "connectors/hubspot/config.h"
#include "http/client.h"
#include "model/record.h"

/// HubSpot's answers as values, purely. Unknown members are passed over; what is needed must be there in the right
/// shape. A whole answer that cannot be read is an Error (retry, "bad_answer"); a single record that cannot be read
/// becomes a RejectedRow and leaves the rest alone. No error and no rejected row carries a value of a record.
namespace hw::connectors::hubspot {

/// Property values by name: HubSpot sends strings or null (here ""). A property that the portal lacks is absent.
using Properties = std::map<std::string, std::string>;

/// Trimmed; "" where absent.
std::string value_of(const Properties& properties, const std::string& name);

/// Epoch milliseconds or ISO 8601, with an offset or as UTC. Error code "time".
Result<Timestamp> decode_time(std::string_view text);

/// Whether the first numeric id is smaller. Ids are digits of any length.
bool id_less(std::string_view a, std::string_view b);

/// A page of a list or a search: the ids alone, and where it goes on.
struct IdPage {
  std::vector<std::string> ids;
  std::string after;  ///< "" = HubSpot names no further page
};
Result<IdPage> decode_ids(std::string_view body);

/// A page of the list of archived records, as removals.
struct ArchivedPage {
  std::vector<Removal> removals;
  std::vector<connect::RejectedRow> rejected;
  std::string after;
};
Result<ArchivedPage> decode_archived(std::string_view body, const ObjectPlan&, const std::string& crm);

/// A batch read of records. Records that vanished since their id was read are simply not in it.
struct Batch {
  std::vector<RecordState> states;
  std::vector<FieldChange> changes;
  std::vector<Merge> merges;  ///< all that the winners list, every time
  std::vector<connect::RejectedRow> rejected;
};
/// What decoding needs of its surroundings.
struct DecodeEnv {
  const std::string& crm;
  const connect::Normaliser& normaliser;
  const connect::Vocabulary& vocabulary;
};
/// Where an amount stands without a currency, "currency" is "" and the caller fills in the company's.
Result<Batch> decode_batch(std::string_view body, const ObjectPlan&, const DecodeEnv&);

/// A batch read of associations.
struct Ties {
  std::vector<Association::To> to;
  std::string after;  ///< more of this record's ties follow
};
struct TiesAnswer {
  std::map<std::string, Ties> found;
  std::set<std::string> unreadable;  ///< named by an error that is not "has no associations"
  bool all_named = true;             ///< false: an error names no record, so absence from `found` proves nothing
};
Result<TiesAnswer> decode_ties(std::string_view body);

/// A batch read of some properties, as they stand: "" where HubSpot has none. Records that were not asked for (a
/// merge's winner in its loser's place) and archived ones are left out.
Result<std::vector<connect::FieldValues>> decode_values(std::string_view body, std::span<const RecordRef> records,
                                                        std::span<const std::string> properties);

/// What became of each row of a batch update: a 200 or 207, or a 400 with a JSON body. Rows are found by trace id and
/// by the ids in an error's context, never by position. No text quotes a value that was sent, an address or a number.
Result<connect::Answer> decode_update(const http::Response& response, std::span<const connect::FieldValues> changes);

struct PortalProperty {
  std::string name, label, type;
  bool read_only = false;
  std::vector<std::pair<std::string, std::string>> options;  ///< value, label of an enumeration
};
Result<std::vector<PortalProperty>> decode_properties(std::string_view body);

struct Stage {
  std::string pipeline, id, label;
  bool closed = false, won = false;
};
Result<std::vector<Stage>> decode_pipelines(std::string_view body);

/// The ISO 4217 code. Error pause "company_currency" when it is no known currency.
Result<std::string> decode_company_currency(std::string_view body);

/// What to do about an answer that is neither 200 nor 207, or is no JSON: the failure table of README.md.
Error classify(const http::Response& response, SystemTime now, Duration daily_limit_wait);
/// A 400 with a JSON body: some row of a write does not suit HubSpot.
bool is_refusal_of_rows(const http::Response& response);
/// 200 and 207 with what begins as a JSON object; whether it is one is the decoders' to find out.
bool is_answer(const http::Response& response);

}  // namespace hw::connectors::hubspot
