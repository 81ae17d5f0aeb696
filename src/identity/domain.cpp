#include "identity/domain.h"

#include <libpsl.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace hw::identity {
namespace {

// Providers of personal mailboxes, and of throw-away ones; sorted.
constexpr auto kFreeMail = std::to_array<std::string_view>({
    "10minutemail.com",
    "126.com",
    "139.com",
    "163.com",
    "21cn.com",
    "abv.bg",
    "alice.it",
    "aol.com",
    "aol.de",
    "arcor.de",
    "att.net",
    "bell.net",
    "bellsouth.net",
    "bigpond.com",
    "bluewin.ch",
    "bol.com.br",
    "btinternet.com",
    "centrum.cz",
    "charter.net",
    "comcast.net",
    "cox.net",
    "daum.net",
    "duck.com",
    "earthlink.net",
    "email.cz",
    "email.de",
    "fastmail.com",
    "fastmail.fm",
    "foxmail.com",
    "free.fr",
    "freemail.hu",
    "freenet.de",
    "frontier.com",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "guerrillamail.com",
    "hanmail.net",
    "hey.com",
    "home.nl",
    "hotmail.be",
    "hotmail.ca",
    "hotmail.co.jp",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.com.br",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "hotmail.nl",
    "hushmail.com",
    "icloud.com",
    "ig.com.br",
    "inbox.com",
    "inbox.lv",
    "inbox.ru",
    "interia.pl",
    "juno.com",
    "kpnmail.nl",
    "laposte.net",
    "libero.it",
    "list.ru",
    "live.be",
    "live.ca",
    "live.co.uk",
    "live.com",
    "live.com.au",
    "live.de",
    "live.dk",
    "live.fr",
    "live.it",
    "live.nl",
    "live.se",
    "mac.com",
    "mail.com",
    "mail.de",
    "mail.ee",
    "mail.ru",
    "mailbox.org",
    "mailinator.com",
    "me.com",
    "msn.com",
    "naver.com",
    "neuf.fr",
    "ntlworld.com",
    "o2.pl",
    "onet.pl",
    "online.de",
    "online.no",
    "optonline.net",
    "optusnet.com.au",
    "orange.fr",
    "outlook.co.uk",
    "outlook.com",
    "outlook.com.br",
    "outlook.de",
    "outlook.es",
    "outlook.fr",
    "outlook.it",
    "outlook.jp",
    "planet.nl",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.ch",
    "protonmail.com",
    "qq.com",
    "rambler.ru",
    "rediffmail.com",
    "rocketmail.com",
    "rogers.com",
    "sapo.pt",
    "sbcglobal.net",
    "seznam.cz",
    "sfr.fr",
    "shaw.ca",
    "sina.com",
    "sky.com",
    "skynet.be",
    "sohu.com",
    "t-online.de",
    "talktalk.net",
    "telenet.be",
    "telus.net",
    "terra.com.br",
    "tiscali.it",
    "tutanota.com",
    "tutanota.de",
    "ukr.net",
    "uol.com.br",
    "verizon.net",
    "videotron.ca",
    "virgilio.it",
    "virginmedia.com",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "xtra.co.nz",
    "ya.ru",
    "yahoo.ca",
    "yahoo.co.id",
    "yahoo.co.in",
    "yahoo.co.jp",
    "yahoo.co.kr",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.com.ar",
    "yahoo.com.au",
    "yahoo.com.br",
    "yahoo.com.mx",
    "yahoo.com.sg",
    "yahoo.com.tw",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.in",
    "yahoo.it",
    "yandex.com",
    "yandex.ru",
    "yeah.net",
    "ymail.com",
    "yopmail.com",
    "ziggo.nl",
    "zoho.com",
    "zohomail.com",
});
static_assert(std::is_sorted(kFreeMail.begin(), kFreeMail.end()));

bool is_ip(std::string_view host) {
  return host.find(':') != std::string_view::npos || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool listed(std::string_view domain, const std::set<std::string>& more) {
  return std::binary_search(kFreeMail.begin(), kFreeMail.end(), domain) || more.contains(std::string(domain));
}

}  // namespace

std::string host_of(std::string_view text) {
  text = trim(text);
  if (std::size_t scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find_first_of("/?#\\"));
  if (std::size_t at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  if (!text.empty() && text.front() == '[') {
    text = text.substr(1, text.find(']') == std::string_view::npos ? 0 : text.find(']') - 1);
  } else {
    text = text.substr(0, text.find(':'));
  }
  while (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return {};
  return to_lower_utf8(text);
}

std::string registrable_domain(std::string_view text) {
  std::string host = host_of(text);
  if (host.empty() || is_ip(host)) return {};
  const char* domain = psl_registrable_domain(psl_builtin(), host.c_str());
  return domain == nullptr || host.find('.') == std::string::npos ? std::string() : std::string(domain);
}

bool is_free_mail(std::string_view domain, const std::set<std::string>& more) {
  return listed(host_of(domain), more) || listed(registrable_domain(domain), more);
}

}  // namespace hw::identity
