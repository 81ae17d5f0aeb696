#pragma once
#include <optional>
#include <string>
#include <string_view>

/// The parts of a URL that the client judges and prints. Read by libcurl's own parser, so that what is checked is what
/// is requested.
namespace hw::http {

struct Url {
  std::string scheme, host, port,
      path;  ///< lower-case scheme and host; an IPv6 host keeps its brackets; port "" if none
  bool has_user = false;
};

/// nullopt if libcurl would not take it.
std::optional<Url> parse_url(std::string_view url);

/// "api.example.com/v1/items" for errors: no scheme, user, query or fragment; a path segment that holds an e-mail
/// address is masked. "(unreadable URL)" for what does not parse.
std::string place_of(std::string_view url);

}  // namespace hw::http
