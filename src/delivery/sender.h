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
#include "delivery/requests.h"
#include "settings/instances.h"
#include "store/engine/db.h"

namespace hw::delivery {

/// What one round did.
struct Round {
  std::size_t sent = 0;           ///< rows handed to the network
  std::size_t accepted = 0;       ///< records that a CRM took (FieldWriter)
  std::size_t settled = 0;        ///< rows whose state moved on
  bool resting = false;           ///< waits for its rate lane or for an outage to pass
  std::optional<Timestamp> next;  ///< when there is something to do again; empty = when woken
};

/// Sends one destination's due rows and looks after its receipts. Each destination has its own Sender, budget and
/// back-off, so that one platform's trouble delays no other (invariant 9); at most one claim's rows are in memory at a
/// time.
///
/// Durable transitions, in order: claimed (rows in_flight with their frozen item), sent and unanswered, outcome
/// recorded, confirmed. With a dedup key one commit claims the rows of several requests, and one records what was
/// answered within kRecordEvery; without one, each request has its own two commits. A kill at any of them is found by
/// the next round: rows still in flight go again under the same item and key while the dedup window is open, else they
/// are uncertain.
///
/// A paused connector, and one that does not answer, holds the operations that it carries; a paused destination all. A
/// pause for trouble ends with the first success, a person's with `headwater resume` alone.
///
/// One caller at a time. Errors are the store's; the network's are outcomes.
class Sender {
 public:
  static constexpr std::int64_t kClaimRows = 500;      ///< a round
  static constexpr std::int64_t kClaimedAtOnce = 100;  ///< a claim, unless one request holds more
  static constexpr std::size_t kRecordRows = 100;
  static constexpr Duration kRecordEvery = std::chrono::milliseconds(50);

  /// `destination` and `sinks` outlive it.
  Sender(const settings::Destination& destination, settings::SinkSet sinks, store::Db& db, const Clock& clock,
         Random& random);

  /// Recovers, confirms, claims, sends and records once. `limit` bounds the rows claimed. After `stop` no new request
  /// begins: those under way end, their outcomes are recorded, and what was claimed and not sent is given back. `cut`
  /// ends requests under way now; their rows then stand as unanswered.
  Result<Round> step(std::stop_token stop, std::int64_t limit = kClaimRows, std::stop_token cut = {});

 private:
  static constexpr const char* kActor = "delivery";

  struct Tokens {
    std::stop_token stop, cut;
  };
  struct Claim {
    std::vector<Request> requests;
    std::int64_t rows = 0;  ///< claimed, put off or given up
    std::size_t given_up = 0;
  };
  struct Rest {       ///< back-off of one connector
    int outages = 0;  ///< requests in a row that the network or the platform failed
    Timestamp until{};
  };
  struct Receipts {  ///< of one operation and target
    Operation operation = Operation::upload;
    connect::Target target;
    bool is_of_another = false;  ///< a connector of another kind sent them
    std::vector<store::StoredRequest> requests;
  };
  struct Asked {
    std::size_t requests = 0;  ///< so many of the receipts
    std::vector<connect::Confirmation> answers;
    std::optional<Error> trouble;  ///< nobody answered any more
  };

  // sender.cpp: the round, and what pauses it
  Result<std::size_t> recover_in_flight();
  Status read_pauses();
  void hold(connect::Scope scope, const std::string& connector, Timestamp until);
  [[nodiscard]] const char* held(Operation operation, const std::stop_token& stop) const;
  [[nodiscard]] std::optional<Timestamp> held_until(Operation operation) const;
  [[nodiscard]] bool is_resting(Operation operation) const;
  [[nodiscard]] std::size_t held_operations() const;
  [[nodiscard]] std::optional<Timestamp> first_end() const;
  void note_pause(store::Tx& tx, const connect::Outcome& outcome, const std::string& connector, Timestamp now);
  void note_working(store::Tx& tx, const std::string& connector);
  void resume(store::Tx& tx, const std::string& scope, const std::string& name);
  void settle(store::Tx& tx, const store::StoredUpload& row, UploadState from, Timestamp now);
  Result<std::optional<Timestamp>> next_due();
  /// By the rules of where the row goes, which may be another place than new rows go to.
  const Policy& policy_of(const store::StoredUpload& row);

  // claiming.cpp
  Result<Claim> claim(std::int64_t limit);
  Claim claim_due(store::Tx& tx, std::int64_t limit, Timestamp now);
  bool put_off(store::Tx& tx, store::StoredUpload& row, Timestamp now);
  bool give_up_unsent(store::Tx& tx, store::StoredUpload& row, const Result<connect::Item>& item, Timestamp now);
  void freeze(store::Tx& tx, store::StoredUpload& row, Timestamp now);

  // sending.cpp
  Status send_all(std::vector<Request>& requests, const Tokens& tokens, Round& round);
  bool send(Request& request, const Tokens& tokens);
  void send_items(Request& request, std::size_t from, std::size_t to, const Tokens& tokens);
  void rest_after(const Request& request);
  Result<std::size_t> record(std::span<Request> requests);
  void record_request(store::Tx& tx, Request& request, Timestamp now);
  std::map<std::string, std::int64_t> add_receipts(store::Tx& tx, const Request& request, Timestamp now);

  // confirming.cpp
  Result<std::size_t> confirm(const Tokens& tokens);
  Result<std::vector<Receipts>> due_receipts(Timestamp now);
  [[nodiscard]] bool is_own(const store::StoredUpload& row) const;
  Result<std::size_t> doubt_until_its_connector_is_back(Receipts& receipts, const std::stop_token& stop);
  std::size_t doubt(store::Tx& tx, store::StoredRequest& request, Timestamp now);
  Asked ask(const Receipts& receipts, const Tokens& tokens);
  Result<std::size_t> confirm_some(Receipts& receipts, const Tokens& tokens);
  std::size_t poll_again(store::Tx& tx, store::StoredRequest& request, const connect::RowRules& rules, Timestamp now);
  std::size_t ask_again(store::Tx& tx, store::StoredRequest& request, const connect::RowRules& rules,
                        const std::optional<Error>& trouble, Timestamp now);
  std::size_t give_up_asking(store::Tx& tx, store::StoredRequest& request, Timestamp now);
  std::size_t settle_confirmed(store::Tx& tx, store::StoredRequest& request, const connect::Confirmation& c,
                               const std::string& connector, Timestamp now);

  const settings::Destination& destination_;
  settings::SinkSet sinks_;
  Policy policy_;
  std::map<std::pair<std::string, std::string>, Policy> elsewhere_{};  ///< by account and action of older rows
  store::Db& db_;
  const Clock& clock_;
  Random& random_;
  std::map<Operation, Timestamp> paused_;  ///< in this round: operations that are held, and until when
  SetBack set_back_;
  std::map<std::string, Rest> rests_;  ///< by connector, while it does not answer
};

}  // namespace hw::delivery
