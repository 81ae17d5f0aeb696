#include "service/in_force.h"

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/hash.h"

namespace hw::service {
namespace {

using nlohmann::json;

constexpr int kReads = 5;
constexpr std::chrono::milliseconds kReadAgain(10);

/// The name by which the daemon was given it, whatever a link leads to by now; paths need be no text.
std::string name_of(const std::string& main_file) {
  std::error_code unknown;
  const auto path = std::filesystem::absolute(main_file, unknown);
  return sha256_hex((unknown ? std::filesystem::path(main_file) : path).lexically_normal().string());
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

/// A note that is being written at this instant is none yet.
std::optional<InForceNote> note_of_holder(const std::string& state_dir) {
  for (int look = 0; look < kReads; ++look) {
    const auto holder = Lock::holder(state_dir);
    if (!holder || holder->note.empty()) return std::nullopt;
    if (auto note = noted(holder->note)) return note;
    std::this_thread::sleep_for(kReadAgain);
  }
  return std::nullopt;
}

}  // namespace

std::string files_fingerprint(const std::vector<settings::Document>& documents, const std::string& channels) {
  std::string all = channels;
  for (const auto& d : documents) all += '\0' + d.name + '\0' + d.text;
  return sha256_hex(all);
}

Status note_in_force(const Lock& lock, const InForceNote& note) {
  json kept{{"main_file", name_of(note.main_file)},
            {"channels", note.channels},
            {"refused", note.refused},
            {"documents", json::array()}};
  for (const auto& d : note.documents) kept["documents"].push_back({{"name", d.name}, {"text", d.text}});
  return lock.note(kept.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::optional<InForce> in_force(const std::string& main_file, const connect::Registry& registry,
                                const std::string& good_files) {
  const std::string state_dir = settings::state_directory_of(main_file);
  const auto note = note_of_holder(state_dir);
  if (!note || note->main_file != name_of(main_file)) return std::nullopt;
  if (!good_files.empty() && note->refused != good_files) return std::nullopt;
  auto loaded = settings::load_again(main_file, note->documents, registry,
                                     {.credentials_directory = "", .resolve_secrets = false});
  auto* good = std::get_if<settings::Loaded>(&loaded);
  if (good == nullptr || good->settings.state_dir != state_dir) return std::nullopt;
  return InForce{.loaded = std::move(*good), .channels = note->channels};
}

}  // namespace hw::service
