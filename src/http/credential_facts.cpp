#include "http/credential_facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace hw::http {
namespace {

using nlohmann::json;

void put_time(json& out, const char* name, const std::optional<SystemTime>& at) {
  if (at) out[name] = at->time_since_epoch().count();
}

std::optional<SystemTime> time_in(const json& in, const char* name) {
  const auto it = in.find(name);
  if (it == in.end() || !it->is_number_integer()) return std::nullopt;
  return SystemTime(Duration(it->get<std::int64_t>()));
}

std::string text_in(const json& in, const char* name) {
  const auto it = in.find(name);
  return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool flag_in(const json& in, const char* name) {
  const auto it = in.find(name);
  return it != in.end() && it->is_boolean() && it->get<bool>();
}

/// 32 bits of a hash of a hash: enough to tell two tokens apart, of no use to who would guess one.
std::string mark_of(const Secret& token) { return sha256_hex("mark " + sha256_hex(token.reveal())).substr(0, 8); }

}  // namespace

std::string facts_key(const std::string& credential) { return "credential/" + credential; }

CredentialFacts read_facts(const std::string& text) {
  const json in = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!in.is_object()) return {};
  return {.by_login = flag_in(in, "by_login"),
          .rotated = flag_in(in, "rotated"),
          .since = time_in(in, "since"),
          .ends_at = time_in(in, "ends_at"),
          .refreshed_at = time_in(in, "refreshed_at"),
          .failed_at = time_in(in, "failed_at"),
          .failure = text_in(in, "failure"),
          .signed_out = flag_in(in, "signed_out"),
          .token_mark = text_in(in, "token_mark")};
}

std::string facts_text(const CredentialFacts& facts) {
  json out = {{"by_login", facts.by_login},
              {"rotated", facts.rotated},
              {"failure", facts.failure},
              {"signed_out", facts.signed_out},
              {"token_mark", facts.token_mark}};
  put_time(out, "since", facts.since);
  put_time(out, "ends_at", facts.ends_at);
  put_time(out, "refreshed_at", facts.refreshed_at);
  put_time(out, "failed_at", facts.failed_at);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

CredentialFacts after_success(CredentialFacts facts, const RefreshToken& token, std::optional<Duration> told_life,
                              SystemTime now) {
  const std::string mark = token.token.empty() ? "" : mark_of(token.token);
  if (facts.token_mark != mark) facts.ends_at.reset();
  if (told_life) facts.ends_at = now + *told_life;
  facts.token_mark = mark;
  facts.by_login = token.by_login;
  facts.rotated = token.rotated;
  facts.since = token.since;
  facts.refreshed_at = now;
  facts.signed_out = false;
  return facts;
}

CredentialFacts after_failure(CredentialFacts facts, const Error& error, SystemTime now) {
  facts.failed_at = now;
  facts.failure = error.detail;
  facts.signed_out = error.action == Action::pause && error.code == "credential";
  return facts;
}

std::optional<SystemTime> ends_at(const std::optional<SystemTime>& configured, const CredentialFacts& facts) {
  if (configured && facts.ends_at) return std::min(*configured, *facts.ends_at);
  return configured ? configured : facts.ends_at;
}

}  // namespace hw::http
