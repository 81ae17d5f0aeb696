#include "connectors/csv/connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "connectors/_web/web.h"
#include "connectors/csv/mapping.h"
#include "connectors/csv/walker.h"

namespace hw::connectors {
namespace csv {
namespace {

using connect::Context;
using connect::Finding;
using connect::Page;
using connect::References;
using connect::RemoteObject;

/// What a connector instance is made of; its sources look at it.
struct Instance {
  Config config;
  connect::Env env;
};

/// The spend keys that a file has told so far, over its pages. Two rows of one key would overwrite each other: a cost
/// would be lost without a word.
class SpendKeys {
 public:
  /// True when the file's rows before `place` are not known here.
  bool goes_on_at(const CurrentFile& place, bool at_first_row) {
    const bool known = place.content == content_ && place.offset == offset_;
    if (at_first_row || !known) lines_.clear();
    return !at_first_row && !known;
  }
  void stopped_at(const CurrentFile& place) {
    content_ = place.content;
    offset_ = place.offset;
  }
  void forget() { content_.clear(); }
  /// The line of the row that told this key before.
  std::optional<std::uint64_t> told_before(const std::string& key, std::uint64_t line) {
    const auto [first, is_new] = lines_.try_emplace(key, line);
    return is_new ? std::nullopt : std::optional(first->second);
  }

 private:
  std::string content_;
  std::uint64_t offset_ = 0;
  std::unordered_map<std::string, std::uint64_t> lines_;
};

/// Fills a page with what the rows mean.
template <class Item>
class PageTaker final : public RowTaker {
 public:
  PageTaker(const Instance& instance, const FileConfig& file, std::vector<Item>& items, SpendKeys& spend_keys)
      : mapping_{instance.config, file, instance.config.crm, instance.env.normaliser, instance.env.vocabulary},
        items_(items),
        spend_keys_(spend_keys) {}

  Status begin(const std::vector<std::string>& header, const FileState& file) override {
    auto columns = Columns::bind(mapping_.file, header);
    if (!columns) return columns.error();
    columns_ = std::move(*columns);
    written_ = Timestamp{Duration{file.modified_ns / 1000}};
    name_ = file.name;
    return {};
  }

  bool goes_on_at(const CurrentFile& place, bool at_first_row) override {
    if constexpr (!std::is_same_v<Item, Spend>) return false;
    return spend_keys_.goes_on_at(place, at_first_row);
  }
  void stopped_at(const CurrentFile& place) override { spend_keys_.stopped_at(place); }

  void pass_over(const Row& row, std::uint64_t line) override {
    const std::size_t items = items_.size(), notes = notes_.size();
    take(row, line, "");
    items_.resize(items);
    notes_.resize(notes);
  }

  std::optional<Error> take(const Row& row, std::uint64_t line, const std::string& where) override {
    Cells cells(columns_, mapping_.config, mapping_.file, row);
    std::vector<std::string> notes;
    const std::size_t before = items_.size();
    map_row(mapping_, cells, written_, items_, notes);
    if (cells.fault()) return cells.fault();
    if (auto repeated = repeated_spend(before, line)) return repeated;
    for (const std::string& note : notes) notes_.push_back({items_.size(), where, note});
    return {};
  }

  [[nodiscard]] std::size_t taken() const override { return items_.size(); }

  void give_back(std::size_t count) override {
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(count), items_.end());
    std::erase_if(notes_, [&](const Note& note) { return note.items > count; });
    spend_keys_.forget();
  }

  /// Values that were dropped from rows that were kept: one line for each kind, at the first row that had it.
  void add_notes(std::vector<connect::RejectedRow>& rejected) const {
    std::map<std::string, std::pair<std::string, std::size_t>> kinds;
    for (const Note& note : notes_) ++kinds.try_emplace(note.text, note.where, 0).first->second.second;
    for (const auto& [text, seen] : kinds) {
      const std::string rows = seen.second > 1 ? fmt::format("{} rows of this page were", seen.second) : "the row was";
      rejected.push_back({seen.first, "value_dropped", fmt::format("{}; {} kept without it", text, rows)});
    }
  }

 private:
  struct Note {
    std::size_t items;  ///< how many items there were with its row
    std::string where, text;
  };
  /// Takes the last row out again when the file has told its key already.
  std::optional<Error> repeated_spend(std::size_t before, std::uint64_t line) {
    if constexpr (std::is_same_v<Item, Spend>) {
      if (items_.size() == before) return std::nullopt;
      const auto first = spend_keys_.told_before(items_.back().key, line);
      if (!first) return std::nullopt;
      items_.pop_back();
      return Error{Action::reject_row, "spend_repeated",
                   fmt::format("another row of the same day, account, source, medium and campaign as {}:{}; map `key` "
                               "to the column that tells such rows apart",
                               name_, *first)};
    } else {
      return std::nullopt;
    }
  }

  Mapping mapping_;
  std::vector<Item>& items_;
  SpendKeys& spend_keys_;
  Columns columns_;
  Timestamp written_;
  std::string name_;
  std::vector<Note> notes_;
};

template <class Item>
bool gives(Kind kind);
template <>
bool gives<Record>(Kind kind) {
  return object_of(kind) || kind == Kind::stage_history;
}
template <>
bool gives<Touch>(Kind kind) {
  return kind == Kind::touches;
}
template <>
bool gives<Spend>(Kind kind) {
  return kind == Kind::spend;
}

template <class Item>
class FileSource final : public connect::Source<Item> {
 public:
  explicit FileSource(const Instance& instance) : instance_(instance) {}

  [[nodiscard]] bool has_files() const {
    const auto& files = instance_.config.files;
    return std::any_of(files.begin(), files.end(), [](const FileConfig& f) { return gives<Item>(f.kind); });
  }

  Result<std::vector<std::string>> streams(Context) override {
    std::vector<std::string> names;
    for (const FileConfig& file : instance_.config.files) {
      if (gives<Item>(file.kind)) names.push_back(file.stream);
    }
    return names;
  }

  Result<Page<Item>> pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                          Context context) override {
    const auto& files = instance_.config.files;
    const auto file = std::find_if(files.begin(), files.end(), [&](const FileConfig& f) { return f.stream == stream; });
    if (file == files.end())
      return Error{Action::pause, "csv_stream", fmt::format("'{}' is none of the configured files", stream)};
    Page<Item> page;
    PageTaker<Item> taker(instance_, *file, page.rows, spend_keys_[file->stream]);
    Walker walker(*file, instance_.config.settle, instance_.env.clock.system_now(), context.stop, taker, limit);
    auto walked = walker.walk(cursor.text);
    if (!walked) return walked.error();
    page.rejected = std::move(walked->rejected);
    taker.add_notes(page.rejected);
    page.next.text = std::move(walked->next);
    page.more = walked->more;
    page.again_in = walked->again_in;
    page.sweep_complete = walked->sweep_complete;
    return page;
  }

 private:
  const Instance& instance_;
  std::map<std::string, SpendKeys> spend_keys_;  ///< by stream
};

/// The newest file of an entry with its header, for people who check a configuration.
struct Sample {
  std::string name;
  std::vector<std::string> header;
};
Result<std::optional<Sample>> sample_of(const FileConfig& file) {
  auto files = files_of(file);
  if (!files) return files.error();
  if (files->empty()) return std::optional<Sample>();
  const auto newest = std::max_element(files->begin(), files->end(), [](const FileState& a, const FileState& b) {
    return a.modified_ns < b.modified_ns;
  });
  const auto open = OpenFile::open(*newest);
  if (!open) return open.error();
  auto header = read_header(file, **open);
  if (!header) return Error{Action::pause, "csv_columns", fmt::format("{}: {}", newest->path, header.error().detail)};
  return std::optional<Sample>({newest->name, std::move(header->names)});
}

Finding check_file(const FileConfig& file) {
  const auto sample = sample_of(file);
  if (!sample) return {Finding::Severity::error, file.stream, sample.error().detail};
  if (!*sample) return {Finding::Severity::warning, file.stream, "there is no such file yet"};
  const Sample& found = **sample;
  if (found.header.empty()) return {Finding::Severity::warning, file.stream, found.name + " is empty"};
  if (const auto columns = Columns::bind(file, found.header); !columns) {
    return {Finding::Severity::error, file.stream, fmt::format("{}: {}", found.name, columns.error().detail)};
  }
  return {Finding::Severity::ok, file.stream,
          fmt::format("{}: {} columns, all that are mapped are there", found.name, found.header.size())};
}

/// The CRM fields that an entry gives to its records.
std::vector<std::string> fields_of(const FileConfig& file) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    if (name.starts_with(kFieldPrefix)) name.erase(0, kFieldPrefix.size());
    names.push_back(std::move(name));
  };
  for (const auto& [name, column] : file.columns) add(name);
  for (const FieldColumn& field : file.fields) add(field.name);
  for (const Translation& translation : file.translations)
    std::for_each(translation.to.begin(), translation.to.end(), add);
  for (const auto& [name, value] : file.defaults) add(name);
  return names;
}

class CsvConnector final : public connect::Connector {
 public:
  CsvConnector(Config config, connect::Env env)
      : instance_{std::move(config), std::move(env)}, records_(instance_), touches_(instance_), costs_(instance_) {}

  connect::RecordSource* records() override { return records_.has_files() ? &records_ : nullptr; }
  connect::TouchSource* touches() override { return touches_.has_files() ? &touches_ : nullptr; }
  connect::CostSource* costs() override { return costs_.has_files() ? &costs_ : nullptr; }

  Result<std::vector<Finding>> check_online(const References& references, Context) override {
    std::vector<Finding> findings;
    for (const FileConfig& file : instance_.config.files) findings.push_back(check_file(file));
    for (const auto& [object, field] : references.fields) check_reference(object, field, findings);
    return findings;
  }

  Result<std::vector<RemoteObject>> discover(Context) override {
    std::vector<RemoteObject> objects;
    for (const FileConfig& file : instance_.config.files) {
      const auto sample = sample_of(file);
      if (!sample) return sample.error();
      if (!*sample) continue;
      for (const std::string& column : (*sample)->header) objects.push_back({"column", column, (*sample)->name});
    }
    return objects;
  }

 private:
  /// Another connector may give the field, so that its absence here is worth a word and no error.
  void check_reference(Object object, const std::string& field, std::vector<Finding>& findings) const {
    std::vector<std::string> given;
    bool has_history = false, has_object = false;
    for (const FileConfig& file : instance_.config.files) {
      has_history = has_history || file.kind == Kind::stage_history;
      if (object_of(file.kind) != object) continue;
      has_object = true;
      const auto names = fields_of(file);
      given.insert(given.end(), names.begin(), names.end());
    }
    if (!has_object || has_history || std::find(given.begin(), given.end(), field) != given.end()) return;
    const std::string near = nearest(field, given);
    findings.push_back({Finding::Severity::warning, fmt::format("field '{}'", field),
                        fmt::format("no file of {}s gives it{}", to_string(object),
                                    near.empty() ? "" : fmt::format("; did you mean '{}'?", near))});
  }

  Instance instance_;
  FileSource<Record> records_;
  FileSource<Touch> touches_;
  FileSource<Spend> costs_;
};

std::unique_ptr<connect::Connector> make(const connect::Options& options,
                                         const std::vector<std::pair<Object, std::string>>&, connect::Env env,
                                         std::vector<connect::OptionError>& errors) {
  const std::size_t before = errors.size();
  Config config = parse(options, errors);
  if (errors.size() > before) return nullptr;
  if (config.crm.empty()) config.crm = env.instance;
  return std::make_unique<CsvConnector>(std::move(config), std::move(env));
}

void check(const connect::Options& options, std::vector<connect::OptionError>& errors) { parse(options, errors); }

}  // namespace
}  // namespace csv

connect::ConnectorType csv_type() {
  connect::ConnectorType type;
  type.name = "csv";
  type.title = "CSV files";
  type.maturity = connect::Maturity::stable;
  type.roles = {"records", "touches", "costs"};
  type.options = csv::options();
  type.vocabulary = web_vocabulary();
  type.make = csv::make;
  type.check = csv::check;
  return type;
}

}  // namespace hw::connectors
