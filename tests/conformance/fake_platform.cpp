#include "conformance/fake_platform.h"

#include <algorithm>

#include "base/text.h"

namespace hw::conformance {
namespace {

using connect::Outcome;
using connect::Receipt;
using connect::Verdict;
using connect::ZeroRule;

constexpr std::chrono::hours kOneDay(24);

Outcome outcome(Verdict verdict, std::string code) {
  Outcome o;
  o.verdict = verdict;
  o.code = std::move(code);
  o.detail = "said by the fake platform";
  return o;
}

Error trouble(Action action, std::string code, bool maybe_applied) {
  return {action, std::move(code), "said by the fake platform", {}, maybe_applied};
}

/// operation|dedup id|micros|currency|time|identified by
struct Row {
  std::string operation, id, currency;
  std::int64_t micros = 0;
};
Row row_of(const connect::Item& item) {
  const auto parts = split(item.body, '|');
  return {std::string(parts[0]), std::string(parts[1]), std::string(parts[3]), std::stoll(std::string(parts[2]))};
}

/// Its identifiers of the types that the platform takes, "" without the needed one.
std::string client_of(const Conversion& c, const connect::Contract& rules) {
  std::string out;
  for (const std::string& type : rules.client_types)
    for (const Identifier& id : c.identifiers)
      if (id.type == type && (!out.empty() || type == rules.client_types.front()))
        out += (out.empty() ? "" : " ") + id.value;
  return out;
}

}  // namespace

connect::Contract generous() {
  connect::Contract c;
  c.form = "fake";
  c.operations = {Operation::upload, Operation::restate, Operation::retract};
  c.restate_up = c.restate_down = true;
  c.zero = ZeroRule::ordinary;
  c.max_items = 100;
  c.dedup = {.exists = true, .known = true, .window = std::nullopt};
  c.receipt = Receipt::request;
  c.resend_is_harmless = true;
  c.click_types = {"gclid"};
  c.click_window = c.user_data_window = kOneDay * 90;
  c.hash_forms = {"email"};
  c.first_poll = c.poll_every = std::chrono::minutes(30);
  c.poll_until = kOneDay;
  return c;
}

std::variant<connect::Item, connect::Refusal> FakeSink::prepare(const Conversion& c, const connect::Revision& r,
                                                                const connect::Target&, const connect::Sent* original,
                                                                Timestamp now) const {
  const std::string what = std::string(to_string(r.operation)) + "|" + c.dedup_id + "|" +
                           std::to_string(c.value ? c.value->micros : 0) + "|" +
                           (c.value ? c.value->currency.str() : "-") + "|";
  connect::Item item;
  item.group = to_string(r.operation);
  if (original != nullptr) {
    item.body = what + std::to_string(to_micros(original->conversion_time)) + "|" +
                std::string(split(original->item.body, '|').back());
    item.dedup_key = c.dedup_id + "/" + std::to_string(r.number);
    item.not_before = now;
    item.expires_at = rules.adjust_until ? original->accepted_at + *rules.adjust_until : now + kOneDay * 365;
    return item;
  }
  Timestamp since;
  std::string by;
  if (!c.clicks.empty()) {
    since = c.clicks.front().at;
    if (now < since + youngest_click)
      return connect::Refusal{
          .reason = "too_recent", .detail = "so young a click", .look_again = since + youngest_click};
    item.expires_at = since + rules.click_window;
    item.click_type = c.clicks.front().type;
    by = item.click_value = c.clicks.front().value;
  } else if (!rules.hash_forms.empty() && c.hashes.contains(rules.hash_forms.front())) {
    since = c.lead_created;
    item.expires_at = since + rules.user_data_window;
    by = c.hashes.at(rules.hash_forms.front()).front();
  } else if (const std::string client = client_of(c, rules); !client.empty()) {
    since = c.at;
    item.expires_at = since + rules.conversion_window;
    by = client;
  } else {
    return connect::Refusal{.reason = "no_identifier", .detail = "neither click nor user data"};
  }
  if (rules.conversion_window > Duration{}) item.expires_at = std::min(item.expires_at, c.at + rules.conversion_window);
  if (now >= item.expires_at) return connect::Refusal{.reason = "expired", .detail = "outside the age window"};
  item.body = what + std::to_string(to_micros(c.at)) + "|" + by;
  item.dedup_key = c.dedup_id;
  item.not_before = c.at + minimum_wait;
  return item;
}

std::string FakeSink::body(std::span<const connect::Item> items, const connect::Target&, bool) const {
  std::string out;
  for (const auto& i : items) out += i.body + "\n";
  return out;
}

PlatformFault FakeSink::next_fault() {
  if (!faults.empty()) {
    const PlatformFault f = faults.front();
    faults.pop_front();
    return f;
  }
  return weather ? weather() : PlatformFault::none;
}

Result<connect::Answer> FakeSink::send(std::span<const connect::Item> items, const connect::Target& target,
                                       bool validate_only, connect::Context context) {
  ++calls;
  token = context.stop;
  told_at.push_back(target.account + "/" + target.action);
  connect::Answer answer;
  if (validate_only) {
    validated += items.size();
    answer.outcomes.assign(items.size(), outcome(Verdict::accepted, ""));
    return answer;
  }
  const PlatformFault fault = next_fault();
  switch (fault) {
    case PlatformFault::crash_before:
      throw Crash{};
    case PlatformFault::lost_before:
      return trouble(Action::retry, "timeout", true);
    case PlatformFault::busy:
      return trouble(Action::retry, "http_429", false);
    case PlatformFault::sign_in:
      return trouble(Action::pause, "credentials", false);
    case PlatformFault::lane_full: {
      Error e = trouble(Action::retry, http::kLaneFull, false);
      e.retry_after = std::chrono::seconds(10);
      return e;
    }
    case PlatformFault::none:
    case PlatformFault::lost_after:
    case PlatformFault::crash_after:
      break;
  }
  for (const auto& item : items) {
    if (!poison.contains(row_of(item).id)) continue;
    answer.outcomes.assign(items.size(),
                           outcome(items.size() > 1 ? Verdict::reject_batch : Verdict::reject_row, "malformed"));
    return answer;
  }
  answer = take(items, told_at.back());
  if (fault == PlatformFault::crash_after) throw Crash{};
  if (fault == PlatformFault::lost_after) return trouble(Action::retry, "timeout", true);
  if (answers_short && items.size() > 1) answer.outcomes.pop_back();
  return answer;
}

connect::Answer FakeSink::take(std::span<const connect::Item> items, const std::string& target) {
  connect::Answer answer;
  std::vector<Outcome> later;
  std::vector<std::string> ids;
  for (const auto& item : items) {
    const Row row = row_of(item);
    ids.push_back(row.id);
    bodies.push_back(item.body);
    later.push_back(outcome(Verdict::accepted, ""));
    auto wait = postponed.find(row.id);
    auto refusal = refused.find(row.id);
    auto late = refused_later.find(row.id);
    if (wait != postponed.end()) {
      answer.outcomes.push_back(wait->second);
      postponed.erase(wait);
    } else if (refusal != refused.end()) {
      answer.outcomes.push_back(outcome(Verdict::reject_row, refusal->second));
    } else if (late != refused_later.end() || refuses_all_later) {
      answer.outcomes.push_back(outcome(Verdict::accepted, ""));
      later.back() = refuses_all_later ? outcome(Verdict::reject_row, "action_closed") : late->second;
    } else {
      answer.outcomes.push_back(take_row(item));
      if (answer.outcomes.back().verdict == Verdict::accepted)
        uploader->log.push_back({clock_.system_now(), target, item.body});
    }
  }
  arrived.push_back(ids);
  answer.receipt = receipt_for(answer.outcomes, later);
  return answer;
}

std::string FakeSink::receipt_for(const std::vector<Outcome>& answered, const std::vector<Outcome>& later) {
  if (rules.receipt == Receipt::none) return "";
  const std::string receipt = "r" + std::to_string(++receipts_);
  for (std::size_t i = 0; i < later.size(); ++i) {
    const bool taken_in = answered[i].verdict == Verdict::accepted;
    processed_[receipt].push_back({taken_in ? later[i] : answered[i], taken_in});
  }
  return receipt;
}

Outcome FakeSink::take_row(const connect::Item& item) {
  const Row row = row_of(item);
  return row.operation == "upload" ? upload(row.id, row.micros, row.currency) : adjust(item);
}

Outcome FakeSink::upload(const std::string& id, std::int64_t micros, const std::string& currency) {
  const Timestamp now = clock_.system_now();
  auto known = uploader->believed.find(id);
  if (known == uploader->believed.end()) {
    uploader->believed[id] = {.micros = micros, .currency = currency, .counted = 1, .first_at = now, .ended = false};
    return outcome(Verdict::accepted, "");
  }
  Belief& b = known->second;
  const bool repeat = rules.dedup.exists && (!rules.dedup.window || now < b.first_at + *rules.dedup.window);
  if (!repeat) {
    b.micros += micros;
    ++b.counted;
  } else if (rules.dedup.repeat_overwrites && !b.ended) {
    b.micros = micros;
    b.currency = currency;
  }
  return outcome(Verdict::accepted, "");
}

Outcome FakeSink::adjust(const connect::Item& item) {
  const Row row = row_of(item);
  auto known = uploader->believed.find(row.id);
  if (known == uploader->believed.end()) return outcome(Verdict::reject_row, "no_original");
  Belief& b = known->second;
  const bool is_repeat = !b.adjusted.insert(item.dedup_key).second;
  if (is_repeat && (!rules.dedup.exists || rules.dedup.of_uploads_alone)) ++b.counted;
  if (b.ended) return outcome(Verdict::accepted, "");  // ignored without an error
  b.micros = row.micros;
  b.currency = row.currency;
  b.ended = row.micros == 0 && rules.zero == ZeroRule::final_retraction;
  return outcome(Verdict::accepted, "");
}

Result<std::vector<connect::Confirmation>> FakeSink::confirm(std::span<const std::string> receipts,
                                                             const connect::Target&, connect::Context context) {
  ++confirms;
  token = context.stop;
  if (!confirm_errors.empty()) {
    Error e = confirm_errors.front();
    confirm_errors.pop_front();
    return e;
  }
  std::vector<connect::Confirmation> out;
  for (const auto& receipt : receipts) {
    if (unanswered.contains(receipt)) continue;
    connect::Confirmation c;
    c.receipt = receipt;
    auto fates = processed_.find(receipt);
    if (!forgets && fates != processed_.end()) {
      c.is_final = true;
      std::map<std::string, std::pair<Outcome, std::size_t>> by_code;
      for (const auto& [fate, taken_in] : fates->second) {
        if (rules.receipt == Receipt::row) c.rows.push_back(fate);
        if (!taken_in) continue;
        if (fate.verdict == Verdict::accepted) {
          ++c.accepted;
        } else if (++by_code[fate.code].second == 1) {
          by_code[fate.code].first = fate;
        }
      }
      for (auto& [code, refusal] : by_code) c.refused.push_back(refusal);
      if (c.accepted > 1) c.accepted -= uncounted;
      if (confirms_short && c.rows.size() > 1) c.rows.erase(c.rows.begin());
    }
    out.push_back(std::move(c));
  }
  return out;
}

Result<connect::Page<Record>> FakeRecords::pull(std::string_view, const connect::Cursor& cursor, std::size_t,
                                                connect::Context) {
  ++pulls;
  if (!errors.empty()) {
    Error e = errors.front();
    errors.pop_front();
    return e;
  }
  const std::size_t at = cursor.text.empty() ? 0 : std::stoul(cursor.text);
  connect::Page<Record> page;
  if (at < pages.size()) page = pages[at];
  page.next.text = std::to_string(std::min(at + 1, pages.size()));
  page.more = at + 1 < pages.size();
  page.sweep_complete = !page.more;
  return page;
}

}  // namespace hw::conformance
