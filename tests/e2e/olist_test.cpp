// A real company's leads and deals through the whole loop, against figures counted from the files themselves.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "conformance/paths.h"
#include "connectors/registry.h"
#include "journey/journey.h"
#include "sandbox/child.h"
#include "sandbox/company.h"
#include "sandbox/peers.h"
#include "sandbox/server.h"
#include "service/app.h"
#include "store/ledger_rows.h"

namespace hw {
namespace {

std::string data_dir() {
  const char* given = std::getenv("HEADWATER_REAL_DATA");
  return given != nullptr ? given : conformance::source_dir() + "/../shared/data/olist-marketing-funnel";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto p = text.find(what); p != text.npos; p = text.find(what, p + with.size()))
    text.replace(p, what.size(), with);
  return text;
}

/// The test's own reader: quoted cells hold no line breaks in these files.
std::vector<std::vector<std::string>> rows_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> out;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (char c : line) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    out.push_back(std::move(cells));
  }
  if (!out.empty()) out.erase(out.begin());  // the header
  return out;
}

/// What stands behind one origin.
struct Figures {
  std::int64_t leads = 0, wins = 0, cents = 0;
  friend bool operator==(const Figures&, const Figures&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Figures& f) {
    return out << f.leads << " leads, " << f.wins << " wins, " << f.cents << " cents";
  }
};

/// "source / medium" of an origin, as the configuration translates it.
std::string source_of(const std::string& origin) {
  static const std::map<std::string, std::string> names{{"organic_search", "google / organic"},
                                                        {"paid_search", "google / cpc"},
                                                        {"social", "social / social"},
                                                        {"email", "newsletter / email"},
                                                        {"referral", "partner / referral"},
                                                        {"display", "adnetwork / display"},
                                                        {"direct_traffic", "(direct) / (none)"},
                                                        {"", "(direct) / (none)"},
                                                        {"other", "other / other"},
                                                        {"other_publicities", "publicity / other"},
                                                        {"unknown", "unknown / other"}};
  return names.at(origin);
}

std::map<std::string, Figures> counted_from_files(const std::string& dir) {
  std::map<std::string, Figures> out;
  std::map<std::string, std::string> origin;
  for (const auto& r : rows_of(dir + "/olist_marketing_qualified_leads_dataset.csv")) {
    origin[r[0]] = source_of(r[3]);
    ++out[source_of(r[3])].leads;
  }
  for (const auto& r : rows_of(dir + "/olist_closed_deals_dataset.csv")) {
    Figures& f = out[origin.at(r[0])];
    ++f.wins;
    f.cents += std::llround(std::strtod(r[13].c_str(), nullptr) *
                            100);  // a check by other means than the product's exact money
  }
  return out;
}

/// The loop, run by the program as a user would.
class Olist : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(data_dir()))
      GTEST_SKIP() << "skipped: the real data is not here (" << data_dir() << ")";
    std::string pattern = (std::filesystem::temp_directory_path() / "headwater-olist-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    world_.now = make_system_clock()->system_now();
    for (const char* id : {"700000001", "700000003"})
      world_.ads.actions.push_back(
          {.account = sandbox::Names::kEu, .id = id, .created = world_.now - std::chrono::hours(1000)});
    server_ = std::make_unique<sandbox::Server>(world_, sandbox::make_peers(world_), nullptr);
    const int port = server_->start(0);
    ASSERT_NE(port, 0);
    write("secret", world_.sign_in.client_secret);
    write("token", world_.sign_in.refresh_token);
    std::ifstream file(conformance::source_dir() + "/tests/e2e/olist/headwater.yaml");
    std::ostringstream text;
    text << file.rdbuf();
    std::string config = replaced(text.str(), "@DATA@", std::filesystem::canonical(data_dir()));
    config = replaced(config, "@STATE@", dir_);
    write("headwater.yaml", replaced(config, "@URL@", "http://127.0.0.1:" + std::to_string(port)));
  }
  void TearDown() override {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ + "/" + name) << text;
    ::chmod((dir_ + "/" + name).c_str(), 0600);
  }
  sandbox::Output headwater(std::vector<std::string> words) {
    words.insert(words.begin(), HW_PROGRAM);
    words.insert(words.end(), {"-c", dir_ + "/headwater.yaml"});
    return sandbox::run(words);
  }
  std::string dir_;
  sandbox::World world_;
  std::unique_ptr<sandbox::Server> server_;
};

TEST_F(Olist, LeadsWinsAndAmountsPerOriginAreThoseOfTheFiles) {
  const sandbox::Output synced = headwater({"sync"});
  ASSERT_EQ(synced.status, 0) << synced.text;
  auto app = service::App::make({.config = dir_ + "/headwater.yaml",
                                 .state_of = "",
                                 .credentials_directory = "",
                                 .follow_clock = "",
                                 .access = service::AppOptions::Access::look},
                                connectors::all());
  ASSERT_TRUE(app) << app.error().detail;
  std::map<std::string, Figures> reported;
  auto read = (*app)->db->read([&](store::Tx& tx) -> Status {
    const auto source = [&](const store::StoredRecord& record) {
      const journey::Journey j = journey::of(tx, record);
      const auto* first = j.first_touch();
      return first == nullptr ? std::string("none") : first->stored.touch.source + " / " + first->stored.touch.medium;
    };
    for (const auto& l : store::ledger_rows::list_standings(tx, "", "", "", 0, 1'000'000)) {
      auto record = store::records::get(tx, l.conversion.record_id);
      Figures& f = reported[source(*record)];
      if (l.conversion.goal == "lead") ++f.leads;
      if (l.conversion.goal != "won") continue;
      ++f.wins;
      f.cents += l.standing.crm_micros / 10'000;
    }
    return {};
  });
  ASSERT_TRUE(read) << read.error().detail;
  const auto counted = counted_from_files(data_dir());
  EXPECT_EQ(reported, counted);
  for (const auto& [origin, f] : counted) std::cout << "  " << origin << ": " << f << "\n";
}

TEST_F(Olist, EveryWonDealStandsUnderAReasonAndNothingIsSent) {
  ASSERT_EQ(headwater({"sync"}).status, 0);
  const sandbox::Output report = headwater({"report", "reconciliation", "--conversions", "--format", "json"});
  ASSERT_EQ(report.status, 0);
  std::map<std::string, std::map<std::string, int>> reasons;
  for (const auto& row : nlohmann::json::parse(report.text))
    ++reasons[row.at("goal")][row.at("state").get<std::string>() + " " + row.at("reason").get<std::string>()];
  // No click id and no e-mail in either file, and every date lies outside any click's window.
  EXPECT_EQ(reasons["won"], (std::map<std::string, int>{{"missing expired", 842}}));
  EXPECT_EQ(reasons["lead"], (std::map<std::string, int>{{"missing expired", 8000}}));
  std::string believed;
  server_->locked([&] { believed = server_->believed_json(); });
  EXPECT_TRUE(nlohmann::json::parse(believed).at("google_data_manager").at("keys").empty());
  // A second pass finds nothing to do.
  const auto again = nlohmann::json::parse(headwater({"sync", "--format", "json"}).text);
  for (const auto& line : again) EXPECT_EQ(line.at("n"), 0) << line;
}

}  // namespace
}  // namespace hw
