#pragma once
#include <string>
#include <vector>

#include "connect/personal.h"
#include "connectors/csv/cells.h"
#include "model/record.h"
#include "model/touch.h"

/// From a row to what the core takes. A row with a fault (Cells::fault()) gives nothing.
namespace hw::connectors::csv {

struct Mapping {
  const Config& config;
  const FileConfig& file;
  std::string crm;
  const connect::Normaliser& normaliser;
  const connect::Vocabulary& vocabulary;
};

/// `written` is when the file was: the modified time of records that have no column for it. `notes` says which values
/// were dropped while the row was kept, such as "email: no @".
void map_row(const Mapping& mapping, Cells& cells, Timestamp written, std::vector<Record>& out,
             std::vector<std::string>& notes);
void map_row(const Mapping& mapping, Cells& cells, Timestamp written, std::vector<Touch>& out,
             std::vector<std::string>& notes);
void map_row(const Mapping& mapping, Cells& cells, Timestamp written, std::vector<Spend>& out,
             std::vector<std::string>& notes);

/// The marketing columns of a row.
struct Marketing {
  Touch touch;                          ///< UTM fields, pages and the click ids of this very visit
  std::vector<Identifier> identifiers;  ///< all of the row: columns, landing page, cookies
  std::map<std::string, Timestamp> click_times;
  bool said = false;  ///< some source column holds a text, be it "(direct)", or there is a click
};
Marketing read_marketing(const Mapping& mapping, const Cells& cells);

/// What a row says of a person, to be hashed at once.
connect::RawPerson read_person(const Mapping& mapping, const Cells& cells);

}  // namespace hw::connectors::csv
