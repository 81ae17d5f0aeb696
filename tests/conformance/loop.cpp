#include "conformance/loop.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/hash.h"
#include "journey/journey.h"
#include "reconcile/brake.h"

namespace hw::conformance {
namespace {

namespace rows = store::ledger_rows;
using store::Durability;
using store::Tx;

/// In memory where there is such a place: the ledger syncs at each commit.
std::string temporary_folder() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code none;
  const bool usable = std::filesystem::is_directory(memory, none);
  std::string pattern = ((usable ? memory : std::filesystem::temp_directory_path()) / "hw_loop_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return pattern;
}

void must(const Status& s) {
  if (!s) throw std::runtime_error(s.error().code + ": " + s.error().detail);
}

settings::Stage stage(const std::string& name, bool won, bool lost, int order) {
  return {.name = name,
          .subject = Object::deal,
          .field = "stage",
          .values = {name},
          .pipeline = "",
          .in_pipeline = false,
          .won = won,
          .lost = lost,
          .order = order,
          .at = {}};
}

}  // namespace

settings::Goal goal(const std::string& name, const std::string& stage, Object subject) {
  settings::Goal g;
  g.name = name;
  g.subject = subject;
  g.stage = stage;
  g.value.kind = settings::ValueRule::Kind::amount;
  g.revenue = stage == "won";
  return g;
}

settings::Destination destination(const std::string& name, const std::string& goal, const std::string& connector) {
  settings::Destination d;
  d.name = name;
  d.goal = goal;
  d.upload_by = d.restate_by = d.retract_by = connector;
  d.account = "1";
  d.action = "7";
  d.mode = Mode::live;
  d.go_live = kStart - kDay * 400;
  return d;
}

settings::Settings small_settings() {
  settings::Settings s;
  s.gather = Duration{};
  s.stages = {stage("qualified", false, false, 0), stage("won", true, false, 1), stage("lost", false, true, 2)};
  s.goals = {goal("won", "won")};
  s.destinations = {destination("ads", "won", "ads_connector")};
  s.consent.regions = {"DE"};
  return s;
}

Status TestDb::run(bool write, Durability durability, const std::function<Status(Tx&)>& body) {
  auto counted = [&](Tx& tx) -> Status {
    Status s = body(tx);
    steps += tx.steps;
    if (s && write && committing) committing(durability);
    if (s && write && commit_fails && commit_fails())
      return Error{Action::pause, "store_full", "no room, says the test", {}, false};
    return s;
  };
  if (!write) return inner_->read(counted);
  Status done = inner_->transact(durability, counted);
  if (done && answer_lost && answer_lost())
    return Error{Action::retry, "store_io", "the connection was cut in the commit, says the test", {}, true};
  return done;
}

Loop::Loop(connect::Contract contract, std::uint64_t seed)
    : random(make_seeded_random(seed)), folder_(temporary_folder()) {
  store::DbOptions options;
  options.path = store_file();
  auto opened = store::Db::open(options);
  if (!opened) throw std::runtime_error(opened.error().detail);
  db = std::make_unique<TestDb>(std::move(*opened));
  add_sink("ads_connector", std::move(contract));
  start();
}

Loop::~Loop() {
  senders_.clear();
  pullers_.clear();
  reconciler_.reset();
  db.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

FakeSink& Loop::add_sink(const std::string& connector, connect::Contract contract) {
  auto made = std::make_unique<FakeConnector>();
  made->sink = std::make_unique<FakeSink>(clock, std::move(contract));
  connectors[connector] = std::move(made);
  return sink(connector);
}

FakeSink& Loop::add_adjuster(connect::Contract contract) {
  FakeSink& made = add_sink("adjuster", std::move(contract));
  made.uploader = &sink();
  settings.destinations[0].restate_by = settings.destinations[0].retract_by = "adjuster";
  start();
  return made;
}

FakeSink& Loop::sink(const std::string& connector) {
  return *static_cast<FakeConnector&>(*connectors.at(connector)).sink;
}

void Loop::take(const std::vector<Record>& page) {
  must(db->transact(Durability::bulk, [&](Tx& tx) -> Status {
    for (const Record& r : page) take_->row(tx, r, "crm", std::nullopt, clock.system_now());
    return {};
  }));
}

void Loop::show(const RecordState& state) {
  crm_[{state.ref.object, state.ref.id}] = state;
  take({state});
}

void Loop::contact(const std::string& id, const std::string& gclid) {
  clock.advance(std::chrono::seconds(1));
  RecordState r;
  r.ref = {"crm", Object::contact, id};
  r.modified = clock.system_now();
  r.created = clock.system_now();
  r.country = "DE";
  r.consent = Consent{ConsentState::granted, ConsentState::granted};
  if (!gclid.empty()) {
    r.identifiers = {{"gclid", gclid}};
    r.click_times["gclid"] = clock.system_now() - kDay;
  }
  show(r);
}

void Loop::deal(const std::string& id, const std::string& contact, const std::string& stage,
                const std::string& amount) {
  clock.advance(std::chrono::seconds(1));
  const Timestamp now = clock.system_now();
  RecordState r;
  r.ref = {"crm", Object::deal, id};
  r.modified = now;
  r.created = now;
  r.fields = {{"stage", stage}, {"amount", amount}, {"currency", "EUR"}};
  crm_[{Object::deal, id}] = r;
  Association tie;
  tie.from = r.ref;
  tie.to = {{.id = contact, .role = "primary", .primary = true}};
  tie.at = now;
  std::vector<Record> page{r, FieldChange{r.ref, "stage", stage, now, Basis::crm_history}};
  if (!contact.empty()) page.push_back(tie);
  take(page);
}

void Loop::set(Object object, const std::string& id, const std::string& field, const std::string& value) {
  clock.advance(std::chrono::seconds(1));
  RecordState& r = shown(object, id);
  r.fields[field] = value;
  r.modified = clock.system_now();
  take({r, FieldChange{r.ref, field, value, r.modified, Basis::crm_history}});
}

void Loop::remove(const std::string& deal, Removal::Kind kind) {
  clock.advance(std::chrono::seconds(1));
  take({Removal{{"crm", Object::deal, deal}, kind, clock.system_now()}});
}

void Loop::merge(Object object, const std::string& loser, const std::string& winner) {
  clock.advance(std::chrono::seconds(1));
  take({Merge{{"crm", object, loser}, winner, clock.system_now(), false}});
}

void Loop::consent(const std::string& contact, ConsentState state) {
  clock.advance(std::chrono::seconds(1));
  RecordState r = shown(Object::contact, contact);
  r.consent = Consent{state, state};
  r.modified = clock.system_now();
  show(r);
}

void Loop::touch(const std::string& key, const std::string& gclid, const std::string& contact, Timestamp at) {
  Touch t;
  t.key = key;
  t.at = at;
  t.identifiers = {{"crm_contact_id", "crm:" + contact}, {"gclid", gclid}};
  must(db->transact(Durability::bulk, [&](Tx& tx) -> Status {
    take_->row(tx, t, "web", std::nullopt, clock.system_now());
    return {};
  }));
}

FakeConnector& Loop::add_web(Tells tells, const std::string& connector) {
  auto made = std::make_unique<FakeConnector>();
  FakeConnector& out = *made;
  if (tells != Tells::who_asks) out.touch_source = std::make_unique<FakeTouches>(web);
  if (tells != Tells::everything) out.touch_lookup = std::make_unique<FakeLookup>(web);
  connectors[connector] = std::move(made);
  settings::ConnectorInstance& i = instances_[connector];
  i.name = connector;
  i.pull_every = std::chrono::hours(6);
  start();
  return out;
}

FakeLookup& Loop::lookup(const std::string& connector) {
  return static_cast<FakeLookup&>(*static_cast<FakeConnector&>(*connectors.at(connector)).touch_lookup);
}

std::vector<std::string> Loop::journey(const std::string& id, Object object) {
  return read([&](Tx& tx) {
    std::vector<std::string> keys;
    for (const auto& t : journey::of(tx, *store::records::find(tx, {"crm", object, id})).touches)
      keys.push_back(t.stored.touch.key);
    return keys;
  });
}

void Loop::start() {
  senders_.clear();
  pullers_.clear();
  next_pull_.clear();
  take_ = std::make_unique<ingest::Take>(settings, resolver_, [](Touch&) { return std::string("Direct"); });
  reconciler_ = std::make_unique<reconcile::Reconciler>(settings, connectors, *db, clock);
  must(reconciler_->start());
  for (const auto& [name, i] : instances_)
    if (connectors.contains(name))
      pullers_[name] = std::make_unique<ingest::Puller>(i, *connectors.at(name), *take_, *db, clock, *random);
  for (const auto& d : settings.destinations) {
    auto sinks = settings::sinks_of(d, connectors);
    if (!sinks.complete() || d.mode == Mode::shadow) continue;
    senders_[d.name] = std::make_unique<delivery::Sender>(d, std::move(sinks), *db, clock, *random);
  }
}

Result<reconcile::Reconciler::Pass> Loop::reconcile() { return reconciler_->step({}); }

Result<delivery::Round> Loop::deliver(const std::string& destination, std::stop_token stop, std::int64_t limit,
                                      std::stop_token cut) {
  return senders_.at(destination)->step(stop, limit, cut);
}

/// Looks at each source whose time has come; true while one gives something.
bool Loop::pull() {
  bool worked = false;
  for (auto& [name, puller] : pullers_) {
    const auto next = next_pull_.find(name);
    const bool due = next == next_pull_.end() || next->second <= clock.system_now();
    const auto pass = due ? puller->step({}) : puller->ask({});
    if (!pass) return true;  // the store failed: again
    worked = worked || pass->more || pass->rows > 0 || pass->answered > 0;
    if (due) next_pull_[name] = pass->more ? clock.system_now() : pass->next.value_or(clock.system_now());
  }
  return worked;
}

void Loop::settle() {
  for (int round = 0; round < 200; ++round) {
    bool worked = pull();
    if (auto pass = reconcile()) {
      worked = worked || pass->subjects > 0;
    } else {
      worked = true;  // the store failed: again
    }
    for (auto& [name, sender] : senders_) {
      try {
        auto sent = sender->step({});
        worked = worked || !sent || sent->settled > 0;
      } catch (const Crash&) {
        start();
        worked = true;
        break;
      }
    }
    if (!worked) return;
  }
  ADD_FAILURE() << "the loop finds no rest";
}

std::optional<Timestamp> Loop::next_due() {
  return read([&](Tx& tx) {
    std::optional<Timestamp> next = rows::next_due_standing(tx);
    auto consider = [&](const std::optional<Timestamp>& t) {
      if (t && (!next || *t < *next)) next = t;
    };
    for (const auto& d : settings.destinations) {
      consider(rows::next_due_upload(tx, d.name, clock.system_now()));
      consider(rows::next_poll(tx, d.name));
    }
    for (const auto& p : store::service_rows::pauses(tx)) consider(p.retry_at);
    for (const auto& [name, at] : next_pull_) consider(at);
    return next;
  });
}

void Loop::pass(Duration time) {
  const Timestamp end = clock.system_now() + time;
  settle();
  while (clock.system_now() < end) {
    const auto next = next_due();
    // What is due already but rests (a pause, a back-off) is tried again in a while.
    const Timestamp until = next ? std::max(*next, clock.system_now() + std::chrono::minutes(10)) : end;
    clock.set(std::min(until, end));
    settle();
  }
}

void Loop::approve_brakes() {
  must(db->transact(Durability::ledger, [&](Tx& tx) -> Status {
    for (const auto& b : rows::brakes(tx)) reconcile::approve_brake(tx, b.id, "test", clock.system_now());
    return {};
  }));
}

std::int64_t Loop::record_id(Object object, const std::string& id) {
  return read([&](Tx& tx) {
    auto found = store::records::find(tx, {"crm", object, id});
    return found ? found->id : 0;
  });
}

std::vector<store::StoredConversion> Loop::conversions(const std::string& id, Object object) {
  const std::int64_t record = record_id(object, id);
  return read([&](Tx& tx) { return rows::conversions_of_record(tx, record); });
}

std::string Loop::dedup_id(const std::string& deal) {
  const auto all = conversions(deal);
  return all.empty() ? "" : all.back().dedup_id;
}

store::Standing Loop::standing(const std::string& id, const std::string& destination, Object object) {
  const auto all = conversions(id, object);
  return read([&](Tx& tx) {
    store::Standing last;
    for (const auto& c : all)
      if (auto s = rows::standing(tx, c.id, destination)) last = *s;
    return last;
  });
}

std::string Loop::stands(const std::string& id, const std::string& destination, Object object) {
  const auto s = standing(id, destination, object);
  return s.reason.empty() ? s.state : s.state + " " + s.reason;
}

std::vector<store::StoredUpload> Loop::uploads(const std::string& id, const std::string& destination, Object object) {
  const auto all = conversions(id, object);
  return read([&](Tx& tx) {
    std::vector<store::StoredUpload> out;
    for (const auto& c : all)
      for (auto& u : rows::uploads(tx, c.id, destination)) out.push_back(std::move(u));
    return out;
  });
}

std::string Loop::history(const std::string& id, const std::string& destination) {
  std::string out;
  for (const auto& u : uploads(id, destination)) {
    out += (out.empty() ? "" : ", ") + std::string(to_string(u.operation)) + " " + to_string(u.state);
    if (u.value_micros) out += " " + std::to_string(*u.value_micros / kUnit);
  }
  return out;
}

std::int64_t Loop::believed(const std::string& deal, const std::string& connector) {
  std::int64_t sum = -1;
  for (const auto& c : conversions(deal)) {
    auto b = sink(connector).believed.find(c.dedup_id);
    if (b != sink(connector).believed.end()) sum = std::max<std::int64_t>(sum, 0) + b->second.micros / kUnit;
  }
  return sum;
}

std::string Loop::differences(const std::string& destination, const std::string& connector) {
  std::string out;
  std::map<std::string, FakeSink::Belief> unknown = sink(connector).believed;
  read([&](Tx& tx) {
    for (const auto& l : rows::list_standings(tx, destination, "", "", 0, 100'000)) {
      const std::string& id = l.conversion.dedup_id;
      auto it = sink(connector).believed.find(id);
      const std::int64_t platform = it == sink(connector).believed.end() ? 0 : it->second.micros;
      const ledger::Belief b = ledger::believe(rows::uploads(tx, l.conversion.id, destination));
      const bool open = b.uncertain || b.unlocated || b.open.has_value();
      const bool agrees = open ? !b.uncertain || (b.low <= platform && platform <= b.high) : b.micros == platform;
      if (!agrees) out += id + ": ledger " + std::to_string(b.micros) + ", platform " + std::to_string(platform) + "\n";
      if (it != sink(connector).believed.end() && it->second.counted > 1) out += id + ": counted twice\n";
      if (l.standing.state != "uncertain" && l.standing.state != "unlocated" && !b.open &&
          l.standing.b_micros != b.micros)
        out += id + ": standing says " + std::to_string(l.standing.b_micros) + ", its rows " +
               std::to_string(b.micros) + "\n";
      unknown.erase(id);
    }
    return 0;
  });
  for (const auto& [id, b] : unknown) out += id + ": unknown to the ledger\n";
  return out;
}

std::map<std::string, std::string> tables_of(store::Db& db, const std::set<std::string>& without) {
  auto dump = db.read([&](Tx& tx) -> Result<std::map<std::string, std::string>> {
    std::map<std::string, std::string> out;
    std::vector<std::string> names;
    tx.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name", {},
             [&](const store::Row& row) { names.push_back(row.text(0)); });
    for (const auto& name : names) {
      std::string columns;
      tx.query("SELECT name FROM pragma_table_info('" + name + "') ORDER BY cid", {}, [&](const store::Row& row) {
        if (without.contains(name + "." + row.text(0))) return;
        columns += columns.empty() ? "" : " || ' | ' || ";
        columns.append("COALESCE(\"").append(row.text(0)).append("\", '-')");
      });
      tx.query("SELECT " + columns + " FROM \"" + name + "\" ORDER BY 1", {},
               [&](const store::Row& row) { out[name] += row.text(0) + "\n"; });
    }
    return out;
  });
  return dump.value();
}

}  // namespace hw::conformance
