#include "identity/normalise.h"

#include <algorithm>
#include <optional>

#include "base/hash.h"
#include "base/text.h"
#include "identity/countries.h"
#include "identity/domain.h"
#include "identity/forms.h"
#include "identity/phone.h"
#include "identity/placeholders.h"

namespace hw::identity {
namespace {

constexpr std::size_t kLongestIdentifier = 512;

/// What one value gave: hashes by form, at most one joining identifier, or the reason why nothing.
struct Kept {
  std::vector<std::pair<HashForm, std::string>> hashes;
  std::optional<Identifier> identifier;
  std::string normalised;  ///< of a raw e-mail; leaves this file masked or as its domain only
  std::string dropped;
};

Kept drop(std::string why) {
  Kept out;
  out.dropped = std::move(why);
  return out;
}

Kept hashed(const Forms& forms) {
  Kept out;
  for (const auto& [form, text] : forms) out.hashes.emplace_back(form, sha256_hex(text));
  return out;
}

/// A value that arrived hashed. `joining_form` is the form whose hash is the identifier `type`.
Kept prehashed(std::string_view hex, const std::string& form, bool is_known_form, std::string_view joining_form,
               const char* type) {
  std::string lower = to_lower_ascii(trim(hex));
  if (is_placeholder_hash(lower)) return drop("hash of a placeholder or of nothing");
  if (form.empty()) return drop("already a SHA-256, and its hash form is not stated");
  if (!is_known_form) return drop("already a SHA-256, in a hash form that is unknown: " + form);
  Kept out;
  out.hashes.emplace_back(form, lower);
  if (form == joining_form) out.identifier = Identifier{type, lower};
  return out;
}

bool has_control_character(std::string_view s) {
  return std::any_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

class HashingNormaliser final : public connect::Normaliser {
 public:
  HashingNormaliser(connect::KeepRules rules, const connect::Vocabulary& vocabulary)
      : rules_(std::move(rules)), vocabulary_(vocabulary), default_country_(country_code(rules_.default_country)) {}

  void keep(const connect::RawPerson& raw, RecordState& out, std::vector<std::string>& notes) const override {
    add(email(raw), "email", out, notes);
    add(phone(raw), "phone", out, notes);
    if (!rules_.names) return;
    add(name("given_name", raw.given_name), "given name", out, notes);
    add(name("family_name", raw.family_name), "family name", out, notes);
  }

  std::vector<Identifier> identifiers(const connect::RawPerson& raw) const override {
    std::vector<Identifier> out;
    for (const Kept& kept : {email(raw), phone(raw)}) {
      if (kept.identifier) out.push_back(*kept.identifier);
    }
    return out;
  }

  bool usable(const Identifier& id) const override {
    if (id.type.empty() || id.value.size() > kLongestIdentifier || has_control_character(id.value)) return false;
    if (is_placeholder(id.value) || is_placeholder_hash(id.value)) return false;
    const connect::IdentifierDecl* decl = vocabulary_.find(id.type);
    return decl == nullptr || decl->kind != connect::IdKind::user || !is_placeholder_user(id.value);
  }

  std::string country(std::string_view text) const override { return country_code(text); }

 private:
  Kept email(const connect::RawPerson& raw) const {
    std::string_view text = trim(raw.email);
    if (text.empty()) return {};
    if (is_sha256_hex(text))
      return prehashed(text, raw.email_hash_form, is_email_form(raw.email_hash_form), "email", "email_sha256");
    if (is_placeholder(text)) return drop("placeholder");
    Forms forms = email_forms(text);
    if (forms.empty()) return drop("not one @ between a local part and a domain");
    if (is_placeholder_email(forms.front().second)) return drop("placeholder");
    Kept out = hashed(forms);
    out.normalised = forms.front().second;
    if (!is_role_mailbox(out.normalised)) out.identifier = Identifier{"email_sha256", out.hashes.front().second};
    return out;
  }

  Kept phone(const connect::RawPerson& raw) const {
    std::string_view text = trim(raw.phone);
    if (text.empty()) return {};
    if (is_sha256_hex(text))
      return prehashed(text, raw.phone_hash_form, is_phone_form(raw.phone_hash_form), "phone_e164", "phone_sha256");
    if (is_placeholder(text) || is_placeholder_phone(text)) return drop("placeholder");
    std::string country = country_code(raw.country);
    std::optional<std::string> e164 = phone_e164(text, country.empty() ? default_country_ : country);
    if (!e164) return drop("no number of its country, nor an international one");
    Kept out = hashed(phone_forms(*e164));
    out.identifier = Identifier{"phone_sha256", out.hashes.front().second};
    return out;
  }

  static Kept name(std::string_view kind, std::string_view text) {
    if (trim(text).empty()) return {};
    if (is_placeholder_name(text)) return drop("placeholder");
    return hashed(name_forms(kind, text));
  }

  bool is_role_mailbox(const std::string& address) const {
    std::string local = address.substr(0, address.find('@'));
    return rules_.role_mailboxes.contains(local) || rules_.role_mailboxes.contains(local.substr(0, local.find('+')));
  }

  void add(const Kept& kept, const char* what, RecordState& out, std::vector<std::string>& notes) const {
    if (!kept.dropped.empty()) notes.push_back(std::string(what) + ": " + kept.dropped);
    for (const auto& [form, hash] : kept.hashes) add_once(out.hashes[form], hash);
    if (kept.identifier) add_once(out.identifiers, *kept.identifier);
    if (kept.normalised.empty()) return;
    if (rules_.masked_email && out.masked_email.empty()) out.masked_email = masked(kept.normalised);
    std::string domain = registrable_domain(kept.normalised);
    if (!domain.empty() && !is_free_mail(kept.normalised, rules_.free_mail))
      out.fields.try_emplace("email_domain", domain);
  }

  connect::KeepRules rules_;
  const connect::Vocabulary& vocabulary_;
  std::string default_country_;
};

}  // namespace

std::unique_ptr<connect::Normaliser> make_normaliser(connect::KeepRules rules, const connect::Vocabulary& vocabulary) {
  return std::make_unique<HashingNormaliser>(std::move(rules), vocabulary);
}

}  // namespace hw::identity
