#pragma once
#include <set>
#include <string>
#include <string_view>

/// Hosts and registrable domains, by the public suffix list (libpsl).
namespace hw::identity {

/// Lower-case host of a URL, of "host/path", or of an e-mail address: "https://www.Example.co.uk:8443/x" ->
/// "www.example.co.uk", "j@Example.com" -> "example.com". "" when there is none.
std::string host_of(std::string_view text);

/// "www.example.co.uk" -> "example.co.uk"; takes what host_of() takes. "" for a public suffix alone, an IP address, or
/// a name without a dot.
std::string registrable_domain(std::string_view text);

/// Mail providers whose domain says nothing about a company: the well-known ones, and those of `more`. Compares the
/// host and its registrable domain.
bool is_free_mail(std::string_view domain, const std::set<std::string>& more = {});

}  // namespace hw::identity
