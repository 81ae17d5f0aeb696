#pragma once
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "delivery/outcomes.h"
#include "settings/instances.h"
#include "store/engine/db.h"

namespace hw::delivery {

/// What one round did.
struct Round {
  std::size_t sent = 0;           ///< rows handed to the network
  std::size_t settled = 0;        ///< rows whose state moved on
  bool resting = false;           ///< waits for its rate lane or for an outage to pass
  std::optional<Timestamp> next;  ///< when there is something to do again; empty = when woken
};

/// Sends one destination's due rows and looks after its receipts. Each destination has its own Sender, budget and
/// back-off, so that one platform's trouble delays no other (invariant 9); at most kClaimRows rows are in memory at a
/// time.
///
/// Durable transitions, in order: claimed (rows in_flight with their frozen item), sent and unanswered, outcome
/// recorded, confirmed. A kill at any of them is found by the next round: rows still in flight go again under the same
/// item and key while the dedup window is open, else they are uncertain.
///
/// One caller at a time. Errors are the store's; the network's are outcomes.
class Sender {
 public:
  static constexpr std::int64_t kClaimRows = 500;

  /// `destination` and `sinks` outlive it.
  Sender(const settings::Destination& destination, settings::SinkSet sinks, store::Db& db, const Clock& clock,
         Random& random);

  /// Recovers, confirms, claims, sends and records once. `limit` bounds the rows claimed.
  Result<Round> step(std::stop_token stop, std::int64_t limit = kClaimRows);

 private:
  struct Request {
    Operation operation = Operation::upload;
    std::vector<store::StoredUpload> rows;
    std::vector<connect::Item> items;
    std::vector<connect::Outcome> outcomes;  ///< of each row
    std::vector<std::string> receipts;       ///< of each row's request: a bisected one has several
  };

  Result<std::size_t> recover_in_flight();
  Result<std::optional<Timestamp>> paused_until();
  Result<std::size_t> confirm(std::stop_token stop);
  Result<std::size_t> confirm_some(std::vector<store::StoredRequest> requests, Operation operation,
                                   std::stop_token stop);
  std::size_t poll_again(store::Tx& tx, store::StoredRequest& request, const Error* trouble, Timestamp now);
  std::size_t settle_confirmed(store::Tx& tx, store::StoredRequest& request, const connect::Confirmation& c,
                               const std::string& connector, Timestamp now);
  Result<std::vector<Request>> claim(std::int64_t limit, Round& round);
  std::vector<Request> grouped(std::vector<store::StoredUpload> rows) const;
  bool give_up_unsent(store::Tx& tx, store::StoredUpload& row, Timestamp now);
  void send(Request& request, std::stop_token stop);
  [[nodiscard]] const char* held(std::stop_token stop) const;
  void send_items(Request& request, std::size_t from, std::size_t to, std::stop_token stop);
  Result<std::size_t> record(std::vector<Request>& requests);
  void record_request(store::Tx& tx, Request& request, Timestamp now);
  void note_pause(store::Tx& tx, const connect::Outcome& outcome, const std::string& connector, Timestamp now);
  void note_working(store::Tx& tx, const std::string& connector);
  void resume(store::Tx& tx, const std::string& scope, const std::string& name);
  void settle(store::Tx& tx, const store::StoredUpload& row, UploadState from, Timestamp now);
  Result<std::optional<Timestamp>> next_due();

  const settings::Destination& destination_;
  settings::SinkSet sinks_;
  Policy policy_;
  store::Db& db_;
  const Clock& clock_;
  Random& random_;
  int outages_ = 0;                      ///< requests in a row that the network or the platform failed
  bool paused_ = false;                  ///< in this round: what is claimed and unsent goes back
  std::optional<Timestamp> rest_until_;  ///< back-off of the whole destination after such a failure
};

/// What would be sent now, exactly: one body a request. Nothing is changed. For `headwater preview`.
struct Preview {
  std::string destination;
  Operation operation = Operation::upload;
  std::size_t rows = 0;
  std::string body;
};
std::vector<Preview> preview(store::Tx& tx, const settings::Destination& destination, const settings::SinkSet& sinks,
                             Timestamp now, std::int64_t limit);

}  // namespace hw::delivery
