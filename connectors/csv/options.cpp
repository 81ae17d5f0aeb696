#include <utility>

#include "connectors/_web/web.h"
#include "connectors/csv/config.h"

namespace hw::connectors::csv {
namespace {

using connect::OptionDecl;
using connect::OptionType;

OptionDecl option(std::string name, OptionType type, std::string help) {
  OptionDecl decl;
  decl.name = std::move(name);
  decl.type = type;
  decl.help = std::move(help);
  return decl;
}

OptionDecl required(OptionDecl decl) {
  decl.required = true;
  return decl;
}

OptionDecl defaulted(OptionDecl decl, std::string value) {
  decl.default_value = std::move(value);
  return decl;
}

OptionDecl one_of(OptionDecl decl, std::vector<std::string> choices) {
  decl.choices = std::move(choices);
  return decl;
}

OptionDecl open_map(OptionDecl decl, std::vector<std::string> known = {}) {
  decl.choices = std::move(known);
  decl.open_keys = true;
  return decl;
}

/// What editors offer as keys. Which of them fit the file's `object` only parse() can tell, and it knows cookies too.
std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const CanonicalField& field : canonical_fields()) names.emplace_back(field.name);
  for (const connect::IdentifierDecl& decl : web_vocabulary().identifiers) names.push_back(decl.type);
  for (const connect::CookieDecl& decl : web_vocabulary().cookies) {
    const std::string name = std::string(kCookiePrefix) + decl.name;
    if (!name.ends_with('*') && names.back() != name) names.push_back(name);
  }
  return names;
}

std::vector<OptionDecl> translation_options() {
  return {
      required(option("column", OptionType::text, "the column whose texts are translated, such as origin")),
      required(option("to", OptionType::text_list, "the fields that it gives, such as [source, medium]")),
      open_map(option("values", OptionType::text_map,
                      "text of the column -> what it means; several fields are parted by ' / ', as in google / cpc")),
      option("otherwise", OptionType::text,
             "what texts mean that `values` does not list; absent: the first field takes the text itself"),
  };
}

std::vector<OptionDecl> file_options() {
  return {
      required(option("path", OptionType::path,
                      "a file, or with `pattern` a directory that is watched for new and changed files")),
      option("pattern", OptionType::text, "names of the directory's files that are read, such as *.csv or deals-*.csv"),
      required(one_of(option("object", OptionType::choice, "what each row is"), kind_names())),
      open_map(option("columns", OptionType::text_map,
                      "canonical field -> the file's column, such as id: Record ID; cookie.NAME for a raw cookie"),
               known_names()),
      open_map(option("fields", OptionType::text_map,
                      "other CRM fields that stages and goals refer to: name -> column, kept as text")),
      open_map(option("money_fields", OptionType::text_map, "other CRM fields that hold amounts: name -> column")),
      open_map(option("time_fields", OptionType::text_map, "other CRM fields that hold times: name -> column")),
      open_map(
          option(
              "defaults", OptionType::text_map,
              "canonical field or field.NAME -> the value where the column is absent or empty, such as currency: EUR"),
          known_names()),
      [] {
        OptionDecl decl =
            option("translate", OptionType::group_list,
                   "a column whose texts stand for something else, such as an origin for source and medium");
        decl.children = translation_options();
        return decl;
      }(),
      defaulted(option("delimiter", OptionType::text, "what parts the columns: one character, or tab"), ","),
      defaulted(
          one_of(option("encoding", OptionType::choice,
                        "utf-8, latin-1 (also Windows-1252), or auto: row by row, Windows-1252 where it is not UTF-8"),
                 {"auto", "utf-8", "latin-1"}),
          "auto"),
      defaulted(one_of(option("last_line_end", OptionType::choice,
                              "optional: the export leaves the last line without a line end, as Google Sheets does; "
                              "needed: such a line is taken for cut off and set aside"),
                       {"needed", "optional"}),
                "needed"),
      option("time_format", OptionType::text,
             "how times are written when not as 2026-11-20 16:04:09: %d.%m.%Y %H:%M (letters Y y m b d H I M S p z)"),
      defaulted(option("header", OptionType::boolean,
                       "the first row names the columns; without, columns are given by number, the first is 1"),
                "true"),
      defaulted(option("contact_separator", OptionType::text, "what parts several ids in the column `contact`"), ";"),
      one_of(option("email_hash_form", OptionType::choice,
                    "the column email holds SHA-256 in hex: the form that was hashed"),
             {"email", "email_gmail_dots_removed", "email_dots_and_tag_removed", "email_alphanumeric_local"}),
      one_of(option("phone_hash_form", OptionType::choice,
                    "the column phone holds SHA-256 in hex: the form that was hashed"),
             {"phone_e164", "phone_digits"}),
  };
}

}  // namespace

std::vector<OptionDecl> options() {
  OptionDecl files = required(option("files", OptionType::group_list, "the files and directories to read"));
  files.children = file_options();
  OptionDecl settle =
      defaulted(option("settle_seconds", OptionType::integer,
                       "a file is read when it has not changed for so long: it may still be being written"),
                "10");
  settle.unit = "seconds";
  settle.min = 0;
  settle.max = 86'400;
  return {
      option("crm", OptionType::text,
             "the namespace of the records' ids; give it where several connectors read one CRM (default: the "
             "connector's name)"),
      defaulted(option("time_zone", OptionType::time_zone, "the zone of times that are written without one"), "UTC"),
      defaulted(option("decimal_comma", OptionType::boolean, "amounts are written 18.250,00"), "false"),
      std::move(settle),
      std::move(files),
  };
}

}  // namespace hw::connectors::csv
