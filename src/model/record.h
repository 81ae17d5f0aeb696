#pragma once
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/consent.h"
#include "model/identifier.h"
#include "model/timestamp.h"
#include "model/touch.h"

/// What a CRM page carries. Raw e-mail, phone and names never get here: a connector hands them to the normaliser
/// (connect/personal.h) as it reads the page and passes on hashes and a masked address.
namespace hw {

enum class Object : std::uint8_t { lead, contact, account, deal };
const char* to_string(Object o);
std::optional<Object> object_from(std::string_view text);

/// One CRM record. `crm` is the connector's namespace (its `crm` option, by default its instance name).
struct RecordRef {
  std::string crm;
  Object object = Object::contact;
  std::string id;
  friend auto operator<=>(const RecordRef&, const RecordRef&) = default;
};

/// The state of a record as the CRM showed it at `modified`. An upsert: fields absent from the map are left as they
/// are, fields present with "" are cleared.
struct RecordState {
  RecordRef ref;
  Timestamp modified;
  /// The source shows some columns of the record only (a file): what it does not state stays. Otherwise identifiers,
  /// hashes, country and source touches are all that the record has.
  bool partial = false;
  std::optional<Timestamp> created;
  /// The canonical fields that settings may refer to: "amount", "currency", "stage", "pipeline", "deal_type", "owner",
  /// "closed", "country", "name" (accounts and deals), "domain" (accounts), and any custom field under its own name.
  /// Amounts are decimal text ("18250.00"), times RFC 3339, else as the CRM has it.
  std::map<std::string, std::string> fields;
  std::vector<Identifier> identifiers;  ///< e-mail and phone (hashed), client id, user id, click ids, native lead ids
  Hashes hashes;                        ///< every form of the person's e-mail, phone and (if asked) names
  std::string masked_email;             ///< "j…e@example.com" or ""
  /// Captured time of a click id when the record carries one (from a cookie), by type.
  std::map<std::string, Timestamp> click_times;
  std::string country, region, city, postal_code;  ///< plain; alpha-2 country; city and postal code only if asked
  std::optional<Consent> consent;
  std::optional<Timestamp> consent_at;
  /// The record's own source fields (UTM, landing page, referrer, first/last seen) as touches of kind "crm_source".
  std::vector<Touch> source_touches;
  /// The lead that was converted into this contact or deal, the contact's account, the deal's account.
  std::optional<RecordRef> converted_from, account;
};

/// One entry of the CRM's own history of a field ("stage" and any field that a trigger names).
struct FieldChange {
  RecordRef ref;
  std::string field;
  std::string value;
  Timestamp at;
  Basis basis = Basis::crm_history;
};

/// `from` is tied to `to`: deal -> contact (role "primary", "decision_maker", ...), deal -> account, contact ->
/// account. A page may say that it holds all ties of `from` to that object (`complete`): others are then withdrawn.
struct Association {
  RecordRef from;
  Object to_object = Object::contact;
  struct To {
    std::string id, role;
    bool primary = false;
  };
  std::vector<To> to;
  bool complete = false;
  std::optional<Timestamp> at;
};

/// Stated by the CRM (deleted, restored) or found by an id reconcile (gone).
struct Removal {
  RecordRef ref;
  enum class Kind : std::uint8_t { deleted, restored, gone } kind = Kind::deleted;
  std::optional<Timestamp> at;
};

/// `loser` lives on as `winner`; `undone` takes an earlier merge back.
struct Merge {
  RecordRef loser;
  std::string winner_id;
  std::optional<Timestamp> at;
  bool undone = false;
};

/// A rate of exchange: 1 `from` = micros/1e6 `to`.
struct Rate {
  std::string from, to;
  std::int64_t micros = 0;
  Timestamp true_from;
};

using Record = std::variant<RecordState, FieldChange, Association, Removal, Merge, Rate>;

}  // namespace hw
