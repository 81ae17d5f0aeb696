#pragma once
#include <string>
#include <string_view>
#include <vector>

/// Small text helpers that follow no locale.
namespace hw {

std::string_view trim(std::string_view s);       ///< ASCII white space
std::string to_lower_ascii(std::string_view s);  ///< other bytes unchanged
/// Lower-cases UTF-8 text for ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic letters; other characters unchanged.
std::string to_lower_utf8(std::string_view s);
std::vector<std::string_view> split(std::string_view s, char by);
bool starts_with_ci(std::string_view s, std::string_view prefix);
bool equals_ci(std::string_view a, std::string_view b);
std::string percent_decode(std::string_view s, bool plus_is_space = false);
std::string percent_encode(std::string_view s);  ///< RFC 3986 unreserved characters stay
/// The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length, at least 1), or "".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
bool is_valid_utf8(std::string_view s);
/// The first line of a text that is not valid UTF-8, from 1.
int first_line_not_utf8(std::string_view text);

}  // namespace hw
