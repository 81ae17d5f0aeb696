#include "http/refresh_token.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace hw::http {
namespace {

using nlohmann::json;

std::string kept_text(const json& kept, const char* name) {
  const auto it = kept.find(name);
  return it != kept.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool kept_flag(const json& kept, const char* name, bool otherwise) {
  const auto it = kept.find(name);
  return it != kept.end() && it->is_boolean() ? it->get<bool>() : otherwise;
}

std::optional<SystemTime> kept_time(const json& kept, const char* name) {
  const auto it = kept.find(name);
  if (it == kept.end() || !it->is_number_integer()) return std::nullopt;
  return SystemTime(Duration(it->get<std::int64_t>()));
}

std::string seed_of(const Credential& credential) { return sha256_hex(credential.refresh_token.reveal()); }

}  // namespace

std::string refresh_token_key(const Credential& credential) { return "token/" + credential.name; }

RefreshToken present_refresh_token(StateStore& state, const Credential& credential) {
  const json kept = json::parse(state.load(refresh_token_key(credential)).value_or(""), nullptr, false);
  const std::string token = kept.is_object() ? kept_text(kept, "token") : "";
  if (token.empty() || kept_text(kept, "seed") != seed_of(credential)) return {.token = credential.refresh_token};
  return {.token = Secret(token),
          .by_login = kept_flag(kept, "by_login", false),
          .rotated = kept_flag(kept, "rotated", true),
          .since = kept_time(kept, "since")};
}

Status keep_refresh_token(StateStore& state, const Credential& credential, const RefreshToken& token) {
  json kept = {{"seed", seed_of(credential)},
               {"token", token.token.reveal()},
               {"by_login", token.by_login},
               {"rotated", token.rotated}};
  if (token.since) kept["since"] = token.since->time_since_epoch().count();
  return state.save(refresh_token_key(credential), kept.dump(-1, ' ', false, json::error_handler_t::replace),
                    /*secret=*/true);
}

}  // namespace hw::http
