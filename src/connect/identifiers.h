#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/identifier.h"
#include "model/touch.h"

/// Click ids, client ids and cookies as data. Each connector declares those of its vendor; connectors/_web declares
/// those that belong to no built connector yet. The core knows none by name.
namespace hw::connect {

enum class IdKind : std::uint8_t { click, client, user, lead_form, crm };

/// One identifier type.
struct IdentifierDecl {
  std::string type;  ///< "gclid"
  IdKind kind = IdKind::click;
  std::string url_parameter;                   ///< "gclid"; "" if it never stands in a URL
  std::string implied_source, implied_medium;  ///< what a bare click id proves: a platform and "cpc"; "" = nothing
  std::string help;
};

/// How a cookie is read. `layout` names a rule of identity/cookies.h:
///   after_second_dot ("GA1.1.123.456" -> 123.456), session ("GS1..." and "GS2..."), whole, fbc_like ("fb.1.ms.ID"),
///   gcl_like ("GCL.seconds.ID", "2.1.kID$i..."), strip_prefix:PREFIX
struct CookieDecl {
  std::string name;  ///< "_ga", or with a trailing * for a family: "_ga_*"
  std::string layout;
  std::string type;  ///< identifier type it gives
};

/// All declarations of the built connectors; made once by the registry.
struct Vocabulary {
  std::vector<IdentifierDecl> identifiers;
  std::vector<CookieDecl> cookies;
  [[nodiscard]] const IdentifierDecl* find(std::string_view type) const;
};

}  // namespace hw::connect
