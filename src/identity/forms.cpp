#include "identity/forms.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace hw::identity {
namespace {

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Bytes of the UTF-8 character that begins at `i`.
std::size_t width_at(std::string_view s, std::size_t i) {
  auto lead = static_cast<unsigned char>(s[i]);
  std::size_t width = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(width, s.size() - i);
}

unsigned code_point(std::string_view c) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(c[i])); };
  if (c.size() == 1) return byte(0);
  if (c.size() == 2) return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
  if (c.size() == 3) return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
}

/// Blanks of every kind, those without width included: copied addresses carry them unseen.
bool is_blank(unsigned c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200D) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x2060 ||
         c == 0x3000 || c == 0xFEFF;
}

bool is_letter(unsigned c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  if (c == 0xD7 || c == 0xF7) return false;
  bool is_symbol = (c >= 0x2000 && c <= 0x2BFF) || (c >= 0x3000 && c <= 0x3004) || (c >= 0x3008 && c <= 0x3030) ||
                   (c >= 0xFF00 && c <= 0xFF20) || (c >= 0x1F000 && c <= 0x1FAFF) || (c >= 0x0660 && c <= 0x066D) ||
                   c == 0xFEFF;
  return !is_symbol;
}

template <class Keep>
std::string filtered(std::string_view s, Keep keep) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    std::size_t width = width_at(s, i);
    if (keep(code_point(s.substr(i, width)))) out += s.substr(i, width);
    i += width;
  }
  return out;
}

std::string without_blanks(std::string_view s) {
  return filtered(s, [](unsigned c) { return !is_blank(c); });
}

std::string without_dots_and_tag(std::string_view local) {
  std::string out(local.substr(0, local.find('+')));
  std::erase(out, '.');
  return out;
}

std::string alphanumeric_before_tag(std::string_view local) {
  std::string out(local.substr(0, local.find('+')));
  std::erase_if(out, [](char c) { return !is_alphanumeric(c); });
  return out;
}

void add_address(Forms& out, const char* form, const std::string& local, std::string_view domain) {
  if (!local.empty()) out.emplace_back(form, local + "@" + std::string(domain));
}

std::string_view trim_blanks(std::string_view s) {
  s = trim(s);
  while (s.starts_with("\u00A0")) s = trim(s.substr(2));
  while (s.ends_with("\u00A0")) s = trim(s.substr(0, s.size() - 2));
  return s;
}

std::string_view cut_prefix(std::string_view name) {
  for (std::string_view prefix : {"mr.", "mrs.", "ms.", "dr."}) {
    if (name.starts_with(prefix)) return trim(name.substr(prefix.size()));
  }
  return name;
}

bool is_suffix(std::string_view word) {
  static constexpr auto kSuffixes =
      std::to_array<std::string_view>({"jr", "jr.", "sr", "sr.", "2nd", "3rd", "ii", "iii", "iv", "v", "vi", "cpa",
                                       "dc", "dds", "vm", "jd", "md", "phd"});
  return std::find(kSuffixes.begin(), kSuffixes.end(), word) != kSuffixes.end();
}

/// Cuts suffixes that follow a comma or a blank, from the end, as often as there is one. A name that is nothing but a
/// suffix has none before it and so ends as nothing.
std::string_view cut_suffixes(std::string_view name) {
  for (;;) {
    std::size_t before = name.find_last_of(", ");
    std::string_view last = before == std::string_view::npos ? name : name.substr(before + 1);
    if (!is_suffix(last)) return name;
    if (before == std::string_view::npos) return {};
    name = name.substr(0, before);
    while (!name.empty() && (name.back() == ' ' || name.back() == ',')) name.remove_suffix(1);
  }
}

}  // namespace

Forms email_forms(std::string_view text) {
  std::string email = to_lower_utf8(without_blanks(text));
  std::size_t at = email.find('@');
  if (at == std::string::npos || at != email.rfind('@') || at == 0 || at + 1 == email.size()) return {};
  std::string local = email.substr(0, at), domain = email.substr(at + 1);
  bool is_gmail = domain == "gmail.com" || domain == "googlemail.com";
  Forms out;
  out.emplace_back("email", email);
  add_address(out, "email_gmail_dots_removed", is_gmail ? without_dots_and_tag(local) : local, domain);
  add_address(out, "email_dots_and_tag_removed", without_dots_and_tag(local), domain);
  add_address(out, "email_alphanumeric_local", alphanumeric_before_tag(local), domain);
  return out;
}

Forms phone_forms(std::string_view e164) {
  return {{"phone_e164", std::string(e164)}, {"phone_digits", std::string(e164.substr(1))}};
}

Forms name_forms(std::string_view kind, std::string_view text) {
  std::string name = to_lower_utf8(trim_blanks(text));
  Forms out;
  auto add = [&](const char* ending, std::string value) {
    if (!value.empty()) out.emplace_back(std::string(kind) + ending, std::move(value));
  };
  add("", name);
  add("_no_titles", std::string(cut_suffixes(cut_prefix(name))));
  add("_letters", filtered(name, is_letter));
  return out;
}

bool is_email_form(std::string_view form) {
  return form == "email" || form == "email_gmail_dots_removed" || form == "email_dots_and_tag_removed" ||
         form == "email_alphanumeric_local";
}

bool is_phone_form(std::string_view form) { return form == "phone_e164" || form == "phone_digits"; }

std::string masked(std::string_view email) {
  std::size_t at = email.find('@');
  std::string_view local = email.substr(0, at);
  if (local.empty()) return {};
  std::size_t first = width_at(local, 0), last = local.size() - 1;
  while (last > 0 && (static_cast<unsigned char>(local[last]) & 0xC0) == 0x80) --last;
  std::string out;
  if (local.size() > first) out += local.substr(0, first);
  out += "\u2026";
  if (last > first) out += local.substr(last);  // a local part of two letters would stand there whole
  return out + std::string(email.substr(at));
}

}  // namespace hw::identity
