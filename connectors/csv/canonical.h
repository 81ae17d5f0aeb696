#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connect/identifiers.h"
#include "model/record.h"

/// The canonical fields: what a column of a file may be. One table, from which checks, help and the README's list come.
namespace hw::connectors::csv {

/// What the rows of a file are: the option `object`.
enum class Kind : std::uint8_t { leads, contacts, accounts, deals, stage_history, touches, spend };
const char* to_string(Kind kind);
std::optional<Kind> kind_from(std::string_view text);
/// The record of the first four; nullopt for the rest.
std::optional<Object> object_of(Kind kind);
std::vector<std::string> kind_names();

struct CanonicalField {
  std::string_view name;
  unsigned kinds = 0;  ///< bit 1 << Kind for each kind of file that may have it
  bool required = false;
  std::string_view help;
};
std::span<const CanonicalField> canonical_fields();

inline bool allows(const CanonicalField& field, Kind kind) { return (field.kinds >> static_cast<unsigned>(kind)) & 1U; }
/// Click ids, client ids and cookies stand on records of people and deals, and on touches.
bool carries_identifiers(Kind kind);

inline constexpr std::string_view kCookiePrefix = "cookie.";  ///< "cookie._ga": the raw text of a cookie
inline constexpr std::string_view kFieldPrefix = "field.";    ///< "field.margin": a CRM field of the maps `fields`, ...

/// Every name that `columns` may hold for files of this kind, cookies apart.
std::vector<std::string> names_for(Kind kind, const connect::Vocabulary& vocabulary);

}  // namespace hw::connectors::csv
