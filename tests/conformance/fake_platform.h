#pragma once
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connect/connector.h"

/// A platform without a vendor: it applies the dedup and correction rules of its contract and nothing else, so that
/// what it believes can be held against what the ledger says.
namespace hw::conformance {

/// What befalls one request.
enum class PlatformFault {
  none,
  lost_before,   ///< the answer is lost, nothing was applied
  lost_after,    ///< the answer is lost, everything was applied
  busy,          ///< 429, certainly not applied
  lane_full,     ///< our own rate lane: never left
  sign_in,       ///< credentials refused: the connector pauses
  crash_before,  ///< the process dies before anything left
  crash_after,   ///< the process dies before the answer was recorded
};
struct Crash {};

/// A row that a platform took in, as it came.
struct Arrival {
  Timestamp at;
  std::string target;  ///< "account/action"
  /// operation|dedup id|micros|currency|time|what it identifies by; of a correction the last two are the original's
  std::string body;
};

/// Operations upload, restate and retract in both directions, an unbounded dedup key, no age limit worth the name.
connect::Contract generous();

class FakeSink final : public connect::ConversionSink {
 public:
  explicit FakeSink(const Clock& clock, connect::Contract contract) : rules(std::move(contract)), clock_(clock) {}

  connect::Contract rules;
  std::function<void(const connect::Target&, connect::Contract&)> rules_there;  ///< what it says of a target apart
  Duration minimum_wait{};                                                      ///< from the conversion's time
  Duration youngest_click{};                   ///< prepare() refuses a younger one, and says from when on not
  std::deque<PlatformFault> faults;            ///< of the next requests
  std::function<PlatformFault()> weather;      ///< asked when `faults` is empty
  std::map<std::string, std::string> refused;  ///< dedup id -> code, told in the answer
  std::map<std::string, connect::Outcome> refused_later;  ///< dedup id -> verdict, told by confirm()
  std::map<std::string, connect::Outcome> postponed;      ///< dedup id -> verdict of that row's next answer alone
  std::set<std::string> poison;                           ///< a batch that holds one of these is refused whole
  bool refuses_all_later = false;                         ///< confirm(): every row of a request is refused alike
  std::size_t uncounted = 0;    ///< rows taken that the counts of a request of several leave out
  bool answers_short = false;   ///< send() leaves the last row of several out of its answer
  bool confirms_short = false;  ///< so does confirm()
  bool forgets = false;         ///< confirm() never knows
  std::deque<Error> confirm_errors;
  std::set<std::string> unanswered;  ///< receipts that confirm() leaves out
  std::stop_token token;             ///< of the last call

  /// What the platform believes of one dedup id.
  struct Belief {
    std::int64_t micros = 0;
    std::string currency;
    int counted = 0;  ///< 2 = counted twice
    Timestamp first_at;
    bool ended = false;                ///< a final zero: nothing moves it any more
    std::set<std::string> adjusted{};  ///< keys of the corrections that it took
  };
  std::map<std::string, Belief> believed;
  FakeSink* uploader = this;  ///< whose `believed` and `log` are its own: another connector of the same platform
  std::vector<std::vector<std::string>> arrived;  ///< dedup ids of each request that was applied
  std::vector<std::string> bodies;                ///< of each row that was applied
  std::vector<std::string> told_at;               ///< "account/action" of each request that arrived
  std::vector<Arrival> log;                       ///< rows that it took and did not refuse: what its books are made of
  std::size_t calls = 0, confirms = 0, validated = 0;

  const connect::Contract& contract() const override { return rules; }
  connect::Contract contract_for(const connect::Target& target) const override {
    connect::Contract there = rules;
    if (rules_there) rules_there(target, there);
    return there;
  }
  std::variant<connect::Item, connect::Refusal> prepare(const Conversion&, const connect::Revision&,
                                                        const connect::Target&, const connect::Sent* original,
                                                        Timestamp now) const override;
  std::string body(std::span<const connect::Item> items, const connect::Target&, bool validate_only) const override;
  Result<connect::Answer> send(std::span<const connect::Item> items, const connect::Target&, bool validate_only,
                               connect::Context) override;
  Result<std::vector<connect::Confirmation>> confirm(std::span<const std::string> receipts, const connect::Target&,
                                                     connect::Context) override;

 private:
  PlatformFault next_fault();
  connect::Answer take(std::span<const connect::Item> items, const std::string& target);
  connect::Outcome take_row(const connect::Item& item);
  connect::Outcome upload(const std::string& id, std::int64_t micros, const std::string& currency);
  connect::Outcome adjust(const connect::Item& item);
  std::string receipt_for(const std::vector<connect::Outcome>& answered, const std::vector<connect::Outcome>& later);

  const Clock& clock_;
  struct Fate {
    connect::Outcome verdict;
    bool taken_in = false;  ///< not refused in the answer already: the counts are of these
  };
  std::map<std::string, std::vector<Fate>> processed_;  ///< receipt -> each row of the request
  int receipts_ = 0;
};

/// Pages that a test wrote, one after the other; the cursor is the number of the next.
class FakeRecords final : public connect::RecordSource {
 public:
  std::vector<connect::Page<Record>> pages;
  std::deque<Error> errors;  ///< of the next pulls
  std::size_t pulls = 0;

  Result<std::vector<std::string>> streams(connect::Context) override { return std::vector<std::string>{"deals"}; }
  Result<connect::Page<Record>> pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                                     connect::Context) override;
};

/// A connector of the roles it is given.
class FakeConnector final : public connect::Connector {
 public:
  std::unique_ptr<FakeSink> sink;
  std::unique_ptr<connect::RecordSource> source;
  std::unique_ptr<connect::TouchSource> touch_source;
  std::unique_ptr<connect::TouchLookup> touch_lookup;

  connect::RecordSource* records() override { return source.get(); }
  connect::TouchSource* touches() override { return touch_source.get(); }
  connect::TouchLookup* lookup() override { return touch_lookup.get(); }
  connect::ConversionSink* conversions() override { return sink.get(); }
  Result<std::vector<connect::Finding>> check_online(const connect::References&, connect::Context) override {
    return std::vector<connect::Finding>{};
  }
  Result<std::vector<connect::RemoteObject>> discover(connect::Context) override {
    return std::vector<connect::RemoteObject>{};
  }
};

}  // namespace hw::conformance
