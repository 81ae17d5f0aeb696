// SIGKILL at every durable transition of the real daemon, and with a request half sent or unanswered, while a deal is
// won and while it is corrected or lost; the deal changes meanwhile, and the daemon comes back at once, after three,
// eight or a hundred days.
#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/zone.h"
#include "model/money.h"
#include "sandbox/company.h"
#include "sandbox/compare.h"
#include "sandbox/demo_setup.h"
#include "sandbox/fault_proxy.h"
#include "sandbox/sandbox_run.h"

namespace hw::sandbox {
namespace {

using std::chrono::hours;

constexpr hours kOneDay(24);
constexpr std::int64_t kFirst = 1'000'000'000, kRaised = 1'234'560'000, kAtLast = 1'500'010'000;  // micros

constexpr std::int64_t kQualified = 100'000'000;
/// Bytes of a request: its head and a part of its body; and more than there are.
constexpr std::size_t kHalf = 450, kWhole = 1U << 20U;

/// In days of the world.
constexpr double kBeforeWon = 4.9, kAfterWon = 9;

constexpr const char *kBuyer = "11.22", *kColleague = "33.44";  // their browsers

/// A visit by a newsletter's link: "newsletter", "email" and the campaign.
struct Visit {
  Timestamp at;
  std::string client, campaign;
};

/// Money of one day's costs: what is lost of one day is not made good by another that came twice.
std::int64_t cost_of(int day) { return 10'000'000 + std::int64_t{day} * day * 10'000; }

/// One buyer who clicked an ad, and the one deal with them; and a colleague who is known only after their last visit.
class OneDeal final : public Script {
 public:
  explicit OneDeal(std::string drop) : drop_(std::move(drop)) {}
  Timestamp start() const override { return read_time("2025-01-06T06:00:00Z", Zone::utc())->at; }
  Timestamp end() const override { return start() + kOneDay * 130; }
  Timestamp next_event() const override { return events_.empty() ? Timestamp::max() : events_.begin()->first; }
  void advance(World& world, Timestamp now) override {
    if (!begun_) begin(world);
    while (!events_.empty() && events_.begin()->first <= now) {
      auto event = events_.extract(events_.begin());
      world.now = event.key();
      event.mapped()(world);
    }
    world.now = now;
  }
  std::vector<TruthRow> truth(const World&) const override { return {}; }

  void at(double days, std::function<void(World&)> event) {
    events_.emplace(start() + Duration(static_cast<std::int64_t>(days * 86.4e9)), std::move(event));
  }
  /// From now on nobody visits and nothing costs: what was before must be known to the last line.
  void rest() { rests_ = true; }
  [[nodiscard]] const std::string& deal() const { return deal_; }
  [[nodiscard]] const std::string& contact() const { return contact_; }
  [[nodiscard]] const std::string& colleague() const { return colleague_; }
  [[nodiscard]] std::vector<Visit> visits_of(const std::string& client) const {
    std::vector<Visit> out;
    std::copy_if(visits_.begin(), visits_.end(), std::back_inserter(out),
                 [&](const Visit& v) { return v.client == client; });
    return out;
  }
  [[nodiscard]] std::int64_t cost() const { return cost_; }

 private:
  void begin(World& world);
  void day(World& world, int n);
  void collect(World& world, const Visit& v);
  std::string drop_, contact_, deal_, colleague_;
  std::vector<Visit> visits_;
  std::int64_t cost_ = 0;
  bool rests_ = false;
  std::multimap<Timestamp, std::function<void(World&)>> events_;
  bool begun_ = false;
};

std::string page_of(const Visit& v) { return "https://www.example.com/" + v.campaign; }

void OneDeal::begin(World& world) {
  begun_ = true;
  Company setting(1, drop_);
  setting.advance(world, setting.start() - kOneDay * 100);  // accounts and actions, and nobody yet
  at(1.1, [](World& w) {
    w.ads.clicks.push_back({.type = "gclid",
                            .value = "click-1",
                            .at = w.now,
                            .account = Names::kEu,
                            .visitor_email = "buyer@example.com"});
  });
  at(1.2, [this](World& w) {
    contact_ = w.crm.create("contacts",
                            {{"email", "buyer@example.com"},
                             {"gclid", "click-1"},
                             {"ga_client_id", "11.22"},
                             {"country", "DE"},
                             {"consent_ads", "granted"},
                             {"lifecycle", "lead"}},
                            w.now);
  });
  at(1.3, [this](World& w) {
    deal_ = w.crm.create("deals",
                         {{"name", "The deal"},
                          {"amount", decimal(kFirst, 2)},
                          {"currency", "EUR"},
                          {"stage", "appointment"},
                          {"pipeline", "default"},
                          {"deal_type", "new"}},
                         w.now);
    w.crm.tie("deals", deal_, "contacts", contact_, true, w.now);
  });
  // Each day brings something to every source.
  for (int n = 1; n < 128; ++n) at(n + 0.1, [this, n](World& w) { day(w, n); });
  at(5.1, [this](World& w) { w.crm.set("contacts", contact_, "lifecycle", "sql", w.now); });
  at(5.15, [this](World& w) { w.crm.set("deals", deal_, "stage", "proposal", w.now); });
  at(5.2, [this](World& w) { w.crm.set("deals", deal_, "stage", "won", w.now); });
  at(6.3, [this](World& w) {
    colleague_ = w.crm.create("contacts", {{"email", "colleague@example.com"}, {"ga_client_id", kColleague}}, w.now);
  });
}

void OneDeal::day(World& world, int n) {
  if (rests_) return;
  const std::string name = std::to_string(n);
  const Timestamp at = std::chrono::floor<std::chrono::seconds>(world.now);  // the CRM keeps no more of it
  std::vector<Visit> visits{{at, kBuyer, "n" + name}};
  if (n < 5) visits.push_back({at, kColleague, "c" + name});
  std::string lines;
  for (const Visit& v : visits) {
    lines += rfc3339(v.at) + "," + v.client + ",,,newsletter,email," + v.campaign + ",,," + page_of(v) + ",\n";
    collect(world, v);
    visits_.push_back(v);
  }
  drop_file(drop_ + "/touches/" + name + ".csv", kVisitColumns + lines, world.now);
  drop_file(drop_ + "/spend/" + name + ".csv",
            "day,source,medium,campaign,cost,currency,clicks\n" + rfc3339(world.now).substr(0, 10) +
                ",google,cpc,brand," + decimal(cost_of(n), 2) + ",EUR,3\n",
            world.now);
  cost_ += cost_of(n);
}

/// As the site's tag does.
void OneDeal::collect(World& world, const Visit& v) {
  const auto before = visits_of(v.client);
  const Visit& first = before.empty() ? v : before.front();
  AnalyticsEvent e;
  e.at = v.at;
  e.client = v.client;
  e.session = v.at.time_since_epoch().count() / 1'000'000;
  e.session_number = static_cast<std::int64_t>(before.size()) + 1;
  e.page = page_of(v) + "?utm_source=newsletter&utm_medium=email&utm_campaign=" + v.campaign;
  e.collected = {{"manual_source", "newsletter"}, {"manual_medium", "email"}, {"manual_campaign_name", v.campaign}};
  e.first_touch = {{"source", "newsletter"}, {"medium", "email"}, {"name", first.campaign}};
  for (const char* name : {"session_start", "page_view"}) {
    e.name = name;
    world.analytics.events.push_back(e);
  }
}

constexpr const char *kIngest = "/v1/events:ingest", *kCollect = "/mp/collect";

/// What the daemon is about when it dies, and what the sales team did before.
enum class Work : std::uint8_t { first_upload, raise, loss };

/// Where the daemon dies: at a crash point, or, where `bytes` says so, in the n-th request to a path of which so many
/// bytes have left, unanswered.
struct Death {
  const char* point;
  Work work = Work::first_upload;
  bool lost_meanwhile = false;  ///< else the deal's amount is edited once more
  std::size_t bytes = 0;
  int nth = 1;
  int signal = SIGKILL;  ///< or SIGTERM, and it stops in the orderly way
  [[nodiscard]] bool ends_lost() const { return lost_meanwhile || work == Work::loss; }
  /// How the name of a destination begins that then waits for an answer, null where none needs to.
  [[nodiscard]] const char* leaves_in_flight() const;
};

const char* Death::leaves_in_flight() const {
  const std::string_view at = point;
  if (signal != SIGKILL) return nullptr;
  if (bytes > 0) return at == kIngest ? "ads_" : "ga4_";
  const bool is_one = at.starts_with("ledger.claimed/") || at.starts_with("ledger.sent/");
  return is_one ? point + at.find('/') + 1 : nullptr;
}

std::ostream& operator<<(std::ostream& out, const Death& d) {
  out << d.point;
  if (d.bytes > 0) out << " number " << d.nth << (d.bytes == kWhole ? ", whole" : ", half");
  if (d.work != Work::first_upload) out << (d.work == Work::raise ? " of a raise" : " of a loss");
  return out << (d.lost_meanwhile ? ", lost meanwhile" : "") << (d.signal == SIGKILL ? "" : ", stopped");
}

class CrashPoints : public testing::Test {
 protected:
  explicit CrashPoints(Touches touches = Touches::files)
      : dir_(""), script_(dir_.path() + "/drop"), run_(HW_PROGRAM, script_, dir_.path()) {
    const auto wrong = run_.prepare("", touches, [this](int server) {
      network_ = std::make_unique<FaultProxy>(server);
      return network_->start();
    });
    if (!wrong.empty()) ADD_FAILURE() << wrong;
  }
  /// False when the daemon died on the way.
  bool until(double days) {
    const Timestamp t = script_.start() + Duration(static_cast<std::int64_t>(days * 86.4e9));
    const auto alive = [this] { return !run_.daemon().ended(); };
    return run_.conductor().run_until(t, alive, [](Timestamp) {}) && run_.conductor().settle(alive);
  }
  void stop() {
    run_.daemon().signal(SIGTERM);
    ASSERT_EQ(run_.daemon().wait(30), 0) << run_.log_tail();
  }
  /// The sales team loses the deal after all: now.
  void lose() {
    run_.server().locked([&] { run_.world().crm.set("deals", script_.deal(), "stage", "lost", run_.world().now); });
  }
  /// The sales team edits the amount: now.
  void amount(std::int64_t micros) {
    run_.server().locked(
        [&] { run_.world().crm.set("deals", script_.deal(), "amount", decimal(micros, 2), run_.world().now); });
  }
  double day() const { return static_cast<double>((run_.world().now - script_.start()).count()) / 86.4e9; }
  SandboxRun& the_run() { return run_; }

  /// Until it has the work before it in which it is to die.
  void live(const Death& death);
  void die(const Death& death);
  void die_and_come_back(const Death& death, int days_dead);
  /// After so many days, and the daemon works on until all has settled; then all is judged.
  void come_back(const Death& death, int days_dead, const std::set<std::string>& in_flight);
  void judge(const Death& death, int days_dead, const std::set<std::string>& in_flight);
  void judge_fields(const std::string& type, const std::string& id, const std::string& client);
  void judge_costs();
  std::set<std::string> in_flight();

  RunDirectory dir_;
  OneDeal script_;
  std::unique_ptr<FaultProxy> network_;
  mutable SandboxRun run_;
};

/// Destinations with a row whose fate the platform alone knows.
std::set<std::string> CrashPoints::in_flight() {
  std::set<std::string> out;
  const Output said = run_.ask({"uploads", "list", "--state", "in_flight", "--format", "json"});
  EXPECT_EQ(said.status, 0) << said.text;
  for (const auto& row : nlohmann::json::parse(said.text)) out.insert(row.at("destination").get<std::string>());
  return out;
}

void CrashPoints::die(const Death& death) {
  if (death.bytes == 0) {
    run_.start_daemon({std::string(death.signal == SIGKILL ? "HW_CRASH_AT=" : "HW_STOP_AT=") + death.point});
    ASSERT_FALSE(until(day() + 10)) << "never passed";
  } else {
    // Those before it come through.
    network_->fault({.kind = FaultProxy::Kind::delay, .times = death.nth - 1, .time = {}, .match = death.point});
    network_->fault({.kind = FaultProxy::Kind::black_hole,
                     .bytes = death.bytes,
                     .time = std::chrono::seconds(30),
                     .match = death.point});
    run_.start_daemon();
    const auto waits = [this] { return !run_.daemon().ended() && network_->swallowed() == 0; };
    run_.conductor().run_until(run_.world().now + kOneDay * 10, waits, [](Timestamp) {});
    ASSERT_EQ(network_->swallowed(), 1) << "never asked";
    run_.daemon().signal(SIGKILL);
  }
  ASSERT_EQ(run_.daemon().wait(30), death.signal == SIGKILL ? 128 + SIGKILL : 0) << run_.log_tail();
}

void CrashPoints::live(const Death& death) {
  run_.start_daemon();
  ASSERT_TRUE(until(death.work == Work::first_upload ? kBeforeWon : kAfterWon)) << run_.log_tail();
  stop();
  if (death.work == Work::raise) amount(kRaised);
  if (death.work == Work::loss) lose();
  run_.pass_without_daemon(kOneDay / 3);  // every source has something that the daemon finds at its start
}

void CrashPoints::die_and_come_back(const Death& death, int days_dead) {
  ASSERT_NO_FATAL_FAILURE(live(death));
  ASSERT_NO_FATAL_FAILURE(die(death));
  const auto unanswered = in_flight();
  if (const char* destination = death.leaves_in_flight()) {
    ASSERT_THAT(unanswered, testing::Contains(testing::StartsWith(destination)));
  }
  if (std::string_view(death.point) == "fields.intended") script_.rest();  // the next visit would write them anyway
  amount(kAtLast);
  if (death.lost_meanwhile) lose();
  come_back(death, days_dead, unanswered);
}

void CrashPoints::come_back(const Death& death, int days_dead, const std::set<std::string>& in_flight) {
  run_.pass_without_daemon(kOneDay * days_dead);
  run_.start_daemon();
  ASSERT_TRUE(until(day() + 8)) << run_.log_tail();
  script_.rest();
  ASSERT_TRUE(until(day() + 4)) << run_.log_tail();
  stop();
  judge(death, days_dead, in_flight);
  judge_fields("contacts", script_.contact(), kBuyer);
  judge_fields("contacts", script_.colleague(), kColleague);
  judge_fields("deals", script_.deal(), kBuyer);
  judge_costs();
}

/// What the CRM holds, against the visits: each of them once, and the first and the last one.
void CrashPoints::judge_fields(const std::string& type, const std::string& id, const std::string& client) {
  SCOPED_TRACE(type + " of " + client);
  const auto visits = script_.visits_of(client);
  ASSERT_FALSE(visits.empty());
  std::map<std::string, std::string> expected{{"hw_touches", std::to_string(visits.size())}};
  for (const auto& [group, v] : {std::pair{"hw_first_", visits.front()}, {"hw_last_", visits.back()}}) {
    const auto as = [&, group = std::string(group)](const char* name) -> std::string& {
      return expected[group + name];
    };
    as("channel") = "Email";
    as("source") = "newsletter";
    as("campaign") = v.campaign;
    as("at") = rfc3339(v.at);
    if (type != "contacts") continue;
    as("medium") = "email";
    as("page") = page_of(v);
  }
  if (type == "contacts") {
    expected["hw_seen_first"] = rfc3339(visits.front().at);
    expected["hw_seen_last"] = rfc3339(visits.back().at);
    expected["hw_ga_client_id"] = client;
  }
  std::map<std::string, std::string> held;
  run_.server().locked([&] {
    const CrmObject* record = run_.world().crm.find(type, id);
    for (const auto& [field, value] : expected) held[field] = record->get(field);
  });
  EXPECT_EQ(held, expected);
}

/// Each day's costs once.
void CrashPoints::judge_costs() {
  const Output said = run_.ask({"report", "channels", "--format", "json"});
  ASSERT_EQ(said.status, 0) << said.text;
  std::map<std::string, std::int64_t> cost;
  for (const auto& row : nlohmann::json::parse(said.text)) {
    const auto& cell = row.at("cost");
    if (const auto micros = parse_micros(cell.is_string() ? cell.get<std::string>() : cell.dump()))
      cost[row.at("channel").get<std::string>()] = *micros;
  }
  EXPECT_THAT(cost, testing::ElementsAre(testing::Pair("Paid Search", script_.cost())));
}

/// What each destination is to be told at last.
std::map<std::string, std::int64_t> worth_at_last(const Death& death) {
  const std::int64_t won = death.ends_lost() ? 0 : kAtLast;
  return {{"ads_qualified", kQualified},
          {"ads_opportunity", fifth(kAtLast)},
          {"ads_won", won},
          {"ga4_qualified", kQualified},
          {"ga4_won", won}};
}

bool is_of_ads(const ClaimRow& c) { return c.destination.starts_with("ads_"); }

constexpr const char* kRestore = "restore";

/// Whose answer the death took along, where the platform let nobody ask or tell it again. (After a restore a purchase
/// cannot be: a repeat changes nothing, and with which value the first one went nobody knows.)
void judge_uncertain(const ClaimRow& c, const Death& death, int days_dead, const std::set<std::string>& in_flight,
                     std::int64_t micros) {
  EXPECT_THAT(in_flight, testing::Contains(c.destination)) << "whose fate was never in doubt";
  const bool is_purchase =
      c.destination == "ga4_won" && death.work == Work::first_upload && std::string_view(death.point) != kRestore;
  const int takes_repeats_until = is_of_ads(c) ? 8 : is_purchase ? 0 : -1;
  EXPECT_GT(days_dead, takes_repeats_until) << "while the platform still takes it and counts it once";
  EXPECT_GE(micros, c.told_low);
  EXPECT_LE(micros, c.told_high);
}

/// Told all, unless the platform took no more of it.
void judge_known(const ClaimRow& c, const Death& death, int days_dead, std::int64_t micros, std::int64_t count) {
  EXPECT_EQ(micros, c.told) << "the ledger says what the platform believes";
  if (c.told == c.wanted) {
    EXPECT_EQ(c.state, c.wanted == 0 ? "none" : "taken");
    EXPECT_EQ(c.reason, c.wanted == 0 ? "not_wanted" : "");
    if (c.wanted != 0) {
      EXPECT_EQ(count, 1);
    }
    return;
  }
  if (is_of_ads(c)) {
    EXPECT_EQ(days_dead, 100) << "the platform still took it";
  } else if (c.told != 0) {
    EXPECT_EQ(c.destination + " " + std::to_string(c.told), "ga4_won " + std::to_string(kFirst)) << "else refunded";
    EXPECT_FALSE(death.ends_lost());
  }
  if (c.told != 0) {
    EXPECT_EQ(c.reason, "uncorrectable");
    return;
  }
  EXPECT_EQ(c.reason, "expired");
  EXPECT_EQ(death.work, Work::first_upload) << "it was told before";
  EXPECT_GE(days_dead, 3);
}

/// What the platforms believe, by their own rules, against what the ledger says of them, and both against the CRM.
void CrashPoints::judge(const Death& death, int days_dead, const std::set<std::string>& in_flight) {
  const Output said = run_.ask({"report", "reconciliation", "--conversions", "--format", "json"});
  ASSERT_EQ(said.status, 0);
  std::map<std::pair<std::string, std::string>, Belief> believed;  // by destination and key
  for (const Belief& b : run_.believed())
    for (const Place& p : demo_places())
      if (p.account == b.account && p.action == b.action) believed[{p.destination, b.key}] = b;
  const auto worth = worth_at_last(death);
  std::multiset<std::string> claimed;
  for (const ClaimRow& c : read_claims(said.text)) {
    SCOPED_TRACE(c.destination + " " + c.state + " " + c.reason + " " + std::to_string(c.told));
    const auto found = believed.extract({c.destination, c.dedup_id});
    const std::int64_t micros = found ? found.mapped().micros : 0, count = found ? found.mapped().count : 0;
    EXPECT_LE(count, 1) << "counted twice";
    const auto wanted = worth.find(c.destination);
    if (wanted == worth.end()) {
      EXPECT_EQ(c.state, "none");
      EXPECT_EQ(micros, 0);
      continue;
    }
    claimed.insert(c.destination);
    EXPECT_EQ(c.wanted, wanted->second);
    if (c.state == "uncertain")
      judge_uncertain(c, death, days_dead, in_flight, micros);
    else
      judge_known(c, death, days_dead, micros, count);
  }
  for (const auto& [key, belief] : believed) ADD_FAILURE() << key.first << " counts what nobody claims";
  std::multiset<std::string> once;
  for (const auto& [destination, micros] : worth) once.insert(destination);
  EXPECT_EQ(claimed, once) << "each destination of one conversion";
}

TEST_F(CrashPoints, AMigrationThatIsKilledIsMadeWholeAtTheNextStart) {
  for (const char* point : {"store.migrating:1", "store.migrating:40", "store.migrated:1", "store.migrated:2"}) {
    run_.start_daemon({std::string("HW_CRASH_AT=") + point});
    ASSERT_FALSE(until(day() + 1)) << point << " was never passed";
    ASSERT_EQ(run_.daemon().wait(30), 128 + SIGKILL) << point;
    ASSERT_TRUE(std::filesystem::exists(run_.dir() + "/state/headwater.db"));
    if (std::string(point) == "store.migrated:2") break;  // whole: the next start goes on with it
    for (const auto& file : std::filesystem::directory_iterator(run_.dir() + "/state")) std::filesystem::remove(file);
  }
  run_.start_daemon();
  ASSERT_TRUE(until(kAfterWon)) << run_.log_tail();
  stop();
  amount(kAtLast);
  come_back({"store.migrated", Work::raise}, 0, {});
}

constexpr int kAbsences[] = {0, 3, 8, 100};  // in days

bool is_long() { return std::getenv("HEADWATER_LONG") != nullptr; }

std::vector<int> absences(int quick) {
  return is_long() ? std::vector<int>(std::begin(kAbsences), std::end(kAbsences)) : std::vector{quick};
}

class AfterAMigration : public CrashPoints, public testing::WithParamInterface<int> {
 protected:
  /// The store as the first version of the program left it.
  void set_back() {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open_v2((run_.dir() + "/state/headwater.db").c_str(), &db, SQLITE_OPEN_READWRITE, nullptr),
              SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db,
                           "DROP TRIGGER upload_event_no_update; DROP TRIGGER upload_event_no_delete;"
                           "ALTER TABLE pause DROP COLUMN retrying; DROP INDEX source_field_by_state;"
                           "UPDATE meta SET value = '1' WHERE key = 'schema_version'",
                           nullptr, nullptr, nullptr),
              SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  /// Every row of what says who was told what, table by table.
  std::string ledger() {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open_v2((run_.dir() + "/state/headwater.db").c_str(), &db, SQLITE_OPEN_READWRITE, nullptr),
              SQLITE_OK);
    std::string out;
    const auto add = [](void* to, int n, char** cells, char**) {
      auto& text = *static_cast<std::string*>(to);
      for (int i = 0; i < n; ++i) text.append(cells[i] == nullptr ? "-" : cells[i]).append("|");
      text += "\n";
      return 0;
    };
    for (const char* table : {"conversion", "standing", "upload", "upload_event", "request", "ledger_total",
                              "chosen_click", "record", "go_live"}) {
      out.append(table).append("\n");
      EXPECT_EQ(
          sqlite3_exec(db, (std::string("SELECT * FROM ") + table + " ORDER BY 1, 2").c_str(), add, &out, nullptr),
          SQLITE_OK)
          << sqlite3_errmsg(db);
    }
    sqlite3_close(db);
    return out;
  }
};

TEST_P(AfterAMigration, OfAWorkedStoreThatWasKilledNothingIsLost) {
  run_.start_daemon();
  ASSERT_TRUE(until(kAfterWon)) << run_.log_tail();
  stop();
  const std::string before = ledger();
  EXPECT_THAT(before, testing::HasSubstr("|received|")) << "or nothing was told";
  ASSERT_NO_FATAL_FAILURE(set_back());
  // In the second version, between it and the third, in that, and after all.
  for (const char* point : {"store.migrating:1", "store.migrating:2", "store.migrated:2", "store.migrating:1",
                            "store.migrating:2", "store.migrated:3"}) {
    run_.start_daemon({std::string("HW_CRASH_AT=") + point});
    ASSERT_FALSE(until(day() + 1)) << point << " was never passed";
    ASSERT_EQ(run_.daemon().wait(30), 128 + SIGKILL) << point << "\n" << run_.log_tail();
    EXPECT_EQ(ledger(), before) << point;
  }
  amount(kAtLast);
  come_back({"store.migrated", Work::raise}, GetParam(), {});
}

INSTANTIATE_TEST_SUITE_P(Daemon, AfterAMigration, testing::ValuesIn(absences(3)), testing::PrintToStringParamName());

class AfterARestore : public CrashPoints, public testing::WithParamInterface<std::tuple<Death, int>> {
 protected:
  void killed(std::vector<std::string> words, const char* point) {
    Child child(run_.command(std::move(words)), {std::string("HW_CRASH_AT=") + point}, run_.dir() + "/command.log");
    EXPECT_EQ(child.wait(30), 128 + SIGKILL) << point;
  }
};

TEST_P(AfterARestore, BackupsAndRestoresThatAreKilledLoseNothing) {
  const auto& [restore, days] = GetParam();
  run_.start_daemon();
  ASSERT_TRUE(until(restore.work == Work::first_upload ? kBeforeWon : kAfterWon)) << run_.log_tail();
  const std::string file = run_.dir() + "/backup";
  for (const char* point : {"backup.copied", "backup.counted", "backup.raised", "backup.stamped"})
    killed({"backup", file + "." + point}, point);
  EXPECT_EQ(run_.ask({"backup", file}).status, 0);
  if (restore.work == Work::raise) amount(kRaised);
  ASSERT_TRUE(until(day() + 1.6)) << run_.log_tail();
  stop();
  std::set<std::string> told{"ads_opportunity", "ads_won"};  // of which the backup does not know
  if (restore.work == Work::first_upload) told.insert({"ads_qualified", "ga4_qualified", "ga4_won"});
  for (const char* point : {"restore.prepared", "restore.kept", "restore.placed"}) killed({"restore", file}, point);
  EXPECT_EQ(run_.ask({"restore", file}).status, 0);
  amount(kAtLast);
  come_back(restore, days, told);
}

/// The ads are signed in to with refresh tokens, of which each is good once.
class ARotatedToken : public CrashPoints, public testing::WithParamInterface<std::tuple<Death, int>> {
 protected:
  ARotatedToken() {
    run_.world().sign_in.rotates = true;
    write("secrets/client-secret", run_.world().sign_in.client_secret);
    sign_in();
    std::ifstream file(run_.dir() + "/headwater.yaml");
    std::string config{std::istreambuf_iterator<char>(file), {}};
    const std::string secrets = "${file:" + run_.dir() + "/secrets/";
    const std::string before = "type: service_account\n    key: " + secrets + "ads-key.json}";
    const auto at = config.find(before);
    EXPECT_NE(at, config.npos);
    config.replace(at, before.size(),
                   "type: refresh_token\n    client_id: " + run_.world().sign_in.client_id + "\n    client_secret: " +
                       secrets + "client-secret}\n    refresh_token: " + secrets + "refresh-token}");
    write("headwater.yaml", config);
  }
  /// A person puts the vendor's refresh token into the configuration.
  void sign_in() { write("secrets/refresh-token", run_.world().sign_in.refresh_token); }

 private:
  void write(const std::string& name, const std::string& text) {
    const std::string path = run_.dir() + "/" + name;
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
};

TEST_P(ARotatedToken, IsUsedOrSignedInForAnewAndNoRowIsHarmed) {
  const auto& [death, days] = GetParam();
  ASSERT_NO_FATAL_FAILURE(live(death));
  ASSERT_NO_FATAL_FAILURE(die(death));
  const auto unanswered = in_flight();
  const bool is_kept = death.signal == SIGTERM || std::string_view(death.point) == "token.kept";
  run_.start_daemon();
  ASSERT_TRUE(until(day() + 0.1)) << run_.log_tail();
  const Output said = run_.ask({"auth", "status"});
  EXPECT_EQ(said.text.find("sign in again") == said.text.npos, is_kept) << said.text;
  const Output rows = run_.ask({"uploads", "list", "--format", "json"});
  for (const auto& row : nlohmann::json::parse(rows.text))
    if (row.at("destination").get<std::string>().starts_with("ads_")) {
      EXPECT_THAT(row.at("state").get<std::string>(), testing::AnyOf("pending", "retrying", "received", "processed"));
    }
  stop();
  run_.world().sign_in.refresh_token = "sandbox-refresh-2";
  if (!is_kept) sign_in();
  amount(kAtLast);
  come_back(death, days, unanswered);
}

class AtEachTransition : public CrashPoints, public testing::WithParamInterface<std::tuple<Death, int>> {
 protected:
  AtEachTransition() : CrashPoints(asks_for_people() ? Touches::lookups : Touches::files) {}

 private:
  static bool asks_for_people() { return std::string_view(std::get<Death>(GetParam()).point).starts_with("lookup."); }
};

TEST_P(AtEachTransition, NothingIsLostAndNothingCountedTwice) {
  const auto& [death, days] = GetParam();
  die_and_come_back(death, days);
}

const Death kDeaths[] = {
    {"ingest.page_read/records"},
    {"ingest.page_read/touches"},
    {"ingest.page_read/costs"},
    {"ingest.page_committed/records"},
    {"ingest.page_committed/touches"},
    {"ingest.page_committed/costs"},
    {"lookup.page_read:2"},  // the visits of before today
    {"lookup.page_committed:2"},
    {"reconcile.computed"},
    {"reconcile.committed"},
    {"ledger.claimed/ads_won"},
    {"ledger.claimed/ga4_qualified"},
    {"ledger.sent/ads_opportunity"},
    {"ledger.sent/ga4_won"},
    {"ledger.recorded/ads_won"},
    {"ledger.confirmed"},
    {"fields.intended"},
    {"fields.written"},
    {"fields.recorded"},
    {.point = kIngest, .bytes = kWhole},
    {.point = kCollect, .bytes = kWhole},
    {.point = kCollect, .bytes = kHalf},
    {.point = kIngest, .bytes = kHalf},
    {"ledger.claimed/ads_won", Work::first_upload, /*lost_meanwhile=*/true},
    {"ledger.sent/ga4_won", Work::first_upload, true},
    {"ledger.recorded/ads_won", Work::first_upload, true},
    {"ingest.page_committed/records", Work::raise},
    {"reconcile.committed", Work::raise},
    {.point = kCollect, .work = Work::loss, .bytes = kWhole},
    {"ledger.recorded", Work::raise},
    {"ledger.sent/ads_won", Work::loss},
    {"ledger.claimed", Work::raise},
};

/// With HEADWATER_LONG alone.
const Death kFurtherDeaths[] = {
    {"lookup.page_read:1"},  // today's visits, of which there are none
    {"lookup.page_committed:1"},
    {"ledger.recorded/ga4_qualified"},
    {"reconcile.computed", Work::raise},
    {"ledger.sent", Work::raise},
    {"ledger.confirmed", Work::raise},
    {"ledger.claimed/ads_qualified"},
    {"ledger.claimed/ads_opportunity"},
    {"ledger.claimed/ga4_won"},
    {"ledger.sent/ads_qualified"},
    {"ledger.sent/ads_won"},
    {"ledger.sent/ga4_qualified"},
    {"ledger.recorded/ads_qualified"},
    {"ledger.recorded/ads_opportunity"},
    {"ledger.recorded/ga4_won"},
    {"ledger.confirmed/ads_won"},
    {.point = kIngest, .bytes = kHalf, .nth = 3},
    {.point = kIngest, .bytes = kWhole, .nth = 3},
    {.point = kCollect, .bytes = kHalf, .nth = 2},
    {.point = kCollect, .bytes = kWhole, .nth = 2},
    {"ledger.claimed/ga4_won", Work::first_upload, true},
    {"ledger.sent/ads_won", Work::first_upload, true},
    {"ledger.recorded/ga4_won", Work::first_upload, true},
    {"ledger.claimed/ads_won", Work::raise, true},
    {"ledger.sent/ads_won", Work::raise, true},
    {"ledger.recorded/ads_won", Work::raise, true},
    {.point = kIngest, .work = Work::raise, .bytes = kHalf},
    {.point = kIngest, .work = Work::raise, .bytes = kWhole},
    {"ledger.claimed/ads_won", Work::loss},
    {"ledger.claimed/ga4_won", Work::loss},
    {"ledger.sent/ga4_won", Work::loss},
    {"ledger.recorded/ads_won", Work::loss},
    {"ledger.recorded/ga4_won", Work::loss},
    {.point = kIngest, .work = Work::loss, .bytes = kHalf},
    {.point = kIngest, .work = Work::loss, .bytes = kWhole},
    {.point = kCollect, .work = Work::loss, .bytes = kHalf},
    // stop_test.cpp stops at other points; its world asks for nobody.
    {.point = "lookup.page_read:1", .signal = SIGTERM},
    {.point = "lookup.page_read:2", .signal = SIGTERM},
    {.point = "lookup.page_committed:1", .signal = SIGTERM},
    {.point = "lookup.page_committed:2", .signal = SIGTERM},
};

/// Every death with every absence takes a while: without HEADWATER_LONG some of them come with one absence each, in
/// turn. (The order matters: an event that was told twice shows at once alone, later it is too old to be told.)
std::vector<std::tuple<Death, int>> deaths() {
  std::vector<std::tuple<Death, int>> out;
  const auto each_absence = [&](const Death& death) {
    for (const int days : kAbsences) out.emplace_back(death, days);
  };
  if (is_long()) {
    std::for_each(std::begin(kDeaths), std::end(kDeaths), each_absence);
    std::for_each(std::begin(kFurtherDeaths), std::end(kFurtherDeaths), each_absence);
    return out;
  }
  std::size_t turn = 0;
  for (const Death& death : kDeaths) out.emplace_back(death, kAbsences[turn++ % std::size(kAbsences)]);
  return out;
}

std::string name_of(const testing::TestParamInfo<std::tuple<Death, int>>& row) {
  const auto& [death, days] = row.param;
  std::string name = testing::PrintToString(death) + " after " + std::to_string(days) + " days";
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Daemon, AfterARestore,
                         testing::Combine(testing::Values(Death{kRestore}, Death{kRestore, Work::raise}),
                                          testing::ValuesIn(absences(0))),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Daemon, ARotatedToken,
                         testing::Combine(testing::Values(Death{"token.rotated"}, Death{"token.kept"},
                                                          Death{"token.rotated", Work::raise},
                                                          Death{"token.kept", Work::raise},
                                                          Death{.point = "token.rotated", .signal = SIGTERM}),
                                          testing::ValuesIn(absences(3))),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Daemon, AtEachTransition, testing::ValuesIn(deaths()), name_of);

}  // namespace
}  // namespace hw::sandbox
