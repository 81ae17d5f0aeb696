#include "connectors/hubspot/cursor.h"

#include "connectors/hubspot/json_access.h"

namespace hw::connectors::hubspot {

namespace {

constexpr int kCursorVersion = 1;

Error foreign_cursor() {
  return Error{
      Action::pause, "cursor", "the stored cursor was not written by this version of the hubspot connector", {}, false};
}

Result<json> open_cursor(const connect::Cursor& cursor, std::string_view kind) {
  json j = parse_json(cursor.text);
  if (!j.is_object() || text(j, "v") != std::to_string(kCursorVersion) || text(j, "kind") != kind)
    return foreign_cursor();
  return j;
}

std::optional<Timestamp> time_at(const json& j, const char* name) {
  const json* found = member(j, name);
  if (found == nullptr || !found->is_number_integer()) return {};
  return from_micros(found->get<std::int64_t>());
}

void put_time(json& j, const char* name, const std::optional<Timestamp>& at) {
  if (at) j[name] = to_micros(*at);
}

void put_text(json& j, const char* name, const std::string& value) {
  if (!value.empty()) j[name] = value;
}

SortForm sorts_of(const json& j) { return text(j, "sorts") == "text" ? SortForm::text : SortForm::object; }

void put_sorts(json& j, SortForm form) {
  if (form == SortForm::text) j["sorts"] = "text";
}

json cursor_of(const char* kind) { return {{"v", kCursorVersion}, {"kind", kind}}; }

}  // namespace

Result<Position> read_position(const connect::Cursor& cursor) {
  Position p;
  if (cursor.text.empty()) return p;
  Result<json> j = open_cursor(cursor, "changes");
  if (!j) return j.error();
  p.listing = text(*j, "phase") == "list";
  p.mark = time_at(*j, "mark");
  p.after = text(*j, "after");
  p.until = time_at(*j, "until");
  p.last_id = text(*j, "last_id");
  p.sorts = sorts_of(*j);
  if (!p.mark || (!p.last_id.empty() && !is_id(p.last_id))) return foreign_cursor();
  return p;
}

connect::Cursor write(const Position& p) {
  json j = cursor_of("changes");
  j["phase"] = p.listing ? "list" : "search";
  put_time(j, "mark", p.mark);
  put_text(j, "after", p.after);
  put_time(j, "until", p.until);
  put_text(j, "last_id", p.last_id);
  put_sorts(j, p.sorts);
  return {j.dump()};
}

Result<Round> read_round(const connect::Cursor& cursor) {
  Round r;
  if (cursor.text.empty()) return r;
  Result<json> j = open_cursor(cursor, "round");
  if (!j) return j.error();
  r.open = text(*j, "open") == "true";
  r.after = text(*j, "after");
  r.due = time_at(*j, "due");
  r.sorts = sorts_of(*j);
  return r;
}

connect::Cursor write(const Round& r) {
  json j = cursor_of("round");
  j["open"] = r.open;
  put_text(j, "after", r.after);
  put_time(j, "due", r.due);
  put_sorts(j, r.sorts);
  return {j.dump()};
}

}  // namespace hw::connectors::hubspot
