#include "conformance/plain_normaliser.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace hw::conformance {
namespace {

std::string digits_of(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) { return c >= '0' && c <= '9'; });
  return out;
}

std::string email_of(std::string_view text) { return to_lower_ascii(trim(text)); }

/// "jane@example.com" -> "j…e@example.com"
std::string masked(const std::string& email) {
  const std::size_t at = email.find('@');
  return at == 0 ? email : email.substr(0, 1) + "…" + email.substr(at - 1);
}

void keep_email(const connect::RawPerson& raw, RecordState& out, std::vector<std::string>& notes) {
  if (!raw.email_hash_form.empty()) {
    if (is_sha256_hex(trim(raw.email))) {
      out.hashes[raw.email_hash_form].push_back(to_lower_ascii(trim(raw.email)));
    } else {
      notes.push_back("email: not a SHA-256");
    }
    return;
  }
  const std::string email = email_of(raw.email);
  if (email.find('@') == std::string::npos) {
    notes.push_back("email: no @");
    return;
  }
  out.hashes["email"].push_back(sha256_hex(email));
  out.masked_email = masked(email);
}

void keep_phone(const connect::RawPerson& raw, RecordState& out, std::vector<std::string>& notes) {
  if (!raw.phone_hash_form.empty()) {
    if (is_sha256_hex(trim(raw.phone))) {
      out.hashes[raw.phone_hash_form].push_back(to_lower_ascii(trim(raw.phone)));
    } else {
      notes.push_back("phone: not a SHA-256");
    }
    return;
  }
  const std::string digits = digits_of(raw.phone);
  if (digits.size() < 6) {
    notes.push_back("phone: too few digits");
    return;
  }
  out.hashes["phone_e164"].push_back(sha256_hex("+" + digits));
  out.hashes["phone_digits"].push_back(sha256_hex(digits));
}

void add_identifiers(const Hashes& hashes, const char* form, const char* type, std::vector<Identifier>& out) {
  const auto it = hashes.find(form);
  if (it == hashes.end()) return;
  for (const std::string& hash : it->second) out.push_back({type, hash});
}

}  // namespace

void PlainNormaliser::keep(const connect::RawPerson& raw, RecordState& out, std::vector<std::string>& notes) const {
  if (!trim(raw.email).empty()) keep_email(raw, out, notes);
  if (!trim(raw.phone).empty()) keep_phone(raw, out, notes);
  add_identifiers(out.hashes, "email", "email_sha256", out.identifiers);
  add_identifiers(out.hashes, "phone_e164", "phone_sha256", out.identifiers);
}

std::vector<Identifier> PlainNormaliser::identifiers(const connect::RawPerson& raw) const {
  RecordState kept;
  std::vector<std::string> notes;
  keep(raw, kept, notes);
  return kept.identifiers;
}

bool PlainNormaliser::usable(const Identifier& id) const {
  const std::string value = to_lower_ascii(trim(id.value));
  for (const std::string_view placeholder : {"", "undefined", "null", "(not set)", "0"}) {
    if (value == placeholder) return false;
  }
  return value.find_first_not_of('0') != std::string::npos && value.size() <= 512;
}

std::string PlainNormaliser::country(std::string_view text) const {
  std::string code(trim(text));
  if (code.size() != 2) return "";
  for (char& c : code) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (c < 'A' || c > 'Z') return "";
  }
  return code;
}

}  // namespace hw::conformance
