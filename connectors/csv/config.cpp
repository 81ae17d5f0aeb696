#include "connectors/csv/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "connect/cookies.h"
#include "connectors/_web/web.h"
#include "model/money.h"

namespace hw::connectors::csv {
namespace {

using connect::Mark;
using connect::OptionError;
using connect::Options;

const connect::Vocabulary& known_identifiers() {
  static const connect::Vocabulary kVocabulary = web_vocabulary();
  return kVocabulary;
}

std::string one_of_names(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

const CanonicalField* find_field(std::string_view name) {
  const auto fields = canonical_fields();
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const CanonicalField& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string kinds_of(const CanonicalField& field) {
  std::vector<std::string> kinds;
  for (const std::string& name : kind_names()) {
    if (allows(field, *kind_from(name))) kinds.push_back(name);
  }
  return one_of_names(kinds);
}

/// Everything in the options that may change what a row means, as one text.
void describe(const Options& options, std::string& out);
struct Describe {
  std::string& out;
  void operator()(std::monostate) const { out += "-"; }
  void operator()(const std::string& v) const { out += v; }
  void operator()(std::int64_t v) const { out += std::to_string(v); }
  void operator()(bool v) const { out += v ? "yes" : "no"; }
  void operator()(const Secret&) const {}
  void operator()(const std::vector<std::string>& v) const { out += one_of_names(v); }
  void operator()(const std::vector<std::pair<std::string, std::string>>& v) const {
    for (const auto& [key, value] : v) out += fmt::format("{}\x1f{}\x1f", key, value);
  }
  void operator()(const std::vector<Options>& v) const {
    for (const Options& options : v) describe(options, out);
  }
  template <class Other>
  void operator()(const Other&) const {}
};
void describe(const Options& options, std::string& out) {
  for (const auto& [name, value] : options.values) {
    out += name + "\x1e";
    std::visit(Describe{out}, value.value);
    out += '\x1d';
  }
}

/// Parses one entry of `files`.
class FileParser {
 public:
  FileParser(const Options& options, std::vector<OptionError>& errors) : options_(options), errors_(errors) {}

  FileConfig parse() {
    file_.path = options_.text("path");
    file_.pattern = options_.text("pattern");
    file_.kind = kind_from(options_.text("object")).value_or(Kind::leads);
    names_ = names_for(file_.kind, known_identifiers());
    file_.header = options_.boolean("header");
    file_.time_format = options_.text("time_format");
    if (const auto read = read_time("", Zone::utc(), file_.time_format); read.error().code == "time_format") {
      error(options_.mark("time_format"), "time_format: " + read.error().detail);
    }
    file_.contact_separator = options_.text("contact_separator");
    file_.email_hash_form = options_.text("email_hash_form");
    file_.phone_hash_form = options_.text("phone_hash_form");
    read_place();
    read_dialect();
    read_columns();
    read_fields("fields", FieldColumn::Type::text);
    read_fields("money_fields", FieldColumn::Type::money);
    read_fields("time_fields", FieldColumn::Type::time);
    for (const Options& translation : options_.groups("translate")) read_translation(translation);
    read_defaults();
    check_required();
    check_hash_form("email");
    check_hash_form("phone");
    return std::move(file_);
  }

 private:
  void error(Mark at, std::string message) { errors_.push_back({std::move(at), std::move(message)}); }

  void read_place() {
    const std::string& pattern = file_.pattern;
    if (pattern.find('/') != std::string::npos) {
      error(options_.mark("pattern"),
            "pattern: expected a file name such as *.csv without '/'; the directory goes into 'path'");
    }
    file_.stream = pattern.empty() ? fmt::format("file:{}|{}", file_.path, to_string(file_.kind))
                                   : fmt::format("dir:{}|{}|{}", file_.path, pattern, to_string(file_.kind));
  }

  void read_dialect() {
    std::string delimiter = options_.text("delimiter");
    if (delimiter == "tab" || delimiter == "\\t") delimiter = "\t";
    const bool usable = delimiter.size() == 1 && delimiter.find_first_of("\"\r\n") == std::string::npos &&
                        static_cast<signed char>(delimiter[0]) > 0;
    if (!usable)
      error(options_.mark("delimiter"), "delimiter: expected one ASCII character such as , ; or |, or the word tab");
    const std::string& encoding = options_.text("encoding");
    file_.dialect.delimiter = usable ? delimiter[0] : ',';
    file_.dialect.last_line_may_be_open = options_.text("last_line_end") == "optional";
    file_.dialect.encoding = encoding == "utf-8"     ? Encoding::utf8
                             : encoding == "latin-1" ? Encoding::latin1
                                                     : Encoding::automatic;
  }

  /// True when `name` may be given a value in files of this kind; else says why not.
  bool check_name(const std::string& name, const Mark& at, const char* where) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return true;
    if (const CanonicalField* field = find_field(name)) {
      error(at, fmt::format("'{}' in '{}' is not for {}; it is for {} ({})", name, where, to_string(file_.kind),
                            kinds_of(*field), field->help));
      return false;
    }
    const std::string near = nearest(name, names_);
    std::string mend = near.empty() ? "it takes: " + one_of_names(names_) : fmt::format("did you mean '{}'?", near);
    if (const CanonicalField* field = find_field(near)) mend += fmt::format(" ({})", field->help);
    if (near.empty() && object_of(file_.kind)) mend += "; a field of your own goes into 'fields'";
    error(at, fmt::format("unknown field '{}' in '{}' of {}; {}", name, where, to_string(file_.kind), mend));
    return false;
  }

  bool check_cookie(const std::string& name, const Mark& at) {
    const std::string cookie = name.substr(kCookiePrefix.size());
    if (!carries_identifiers(file_.kind)) {
      error(at, fmt::format("'{}': {} carry no cookies", name, to_string(file_.kind)));
      return false;
    }
    if (connect::knows_cookie(known_identifiers(), cookie)) return true;
    std::vector<std::string> cookies;
    for (const connect::CookieDecl& decl : known_identifiers().cookies) {
      if (cookies.empty() || cookies.back() != decl.name) cookies.push_back(decl.name);
    }
    error(at, fmt::format("no cookie '{}' is known; it takes: {}", cookie, one_of_names(cookies)));
    return false;
  }

  void check_column(const std::string& column, const Mark& at) {
    if (file_.header) return;
    unsigned number = 0;
    const auto [end, failed] = std::from_chars(column.data(), column.data() + column.size(), number);
    if (failed == std::errc() && end == column.data() + column.size() && number > 0) return;
    error(at, fmt::format("'{}': with header: false expected the number of a column, the first is 1", column));
  }

  void claim(const std::string& name, const Mark& at) {
    if (!given_.insert(name).second) error(at, fmt::format("'{}' is given a second time in this file's options", name));
  }

  void read_columns() {
    for (const auto& [name, column] : options_.map("columns")) {
      const Mark at = options_.mark("columns", name);
      const bool fits = name.starts_with(kCookiePrefix) ? check_cookie(name, at) : check_name(name, at, "columns");
      check_column(column, at);
      claim(name, at);
      if (fits) file_.columns.emplace_back(name, column);
    }
  }

  void read_fields(const char* option, FieldColumn::Type type) {
    for (const auto& [name, column] : options_.map(option)) {
      const Mark at = options_.mark(option, name);
      if (!object_of(file_.kind)) error(at, fmt::format("'{}': {} have no CRM fields", option, to_string(file_.kind)));
      if (const CanonicalField* field = find_field(name)) {
        error(at, allows(*field, file_.kind)
                      ? fmt::format("'{}' in '{}' is a canonical field; give it under 'columns' ({})", name, option,
                                    field->help)
                      : fmt::format("'{}' in '{}' is the name of a canonical field of {}; take another", name, option,
                                    kinds_of(*field)));
      }
      check_column(column, at);
      check_not_personal(column, at);
      claim(std::string(kFieldPrefix) + name, at);
      file_.fields.push_back({type, name, column});
    }
  }

  /// CRM fields are kept as they stand. What is mapped as personal must not come in by a second door.
  void check_not_personal(const std::string& column, const Mark& at) {
    for (const auto& [name, personal] : file_.columns) {
      const bool is_personal = name == "email" || name == "phone" || name == "given_name" || name == "family_name";
      if (is_personal && personal == column) {
        error(at,
              fmt::format("column '{}' is read as {}, which is hashed and never kept; take it out here", column, name));
      }
    }
  }

  /// "field.NAME" or a canonical name.
  bool check_target(const std::string& name, const Mark& at, const char* where) {
    if (!name.starts_with(kFieldPrefix)) return check_name(name, at, where);
    if (object_of(file_.kind) && name.size() > kFieldPrefix.size()) return true;
    error(at, fmt::format("'{}' in '{}': {} have no CRM fields", name, where, to_string(file_.kind)));
    return false;
  }

  void read_translation(const Options& options) {
    Translation translation;
    translation.column = options.text("column");
    check_column(translation.column, options.mark("column"));
    for (const std::string& name : options.list("to")) {
      check_target(name, options.mark("to"), "to");
      claim(name, options.mark("to"));
      translation.to.push_back(name);
    }
    if (translation.to.empty()) error(options.mark("to"), "to: expected at least one field, such as [source, medium]");
    for (const auto& [text, meaning] : options.map("values")) {
      translation.values[to_lower_utf8(trim(text))] = meanings(meaning, translation, options.mark("values", text));
    }
    if (options.has("otherwise"))
      translation.otherwise = meanings(options.text("otherwise"), translation, options.mark("otherwise"));
    file_.translations.push_back(std::move(translation));
  }

  /// "google / cpc" for [source, medium]; "-" stands for nothing.
  std::vector<std::string> meanings(std::string_view text, const Translation& translation, const Mark& at) {
    std::vector<std::string> parts;
    const std::size_t wanted = translation.to.size();
    for (std::size_t slash; parts.size() + 1 < wanted && (slash = text.find(" / ")) != std::string_view::npos;) {
      parts.emplace_back(trim(text.substr(0, slash)));
      text.remove_prefix(slash + 3);
    }
    parts.emplace_back(trim(text));
    if (parts.size() != wanted) {
      error(at, fmt::format("expected {} texts parted by ' / ' for {}, found {}", wanted, one_of_names(translation.to),
                            parts.size()));
      parts.resize(wanted);
    }
    for (std::string& part : parts) {
      if (part == "-") part.clear();
    }
    return parts;
  }

  void read_defaults() {
    for (const auto& [name, value] : options_.map("defaults")) {
      const Mark at = options_.mark("defaults", name);
      if (!check_target(name, at, "defaults")) continue;
      if (name == "id") error(at, "'id' has no default: every row needs its own");
      if (name == "currency" && !Currency::parse(value)) {
        error(at, fmt::format("currency: '{}' is no ISO 4217 code such as EUR", value));
      }
      file_.defaults.emplace_back(name, value);
    }
  }

  bool is_given(std::string_view name) const {
    return given_.contains(std::string(name)) ||
           std::any_of(file_.defaults.begin(), file_.defaults.end(), [&](const auto& d) { return d.first == name; });
  }

  void check_required() {
    for (const CanonicalField& field : canonical_fields()) {
      if (!field.required || !allows(field, file_.kind) || is_given(field.name)) continue;
      error(options_.mark("columns"),
            fmt::format("columns of {}: '{}' is missing ({})", to_string(file_.kind), field.name, field.help));
    }
    if (file_.kind == Kind::spend && (!is_given("amount") || !is_given("currency"))) {
      error(options_.mark("columns"),
            "columns of spend: 'amount' and 'currency' are needed; a constant goes into 'defaults'");
    }
    if (is_given("stage_time") && !is_given("stage")) {
      error(options_.mark("columns"), "'stage_time' needs 'stage', as a column or under 'defaults'");
    }
  }

  void check_hash_form(const std::string& name) {
    const std::string option = name + "_hash_form";
    if (options_.has(option) && !is_given(name))
      error(options_.mark(option), fmt::format("{} needs the column '{}'", option, name));
  }

  const Options& options_;
  std::vector<OptionError>& errors_;
  FileConfig file_;
  std::vector<std::string> names_;
  std::set<std::string> given_;
};

}  // namespace

Config parse(const Options& options, std::vector<OptionError>& errors) {
  Config config;
  config.crm = options.text("crm");
  config.decimal_comma = options.boolean("decimal_comma");
  config.settle = std::chrono::seconds(options.integer("settle_seconds"));
  if (auto zone = Zone::find(options.text("time_zone"))) {
    config.zone = *zone;
  } else {
    errors.push_back({options.mark("time_zone"), zone.error().detail});
  }
  const std::string shared = fmt::format("{}\n{}\n{}\n", config.crm, config.zone.name(), config.decimal_comma);
  std::multiset<std::string> streams;
  for (const Options& entry : options.groups("files")) {
    FileConfig file = FileParser(entry, errors).parse();
    std::string text = shared;
    describe(entry, text);
    file.fingerprint = fmt::format("{:016x}", hash64(text));
    // One file may be read twice, say for a deal's first and second contact.
    streams.insert(file.stream);
    if (const std::size_t n = streams.count(file.stream); n > 1) file.stream += fmt::format("|{}", n);
    config.files.push_back(std::move(file));
  }
  if (config.files.empty())
    errors.push_back({options.mark("files"), "files: expected at least one entry with path, object and columns"});
  return config;
}

}  // namespace hw::connectors::csv
