#include "ledger/item_json.h"

// Each row that leaves is read here: nlohmann's reader took a tenth of all of delivery's time.
#include <rapidjson/document.h>

#include <cstddef>
#include <nlohmann/json.hpp>

namespace hw::ledger {
namespace {

using nlohmann::json;
using rapidjson::Value;

Error unreadable() {
  return {Action::reject_row,
          "item",
          "the ledger row's item cannot be read: the store was changed by another program",
          {},
          false};
}

std::string_view view(const Value& v) { return {v.GetString(), v.GetStringLength()}; }

/// False unless `from` has such a member of that type.
bool read(const Value& from, const char* name, std::string& out) {
  const auto member = from.FindMember(name);
  if (member == from.MemberEnd() || !member->value.IsString()) return false;
  out = view(member->value);
  return true;
}

bool read(const Value& from, const char* name, Timestamp& out) {
  const auto member = from.FindMember(name);
  if (member == from.MemberEnd() || !member->value.IsInt64()) return false;
  out = from_micros(member->value.GetInt64());
  return true;
}

bool read(const Value& from, const char* name, std::vector<std::string>& out) {
  const auto member = from.FindMember(name);
  if (member == from.MemberEnd() || !member->value.IsArray()) return false;
  for (const Value& each : member->value.GetArray()) {
    if (!each.IsString()) return false;
    out.emplace_back(view(each));
  }
  return true;
}

}  // namespace

std::string item_to_json(const connect::Item& item) {
  return json{{"body", item.body},
              {"dedup_key", item.dedup_key},
              {"group", item.group},
              {"not_before", to_micros(item.not_before)},
              {"expires_at", to_micros(item.expires_at)},
              {"click_type", item.click_type},
              {"click_value", item.click_value},
              {"identifier_types", item.identifier_types},
              {"form", item.form}}
      .dump();
}

Result<connect::Item> item_from_json(std::string_view text) {
  // On the stack: a pool of its own for each row took as long as the reading.
  alignas(std::max_align_t) char values[8192];
  alignas(std::max_align_t) char stack[1024];
  rapidjson::MemoryPoolAllocator<> for_values(values, sizeof values), for_stack(stack, sizeof stack);
  rapidjson::GenericDocument<rapidjson::UTF8<>, rapidjson::MemoryPoolAllocator<>, rapidjson::MemoryPoolAllocator<>>
      from(&for_values, sizeof stack / 2, &for_stack);
  connect::Item item;
  const bool whole = !from.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size()).HasParseError() &&
                     from.IsObject() && read(from, "body", item.body) && read(from, "dedup_key", item.dedup_key) &&
                     read(from, "group", item.group) && read(from, "not_before", item.not_before) &&
                     read(from, "expires_at", item.expires_at) && read(from, "click_type", item.click_type) &&
                     read(from, "click_value", item.click_value) &&
                     read(from, "identifier_types", item.identifier_types);
  if (!whole) return unreadable();
  read(from, "form", item.form);  // rows of before it was kept have none
  return item;
}

}  // namespace hw::ledger
