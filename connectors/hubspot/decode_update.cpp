#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "connectors/hubspot/decode.h"
#include "connectors/hubspot/json_access.h"

/// Batch reads and updates of source fields.
namespace hw::connectors::hubspot {

namespace {

using connect::FieldValues;
using connect::Outcome;
using connect::Scope;
using connect::Verdict;
using Changes = std::span<const FieldValues>;

/// HubSpot writes times with milliseconds, Headwater without: a time that came back so is no other value.
std::string as_written(std::string value) {
  constexpr std::string_view zero = ".000Z";
  if (value.size() == 24 && value.ends_with(zero) && value[10] == 'T')
    value.replace(value.size() - zero.size(), zero.size(), "Z");
  return value;
}

FieldValues read_values(const RecordRef& ref, const json& result, std::span<const std::string> properties) {
  FieldValues out{ref, {}};
  const json* found = member(result, "properties");
  for (const std::string& name : properties)
    out.values[name] = found == nullptr ? std::string() : as_written(text(*found, name.c_str()));
  return out;
}

// ------------------------------------------------------------------------------------------------ what is wrong

/// One thing that HubSpot finds wrong.
struct Problem {
  std::string code, message;
  std::vector<std::string> properties;
};

/// An error as HubSpot writes it: an entry of "errors", or a refusal as a whole.
struct Complaint {
  std::string category;
  std::vector<Problem> problems;  ///< at least one
  std::set<std::size_t> rows;     ///< whom it names; empty = nobody
};

std::vector<std::string> texts(const json& value) {
  std::vector<std::string> out;
  if (!value.is_array()) return {text(value)};
  for (const json& one : value) out.push_back(text(one));
  return out;
}

bool contains_ci(std::string_view s, std::string_view word) {
  return to_lower_ascii(s).find(word) != std::string::npos;
}

void add_traced(std::string_view trace, Changes changes, std::set<std::size_t>& rows) {
  std::size_t row = 0;
  const auto [end, error] = std::from_chars(trace.data(), trace.data() + trace.size(), row);
  if (error == std::errc() && end == trace.data() + trace.size() && row < changes.size()) rows.insert(row);
}

void add_named(std::string_view id, Changes changes, std::set<std::size_t>& rows) {
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (changes[i].ref.id == id) rows.insert(i);
}

/// The rows that members of a context name: a trace id stands under a name that says so, an id is known by being one
/// that was sent. `is_meant` chooses the members by name.
void locate_in(const json& context, Changes changes, bool (*is_meant)(std::string_view), std::set<std::size_t>& rows) {
  for (const auto& [name, value] : context.items()) {
    if (!is_meant(name)) continue;
    for (const std::string& one : texts(value))
      contains_ci(name, "trace") ? add_traced(one, changes, rows) : add_named(one, changes, rows);
  }
}

/// The names of a context's members are not published but for examples. Where one of those names a row, another member
/// (an owner, an associated record) may hold the id of a record that has nothing to do with it.
void locate(const json& error, Changes changes, std::set<std::size_t>& rows) {
  std::set<std::size_t> found;
  add_traced(text(error, "objectWriteTraceId"), changes, found);
  const json* context = member(error, "context");
  if (context != nullptr && context->is_object()) {
    locate_in(
        *context, changes, [](std::string_view n) { return n == "ids" || n == "id" || contains_ci(n, "trace"); },
        found);
    if (found.empty())
      locate_in(
          *context, changes, [](std::string_view) { return true; }, found);
  }
  rows.insert(found.begin(), found.end());
}

std::vector<std::string> properties_named(const json& error) {
  std::vector<std::string> out;
  if (const json* context = member(error, "context"); context != nullptr && context->is_object())
    for (const auto& [name, value] : context->items())
      if (contains_ci(name, "propert"))
        for (std::string& one : texts(value)) out.push_back(std::move(one));
  if (std::string name = text(error, "name"); !name.empty()) out.push_back(std::move(name));
  return out;
}

/// Validation errors also stand as JSON inside the message: `Property values were not valid: [{"error":...}]`.
void add_embedded(std::string_view message, std::vector<Problem>& problems) {
  const std::size_t at = message.find("[{");
  if (at == std::string_view::npos) return;
  const json all = parse_json(message.substr(at));
  if (!all.is_array()) return;
  for (const json& one : all) problems.push_back({text(one, "error"), text(one, "message"), properties_named(one)});
}

Complaint read_complaint(const json& error, const std::string& category, Changes changes) {
  Complaint out;
  out.category = text(error, "category").empty() ? category : text(error, "category");
  locate(error, changes, out.rows);
  for (const json& inner : list(error, "errors")) {
    locate(inner, changes, out.rows);
    const std::string code = text(inner, "code").empty() ? text(inner, "subCategory") : text(inner, "code");
    out.problems.push_back({code, text(inner, "message"), properties_named(inner)});
  }
  const std::string message = text(error, "message");
  if (out.problems.empty()) add_embedded(message, out.problems);
  if (out.problems.empty()) {
    const std::string code = text(error, "code").empty() ? text(error, "subCategory") : text(error, "code");
    out.problems.push_back({code, message, properties_named(error)});
  }
  return out;
}

// ------------------------------------------------------------------------------------------------ without values

void replace_all(std::string& s, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = s.find(from, at)) != std::string::npos; at += to.size())
    s.replace(at, from.size(), to);
}

std::string without_numbers(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    std::size_t end = i, digits = 0;
    while (end < s.size() && (std::string_view("0123456789").find(s[end]) != std::string_view::npos ||
                              (digits > 0 && std::string_view(" -./()").find(s[end]) != std::string_view::npos)))
      digits += s[end] >= '0' && s[end] <= '9' ? 1 : 0, ++end;
    while (end > i && (s[end - 1] < '0' || s[end - 1] > '9')) --end;
    if (digits >= 3) {
      out += '#';
      i = end;
    } else {
      const std::size_t next = std::max(end, i + 1);
      out += s.substr(i, next - i);
      i = next;
    }
  }
  return out;
}

/// HubSpot's words, shortened, without what they may quote: values that were sent, addresses, numbers.
std::string masked(std::string message, Changes changes) {
  for (const FieldValues& change : changes)
    for (const auto& [property, value] : change.values)
      if (value.size() >= 3) replace_all(message, value, "[value]");
  message = without_numbers(message);
  std::string out;
  for (std::string_view word : split(message, ' ')) {
    if (out.size() + word.size() > 200) return out + " ...";
    if (!out.empty()) out += ' ';
    out += word.find('@') == std::string_view::npos ? word : "[...]";
  }
  return out;
}

std::string label(std::string_view code, std::string_view otherwise) {
  std::string out = to_lower_ascii(code.empty() ? otherwise : code);
  for (char& c : out)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '_';
  return out.empty() ? "refused" : out.substr(0, 60);
}

std::string detail_of(const Complaint& c, Changes changes) {
  constexpr std::size_t most = 3;
  std::string out = fmt::format("HubSpot refuses ({})", c.category.empty() ? "without a category" : c.category);
  for (std::size_t i = 0; i < std::min(most, c.problems.size()); ++i) {
    const Problem& p = c.problems[i];
    const std::string message = masked(p.message, changes);
    out += i == 0 ? ": " : "; ";
    if (!p.properties.empty()) out += fmt::format("'{}': ", fmt::join(p.properties, "', '"));
    out += message.empty() ? label(p.code, "without a message") : message;
  }
  if (c.problems.size() > most) out += fmt::format("; and {} more", c.problems.size() - most);
  return out;
}

// --------------------------------------------------------------------------------------------------- what follows

/// Of the property itself: no other record would fare better.
bool is_of_the_field(const Complaint& c) {
  static const std::set<std::string> codes = {"property_doesnt_exist", "read_only_value", "invalid_integer",
                                              "invalid_long",          "invalid_float",   "invalid_date"};
  return std::any_of(c.problems.begin(), c.problems.end(),
                     [](const Problem& p) { return codes.contains(label(p.code, "")); });
}

Outcome outcome_of(const Complaint& c, Changes changes) {
  Outcome out;
  out.verdict = Verdict::reject_row;
  out.code = label(c.problems.front().code, c.category);
  out.detail = detail_of(c, changes);
  if (is_of_the_field(c)) {
    out.verdict = Verdict::pause;
    out.scope = Scope::destination;
  } else if (c.category == "MISSING_SCOPES" || c.category == "INVALID_AUTHENTICATION") {
    out.verdict = Verdict::pause;
    out.scope = Scope::connector;
  } else if (c.category == "RATE_LIMITS") {
    out.verdict = Verdict::retry;
    out.after = std::chrono::seconds(10);
    out.spends_attempt = false;
  } else if (c.category.find("ERROR") != std::string::npos && c.category != "VALIDATION_ERROR") {
    out.verdict = Verdict::retry;  // INTERNAL_ERROR and its like
  }
  return out;
}

/// Several errors of one row: a pause outranks a refusal, a refusal "again later"; else the first decides. The text of
/// all is kept.
void merge(std::optional<Outcome>& known, Outcome other) {
  if (!known) {
    known = std::move(other);
    return;
  }
  const auto rank = [](Verdict v) { return v == Verdict::pause ? 2 : v == Verdict::reject_row ? 1 : 0; };
  const std::string detail = known->detail == other.detail ? known->detail : known->detail + "; " + other.detail;
  if (rank(other.verdict) > rank(known->verdict)) known = std::move(other);
  known->detail = detail;
}

/// What errors say of the rows that they name.
std::vector<std::optional<Outcome>> named_rows(const json& errors, const std::string& category, Changes changes) {
  std::vector<std::optional<Outcome>> rows(changes.size());
  for (const json& error : errors) {
    const Complaint one = read_complaint(error, category, changes);
    for (std::size_t row : one.rows) merge(rows[row], outcome_of(one, changes));
  }
  return rows;
}

Outcome unanswered(std::string detail) {
  Outcome out;
  out.verdict = Verdict::retry;
  out.code = "no_answer";
  out.detail = std::move(detail);
  out.maybe_applied = true;
  return out;
}

/// A 400: nothing was written. Rows that it names are taken out; without a name the core looks for the row.
connect::Answer refused_whole(const json& body, Changes changes) {
  const Complaint whole = read_complaint(body, "", changes);
  Outcome all = outcome_of(whole, changes);
  connect::Answer answer{std::vector<Outcome>(changes.size(), all), ""};
  if (all.verdict != Verdict::reject_row || changes.size() == 1) return answer;
  if (whole.rows.empty()) {
    all.verdict = Verdict::reject_batch;
    all.scope = Scope::request;
    answer.outcomes.assign(changes.size(), all);
    return answer;
  }
  Outcome innocent;
  innocent.verdict = Verdict::retry;
  innocent.code = "other_row_refused";
  innocent.detail = "HubSpot refused the request for another record's sake";
  innocent.spends_attempt = false;
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (!whole.rows.contains(i)) answer.outcomes[i] = innocent;
  const auto named = named_rows(list(body, "errors"), whole.category, changes);
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (named[i]) answer.outcomes[i] = *named[i];
  return answer;
}

std::set<std::size_t> written_rows(const json& results, Changes changes) {
  std::set<std::size_t> rows;
  for (const json& result : results) {
    const std::string trace = text(result, "objectWriteTraceId");
    trace.empty() ? add_named(text(result, "id"), changes, rows) : add_traced(trace, changes, rows);
  }
  return rows;
}

}  // namespace

Result<std::vector<FieldValues>> decode_values(std::string_view body, std::span<const RecordRef> records,
                                               std::span<const std::string> properties) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  std::map<std::string, const RecordRef*> asked;
  for (const RecordRef& ref : records) asked[ref.id] = &ref;
  std::vector<FieldValues> out;
  for (const json& result : **results) {
    auto it = asked.find(text(result, "id"));
    if (it == asked.end() || text(result, "archived") == "true") continue;
    out.push_back(read_values(*it->second, result, properties));
    asked.erase(it);
  }
  return out;
}

Result<connect::Answer> decode_update(const http::Response& response, Changes changes) {
  const json body = parse_json(response.body);
  if (response.status == 400) return refused_whole(body, changes);
  Result<const json*> results = results_of(body);
  if (!results) {
    Error error = results.error();
    error.maybe_applied = true;
    return error;
  }
  const std::set<std::size_t> written = written_rows(**results, changes);
  const auto named = named_rows(list(body, "errors"), "", changes);
  std::set<std::size_t> open;
  connect::Answer answer{std::vector<Outcome>(changes.size()), ""};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (named[i])
      answer.outcomes[i] = *named[i];
    else if (!written.contains(i))
      open.insert(i);
  }
  std::optional<Complaint> of_nobody;
  for (const json& error : list(body, "errors"))
    if (Complaint one = read_complaint(error, "", changes); one.rows.empty()) of_nobody = std::move(one);
  // Every error is about some row: the only one left is the one.
  if (open.size() == 1 && of_nobody) {
    answer.outcomes[*open.begin()] = outcome_of(*of_nobody, changes);
    return answer;
  }
  const std::string why = of_nobody ? detail_of(*of_nobody, changes) : "HubSpot does not say what became of the record";
  for (std::size_t row : open) answer.outcomes[row] = unanswered(why);
  return answer;
}

}  // namespace hw::connectors::hubspot
