#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/identifier.h"

/// The normalising rules behind each hash form of model/identifier.h. Pure text to text; nothing here hashes or keeps.
namespace hw::identity {

/// Form name and normalised text.
using Forms = std::vector<std::pair<HashForm, std::string>>;

/// Every form of an e-mail address. Empty when it is none: not exactly one "@", no local part, no domain. A form whose
/// local part vanishes ("+tag@gmail.com" without its tag) is left out.
Forms email_forms(std::string_view text);
/// Both forms of an E.164 number.
Forms phone_forms(std::string_view e164);
/// `kind` is "given_name" or "family_name". A form of which nothing is left is left out.
Forms name_forms(std::string_view kind, std::string_view text);

/// Whether `form` is one of the e-mail or phone forms, for input that arrives hashed.
bool is_email_form(std::string_view form);
bool is_phone_form(std::string_view form);

/// "j…e@example.com" of a normalised address; one or two letters of a short local part at most.
std::string masked(std::string_view normalised_email);

}  // namespace hw::identity
