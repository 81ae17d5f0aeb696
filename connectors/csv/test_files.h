#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance/conformance.h"
#include "conformance/plain_normaliser.h"
#include "connectors/csv/connector.h"

/// A folder of files and a connector that reads them, for the tests of this folder.
namespace hw::connectors::csv {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The declared children of an option of options().
inline std::vector<connect::OptionDecl> children_of(const std::vector<connect::OptionDecl>& decls,
                                                    const std::string& name) {
  for (const connect::OptionDecl& decl : decls) {
    if (decl.name == name) return decl.children;
  }
  throw std::invalid_argument("no option " + name);
}

/// One entry of `files`: {{"path", "x.csv"}, {"object", "leads"}, {"columns", Pairs{{"id", "Id"}}}}.
inline connect::Options file_entry(const conformance::Overrides& overrides) {
  return conformance::fill_defaults(children_of(csv_type().options, "files"), overrides);
}
inline connect::Options translation(const conformance::Overrides& overrides) {
  return conformance::fill_defaults(children_of(children_of(csv_type().options, "files"), "translate"), overrides);
}

class TempFolder {
 public:
  TempFolder() {
    std::string name = testing::TempDir() + "hw_csv_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? path_ : path_ + "/" + name;
  }
  void write(const std::string& name, std::string_view text, bool append = false) const {
    std::ofstream out(path(name), append ? std::ios::binary | std::ios::app : std::ios::binary);
    out << text;
  }
  /// Writes beside it and renames over it, as careful exporters do.
  void replace(const std::string& name, std::string_view text) const {
    write(name + ".tmp", text);
    rename(name + ".tmp", name);
  }
  void rename(const std::string& from, const std::string& to) const { std::filesystem::rename(path(from), path(to)); }
  void remove(const std::string& name) const { std::filesystem::remove(path(name)); }
  void set_time(const std::string& name, Timestamp at) const {
    const std::int64_t us = to_micros(at);
    const timespec times[2] = {{us / 1'000'000, us % 1'000'000 * 1000}, {us / 1'000'000, us % 1'000'000 * 1000}};
    if (::utimensat(AT_FDCWD, path(name).c_str(), times, 0) != 0) throw std::runtime_error("utimensat");
  }

 private:
  std::string path_;
};

/// A connector over some entries, and where each of its streams stands.
class World {
 public:
  explicit World(conformance::Overrides shared = {{"settle_seconds", 0}}) : shared_(std::move(shared)) {}

  TempFolder folder;
  FakeClock clock{conformance::kNow};
  std::size_t limit = 100;

  void configure(std::vector<connect::Options> entries) {
    conformance::Overrides overrides = shared_;
    overrides.emplace_back("files", std::move(entries));
    std::vector<connect::OptionError> errors;
    connector_ = csv_type().make(conformance::fill_defaults(csv_type().options, overrides), {},
                                 {http_, clock, normaliser_, vocabulary_, "crm"}, errors);
    for (const auto& error : errors) ADD_FAILURE() << to_string(error);
  }

  connect::Connector& connector() { return *connector_; }

  template <class Row = Record>
  Result<connect::Page<Row>> try_pull(connect::Cursor& cursor) {
    auto& source = source_of<Row>();
    auto page = source.pull(source.streams({})->at(0), cursor, limit, {});
    if (page) cursor = page->next;
    return page;
  }

  /// One page of the first stream after `cursor`, which moves on.
  template <class Row = Record>
  connect::Page<Row> pull(connect::Cursor& cursor) {
    auto page = try_pull<Row>(cursor);
    if (!page) {
      ADD_FAILURE() << page.error().code << ": " << page.error().detail;
      return {};
    }
    return *page;
  }

  /// All pages until there is nothing more at once, as one.
  template <class Row = Record>
  connect::Page<Row> pull_all(connect::Cursor& cursor) {
    connect::Page<Row> all = pull<Row>(cursor);
    for (int i = 0; all.more && i < 1000; ++i) {
      connect::Page<Row> page = pull<Row>(cursor);
      std::move(page.rows.begin(), page.rows.end(), std::back_inserter(all.rows));
      std::move(page.rejected.begin(), page.rejected.end(), std::back_inserter(all.rejected));
      all.more = page.more;
      all.again_in = page.again_in;
      all.sweep_complete = page.sweep_complete;
    }
    EXPECT_FALSE(all.more) << "no end of pages";
    return all;
  }

 protected:
  conformance::Overrides shared_;  ///< options beside `files`

 private:
  template <class Row>
  connect::Source<Row>& source_of() {
    if constexpr (std::is_same_v<Row, Record>) return *connector_->records();
    if constexpr (std::is_same_v<Row, Touch>) return *connector_->touches();
    if constexpr (std::is_same_v<Row, Spend>) return *connector_->costs();
  }

  conformance::FakeHttp http_;
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_ = csv_type().vocabulary;
  std::unique_ptr<connect::Connector> connector_;
};

/// The ids of records in the order they came: "a b c".
inline std::string ids(const std::vector<Record>& rows) {
  std::string out;
  for (const Record& row : rows) {
    if (const auto* state = std::get_if<RecordState>(&row)) out += (out.empty() ? "" : " ") + state->ref.id;
  }
  return out;
}

/// "leads.csv:17 time": where and why.
inline std::string rejections(const std::vector<connect::RejectedRow>& rejected) {
  std::string out;
  for (const connect::RejectedRow& r : rejected) out += (out.empty() ? "" : ", ") + r.where + " " + r.code;
  return out;
}

}  // namespace hw::connectors::csv
