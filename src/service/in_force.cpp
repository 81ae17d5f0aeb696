#include "service/in_force.h"

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "service/lock.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using nlohmann::json;

constexpr const char* kInForce = "configuration_in_force";

std::string absolute(const std::string& path) {
  std::error_code unknown;
  const auto found = std::filesystem::weakly_canonical(path, unknown);
  return unknown ? path : found.string();
}

/// What the process `holder` noted of that main file.
std::vector<settings::Document> noted(const std::string& text, const std::string& main_file,
                                      const std::string& holder) {
  std::vector<settings::Document> out;
  try {
    const json j = json::parse(text);
    if (j.at("main_file") != absolute(main_file) || j.at("process") != holder) return out;
    for (const json& d : j.at("documents"))
      out.push_back({.name = d.at("name").get<std::string>(), .text = d.at("text").get<std::string>()});
  } catch (const json::exception&) {
    out.clear();  // another version's, or none
  }
  return out;
}

}  // namespace

Status note_in_force(store::Db& db, const std::string& main_file, const std::vector<settings::Document>& documents) {
  json kept{{"process", std::to_string(::getpid())}, {"main_file", absolute(main_file)}, {"documents", json::array()}};
  for (const auto& d : documents) kept["documents"].push_back({{"name", d.name}, {"text", d.text}});
  return db.transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::set_state(tx, kInForce, kept.dump());
    return {};
  });
}

std::optional<settings::Loaded> in_force(const std::string& main_file, const connect::Registry& registry) {
  const std::string state_dir = settings::state_directory_of(main_file);
  const auto holder = Lock::holder(state_dir);
  if (!holder) return std::nullopt;
  auto db = store::Db::open({.path = state_dir + "/headwater.db", .postgres = {}, .create = false, .read_only = true});
  if (!db) return std::nullopt;
  auto text = (*db)->read(
      [](store::Tx& tx) -> Result<std::string> { return store::service_rows::state(tx, kInForce).value_or(""); });
  if (!text) return std::nullopt;
  auto loaded = settings::load_again(main_file, noted(*text, main_file, *holder), registry,
                                     {.credentials_directory = "", .resolve_secrets = false});
  auto* good = std::get_if<settings::Loaded>(&loaded);
  return good != nullptr && good->settings.state_dir == state_dir ? std::optional(std::move(*good)) : std::nullopt;
}

}  // namespace hw::service
