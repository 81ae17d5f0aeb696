#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/engine/db.h"

/// What Headwater wrote to CRM records, and which records are to be looked at. Values themselves are not kept: a hash
/// tells whether a field still holds what was written.
namespace hw::store {

/// One field of one record, as last written, under whatever name the `source_fields` entry had then.
struct WrittenField {
  std::int64_t record = 0;
  std::string what, field;               ///< "first_source", and the CRM's own field name
  std::optional<std::int64_t> hash;      ///< of the value written last
  std::optional<std::int64_t> intended;  ///< of a value that is being written: the CRM may hold it already
  std::optional<Timestamp> group_at;     ///< time of the touch that it speaks of
  Timestamp written_at;
};

/// A value that Headwater wrote to a field at some time, or may have.
struct OwnValue {
  std::string what, field;
  std::int64_t hash = 0;
};

/// How one record stands. state: "due", "written", "stale" (written, and what it was written from is known no more),
/// "unchanged", "kept_theirs", "rejected", "left_out" (before go-live, deleted, merged).
struct SourceFieldState {
  std::string name;
  std::int64_t record = 0;
  std::string state, code, detail;
  int tries = 0;
  std::optional<Timestamp> next_at;
  Timestamp updated_at;
  std::int64_t marks = 0;  ///< how often it was marked; put_state leaves it as it stands
};

namespace source_fields {

/// Of a value as a CRM holds it; never of "".
std::int64_t hash_of(std::string_view value);

std::vector<WrittenField> written(Tx&, std::int64_t record);
/// What is intended is an own value from then on.
void put_written(Tx&, const WrittenField&);

constexpr std::int64_t kOwnValuesKept = 50;  ///< of one field of one record, the youngest
/// Of the record and of all that were merged into it: a CRM may fill the survivor's empty fields from them.
std::vector<OwnValue> own_values(Tx&, std::int64_t record);

/// The record is looked at again from now on, whatever stood before.
void mark_due(Tx&, std::string_view name, std::int64_t record, Timestamp now);
void put_state(Tx&, const SourceFieldState&);
std::optional<SourceFieldState> state(Tx&, std::string_view name, std::int64_t record);
std::vector<SourceFieldState> due(Tx&, std::string_view name, Timestamp now, std::int64_t limit);
std::optional<Timestamp> next_due(Tx&, std::string_view name);
/// What waits for a retry until `due_by` may go now; what the CRM wishes to have later keeps its time.
void let_go(Tx&, std::string_view name, Timestamp now, Timestamp due_by);
bool any_retrying(Tx&, std::string_view name);  ///< is a write that failed to be tried again?
struct StateTotal {
  std::string name, state, code;
  std::int64_t n = 0;
};
/// How many records stand so, up to `limit`, by index.
std::int64_t count(Tx&, std::string_view name, std::string_view state, std::int64_t limit);
/// Records that the CRM refused for one reason, and one of them.
struct Refused {
  std::string code;
  std::int64_t n = 0;
  SourceFieldState example;  ///< the one that was refused last
};
std::vector<Refused> refused(Tx&, std::string_view name);  ///< by code
std::vector<StateTotal> totals(Tx&);                       ///< by scan: for reports, never for the loop

}  // namespace source_fields
}  // namespace hw::store
