#include <algorithm>

#include "base/crash_point.h"
#include "delivery/sender.h"
#include "store/service_rows.h"

/// What became of requests that were received.
namespace hw::delivery {
namespace {

using connect::Outcome;
using connect::Verdict;
using store::Durability;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;

bool is_refusal(const Outcome& o) { return o.verdict != Verdict::accepted && o.verdict != Verdict::already_received; }

/// Every refusal that a confirmation tells, by row or by counts.
std::vector<std::pair<Outcome, std::size_t>> refusals(const connect::Confirmation& c) {
  if (c.rows.empty()) return c.refused;
  std::vector<std::pair<Outcome, std::size_t>> out;
  for (const Outcome& o : c.rows)
    if (is_refusal(o)) out.emplace_back(o, 1);
  return out;
}

/// Refused in part, and the platform does not say which: each row is sent alone where that is harmless.
void unlocate(StoredUpload& row, const Outcome& refusal, bool resend_is_harmless, Timestamp now) {
  row.code = ledger::kUnlocated;
  row.detail = "its request was refused in part: " + refusal.code;
  row.state = resend_is_harmless ? UploadState::retrying : UploadState::uncertain;
  row.next_at = now;
}

}  // namespace

Result<std::size_t> Sender::confirm(std::stop_token stop) {
  auto due = db_.read([&](Tx& tx) -> Result<std::vector<store::StoredRequest>> {
    return rows::due_requests(tx, destination_.name, clock_.system_now(), 100);
  });
  if (!due) return due.error();
  if (due->empty()) return std::size_t{0};
  // An adjusting connector looks after its own receipts.
  std::map<Operation, std::vector<store::StoredRequest>> by_operation;
  auto divided = db_.read([&](Tx& tx) -> Status {
    for (store::StoredRequest& r : *due) {
      auto members = rows::uploads_of_request(tx, r.id);
      by_operation[members.empty() ? Operation::upload : members.front().operation].push_back(std::move(r));
    }
    return {};
  });
  if (!divided) return divided.error();
  std::size_t n = 0;
  for (auto& [operation, requests] : by_operation) {
    auto settled = confirm_some(std::move(requests), operation, stop);
    if (!settled) return settled.error();
    n += *settled;
  }
  return n;
}

Result<std::size_t> Sender::confirm_some(std::vector<store::StoredRequest> requests, Operation operation,
                                         std::stop_token stop) {
  std::vector<std::string> receipts;
  for (const auto& r : requests) receipts.push_back(r.receipt);
  auto answers =
      sinks_.of(operation)->confirm(receipts, sinks_.target, {.stop = stop, .timeout = std::chrono::seconds(60)});
  const std::string& connector = sinks_.connector_of(operation);
  auto settled = db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    const Timestamp now = clock_.system_now();
    if (answers) resume(tx, "connector", connector);
    if (!answers && answers.error().action == Action::pause)
      note_pause(tx, outcome_of(answers.error()), connector, now);
    std::size_t n = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const connect::Confirmation* c = answers && i < answers->size() ? &(*answers)[i] : nullptr;
      ++requests[i].polls;
      n += c != nullptr && c->is_final ? settle_confirmed(tx, requests[i], *c, connector, now)
                                       : poll_again(tx, requests[i], answers ? nullptr : &answers.error(), now);
      rows::update_request(tx, requests[i]);
    }
    return n;
  });
  crash_point("ledger.confirmed");
  return settled;
}

/// Not known yet. An outage is no answer: the time that the platform has counts by its answers alone.
std::size_t Sender::poll_again(Tx& tx, store::StoredRequest& request, const Error* trouble, Timestamp now) {
  request.next_poll_at = now + (trouble == nullptr ? policy_.contract.poll_every
                                                   : std::max<Duration>(trouble->retry_after.value_or(Duration{}),
                                                                        std::chrono::minutes(5)));
  if (trouble != nullptr || now < request.sent_at + policy_.contract.poll_until) return 0;
  request.next_poll_at.reset();
  request.verdict = "unconfirmed";
  std::size_t n = 0;
  for (StoredUpload& row : rows::uploads_of_request(tx, request.id)) {
    if (row.state != UploadState::received) continue;
    row.state = UploadState::uncertain;
    row.code = "unconfirmed";
    row.detail = "the platform has not said within its time what became of the request";
    settle(tx, row, UploadState::received, now);
    ++n;
  }
  return n;
}

std::size_t Sender::settle_confirmed(Tx& tx, store::StoredRequest& request, const connect::Confirmation& c,
                                     const std::string& connector, Timestamp now) {
  auto members = rows::uploads_of_request(tx, request.id);  // by id, as they were sent
  const auto refused = refusals(c);
  request.next_poll_at.reset();
  request.verdict = refused.empty() ? "accepted" : "refused";
  const auto open = static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [](const auto& u) { return u.state == UploadState::received; }));
  const bool by_row = !c.rows.empty() && c.rows.size() == members.size();
  const bool alike = refused.empty() || (c.rows.empty() && refused.size() == 1 && refused.front().second >= open);
  for (std::size_t i = 0; i < members.size(); ++i) {
    StoredUpload& row = members[i];
    if (row.state != UploadState::received) continue;
    if (by_row) {
      apply_confirmed(row, c.rows[i], policy_, now, random_);
    } else if (alike) {
      apply_confirmed(row, refused.empty() ? Outcome{} : refused.front().first, policy_, now, random_);
    } else {
      unlocate(row, refused.front().first, policy_.contract.resend_is_harmless, now);
    }
    settle(tx, row, UploadState::received, now);
  }
  for (const auto& [outcome, count] : refused)
    if (outcome.verdict == Verdict::pause) note_pause(tx, outcome, connector, now);
  return open;
}

}  // namespace hw::delivery
