#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "conformance/fake_platform.h"
#include "conformance/fake_touches.h"
#include "delivery/sender.h"
#include "identity/resolve.h"
#include "ingest/puller.h"
#include "ingest/take.h"
#include "ledger/transitions.h"
#include "reconcile/reconciler.h"
#include "settings/settings.h"
#include "store/ledger_rows.h"
#include "store/records.h"
#include "store/service_rows.h"

/// The core's whole way from CRM facts to a platform's belief, in one thread: real store, identity, reconciler and
/// sender; the clock, the CRM and the platform are the test's.
namespace hw::conformance {

inline const Timestamp kStart = from_micros(1'772'400'000'000'000);  // 2026-03-01T21:20:00Z
constexpr std::int64_t kUnit = 1'000'000;
constexpr std::chrono::hours kHour(1);
constexpr std::chrono::hours kDay(24);

/// A store that counts its SQL steps and may fail to commit.
class TestDb final : public store::Db {
 public:
  explicit TestDb(std::unique_ptr<store::Db> inner) : inner_(std::move(inner)) {}
  std::int64_t steps = 0;
  std::function<bool()> commit_fails;                 ///< asked at each commit
  std::function<bool()> answer_lost;                  ///< asked after each commit: its caller is told that it failed
  std::function<void(store::Durability)> committing;  ///< told of each

  std::int64_t size_bytes() override { return inner_->size_bytes(); }
  Status integrity_check() override { return inner_->integrity_check(); }
  Status quick_check(const std::stop_token& stop) override { return inner_->quick_check(stop); }
  [[nodiscard]] std::optional<Error> damage() const override { return inner_->damage(); }

 protected:
  Status run(bool write, store::Durability durability, const std::function<Status(store::Tx&)>& body) override;

 private:
  std::unique_ptr<store::Db> inner_;
};

/// Stages qualified, won and lost on a deal's `stage`; goal "won" (revenue, value: amount) told to destination "ads",
/// whose connector is "ads_connector", live since long ago. No gathering.
settings::Settings small_settings();
settings::Goal goal(const std::string& name, const std::string& stage, Object subject = Object::deal);
settings::Destination destination(const std::string& name, const std::string& goal, const std::string& connector);

class Loop {
 public:
  explicit Loop(connect::Contract contract = generous(), std::uint64_t seed = 1);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  settings::Settings settings = small_settings();
  FakeClock clock{kStart};
  std::unique_ptr<Random> random;
  std::unique_ptr<TestDb> db;
  settings::Connectors connectors;

  FakeSink& sink(const std::string& connector = "ads_connector");
  FakeSink& add_sink(const std::string& connector, connect::Contract contract);
  /// Corrections of "ads" go by "adjuster" from now on, a connector of the same platform.
  FakeSink& add_adjuster(connect::Contract contract);
  [[nodiscard]] std::string store_file() const { return folder_ + "/headwater.db"; }

  // ---- the CRM. Each verb is a page of its own, a second after the last one.
  /// A person in Germany who consented, whose click `gclid` ("" = none) was a day before the record was created.
  void contact(const std::string& id, const std::string& gclid);
  void deal(const std::string& id, const std::string& contact, const std::string& stage = "new",
            const std::string& amount = "100");
  void set(Object object, const std::string& id, const std::string& field, const std::string& value);
  void set(const std::string& deal, const std::string& field, const std::string& value) {
    set(Object::deal, deal, field, value);
  }
  void remove(const std::string& deal, Removal::Kind kind = Removal::Kind::deleted);
  void merge(Object object, const std::string& loser, const std::string& winner);
  void consent(const std::string& contact, ConsentState state);
  void touch(const std::string& key, const std::string& gclid, const std::string& contact, Timestamp at);
  /// The record as last shown, to be changed and shown again.
  RecordState& shown(Object object, const std::string& id) { return crm_.at({object, id}); }
  void take(const std::vector<Record>& page);
  void show(const RecordState& state);

  // ---- web analytics
  SeenWeb web;  ///< what the source of add_web() holds
  enum class Tells { everything, who_asks, both };
  /// A connector that tells it in its streams (mirror), to who asks (lookup), or later touches in its streams and the
  /// past to who asks. Read by settle() from then on, every six hours.
  FakeConnector& add_web(Tells tells, const std::string& connector = "web");
  ingest::Puller& puller(const std::string& connector = "web") { return *pullers_.at(connector); }
  FakeLookup& lookup(const std::string& connector = "web");
  settings::ConnectorInstance& instance(const std::string& connector = "web") { return instances_.at(connector); }
  /// Keys of the touches of the record's journey, in order.
  std::vector<std::string> journey(const std::string& id, Object object = Object::contact);

  // ---- the daemon
  /// A new process on the same store and (perhaps changed) settings.
  void start();
  Result<reconcile::Reconciler::Pass> reconcile();
  Result<delivery::Round> deliver(const std::string& destination = "ads", std::stop_token stop = {},
                                  std::int64_t limit = 500, std::stop_token cut = {});
  /// Reads, reconciles and delivers until nothing is due now. A crash of the sink starts a new process.
  void settle();
  /// Lets time pass, stopping wherever something is due.
  void pass(Duration time);
  void approve_brakes();

  // ---- what came of it
  std::vector<store::StoredConversion> conversions(const std::string& id, Object object = Object::deal);
  std::string dedup_id(const std::string& deal);  ///< of its last occurrence
  store::Standing standing(const std::string& id, const std::string& destination = "ads", Object object = Object::deal);
  /// "taken", "missing waiting", "excess settling", ...
  std::string stands(const std::string& id, const std::string& destination = "ads", Object object = Object::deal);
  std::vector<store::StoredUpload> uploads(const std::string& id, const std::string& destination = "ads",
                                           Object object = Object::deal);
  /// "upload processed 100, restate pending 50": the live and test rows in order.
  std::string history(const std::string& id, const std::string& destination = "ads");
  /// What the platform believes of the deal, all its occurrences together, in whole units; -1 if it knows none.
  std::int64_t believed(const std::string& deal, const std::string& connector = "ads_connector");
  std::int64_t record_id(Object object, const std::string& id);
  /// One line for each difference between the ledger and the platform; empty when the books agree.
  std::string differences(const std::string& destination = "ads", const std::string& connector = "ads_connector");

  template <class F>
  auto read(F&& body) -> decltype(body(std::declval<store::Tx&>())) {
    using T = decltype(body(std::declval<store::Tx&>()));
    return db->read([&](store::Tx& tx) -> Result<T> { return body(tx); }).value();
  }

 private:
  std::optional<Timestamp> next_due();
  bool pull();

  std::string folder_;
  std::map<std::pair<Object, std::string>, RecordState> crm_;
  identity::Resolver resolver_{identity::ResolverOptions{}};
  std::unique_ptr<ingest::Take> take_;
  std::unique_ptr<reconcile::Reconciler> reconciler_;
  std::map<std::string, std::unique_ptr<delivery::Sender>> senders_;
  std::map<std::string, settings::ConnectorInstance> instances_;  ///< of what add_web() made
  std::map<std::string, std::unique_ptr<ingest::Puller>> pullers_;
  std::map<std::string, Timestamp> next_pull_;
};

/// All rows of all tables as text, table by table, in a fixed order; without the columns named ("cursor.updated_at").
std::map<std::string, std::string> tables_of(store::Db& db, const std::set<std::string>& without = {});

}  // namespace hw::conformance
