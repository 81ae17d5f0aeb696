#include "delivery/sender.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "ledger/item_json.h"
#include "store/ledger_rows.h"
#include "store/service_rows.h"

namespace hw::delivery {
namespace {

using connect::Outcome;
using connect::Verdict;
using store::Durability;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;

constexpr const char* kActor = "delivery";
constexpr Duration kFirstRetryOfPause = std::chrono::minutes(5);
constexpr Duration kRetryOfPause = std::chrono::hours(1);

bool is_outage(const Outcome& o) {
  return o.verdict == Verdict::retry && o.scope != connect::Scope::row && !o.spends_attempt;
}

/// The outcomes of a request whose sink answered about fewer or more rows than it was given: a defect of the connector;
/// nothing is believed of it.
connect::Answer whole_or_unknown(connect::Answer answer, std::size_t items) {
  if (answer.outcomes.size() == items) return answer;
  Outcome o;
  o.verdict = Verdict::retry;
  o.code = "answer_shape";
  o.detail = "the connector answered about another number of rows than were sent";
  o.maybe_applied = true;
  answer.outcomes.assign(items, o);
  return answer;
}

std::vector<std::vector<StoredUpload>> cut(std::vector<StoredUpload> due, std::size_t max_rows, std::size_t max_bytes) {
  std::vector<std::vector<StoredUpload>> out;
  std::size_t bytes = 0;
  for (StoredUpload& u : due) {
    const bool alone = u.code == ledger::kUnlocated;
    const bool fits = !out.empty() && out.back().size() < max_rows && bytes + u.item.size() <= max_bytes && !alone &&
                      out.back().front().code != ledger::kUnlocated;
    if (!fits) {
      out.emplace_back();
      bytes = 0;
    }
    bytes += u.item.size();
    out.back().push_back(std::move(u));
  }
  return out;
}

}  // namespace

Sender::Sender(const settings::Destination& destination, settings::SinkSet sinks, store::Db& db, const Clock& clock,
               Random& random)
    : destination_(destination), sinks_(std::move(sinks)), db_(db), clock_(clock), random_(random) {
  policy_ = {.contract = sinks_.contract(destination),
             .resend_uncertain = destination.resend_uncertain,

             .max_attempts = destination.max_attempts,
             .max_retry_age = destination.max_retry_age,
             .mode = destination.mode};
}

Result<Round> Sender::step(std::stop_token stop, std::int64_t limit) {
  Round round;
  paused_ = false;
  if (destination_.mode == Mode::shadow) return round;
  auto recovered = recover_in_flight();
  if (!recovered) return recovered.error();
  round.settled += *recovered;
  auto paused = paused_until();
  if (!paused) return paused.error();
  if (*paused && **paused > clock_.system_now()) {
    round.next = *paused;
    return round;
  }
  auto confirmed = confirm(stop);
  if (!confirmed) return confirmed.error();
  round.settled += *confirmed;
  if (rest_until_ && *rest_until_ > clock_.system_now()) {
    round.resting = true;
    round.next = *rest_until_;
    return round;
  }
  auto requests = claim(limit, round);
  if (!requests) return requests.error();
  crash_point("ledger.claimed");
  for (Request& request : *requests) {
    send(request, stop);
    round.sent += request.rows.size();
  }
  if (!requests->empty()) crash_point("ledger.sent");
  auto recorded = record(*requests);
  if (!recorded) return recorded.error();
  if (!requests->empty()) crash_point("ledger.recorded");
  round.settled += *recorded;
  auto next = next_due();
  if (!next) return next.error();
  round.next = *next;
  if (rest_until_ && round.next && *round.next < *rest_until_) round.next = rest_until_;
  return round;
}

/// A row in flight at the start of a round was claimed by a round whose answer was never recorded: a kill, or a commit
/// that failed.
Result<std::size_t> Sender::recover_in_flight() {
  auto found = db_.read([&](Tx& tx) -> Result<std::size_t> { return rows::in_flight(tx, destination_.name).size(); });
  if (!found || *found == 0) return found;
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    auto lost = rows::in_flight(tx, destination_.name);
    for (StoredUpload& u : lost) {
      recover(u, policy_, now);
      settle(tx, u, UploadState::in_flight, now);
    }
    return lost.size();
  });
}

Result<std::optional<Timestamp>> Sender::paused_until() {
  return db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    std::optional<Timestamp> until;
    auto consider = [&](std::string_view scope, const std::string& name) {
      auto p = store::service_rows::pause(tx, scope, name);
      if (p && (!until || p->retry_at.value_or(Timestamp::max()) > *until))
        until = p->retry_at.value_or(Timestamp::max());
    };
    consider("destination", destination_.name);
    consider("connector", sinks_.upload_connector);
    return until;
  });
}

Result<std::vector<Sender::Request>> Sender::claim(std::int64_t limit, Round& round) {
  const Timestamp now = clock_.system_now();
  auto any =
      db_.read([&](Tx& tx) -> Result<bool> { return !rows::due_uploads(tx, destination_.name, now, 1).empty(); });
  if (!any) return any.error();
  if (!*any) return std::vector<Request>{};
  // Without a dedup key a lost answer leaves rows of unknown fate: then no more than one request is at stake in a
  // commit.
  if (!policy_.contract.dedup.exists)
    limit = std::min<std::int64_t>(limit, static_cast<std::int64_t>(policy_.contract.max_items));
  std::size_t given_up = 0;
  auto requests = db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::vector<Request>> {
    std::vector<StoredUpload> claimed;
    given_up = 0;
    for (StoredUpload& u : rows::due_uploads(tx, destination_.name, now, limit)) {
      if (give_up_unsent(tx, u, now)) {
        ++given_up;
        continue;
      }
      const UploadState from = u.state;
      u.state = UploadState::in_flight;
      // Never the first attempt's instant: that says whether a later one may be taken for it.
      u.last_attempt_at = u.first_attempt_at ? std::max(now, *u.first_attempt_at + Duration(1)) : now;
      if (!u.first_attempt_at) u.first_attempt_at = now;
      rows::move(tx, u, from, kActor, now);
      claimed.push_back(std::move(u));
    }
    return grouped(std::move(claimed));
  });
  if (requests) round.settled += given_up;
  return requests;
}

/// A due row that may not be sent any more. One that may have been taken is uncertain; one that never left is judged
/// anew by the reconciler.
bool Sender::give_up_unsent(Tx& tx, StoredUpload& row, Timestamp now) {
  const UploadState from = row.state;
  if (row.mode != destination_.mode) {
    row.code = "mode_changed";
    row.detail = std::string("was made in mode ") + to_string(row.mode);
  } else if (now >= row.expires_at) {
    row.code = "expired";
    row.detail = "the platform's window closed before the row could be sent";
  } else if (policy_.resend_uncertain || ledger::may_resend(row, policy_.contract.dedup, now)) {
    return false;
  }
  row.state = ledger::sent(row) ? UploadState::uncertain : UploadState::superseded;
  settle(tx, row, from, now);
  return true;
}

std::vector<Sender::Request> Sender::grouped(std::vector<StoredUpload> claimed) const {
  std::map<std::pair<Operation, std::string>, std::vector<StoredUpload>> groups;
  for (StoredUpload& u : claimed) {
    auto item = ledger::item_from_json(u.item);
    groups[{u.operation, item ? item->group : std::string()}].push_back(std::move(u));
  }
  std::vector<Request> out;
  for (auto& [key, members] : groups) {
    for (auto& part : cut(std::move(members), policy_.contract.max_items, policy_.contract.max_bytes)) {
      Request r{.operation = key.first, .rows = std::move(part), .items = {}, .outcomes = {}, .receipts = {}};
      // By id, as the store tells the rows of a request: a confirmation by row finds its own.
      std::sort(r.rows.begin(), r.rows.end(), [](const auto& x, const auto& y) { return x.id < y.id; });
      for (const StoredUpload& u : r.rows) r.items.push_back(ledger::item_from_json(u.item).value_or(connect::Item{}));
      out.push_back(std::move(r));
    }
  }
  return out;
}

/// Why nothing more leaves in this round; nullptr when something may.
const char* Sender::held(std::stop_token stop) const {
  if (stop.stop_requested()) return "stopped";
  if (paused_) return "paused";
  return rest_until_ && *rest_until_ > clock_.system_now() ? "resting" : nullptr;
}

void Sender::send(Request& request, std::stop_token stop) {
  request.outcomes.resize(request.rows.size());
  request.receipts.resize(request.rows.size());
  if (const char* why = held(stop)) {
    Outcome back;
    back.verdict = Verdict::retry;
    back.code = why;
    back.detail = "not sent";
    back.spends_attempt = false;
    request.outcomes.assign(request.rows.size(), back);
    return;
  }
  send_items(request, 0, request.rows.size(), stop);
  auto all = [&](auto&& is) { return std::all_of(request.outcomes.begin(), request.outcomes.end(), is); };
  paused_ = all([](const Outcome& o) { return o.verdict == Verdict::pause; });
  if (!all(is_outage)) {
    outages_ = 0;
    rest_until_.reset();
    return;
  }
  const Outcome& o = request.outcomes.front();
  rest_until_ = clock_.system_now() + wait_after(outages_, o, random_);
  if (o.code == http::kLaneFull) return;  // no trouble: the vendor's pace
  ++outages_;
  log_event(Level::warn, "destination_unreachable",
            {{"destination", destination_.name},
             {"code", o.code},
             {"rows", request.rows.size()},
             {"retry_in_seconds",
              std::chrono::duration_cast<std::chrono::seconds>(*rest_until_ - clock_.system_now()).count()}});
}

/// Rows [from, to) in one request; a refusal of the whole batch that names no row is bisected, so that one bad row
/// never holds back good ones.
void Sender::send_items(Request& request, std::size_t from, std::size_t to, std::stop_token stop) {
  const std::span<const connect::Item> items(request.items.data() + from, to - from);
  auto answered = sinks_.of(request.operation)
                      ->send(items, sinks_.target, destination_.mode == Mode::test,
                             {.stop = stop, .timeout = std::chrono::seconds(60)});
  connect::Answer answer;
  if (answered) {
    answer = whole_or_unknown(std::move(*answered), items.size());
  } else {
    answer.outcomes.assign(items.size(), outcome_of(answered.error()));
  }
  const bool bisect =
      items.size() > 1 && std::all_of(answer.outcomes.begin(), answer.outcomes.end(),
                                      [](const Outcome& o) { return o.verdict == Verdict::reject_batch; });
  if (bisect) {
    const std::size_t middle = from + items.size() / 2;
    send_items(request, from, middle, stop);
    send_items(request, middle, to, stop);
    return;
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    request.outcomes[from + i] = std::move(answer.outcomes[i]);
    request.receipts[from + i] = answer.receipt;
  }
}

Result<std::size_t> Sender::record(std::vector<Request>& requests) {
  if (requests.empty()) return std::size_t{0};
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    const Timestamp now = clock_.system_now();
    std::size_t n = 0;
    for (Request& request : requests) {
      record_request(tx, request, now);
      n += request.rows.size();
    }
    return n;
  });
}

void Sender::record_request(Tx& tx, Request& request, Timestamp now) {
  const std::string& connector = sinks_.connector_of(request.operation);
  std::map<std::string, std::int64_t> taken_in;  // receipt -> rows that were not refused at once
  for (std::size_t i = 0; i < request.rows.size(); ++i)
    if (request.outcomes[i].verdict == Verdict::accepted && !request.receipts[i].empty() &&
        destination_.mode == Mode::live)
      ++taken_in[request.receipts[i]];
  const bool polled =
      policy_.contract.receipt == connect::Receipt::count || policy_.contract.receipt == connect::Receipt::row;
  std::map<std::string, std::int64_t> ids;
  for (const auto& [receipt, n] : taken_in)
    ids[receipt] =
        rows::add_request(tx, {.id = 0,
                               .destination = destination_.name,
                               .receipt = receipt,
                               .verdict = "",
                               .row_count = n,
                               .sent_at = now,
                               .next_poll_at = polled ? std::optional(now + policy_.contract.first_poll) : std::nullopt,
                               .polls = 0});
  bool worked = false;
  for (std::size_t i = 0; i < request.rows.size(); ++i) {
    StoredUpload& row = request.rows[i];
    const Outcome& o = request.outcomes[i];
    const auto id = ids.find(request.receipts[i]);
    if (id != ids.end()) row.request_id = id->second;
    apply_answer(row, o, id != ids.end(), policy_, now, random_);
    settle(tx, row, UploadState::in_flight, now);
    if (o.verdict == Verdict::pause) note_pause(tx, o, connector, now);
    worked = worked || o.verdict == Verdict::accepted || o.verdict == Verdict::already_received ||
             o.verdict == Verdict::reject_row;
  }
  if (worked) note_working(tx, connector);
}

/// Said once, not at every attempt.
void Sender::note_pause(Tx& tx, const Outcome& o, const std::string& connector, Timestamp now) {
  const bool whole = o.scope == connect::Scope::connector;
  const std::string scope = whole ? "connector" : "destination";
  const std::string name = whole ? connector : destination_.name;
  auto known = store::service_rows::pause(tx, scope, name);
  const Duration wait = o.after.value_or(known ? kRetryOfPause : kFirstRetryOfPause);
  store::service_rows::set_pause(tx, {.scope = scope,
                                      .name = name,
                                      .code = o.code,
                                      .detail = o.detail,
                                      .since = known ? known->since : now,
                                      .retry_at = now + wait});
  if (!known)
    log_event(Level::error, "paused", {{scope, name}, {"code", o.code}, {"detail", o.detail}, {"action", "pause"}});
}

void Sender::note_working(Tx& tx, const std::string& connector) {
  resume(tx, "connector", connector);
  resume(tx, "destination", destination_.name);
}

void Sender::resume(Tx& tx, const std::string& scope, const std::string& name) {
  auto known = store::service_rows::pause(tx, scope, name);
  if (!known || !known->retry_at) return;  // a person's pause has no retry
  store::service_rows::clear_pause(tx, scope, name);
  log_event(Level::info, "resumed", {{scope, name}});
}

/// Every change of a row looks at its subject again, in the same commit.
void Sender::settle(Tx& tx, const StoredUpload& row, UploadState from, Timestamp now) {
  rows::move(tx, row, from, kActor, now);
  if (auto c = rows::conversion(tx, row.conversion_id)) store::service_rows::mark_dirty(tx, c->record_id, "ledger");
}

Result<std::optional<Timestamp>> Sender::next_due() {
  return db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    auto send_at = rows::next_due_upload(tx, destination_.name);
    auto poll_at = rows::next_poll(tx, destination_.name);
    if (send_at && poll_at) return std::optional(std::min(*send_at, *poll_at));
    return send_at ? send_at : poll_at;
  });
}

std::vector<Preview> preview(Tx& tx, const settings::Destination& destination, const settings::SinkSet& sinks,
                             Timestamp now, std::int64_t limit) {
  std::vector<Preview> out;
  auto due = rows::list_uploads(tx, {.destination = destination.name,
                                     .state = "pending",
                                     .code = "",
                                     .made_before = {},
                                     .made_after = {},
                                     .after_id = 0,
                                     .limit = limit});
  const connect::Contract contract = sinks.contract(destination);
  std::map<std::pair<Operation, std::string>, std::vector<StoredUpload>> groups;
  for (StoredUpload& u : due) {
    if (now >= u.expires_at) continue;
    auto item = ledger::item_from_json(u.item);
    if (item) groups[{u.operation, item->group}].push_back(std::move(u));
  }
  for (auto& [key, members] : groups) {
    for (auto& part : cut(std::move(members), contract.max_items, contract.max_bytes)) {
      std::vector<connect::Item> items;
      for (const StoredUpload& u : part) items.push_back(ledger::item_from_json(u.item).value_or(connect::Item{}));
      out.push_back({.destination = destination.name,
                     .operation = key.first,
                     .rows = part.size(),
                     .body = sinks.of(key.first)->body(items, sinks.target, destination.mode == Mode::test)});
    }
  }
  return out;
}

}  // namespace hw::delivery
