#include "base/text.h"

#include <algorithm>
#include <cstdint>

namespace hw {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// One decoded UTF-8 sequence; size 0 = not valid at this place.
struct Decoded {
  char32_t code = 0;
  std::size_t size = 0;
};

std::size_t sequence_size(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

Decoded decode_at(std::string_view s, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
  const std::size_t size = sequence_size(byte(i));
  if (size == 0 || i + size > s.size()) return {};
  if (size == 1) return {byte(i), 1};
  char32_t code = byte(i) & (0x7FU >> size);
  for (std::size_t k = 1; k < size; ++k) {
    if ((byte(i + k) & 0xC0U) != 0x80U) return {};
    code = code << 6 | (byte(i + k) & 0x3FU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? Decoded{} : Decoded{code, size};
}

/// Every letter that to_lower changes lies below U+0800, and so does its lower case.
void append_two_bytes(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  out += static_cast<char>(0xC0U | code >> 6);
  out += static_cast<char>(0x80U | (code & 0x3FU));
}

/// Upper-case letters first..last: shifted by `add`, or, when alternating, every second one by 1.
struct CaseRange {
  char32_t first, last;
  int add;
  bool alternating = false;
};

// Simple case mappings of UnicodeData.txt 15 for Latin-1, Latin Extended-A, Greek and Cyrillic.
constexpr CaseRange kCaseRanges[] = {
    {0x00C0, 0x00D6, 32},      {0x00D8, 0x00DE, 32},      {0x0100, 0x012F, 1, true}, {0x0130, 0x0130, -199},
    {0x0132, 0x0137, 1, true}, {0x0139, 0x0148, 1, true}, {0x014A, 0x0177, 1, true}, {0x0178, 0x0178, -121},
    {0x0179, 0x017E, 1, true}, {0x0370, 0x0373, 1, true}, {0x0376, 0x0376, 1},       {0x037F, 0x037F, 116},
    {0x0386, 0x0386, 38},      {0x0388, 0x038A, 37},      {0x038C, 0x038C, 64},      {0x038E, 0x038F, 63},
    {0x0391, 0x03A1, 32},      {0x03A3, 0x03AB, 32},      {0x03CF, 0x03CF, 8},       {0x03D8, 0x03EF, 1, true},
    {0x03F4, 0x03F4, -60},     {0x03F7, 0x03F7, 1},       {0x03F9, 0x03F9, -7},      {0x03FA, 0x03FA, 1},
    {0x03FD, 0x03FF, -130},    {0x0400, 0x040F, 80},      {0x0410, 0x042F, 32},      {0x0460, 0x0481, 1, true},
    {0x048A, 0x04BF, 1, true}, {0x04C0, 0x04C0, 15},      {0x04C1, 0x04CE, 1, true}, {0x04D0, 0x052F, 1, true},
};

char32_t lower_code(char32_t code) {
  for (const CaseRange& r : kCaseRanges) {
    if (code < r.first || code > r.last) continue;
    if (r.alternating && (code - r.first) % 2 == 1) return code;
    return static_cast<char32_t>(static_cast<int>(code) + r.add);
  }
  return code;
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Optimal string alignment: insert, delete, replace, or swap two neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string_view trim(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

std::string to_lower_ascii(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = lower(c);
  return out;
}

std::string to_lower_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    const Decoded d = decode_at(s, i);
    const std::size_t size = std::max<std::size_t>(d.size, 1);
    const char32_t changed = lower_code(d.code);
    if (size == 1) {
      out += lower(s[i]);
    } else if (changed != d.code) {
      append_two_bytes(out, changed);
    } else {
      out += s.substr(i, size);
    }
    i += size;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view s, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = s.find(by);
    parts.push_back(s.substr(0, end));
    if (end == std::string_view::npos) return parts;
    s.remove_prefix(end + 1);
  }
}

bool starts_with_ci(std::string_view s, std::string_view prefix) {
  return s.size() >= prefix.size() && equals_ci(s.substr(0, prefix.size()), prefix);
}

bool equals_ci(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string percent_decode(std::string_view s, bool plus_is_space) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    const int high = s[i] == '%' && i + 2 < s.size() ? hex_digit(s[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && s[i] == '+' ? ' ' : s[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view s) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(s.size());
  for (const char c : s) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    out += '%';
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  std::size_t best = limit + 1;
  std::string found;
  for (const std::string& c : candidates) {
    const std::size_t d = edit_distance(word, c);
    if (d < best) {
      best = d;
      found = c;
    }
  }
  return found;
}

bool is_valid_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t size = decode_at(s, i).size;
    if (size == 0) return false;
    i += size;
  }
  return true;
}

int first_line_not_utf8(std::string_view text) {
  int line = 1;
  for (auto end = text.find('\n'); end != std::string_view::npos && is_valid_utf8(text.substr(0, end));
       end = text.find('\n')) {
    text.remove_prefix(end + 1);
    ++line;
  }
  return line;
}

}  // namespace hw
