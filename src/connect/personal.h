#pragma once
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/identifier.h"
#include "model/record.h"

/// Raw personal data as a page holds it, and what is kept of it. Connectors fill a RawPerson while decoding and call
/// keep(): it normalises, hashes every form, masks, and the raw text dies with the page (invariant 5).
namespace hw::connect {

struct RawPerson {
  std::string email{}, phone{}, given_name{}, family_name{};
  std::string
      country{};  ///< the record's country (alpha-2 or English name), decides how a national phone number is read
  std::string email_hash_form{};  ///< when `email` is already a SHA-256: the form it was made in
  std::string phone_hash_form{};
};

/// What the configuration asks to be kept (settings: identity).
struct KeepRules {
  bool names = false;
  bool masked_email = true;
  std::string default_country;  ///< alpha-2 or "": how national phone numbers of records without country are read
  std::set<std::string>
      role_mailboxes{};               ///< local parts ("info", "sales"): hashed for sending, never a joining identifier
  std::set<std::string> free_mail{};  ///< domains, beside the well-known ones, that are never an account
};

/// Implemented by src/identity, handed to connectors in Env. Pure and thread-safe.
class Normaliser {
 public:
  virtual ~Normaliser() = default;
  /// Adds identifiers (email_sha256, phone_sha256), hashes and masked_email to `out`. Placeholders (test@test.com,
  /// "null", all zeros) and values that no rule reads are dropped; each dropped value gives one note ("email: no @") in
  /// `notes`, never the value.
  virtual void keep(const RawPerson& raw, RecordState& out, std::vector<std::string>& notes) const = 0;
  /// The identifiers alone, for touches: hashes of a raw or pre-hashed e-mail or phone.
  virtual std::vector<Identifier> identifiers(const RawPerson& raw) const = 0;
  /// False for placeholders: "", "undefined", "null", "(not set)", "0", all-zero ids, over-long values, control
  /// characters.
  virtual bool usable(const Identifier& id) const = 0;
  /// Alpha-2 of a country's code or English name, "" if unknown.
  virtual std::string country(std::string_view text) const = 0;
};

}  // namespace hw::connect
