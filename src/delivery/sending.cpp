#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "delivery/sender.h"

/// What leaves, and what came back.
namespace hw::delivery {
namespace {

using connect::Outcome;
using connect::Verdict;
using store::Durability;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;

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

Outcome given_back(const char* why) {
  Outcome back;
  back.verdict = Verdict::retry;
  back.code = why;
  back.detail = "not sent";
  back.spends_attempt = false;
  return back;
}

}  // namespace

/// Sends what was claimed. What was answered is recorded when it is enough or long enough ago.
Status Sender::send_all(std::vector<Request>& requests, const Tokens& tokens, Round& round) {
  if (!requests.empty()) crash_point("ledger.claimed", destination_.name);
  std::size_t begin = 0, answered = 0;
  SteadyTime since = clock_.steady_now();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    answered += requests[i].rows.size();
    if (send(requests[i], tokens)) round.sent += requests[i].rows.size();
    const bool is_last = i + 1 == requests.size();
    if (!is_last && answered < kRecordRows && clock_.steady_now() - since < kRecordEvery) continue;
    crash_point("ledger.sent", destination_.name);
    auto recorded = record(std::span(requests).subspan(begin, i + 1 - begin));
    if (!recorded) return recorded.error();
    crash_point("ledger.recorded", destination_.name);
    round.settled += *recorded;
    begin = i + 1;
    answered = 0;
    since = clock_.steady_now();
  }
  return {};
}

/// False when the request is held and its rows are given back.
bool Sender::send(Request& request, const Tokens& tokens) {
  request.outcomes.resize(request.rows.size());
  request.receipts.resize(request.rows.size());
  if (const char* why = held(request.operation, tokens.stop)) {
    request.outcomes.assign(request.rows.size(), given_back(why));
    return false;
  }
  send_items(request, 0, request.rows.size(), tokens);
  auto all = [&](auto&& is) { return std::all_of(request.outcomes.begin(), request.outcomes.end(), is); };
  if (all([](const Outcome& o) { return o.verdict == Verdict::pause; }))
    hold(request.outcomes.front().scope, sinks_.connector_of(request.operation), clock_.system_now());
  if (all(is_outage)) {
    rest_after(request);
  } else {
    rests_.erase(sinks_.connector_of(request.operation));
  }
  return true;
}

void Sender::rest_after(const Request& request) {
  const Outcome& o = request.outcomes.front();
  Rest& rest = rests_[sinks_.connector_of(request.operation)];
  const Duration wait = wait_after(rest.outages, o, random_);
  rest.until = clock_.system_now() + wait;
  if (o.code == http::kLaneFull) return;  // no trouble: the vendor's pace
  ++rest.outages;
  log_event(Level::warn, "destination_unreachable",
            {{"destination", destination_.name},
             {"code", o.code},
             {"rows", request.rows.size()},
             {"retry_in_seconds", std::chrono::duration_cast<std::chrono::seconds>(wait).count()}});
}

/// Rows [from, to) in one request; a refusal of the whole batch that names no row is bisected, so that one bad row
/// never holds back good ones.
void Sender::send_items(Request& request, std::size_t from, std::size_t to, const Tokens& tokens) {
  const std::span<const connect::Item> items(request.items.data() + from, to - from);
  auto answered = sinks_.of(request.operation)
                      ->send(items, request.target, destination_.mode == Mode::test,
                             {.stop = tokens.cut, .timeout = std::chrono::seconds(60)});
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
    for (const auto& [begin, end] : {std::pair{from, middle}, {middle, to}}) {
      if (tokens.stop.stop_requested())
        std::fill(request.outcomes.begin() + static_cast<std::ptrdiff_t>(begin),
                  request.outcomes.begin() + static_cast<std::ptrdiff_t>(end), given_back("stopped"));
      else
        send_items(request, begin, end, tokens);
    }
    return;
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    request.outcomes[from + i] = std::move(answer.outcomes[i]);
    request.receipts[from + i] = answer.receipt;
  }
}

Result<std::size_t> Sender::record(std::span<Request> requests) {
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

/// One stored request for each receipt, of the rows that were not refused at once.
std::map<std::string, std::int64_t> Sender::add_receipts(Tx& tx, const Request& request, Timestamp now) {
  std::map<std::string, std::int64_t> taken_in;
  for (std::size_t i = 0; i < request.rows.size(); ++i)
    if (request.outcomes[i].verdict == Verdict::accepted && !request.receipts[i].empty() &&
        destination_.mode == Mode::live)
      ++taken_in[request.receipts[i]];
  const connect::RowRules& rules = policy_.contract.rules_of(request.operation);
  const bool polled = rules.receipt == connect::Receipt::count || rules.receipt == connect::Receipt::row;
  std::map<std::string, std::int64_t> ids;
  for (const auto& [receipt, n] : taken_in)
    ids[receipt] = rows::add_request(tx, {.id = 0,
                                          .destination = destination_.name,
                                          .receipt = receipt,
                                          .verdict = "",
                                          .row_count = n,
                                          .sent_at = now,
                                          .next_poll_at = polled ? std::optional(now + rules.first_poll) : std::nullopt,
                                          .polls = 0});
  return ids;
}

void Sender::record_request(Tx& tx, Request& request, Timestamp now) {
  const std::string& connector = sinks_.connector_of(request.operation);
  const auto ids = add_receipts(tx, request, now);
  bool worked = false;
  for (std::size_t i = 0; i < request.rows.size(); ++i) {
    StoredUpload& row = request.rows[i];
    const Outcome& o = request.outcomes[i];
    const auto id = ids.find(request.receipts[i]);
    if (id != ids.end()) row.request_id = id->second;
    apply_answer(row, o, id != ids.end(), policy_of(row), now, random_);
    settle(tx, row, UploadState::in_flight, now);
    if (o.verdict == Verdict::pause) note_pause(tx, o, connector, now);
    worked = worked || o.verdict == Verdict::accepted || o.verdict == Verdict::already_received ||
             o.verdict == Verdict::reject_row;
  }
  if (worked) note_working(tx, connector);
}

}  // namespace hw::delivery
