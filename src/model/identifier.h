#pragma once
#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hw {

/// A typed value that can join records. Types are strings that the core and the connectors declare
/// (connect/identifiers.h): "ga_client_id", "gclid", "email_sha256", "phone_sha256", "user_id", "crm_contact_id", ...
/// Values are compared byte by byte. CRM ids are scoped: "<crm>:<id>".
struct Identifier {
  std::string type;
  std::string value;
  friend auto operator<=>(const Identifier&, const Identifier&) = default;
};

/// Hash forms are named by rule, never by vendor (DESIGN section 3). SHA-256 in lower-case hex of the normalised text:
///   email                             trimmed, inner white space removed, lower-cased
///   email_gmail_dots_removed          the same; gmail.com and googlemail.com: dots and "+tag" of the local part
///   removed email_dots_and_tag_removed        dots and "+tag" removed for every domain email_alphanumeric_local cut at
///   the first "+", every non-alphanumeric of the local part removed, every domain phone_e164 "+" and digits
///   phone_digits                      digits with country code, no "+", no leading zeros
///   given_name, family_name           trimmed, lower-cased
///   given_name_no_titles, family_name_no_titles   the same after prefixes (mr. mrs. ms. dr.) and suffixes (jr sr ii
///   ...) are cut given_name_letters, family_name_letters       lower-cased, punctuation, digits and white space
///   removed
/// The form "email" is what joins persons (identifier type email_sha256), "phone_e164" likewise (phone_sha256).
using HashForm = std::string;

/// One person's hashes: form -> distinct hex hashes, in the order found.
using Hashes = std::map<HashForm, std::vector<std::string>>;

}  // namespace hw
