#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journey/journey.h"
#include "settings/settings.h"
#include "store/source_fields.h"

/// What a CRM record's source fields should say, and which of them may be written. Pure but for the journey it is
/// given.
namespace hw::delivery {

/// Fields that stand or fall together: those of one touch are never mixed with another's.
struct FieldGroup {
  std::optional<Timestamp> at;                ///< time of the touch it speaks of
  std::map<std::string, std::string> values;  ///< by the CRM's field name; "" = the touch has none
  std::map<std::string, std::string> whats;   ///< field name -> "first_source"
};

/// The groups of `entry` for a record with this journey: first touch, last touch, each identifier, the number of
/// touches, first and last seen. Placeholders never get in; a group without any value is left out.
std::vector<FieldGroup> source_values(const settings::SourceFields& entry, const store::StoredRecord& record,
                                      const journey::Journey& journey, Timestamp now);

/// Every value that these fields may have been given by somebody who knew some part of this journey: what a daemon
/// wrote between a backup and its restore is among them.
std::vector<store::OwnValue> values_of_any_time(const settings::SourceFields& entry, const store::StoredRecord& record,
                                                const journey::Journey& journey);

/// Are these exactly the values written last, and after the record's last merge? Then nobody needs to be asked. (A CRM
/// may put a loser's values into the survivor.)
bool written_already(const FieldGroup& group, const std::vector<store::WrittenField>& written,
                     const std::optional<Timestamp>& merged = {});

/// Fields that were written from something that is known no more: their group has no value now, or the first touch that
/// is left is later than the written one (invariant 6 keeps it). `groups`: all of the entry.
std::vector<std::string> without_ground(const settings::SourceFields& entry, const std::vector<FieldGroup>& groups,
                                        const std::vector<store::WrittenField>& written);

enum class Choice : std::uint8_t { write, unchanged, kept_theirs };
/// Is it a value that Headwater wrote to that field, or may have?
bool is_own(const std::vector<store::OwnValue>& own, const std::string& field, const std::string& value);

/// `current`: what the CRM holds. With `ours` a group is written only when each of its fields is empty or holds one of
/// the `own` values. A first touch that is later than the written one changes nothing (invariant 6).
Choice choose(const FieldGroup& group, const std::map<std::string, std::string>& current,
              const std::vector<store::WrittenField>& written, const std::vector<store::OwnValue>& own,
              settings::SourceFields::Overwrite overwrite);

}  // namespace hw::delivery
