#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/zone.h"
#include "connect/options.h"
#include "connectors/csv/canonical.h"
#include "connectors/csv/reader.h"

namespace hw::connectors::csv {

/// One column's texts turned into one or more fields: "paid_search" -> source google, medium cpc.
struct Translation {
  std::string column;
  std::vector<std::string> to;
  std::map<std::string, std::vector<std::string>> values;  ///< by the text in lower case; one per field of `to`
  std::optional<std::vector<std::string>> otherwise;       ///< absent: the first field takes the text itself
};

/// A CRM field under the name that stages and goals use, and how its text is read.
struct FieldColumn {
  enum class Type : std::uint8_t { text, money, time } type = Type::text;
  std::string name, column;
};

/// One entry of `files`.
struct FileConfig {
  std::string stream;         ///< "file:deals.csv|deals", "dir:/srv/drop|*.csv|touches"
  std::string fingerprint;    ///< changes with anything that changes what a row means
  std::string path, pattern;  ///< pattern: `path` is a watched directory
  Kind kind = Kind::leads;
  Dialect dialect;
  bool header = true;
  std::vector<std::pair<std::string, std::string>> columns;  ///< canonical field -> column
  std::vector<FieldColumn> fields;
  std::vector<std::pair<std::string, std::string>> defaults;  ///< canonical field or "field.NAME" -> constant
  std::vector<Translation> translations;
  std::string time_format;
  std::string contact_separator = ";";
  std::string email_hash_form, phone_hash_form;
};

struct Config {
  std::string crm;  ///< "" = the instance's name
  Zone zone = Zone::utc();
  bool decimal_comma = false;
  Duration settle = std::chrono::seconds(10);
  std::vector<FileConfig> files;
};

/// The options of `type: csv`.
std::vector<connect::OptionDecl> options();

/// Every error is added to `errors`, at the place of the key or value that is wrong. Looks at no file.
Config parse(const connect::Options& options, std::vector<connect::OptionError>& errors);

}  // namespace hw::connectors::csv
