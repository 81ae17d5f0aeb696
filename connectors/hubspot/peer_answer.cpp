#include "connectors/hubspot/peer_answer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace hw::sandbox::hubspot {

HttpResponse answer(int status, const json& body) {
  HttpResponse r;
  r.status = status;
  r.headers.emplace_back("Content-Type", "application/json;charset=utf-8");
  r.body = body.dump();
  return r;
}

HttpResponse answer(const Refused& refused, std::uint64_t number) {
  json body = {{"status", "error"},
               {"message", refused.message},
               {"correlationId", fmt::format("00000000-0000-4000-8000-{:012x}", number)}};
  if (!refused.category.empty()) body["category"] = refused.category;
  for (const auto& [name, value] : refused.more.items()) body[name] = value;
  return answer(refused.status, body);
}

std::string http_date(Timestamp t) {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<std::chrono::days>(t);
  const year_month_day date(day);
  const hh_mm_ss time(floor<seconds>(t - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

void allow_query(const HttpRequest& request, const std::set<std::string>& allowed) {
  for (const auto& [name, value] : request.query)
    if (!allowed.contains(name))
      throw Refused{.status = 400, .message = fmt::format("unknown query parameter '{}'", name)};
}

std::string query_or(const HttpRequest& request, const std::string& name, const std::string& otherwise) {
  auto it = request.query.find(name);
  return it == request.query.end() ? otherwise : it->second;
}

bool query_flag(const HttpRequest& request, const std::string& name) {
  const std::string value = query_or(request, name, "false");
  if (value != "true" && value != "false")
    throw Refused{.status = 400, .message = fmt::format("'{}' is not a boolean", name)};
  return value == "true";
}

std::size_t query_size(const HttpRequest& request, const std::string& name, std::size_t otherwise,
                       std::size_t largest) {
  const std::int64_t n = number_of(query_or(request, name, std::to_string(otherwise)), name);
  if (n < 1 || n > static_cast<std::int64_t>(largest))
    throw Refused{.status = 400, .message = fmt::format("'{}' must be within 1 and {}", name, largest)};
  return static_cast<std::size_t>(n);
}

std::vector<std::string> query_list(const HttpRequest& request, const std::string& name) {
  std::vector<std::string> out;
  const std::string text = query_or(request, name, "");
  if (text.empty()) return out;
  for (std::string_view part : split(text, ',')) out.emplace_back(part);
  return out;
}

json object_body(const HttpRequest& request, const std::set<std::string>& required,
                 const std::set<std::string>& allowed) {
  auto type = request.headers.find("content-type");
  if (type == request.headers.end() || !type->second.starts_with("application/json"))
    throw Refused{.status = 415, .category = "", .message = "Unsupported Media Type"};
  json body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_discarded()) throw Refused{.status = 400, .message = "Invalid input JSON"};
  check_members(body, required, allowed, "the body");
  return body;
}

void check_members(const json& j, const std::set<std::string>& required, const std::set<std::string>& allowed,
                   const std::string& where) {
  if (!j.is_object()) throw Refused{.status = 400, .message = where + " is no object"};
  for (const std::string& name : required)
    if (!j.contains(name))
      throw Refused{.status = 400, .message = fmt::format("required member '{}' of {} is not set", name, where)};
  for (const auto& [name, value] : j.items())
    if (!allowed.contains(name))
      throw Refused{.status = 400, .message = fmt::format("unknown member '{}' of {}", name, where)};
}

const std::string& string_of(const json& j, const std::string& where) {
  if (!j.is_string()) throw Refused{.status = 400, .message = where + " is no string"};
  return j.get_ref<const std::string&>();
}

std::vector<std::string> strings_of(const json& j, const std::string& where) {
  std::vector<std::string> out;
  for (const json& one : array_of(j, where)) out.push_back(string_of(one, where));
  return out;
}

const json& array_of(const json& j, const std::string& where) {
  if (!j.is_array()) throw Refused{.status = 400, .message = where + " is no list"};
  return j;
}

std::int64_t number_of(const std::string& digits, const std::string& where) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw Refused{.status = 400, .message = fmt::format("{} is no whole number", where)};
  return n;
}

}  // namespace hw::sandbox::hubspot
