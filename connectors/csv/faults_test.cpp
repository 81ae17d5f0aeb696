#include <gmock/gmock.h>
#include <unistd.h>

#include <set>

#include "base/text.h"
#include "conformance/paths.h"
#include "conformance/words.h"
#include "connectors/csv/files.h"
#include "connectors/csv/test_files.h"

/// Everything that can be wrong with a file, what it is called, and README.md's table of it.
namespace hw::connectors::csv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Pairs kLead{{"id", "Id"}, {"created", "At"}};
const Pairs kDeal{{"id", "Id"}, {"amount", "Amount"}, {"currency", "Currency"}};
const Pairs kSpend{{"day", "Day"}, {"amount", "Cost"}, {"currency", "Currency"}, {"clicks", "Clicks"}};
const Pairs kTouch{{"time", "At"}, {"ga_client_id", "Client"}, {"kind", "Kind"}};

/// A row of a file that is set aside, while the good one after it is read.
struct RowFault {
  const char* code;
  const char* object;
  Pairs columns;
  std::string bad, good;  ///< lines, the header left out
};

const std::vector<RowFault>& row_faults() {
  static const std::string wide(250U << 10, 'x');
  static const std::vector<RowFault> all = {
      {"column_count", "leads", kLead, "L1", "L2,"},
      {"unclosed_quote", "leads", kLead, "\"L1,", "L2,"},
      {"text_after_quote", "leads", kLead, "\"L1\"x,", "L2,"},
      {"field_too_long", "leads", kLead, std::string(300U << 10, 'x') + ",", "L2,"},
      {"row_too_long", "leads", kLead, wide + ',' + wide + ',' + wide + ',' + wide + ',' + wide, "L2,"},
      {"encoding", "leads", kLead, "\xff,", "L2,"},
      {"nul_byte", "leads", kLead, std::string("L\0,", 3), "L2,"},
      {"time", "leads", kLead, "L1,yesterday", "L2,"},
      {"missing_value", "leads", kLead, ",2026-11-20", "L2,"},
      {"deleted", "leads", {{"id", "Id"}, {"deleted", "Gone"}}, "L1,perhaps", "L2,no"},
      {"amount", "deals", kDeal, "D1,much,EUR", "D2,1,EUR"},
      {"currency", "deals", kDeal, "D1,1,euro", "D2,1,EUR"},
      {"object",
       "stage_history",
       {{"id", "Id"}, {"value", "V"}, {"time", "T"}, {"object", "O"}},
       "D1,won,2026-11-20,x",
       "D2,won,2026-11-20,deal"},
      {"number", "spend", kSpend, "2026-11-20,1,EUR,few", "2026-11-21,1,EUR,1"},
      {"spend_repeated", "spend", kSpend, "2026-11-21,1,EUR,1\n2026-11-21,1,EUR,2", "2026-11-22,1,EUR,1"},
      {"kind", "touches", kTouch, "2026-11-20,1.2,smoke", "2026-11-20,1.3,visit"},
      {"no_identifier", "touches", kTouch, "2026-11-20,,visit", "2026-11-20,1.3,visit"},
      {"value_dropped", "leads", {{"id", "Id"}, {"country", "Country"}}, "L1,Atlantis", "L2,DE"},
  };
  return all;
}

class CsvFaults : public testing::Test, protected World {
 protected:
  void use(const std::string& object, const Pairs& columns, const std::string& file = "a.csv",
           const std::string& pattern = "") {
    configure({file_entry({{"path", folder.path(file)},
                           {"pattern", pattern},
                           {"encoding", "utf-8"},
                           {"object", object},
                           {"columns", columns}})});
  }
  template <class Row>
  std::pair<std::set<std::string>, std::size_t> read() {
    connect::Cursor cursor;
    const connect::Page<Row> page = pull_all<Row>(cursor);
    std::set<std::string> codes;
    for (const connect::RejectedRow& r : page.rejected) codes.insert(r.code);
    return {codes, page.rows.size()};
  }
  std::string error() {
    connect::Cursor cursor;
    const auto page = try_pull(cursor);
    return page ? "" : conformance::words(page.error());
  }
};

TEST_F(CsvFaults, ABadRowIsSetAsideByItsNameAndTheNextIsRead) {
  for (const RowFault& f : row_faults()) {
    std::string header;
    for (const auto& [field, column] : f.columns) header += (header.empty() ? "" : ",") + column;
    folder.write("a.csv", header + "\n" + f.bad + "\n" + f.good + "\n");
    use(f.object, f.columns);
    const std::string object = f.object;
    const auto [codes, rows] = object == "spend" ? read<Spend>() : object == "touches" ? read<Touch>() : read<Record>();
    EXPECT_THAT(codes, ElementsAre(f.code));
    EXPECT_GE(rows, 1U) << f.code;
  }
}

/// "1234.00" that was cut is "12".
TEST_F(CsvFaults, ALastLineThatMayBeCutOffIsSetAside) {
  folder.write("a.csv", "Id,Currency,Amount\nD1,EUR,1\nD2,EUR,12");
  use("deals", {{"id", "Id"}, {"currency", "Currency"}, {"amount", "Amount"}});
  const auto [codes, rows] = read<Record>();
  EXPECT_THAT(codes, ElementsAre("cut_off"));
  EXPECT_EQ(rows, 1U);
}

/// Root may read everything: the test gives that up for a moment.
class AsAnotherUser {
 public:
  AsAnotherUser() : was_(::geteuid()) { EXPECT_EQ(::seteuid(was_ == 0 ? 65534 : was_), 0); }
  ~AsAnotherUser() { EXPECT_EQ(::seteuid(was_), 0); }
  AsAnotherUser(const AsAnotherUser&) = delete;
  AsAnotherUser& operator=(const AsAnotherUser&) = delete;

 private:
  uid_t was_;
};

TEST_F(CsvFaults, WhatMayNotBeReadPauses) {
  folder.write("a.csv", "Id,At\nL1,\n");
  ::chmod(folder.path("a.csv").c_str(), 0);
  ::chmod(folder.path().c_str(), 0755);
  use("leads", kLead);
  {
    const AsAnotherUser other;
    EXPECT_EQ(error(), "pause csv_path") << "the file";
  }
  std::filesystem::create_directory(folder.path("closed"));
  ::chmod(folder.path("closed").c_str(), 0);
  use("leads", kLead, "closed", "*.csv");
  {
    const AsAnotherUser other;
    EXPECT_EQ(error(), "pause csv_path") << "the directory";
  }
  ::chmod(folder.path("closed").c_str(), 0700);
}

TEST_F(CsvFaults, ABrokenHeaderPausesASingleFile) {
  folder.write("a.csv", "Id\nL1\n");
  use("leads", kLead);
  EXPECT_EQ(error(), "pause csv_columns");
}

TEST_F(CsvFaults, AFileThatIsGoneOrCannotBeReadNowIsTriedAgain) {
  FileState file;
  file.path = folder.path("gone.csv");
  EXPECT_EQ(conformance::words(OpenFile::open(file).error()), "retry csv_vanished");
  file.path = folder.path();  // a directory can be opened, and not read: as a file on a disk that fails
  const auto opened = OpenFile::open(file);
  ASSERT_TRUE(opened);
  char into[16];
  EXPECT_EQ(conformance::words((*opened)->read(into, sizeof into).error()), "retry csv_read");
}

/// The codes that the table of README.md names, in its second column.
std::set<std::string> promised_codes() {
  std::ifstream in(conformance::source_dir() + "/connectors/csv/README.md");
  std::set<std::string> out;
  bool is_under = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) is_under = line.starts_with("## When something is wrong");
    const auto cells = split(line, '|');
    if (!is_under || cells.size() < 4) continue;
    const auto words = split(cells[2], '`');
    for (std::size_t i = 1; i < words.size(); i += 2) out.emplace(words[i]);
  }
  return out;
}

TEST_F(CsvFaults, ReadmeNamesEachCodeThatIsShownHereAndNoOther) {
  // Shown by walker_test.cpp: file_vanished.
  std::set<std::string> shown{"csv_path", "csv_columns", "csv_vanished", "csv_read", "file_vanished", "cut_off"};
  for (const RowFault& f : row_faults()) shown.insert(f.code);
  EXPECT_EQ(promised_codes(), shown);
}

}  // namespace
}  // namespace hw::connectors::csv
