#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "connect/identifiers.h"
#include "model/identifier.h"
#include "model/timestamp.h"

/// Cookies as a CRM's hidden form fields hold them: the raw text of the browser. Which cookies exist and by which
/// layout they are read is data (CookieDecl); the layouts themselves are these:
///   after_second_dot   "GA1.1.123.456"               -> 123.456: whatever follows the second dot
///   session            "GS1.1.1747132561.3.1..."     -> 1747132561: the third field
///                      "GS2.1.s1747132561$o1$g0..."  -> 1747132561: the field whose first letter is s, in any place
///   whole              the value as it is
///   fbc_like           "fb.1.1747132561000.ID"       -> ID, clicked at the milliseconds before it; at most four parts
///   gcl_like           "GCL.1747132561.ID"           -> ID, the last field; clicked at the seconds before it
///                      "2.1.kID$i1747132561"         -> ID, the field k; clicked at the seconds of the field i
///   strip_prefix:TEXT  "_uetID"                      -> ID; a value without the prefix is kept whole
/// Click ids are opaque and case-sensitive: nothing is decoded but percent signs, once. Pure and thread-safe.
namespace hw::connect {

struct CookieValue {
  Identifier id;
  std::optional<Timestamp> at;  ///< when the click was, where the layout tells
  friend bool operator==(const CookieValue&, const CookieValue&) = default;
};

/// True when some declaration reads this cookie ("_ga_ABC123" is of the family "_ga_*").
bool knows_cookie(const Vocabulary& vocabulary, std::string_view name);

/// What a cookie gives: one value for each declaration of its name whose layout fits, so none for a cookie of another
/// form. Values longer than 512 bytes or with control characters give nothing. Placeholders are the Normaliser's to
/// judge.
std::vector<CookieValue> read_cookie(const Vocabulary& vocabulary, std::string_view name, std::string_view raw);

/// Fit to be an identifier: 1 to 512 bytes without control characters.
bool fit_for_identifier(std::string_view value);

}  // namespace hw::connect
