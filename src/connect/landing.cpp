#include "connect/landing.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "connect/cookies.h"

namespace hw::connect {
namespace {

constexpr std::size_t kLongestUtm = 255;  // web-analytics reference, section 10.1
constexpr std::array<std::string_view, 6> kMeaningless = {"(not set)",      "(direct)", "(none)",
                                                          "(not provided)", "null",     "undefined"};

bool enclosed(std::string_view text, std::string_view open, std::string_view close) {
  return text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close);
}

bool is_macro(std::string_view text) {
  return enclosed(text, "{", "}") || enclosed(text, "${", "}") || enclosed(text, "__", "__") ||
         enclosed(text, "%%", "%%");
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string collapse(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (!is_space(c)) {
      out += c;
    } else if (out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

void cut(std::string& text, std::size_t longest) {
  if (text.size() <= longest) return;
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xC0) == 0x80) --longest;
  text.resize(longest);
}

using Parameter = std::pair<std::string_view, std::string_view>;

void add_parameters(std::string_view query, std::vector<Parameter>& out) {
  for (std::string_view part : split(query, '&')) {
    if (part.starts_with("amp;")) part.remove_prefix(4);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    out.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
}

/// Query first, then fragment. A fragment may hold a route of its own: "#/form?utm_source=x".
std::vector<Parameter> parameters_of(std::string_view url) {
  std::vector<Parameter> out;
  const std::size_t hash = url.find('#');
  std::string_view before = url.substr(0, hash);
  const std::size_t query = before.find('?');
  if (query != std::string_view::npos) add_parameters(before.substr(query + 1), out);
  if (hash == std::string_view::npos) return out;
  std::string_view fragment = url.substr(hash + 1);
  const std::size_t inner = fragment.find('?');
  add_parameters(inner == std::string_view::npos ? fragment : fragment.substr(inner + 1), out);
  return out;
}

const std::string_view* first_of(const std::vector<Parameter>& parameters, std::string_view name) {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

std::string utm_of(const std::vector<Parameter>& parameters, std::string_view name) {
  const std::string_view* value = first_of(parameters, name);
  return value ? utm_text(percent_decode(*value, /*plus_is_space=*/true)) : "";
}

bool has_type(const std::vector<Identifier>& ids, std::string_view type) {
  return std::any_of(ids.begin(), ids.end(), [&](const Identifier& id) { return id.type == type; });
}

std::vector<Identifier> identifiers_of(const Vocabulary& vocabulary, const std::vector<Parameter>& parameters) {
  std::vector<Identifier> ids;
  std::vector<std::string_view> seen;
  for (const auto& [name, raw] : parameters) {
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    seen.push_back(name);
    const std::string value = percent_decode(raw);
    if (!fit_for_identifier(value) || is_macro(value)) continue;
    for (const IdentifierDecl& decl : vocabulary.identifiers) {
      if (!decl.url_parameter.empty() && decl.url_parameter == name && !has_type(ids, decl.type))
        ids.push_back({decl.type, value});
    }
  }
  return ids;
}

void fill(std::string& field, const std::string& value) {
  if (field.empty()) field = value;
}

}  // namespace

std::string utm_text(std::string_view raw) {
  std::string text = collapse(raw);
  cut(text, kLongestUtm);
  if (text.ends_with(' ')) text.pop_back();
  const std::string lower = to_lower_ascii(text);
  if (std::find(kMeaningless.begin(), kMeaningless.end(), lower) != kMeaningless.end() || is_macro(text)) return {};
  return text;
}

Landing read_landing(const Vocabulary& vocabulary, std::string_view url) {
  const std::vector<Parameter> parameters = parameters_of(trim(url));
  Landing landing;
  landing.source = utm_of(parameters, "utm_source");
  landing.medium = utm_of(parameters, "utm_medium");
  landing.campaign = utm_of(parameters, "utm_campaign");
  landing.campaign_id = utm_of(parameters, "utm_id");
  landing.term = utm_of(parameters, "utm_term");
  landing.content = utm_of(parameters, "utm_content");
  landing.identifiers = identifiers_of(vocabulary, parameters);
  return landing;
}

void add_landing(const Landing& landing, Touch& touch) {
  if (touch.source.empty() && touch.medium.empty()) {
    touch.source = landing.source;
    touch.medium = landing.medium;
  }
  fill(touch.campaign, landing.campaign);
  fill(touch.campaign_id, landing.campaign_id);
  fill(touch.term, landing.term);
  fill(touch.content, landing.content);
  for (const Identifier& id : landing.identifiers) {
    if (!has_type(touch.identifiers, id.type)) touch.identifiers.push_back(id);
  }
}

void imply_source(const Vocabulary& vocabulary, Touch& touch) {
  if (!touch.source.empty() || !touch.medium.empty()) return;
  for (const Identifier& id : touch.identifiers) {
    const IdentifierDecl* decl = vocabulary.find(id.type);
    if (decl == nullptr || (decl->implied_source.empty() && decl->implied_medium.empty())) continue;
    touch.source = decl->implied_source;
    touch.medium = decl->implied_medium;
    return;
  }
}

std::string page_of(std::string_view url) {
  url = trim(url);
  std::string page(url.substr(0, url.find_first_of("?#")));
  const std::size_t host = page.find("://");
  if (host == std::string::npos) return page;
  const std::size_t end = std::min(page.find('/', host + 3), page.size());
  const std::size_t at = page.rfind('@', end);
  if (at != std::string::npos && at > host) page.erase(host + 3, at - host - 2);
  return page;
}

}  // namespace hw::connect
