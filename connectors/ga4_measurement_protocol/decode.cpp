#include "connectors/ga4_measurement_protocol/decode.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace hw::connectors::ga4_measurement_protocol {

using connect::Answer;
using connect::Outcome;
using connect::Scope;
using connect::Verdict;
using nlohmann::json;

namespace {

struct Message {
  std::string field, code, detail;
};

/// Vendor text for people: one short line of printable ASCII.
std::string tidy(std::string_view text) {
  constexpr std::size_t kMaxDetail = 300;
  std::string out(text.substr(0, kMaxDetail));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

std::string text(const json& j, const char* name) {
  if (!j.is_object()) return "";
  const auto it = j.find(name);
  return it != j.end() && it->is_string() ? it->get<std::string>() : "";
}

Message read_message(const json& j) {
  Message m{
      .field = text(j, "fieldPath"), .code = code_of(text(j, "validationCode")), .detail = text(j, "description")};
  if (!m.field.empty()) m.detail += " (" + m.field + ")";
  m.detail = tidy(m.detail);
  return m;
}

bool is_success(const http::Response& r) { return r.status >= 200 && r.status < 300; }

Error unreadable(const char* detail) {
  return {.action = Action::retry, .code = "bad_answer", .detail = detail, .maybe_applied = true};
}

/// What the status says of all rows. One that blames the request may be about a single row of it.
Error refused(const http::Response& response, std::size_t items, SystemTime now) {
  Error e = http::classify_status(response, now);
  if (e.action == Action::reject_row && items > 1) e.action = Action::reject_batch;
  return e;
}

Outcome rejected(const Message& m) {
  return {.verdict = Verdict::reject_row, .scope = Scope::row, .code = m.code, .detail = m.detail, .after = {}};
}

Outcome halved(const Message& m) {
  return {.verdict = Verdict::reject_batch, .scope = Scope::request, .code = m.code, .detail = m.detail, .after = {}};
}

/// Google names an event in its words ("Event at index: [2] has invalid name ...") beside the path "events".
std::optional<std::size_t> event_named_by(const Message& m) {
  if (const auto row = event_of(m.field)) return row;
  constexpr std::string_view kSaid = "Event at index: ";
  if (!m.detail.starts_with(kSaid)) return std::nullopt;
  return event_of("events" + m.detail.substr(kSaid.size()));
}

/// Nothing is said of this row: it goes again without those that were named.
Outcome bystander() {
  return {.verdict = Verdict::retry,
          .scope = Scope::request,
          .code = "batch_refused",
          .detail = "another event of the request was refused",
          .after = Duration::zero(),
          .spends_attempt = false};
}

std::vector<Outcome> judge(const std::vector<Message>& messages, std::size_t items) {
  std::vector<Outcome> out(items, bystander());
  bool any = false;
  for (const Message& m : messages) {
    const std::optional<std::size_t> row = items == 1 ? std::size_t{0} : event_named_by(m);
    if (!row || *row >= items) continue;
    Outcome& o = out[*row];
    any = true;
    // The first message gives the code, the text of all is kept.
    if (o.verdict == Verdict::reject_row)
      o.detail = tidy(o.detail + "; " + m.detail);
    else
      o = rejected(m);
  }
  if (!any) out.assign(items, halved(messages.front()));
  return out;
}

}  // namespace

std::string code_of(std::string_view validation_code) {
  std::string out = to_lower_ascii(validation_code);
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '_';
  return out.empty() ? "invalid" : out;
}

std::optional<std::size_t> event_of(std::string_view path) {
  constexpr std::string_view kList = "events[";
  if (!path.starts_with(kList)) return std::nullopt;
  std::size_t n = 0;
  const char* const last = path.data() + path.size();
  const auto [end, error] = std::from_chars(path.data() + kList.size(), last, n);
  if (error != std::errc{} || end == last || *end != ']') return std::nullopt;
  return n;
}

Result<Answer> collect_answer(const http::Response& response, std::size_t items, SystemTime now) {
  if (!is_success(response)) return refused(response, items, now);
  if (!trim(response.body).empty())
    return unreadable("the answer has a body, which those of /mp/collect never have: something else answered");
  return Answer{.outcomes = std::vector<Outcome>(items), .receipt = ""};
}

Result<Answer> validation_answer(const http::Response& response, std::size_t items, SystemTime now) {
  if (!is_success(response)) return refused(response, items, now);
  const json j = json::parse(response.body, nullptr, false);
  const auto list = j.is_object() ? j.find("validationMessages") : j.end();
  if (!j.is_object() || list == j.end() || !list->is_array())
    return unreadable("the answer of the validation endpoint holds no validationMessages");
  std::vector<Message> messages;
  for (const json& m : *list) messages.push_back(read_message(m));
  if (messages.empty()) return Answer{.outcomes = std::vector<Outcome>(items), .receipt = ""};
  return Answer{.outcomes = judge(messages, items), .receipt = ""};
}

}  // namespace hw::connectors::ga4_measurement_protocol
