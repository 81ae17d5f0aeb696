#include "ledger/item_json.h"

#include <nlohmann/json.hpp>

namespace hw::ledger {

using nlohmann::json;

std::string item_to_json(const connect::Item& item) {
  return json{{"body", item.body},
              {"dedup_key", item.dedup_key},
              {"group", item.group},
              {"not_before", to_micros(item.not_before)},
              {"expires_at", to_micros(item.expires_at)},
              {"click_type", item.click_type},
              {"click_value", item.click_value},
              {"identifier_types", item.identifier_types}}
      .dump();
}

Result<connect::Item> item_from_json(std::string_view text) {
  try {
    const json j = json::parse(text);
    connect::Item item;
    item.body = j.at("body").get<std::string>();
    item.dedup_key = j.at("dedup_key").get<std::string>();
    item.group = j.at("group").get<std::string>();
    item.not_before = from_micros(j.at("not_before").get<std::int64_t>());
    item.expires_at = from_micros(j.at("expires_at").get<std::int64_t>());
    item.click_type = j.at("click_type").get<std::string>();
    item.click_value = j.at("click_value").get<std::string>();
    item.identifier_types = j.at("identifier_types").get<std::vector<std::string>>();
    return item;
  } catch (const json::exception&) {
    return Error{Action::reject_row,
                 "item",
                 "the ledger row's item cannot be read: the store was changed by another program",
                 {},
                 false};
  }
}

}  // namespace hw::ledger
