#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>

#include "base/crash_point.h"
#include "delivery/sender.h"
#include "ledger/item_json.h"
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

/// Why a request was refused in part: the platform's codes. None: its counts are of another number of rows.
std::string codes_of(const std::vector<std::pair<Outcome, std::size_t>>& refused) {
  std::string out;
  for (const auto& [outcome, count] : refused) out += (out.empty() ? "" : " ") + outcome.code;
  return out.empty() ? "counts_disagree" : out;
}

/// Every refusal that a confirmation tells, by row or by counts.
std::vector<std::pair<Outcome, std::size_t>> refusals(const connect::Confirmation& c) {
  if (c.rows.empty()) return c.refused;
  std::vector<std::pair<Outcome, std::size_t>> out;
  for (const Outcome& o : c.rows)
    if (is_refusal(o)) out.emplace_back(o, 1);
  return out;
}

/// A stop waits for at most so many questions.
constexpr std::size_t kAskedAtOnce = 10;
/// An outage of the platform's answers.
constexpr Duration kAskAgain = std::chrono::minutes(5);
/// Is the connector that knows a receipt back?
constexpr Duration kLookForItsConnector = std::chrono::hours(1);
/// Verdict of a request whose rows are doubted until then.
constexpr const char* kDoubted = "doubted";

const connect::Confirmation* find(const std::vector<connect::Confirmation>& answers, const std::string& receipt) {
  const auto it = std::find_if(answers.begin(), answers.end(), [&](const auto& c) { return c.receipt == receipt; });
  return it == answers.end() ? nullptr : &*it;
}

/// Also what was given up because its destination was away, or had another kind of connector.
bool awaits_word(const StoredUpload& row) {
  return row.state == UploadState::received ||
         (row.state == UploadState::uncertain &&
          (row.code == ledger::kDestinationRemoved || row.code == ledger::kOtherConnector));
}

}  // namespace

Result<std::size_t> Sender::confirm(const Tokens& tokens) {
  auto due = due_receipts(clock_.system_now());
  if (!due) return due.error();
  std::size_t n = 0;
  for (Receipts& r : *due) {
    if (paused_.contains(r.operation)) continue;  // since another group's answer
    auto settled = r.is_of_another ? doubt_until_its_connector_is_back(r, tokens.stop) : confirm_some(r, tokens);
    if (!settled) return settled.error();
    n += *settled;
  }
  return n;
}

/// An adjusting connector looks after its own receipts. Those of a paused one wait for the pause's end.
Result<std::vector<Sender::Receipts>> Sender::due_receipts(Timestamp now) {
  auto any =
      db_.read([&](Tx& tx) -> Result<bool> { return !rows::due_requests(tx, destination_.name, now, 1).empty(); });
  if (!any) return any.error();
  if (!*any) return std::vector<Receipts>{};
  auto sort_out = [&](Tx& tx) -> Result<std::vector<Receipts>> {
    std::map<std::tuple<Operation, std::string, std::string, bool>, Receipts> sorted;
    for (store::StoredRequest& r : rows::due_requests(tx, destination_.name, now, 100)) {
      const auto member = rows::first_of_request(tx, r.id);
      const Operation operation = member ? member->operation : Operation::upload;
      if (const auto paused = paused_.find(operation); paused != paused_.end()) {
        r.next_poll_at = paused->second;
        rows::update_request(tx, r);
        continue;
      }
      const connect::Target target = member ? target_of(*member, sinks_) : sinks_.target;
      const bool is_of_another = member && !is_own(*member);
      Receipts& same = sorted[{operation, target.account, target.action, is_of_another}];
      same.operation = operation;
      same.is_of_another = is_of_another;
      same.target = target;
      same.requests.push_back(std::move(r));
    }
    std::vector<Receipts> out;
    for (auto& [key, receipts] : sorted) out.push_back(std::move(receipts));
    return out;
  };
  return paused_.empty() ? db_.read(sort_out) : db_.transact(Durability::ledger, sort_out);
}

/// The connector that sends such rows now is of the kind that sent this one: it knows the receipt, in whichever form
/// the row was written.
bool Sender::is_own(const StoredUpload& row) const {
  const auto item = ledger::item_from_json(row.item);
  return !item || item->form.empty() ||
         connect::api_of(item->form) == connect::api_of(sinks_.of(row.operation)->contract().form);
}

/// Nobody who could be asked is there. They are heard if the destination has their connector back while such answers
/// are waited for. A commit for a few requests, which may be large ones.
Result<std::size_t> Sender::doubt_until_its_connector_is_back(Receipts& r, const std::stop_token& stop) {
  std::size_t n = 0;
  for (auto rest = std::span(r.requests); !rest.empty() && !stop.stop_requested();) {
    const auto some = rest.first(std::min(kAskedAtOnce, rest.size()));
    rest = rest.subspan(some.size());
    auto doubted = db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
      std::size_t rows_doubted = 0;
      for (store::StoredRequest& request : some) rows_doubted += doubt(tx, request, clock_.system_now());
      return rows_doubted;
    });
    if (!doubted) return doubted.error();
    n += *doubted;
  }
  return n;
}

std::size_t Sender::doubt(Tx& tx, store::StoredRequest& request, Timestamp now) {
  std::size_t n = 0;
  if (request.verdict != kDoubted) {
    for (StoredUpload& row : rows::uploads_of_request(tx, request.id)) {
      if (row.state != UploadState::received) continue;
      row.state = UploadState::uncertain;
      row.code = ledger::kOtherConnector;
      row.detail = "a connector of another kind than the destination has now was to hear what became of it";
      settle(tx, row, UploadState::received, now);
      ++n;
    }
    request.verdict = kDoubted;
  }
  request.next_poll_at = now + kLookForItsConnector;
  if (now >= request.sent_at + policy_.max_retry_age) {
    request.next_poll_at.reset();
    request.verdict = "unconfirmed";
  }
  rows::update_request(tx, request);
  return n;
}

/// Asks a few at a time, until a stop or until nobody answers; then the rest need not be asked now.
Sender::Asked Sender::ask(const Receipts& r, const Tokens& tokens) {
  Asked asked;
  std::vector<std::string> receipts;
  for (const auto& request : r.requests) receipts.push_back(request.receipt);
  while (asked.requests < receipts.size() && !asked.trouble && !tokens.stop.stop_requested()) {
    const auto some =
        std::span(receipts).subspan(asked.requests).first(std::min(kAskedAtOnce, receipts.size() - asked.requests));
    auto answers =
        sinks_.of(r.operation)->confirm(some, r.target, {.stop = tokens.cut, .timeout = std::chrono::seconds(60)});
    asked.requests += some.size();
    if (answers)
      std::move(answers->begin(), answers->end(), std::back_inserter(asked.answers));
    else
      asked.trouble = answers.error();
  }
  if (asked.trouble) asked.requests = receipts.size();
  return asked;
}

Result<std::size_t> Sender::confirm_some(Receipts& r, const Tokens& tokens) {
  Asked asked = ask(r, tokens);
  if (asked.requests == 0) return std::size_t{0};
  const std::string& connector = sinks_.connector_of(r.operation);
  const connect::RowRules& rules = policy_.contract.rules_of(r.operation);
  auto settled = db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    const Timestamp now = clock_.system_now();
    if (!asked.trouble) resume(tx, "connector", connector);
    // Who may not see an account that the destination has left may well see its own.
    const bool is_elsewhere = r.target.account != sinks_.target.account;
    if (asked.trouble && asked.trouble->action == Action::pause && is_elsewhere) asked.trouble->action = Action::retry;
    if (asked.trouble && asked.trouble->action == Action::pause)
      note_pause(tx, outcome_of(*asked.trouble), connector, now);
    std::size_t n = 0;
    for (store::StoredRequest& request : std::span(r.requests).first(asked.requests)) {
      const connect::Confirmation* c = find(asked.answers, request.receipt);
      ++request.polls;
      if (c == nullptr)
        n += ask_again(tx, request, rules, asked.trouble, now);
      else
        n += c->is_final ? settle_confirmed(tx, request, *c, connector, now) : poll_again(tx, request, rules, now);
      rows::update_request(tx, request);
    }
    return n;
  });
  crash_point("ledger.confirmed", destination_.name);
  return settled;
}

/// The platform does not know yet.
std::size_t Sender::poll_again(Tx& tx, store::StoredRequest& request, const connect::RowRules& rules, Timestamp now) {
  if (now >= request.sent_at + rules.poll_until) return give_up_asking(tx, request, now);
  request.next_poll_at = now + rules.poll_every;
  return 0;
}

/// No answer. An outage is none: the time that the platform has counts by its answers, and outages are borne as long as
/// those of sending. A refusal to say is an answer. A pause waits for a person, and the rows with it.
std::size_t Sender::ask_again(Tx& tx, store::StoredRequest& request, const connect::RowRules& rules,
                              const std::optional<Error>& trouble, Timestamp now) {
  const Action action = trouble ? trouble->action : Action::retry;
  const bool refused = action == Action::reject_row || action == Action::reject_batch;
  const Duration patience = refused ? rules.poll_until : rules.poll_until + policy_.max_retry_age;
  if (action != Action::pause && now >= request.sent_at + patience) return give_up_asking(tx, request, now);
  const Duration wish = trouble ? trouble->retry_after.value_or(Duration{}) : Duration{};
  request.next_poll_at = now + std::max<Duration>(wish, kAskAgain);
  return 0;
}

std::size_t Sender::give_up_asking(Tx& tx, store::StoredRequest& request, Timestamp now) {
  request.next_poll_at.reset();
  request.verdict = "unconfirmed";
  std::size_t n = 0;
  for (StoredUpload& row : rows::uploads_of_request(tx, request.id)) {
    if (row.state != UploadState::received) continue;
    apply_unconfirmed(row, policy_of(row), now, random_);
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
  const auto open = static_cast<std::size_t>(std::count_if(members.begin(), members.end(), awaits_word));
  const bool by_row = !c.rows.empty() && c.rows.size() == members.size();
  const std::size_t told_of = std::accumulate(refused.begin(), refused.end(), c.accepted,
                                              [](std::size_t n, const auto& r) { return n + r.second; });
  const bool adds_up = told_of == open || told_of == members.size();
  const bool alike =
      adds_up &&
      (refused.empty() || (c.rows.empty() && c.accepted == 0 && refused.size() == 1 && refused.front().second >= open));
  for (std::size_t i = 0; i < members.size(); ++i) {
    StoredUpload& row = members[i];
    if (!awaits_word(row)) continue;
    const UploadState from = row.state;
    if (by_row) {
      apply_confirmed(row, c.rows[i], policy_of(row), now, random_);
    } else if (alike) {
      apply_confirmed(row, refused.empty() ? Outcome{} : refused.front().first, policy_of(row), now, random_);
    } else {
      apply_partly_refused(row, codes_of(refused), policy_of(row), now);
    }
    settle(tx, row, from, now);
  }
  for (const auto& [outcome, count] : refused)
    if (outcome.verdict == Verdict::pause) note_pause(tx, outcome, connector, now);
  return open;
}

}  // namespace hw::delivery
