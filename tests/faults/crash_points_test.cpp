// SIGKILL at every durable transition of the real daemon, while a deal is won and while it is corrected; the deal
// changes meanwhile, and the daemon comes back at once, after three, eight or a hundred days.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/zone.h"
#include "model/money.h"
#include "sandbox/company.h"
#include "sandbox/compare.h"
#include "sandbox/demo_setup.h"
#include "sandbox/sandbox_run.h"

namespace hw::sandbox {
namespace {

using std::chrono::hours;

constexpr hours kOneDay(24);
constexpr std::int64_t kFirst = 1'000'000'000, kRaised = 1'234'560'000, kAtLast = 1'500'010'000;  // micros

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

struct Death {
  const char* point;
  bool of_correction;  ///< while a correction is on its way, not the first upload
};

std::ostream& operator<<(std::ostream& out, const Death& d) {
  return out << d.point << (d.of_correction ? " of a correction" : "");
}

class CrashPoints : public testing::Test {
 protected:
  explicit CrashPoints(Touches touches = Touches::files)
      : dir_(""), script_(dir_.path() + "/drop"), run_(HW_PROGRAM, script_, dir_.path()) {
    const auto wrong = run_.prepare("", touches);
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
  /// The sales team edits the amount: now.
  void amount(std::int64_t micros) {
    run_.server().locked(
        [&] { run_.world().crm.set("deals", script_.deal(), "amount", decimal(micros, 2), run_.world().now); });
  }
  double day() const { return static_cast<double>((run_.world().now - script_.start()).count()) / 86.4e9; }
  SandboxRun& the_run() { return run_; }

  void die_and_come_back(const Death& death, int days_dead);
  void judge(const Death& death, int days_dead, const std::set<std::string>& in_flight);
  void judge_fields(const std::string& type, const std::string& id, const std::string& client);
  void judge_costs();
  std::set<std::string> in_flight();

  RunDirectory dir_;
  OneDeal script_;
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

void CrashPoints::die_and_come_back(const Death& death, int days_dead) {
  run_.start_daemon();
  ASSERT_TRUE(until(death.of_correction ? 9 : 4.9)) << run_.log_tail();
  stop();
  if (death.of_correction) amount(kRaised);
  run_.pass_without_daemon(kOneDay / 3);  // every source has something that the daemon finds at its start
  run_.start_daemon({std::string("HW_CRASH_AT=") + death.point});
  ASSERT_FALSE(until(day() + 10)) << "never passed";
  ASSERT_EQ(run_.daemon().wait(30), 128 + SIGKILL) << run_.log_tail();
  const auto unanswered = in_flight();
  if (std::string_view(death.point) == "fields.intended") script_.rest();  // the next visit would write them anyway
  amount(kAtLast);
  run_.pass_without_daemon(kOneDay * days_dead);
  run_.start_daemon();
  ASSERT_TRUE(until(day() + 8)) << run_.log_tail();
  script_.rest();
  ASSERT_TRUE(until(day() + 4)) << run_.log_tail();
  stop();
  judge(death, days_dead, unanswered);
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

/// What the platforms believe, by their own rules, against what the ledger says of them, and both against the CRM.
void CrashPoints::judge(const Death& death, int days_dead, const std::set<std::string>& in_flight) {
  const Output said = run_.ask({"report", "reconciliation", "--conversions", "--format", "json"});
  ASSERT_EQ(said.status, 0);
  const auto beliefs = run_.believed();
  int judged = 0;
  for (const ClaimRow& c : read_claims(said.text)) {
    SCOPED_TRACE(c.destination + " " + c.state + " " + c.reason + " " + std::to_string(c.told));
    std::int64_t micros = 0, count = 0;
    for (const Place& p : demo_places())
      for (const Belief& b : beliefs)
        if (p.destination == c.destination && p.account == b.account && p.action == b.action && b.key == c.dedup_id) {
          micros += b.micros;
          count += b.count;
        }
    EXPECT_LE(count, 1) << "counted twice";
    if (c.state == "uncertain") {
      EXPECT_THAT(in_flight, testing::Contains(c.destination)) << "whose fate was never in doubt";
      EXPECT_GE(days_dead, 3) << "while the platform still takes it and counts it once";
      EXPECT_GE(micros, c.told_low);
      EXPECT_LE(micros, c.told_high);
      continue;
    }
    EXPECT_EQ(micros, c.told) << "the ledger says what the platform believes";
    if (c.goal != "won") continue;
    if (c.destination == "ads_won") {
      ++judged;
      EXPECT_EQ(c.wanted, kAtLast);
      if (days_dead <= 8) {
        EXPECT_EQ(c.state, "taken");
        EXPECT_EQ(c.told, kAtLast);
      } else if (!death.of_correction && micros == 0) {
        EXPECT_EQ(c.reason, "expired");
      }
    }
    if (c.destination == "ga4_won") {
      ++judged;
      if (days_dead == 0) {
        EXPECT_EQ(count, 1);
      }
      if (micros == 0) {
        EXPECT_EQ(c.reason, "expired");
      }
    }
  }
  EXPECT_GE(judged + static_cast<int>(in_flight.size()), 2) << "both platforms were to be told";
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
  EXPECT_TRUE(until(day() + 1)) << run_.log_tail();
  stop();
}

TEST_F(CrashPoints, BackupsAndRestoresThatAreKilledLoseNothing) {
  run_.start_daemon();
  ASSERT_TRUE(until(9)) << run_.log_tail();
  int n = 0;
  auto killed = [&](std::vector<std::string> words, const char* point) {
    Child child(run_.command(std::move(words)), {std::string("HW_CRASH_AT=") + point}, run_.dir() + "/command.log");
    EXPECT_EQ(child.wait(30), 128 + SIGKILL) << point;
  };
  for (const char* point : {"backup.copied", "backup.counted", "backup.raised", "backup.stamped"})
    killed({"backup", run_.dir() + "/backup" + std::to_string(n++)}, point);
  const std::string file = run_.dir() + "/backup";
  EXPECT_EQ(run_.ask({"backup", file}).status, 0);
  amount(kRaised);
  ASSERT_TRUE(until(day() + 3)) << run_.log_tail();
  stop();
  for (const char* point : {"restore.prepared", "restore.kept", "restore.placed"}) killed({"restore", file}, point);
  EXPECT_EQ(run_.ask({"restore", file}).status, 0);
  amount(kAtLast);
  run_.start_daemon();
  ASSERT_TRUE(until(day() + 10)) << run_.log_tail();
  stop();
  judge({"restore", true}, 100, {"ads_won", "ga4_won", "ads_qualified", "ga4_qualified"});
  const Output ads =
      run_.ask({"report", "reconciliation", "--conversions", "--destination", "ads_won", "--format", "json"});
  for (const ClaimRow& c : read_claims(ads.text))
    if (c.goal == "won") {
      EXPECT_EQ(c.told, kAtLast) << c.state << " " << c.reason;
    }
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
    {"ingest.page_read/records", false},
    {"ingest.page_read/touches", false},
    {"ingest.page_read/costs", false},
    {"ingest.page_committed/records", false},
    {"ingest.page_committed/touches", false},
    {"ingest.page_committed/costs", false},
    {"lookup.page_read:1", false},  // today's visits, of which there are none
    {"lookup.page_read:2", false},  // those of before
    {"lookup.page_committed:1", false},
    {"lookup.page_committed:2", false},
    {"reconcile.computed", false},
    {"reconcile.committed", false},
    {"ledger.claimed:1", false},
    {"ledger.claimed:2", false},
    {"ledger.sent:1", false},
    {"ledger.sent:2", false},
    {"ledger.recorded:1", false},
    {"ledger.recorded:2", false},
    {"ledger.confirmed", false},
    {"fields.intended", false},
    {"fields.written", false},
    {"fields.recorded", false},
    {"ingest.page_committed/records", true},
    {"reconcile.computed", true},
    {"reconcile.committed", true},
    {"ledger.claimed", true},
    {"ledger.sent", true},
    {"ledger.recorded", true},
    {"ledger.confirmed", true},
};

/// Every death with every absence takes a while: without HEADWATER_LONG each comes with one of them.
std::vector<std::tuple<Death, int>> deaths() {
  constexpr int kDays[] = {0, 3, 8, 100};
  std::vector<std::tuple<Death, int>> out;
  const bool all = std::getenv("HEADWATER_LONG") != nullptr;
  std::size_t turn = 0;
  for (const Death& death : kDeaths) {
    for (std::size_t i = 0; i < std::size(kDays); ++i)
      if (all || i == turn % std::size(kDays)) out.emplace_back(death, kDays[i]);
    ++turn;
  }
  return out;
}

std::string name_of(const testing::TestParamInfo<std::tuple<Death, int>>& row) {
  const auto& [death, days] = row.param;
  std::string name = std::string(death.point) + (death.of_correction ? "_of_a_correction" : "") + "_after_" +
                     std::to_string(days) + "_days";
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Daemon, AtEachTransition, testing::ValuesIn(deaths()), name_of);

}  // namespace
}  // namespace hw::sandbox
