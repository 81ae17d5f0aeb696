#include "service/in_force.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace hw::service {
namespace {

using nlohmann::json;

std::string absolute(const std::string& path) {
  std::error_code unknown;
  const auto found = std::filesystem::weakly_canonical(path, unknown);
  return unknown ? path : found.string();
}

std::optional<InForceNote> noted(const std::string& text) {
  try {
    const json j = json::parse(text);
    InForceNote out{
        .main_file = j.at("main_file"), .documents = {}, .channels = j.at("channels"), .refused = j.at("refused")};
    for (const json& d : j.at("documents"))
      out.documents.push_back({.name = d.at("name").get<std::string>(), .text = d.at("text").get<std::string>()});
    return out;
  } catch (const json::exception&) {
    return std::nullopt;  // none yet, or another version's
  }
}

}  // namespace

Status note_in_force(const Lock& lock, const InForceNote& note) {
  json kept{{"main_file", absolute(note.main_file)},
            {"channels", note.channels},
            {"refused", note.refused},
            {"documents", json::array()}};
  for (const auto& d : note.documents) kept["documents"].push_back({{"name", d.name}, {"text", d.text}});
  return lock.note(kept.dump());
}

std::optional<InForce> in_force(const std::string& main_file, const connect::Registry& registry, bool files_are_good) {
  const std::string state_dir = settings::state_directory_of(main_file);
  const auto holder = Lock::holder(state_dir);
  const auto note = holder ? noted(holder->note) : std::nullopt;
  if (!note || note->main_file != absolute(main_file) || (files_are_good && !note->refused)) return std::nullopt;
  auto loaded = settings::load_again(main_file, note->documents, registry,
                                     {.credentials_directory = "", .resolve_secrets = false});
  auto* good = std::get_if<settings::Loaded>(&loaded);
  if (good == nullptr || good->settings.state_dir != state_dir) return std::nullopt;
  return InForce{.loaded = std::move(*good), .channels = note->channels};
}

}  // namespace hw::service
