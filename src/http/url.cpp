#include "http/url.h"

#include <curl/curl.h>

#include <memory>

#include "base/text.h"
#include "http/client.h"

namespace hw::http {
namespace {

struct FreeUrl {
  void operator()(CURLU* u) const { curl_url_cleanup(u); }
};

std::string part(CURLU* url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, 0) != CURLUE_OK) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

Error bad_url(std::string_view url, std::string_view why) {
  return {.action = Action::pause, .code = "url", .detail = place_of(url) + ": " + std::string(why)};
}

bool is_loopback_host(std::string_view host) { return host == "127.0.0.1" || host == "[::1]" || host == "localhost"; }

std::string mask_addresses(std::string_view path) {
  std::string out;
  for (std::string_view segment : split(path, '/')) {
    const bool address = percent_decode(segment).find('@') != std::string::npos;
    out += '/';
    out += address ? "***" : segment;
  }
  return out.substr(1);  // a path begins with the slash that split() took away
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) return std::nullopt;
  return Url{.scheme = to_lower_ascii(part(url.get(), CURLUPART_SCHEME)),
             .host = to_lower_ascii(part(url.get(), CURLUPART_HOST)),
             .port = part(url.get(), CURLUPART_PORT),
             .path = part(url.get(), CURLUPART_PATH),
             .has_user = !part(url.get(), CURLUPART_USER).empty() || !part(url.get(), CURLUPART_PASSWORD).empty()};
}

std::string place_of(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return "(unreadable URL)";
  return url->host + (url->port.empty() ? "" : ":" + url->port) + mask_addresses(url->path);
}

bool is_loopback_url(std::string_view text) {
  const auto url = parse_url(text);
  return url && !url->has_user && (url->scheme == "http" || url->scheme == "https") && is_loopback_host(url->host);
}

Status check_url(std::string_view text) {
  const auto url = parse_url(text);
  // libcurl would take the first part of the path of https:///path for the host.
  if (!url || url->host.empty() || text.find(":///") != std::string_view::npos)
    return bad_url(text, "not a URL with a host; write https://host/path");
  if (url->has_user) return bad_url(text, "a URL may not hold a user name or password; use a credential");
  if (url->scheme == "https") return {};
  if (url->scheme != "http") return bad_url(text, "only https is allowed");
  if (!is_loopback_host(url->host))
    return bad_url(text, "plain http is allowed for 127.0.0.1, [::1] and localhost only");
  return {};
}

}  // namespace hw::http
