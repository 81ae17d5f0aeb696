#include <date/date.h>

#include <optional>

#include "base/text.h"
#include "base/zone.h"

namespace hw {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What was read so far; each part is checked when everything is there.
struct Parts {
  Civil civil;
  std::optional<Duration> offset;
  std::optional<bool> afternoon;  ///< %p
};

/// Takes characters off the front of a text. Every take returns false when the text has something else.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_any(std::string_view chars) {
    if (rest_.empty() || chars.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take_any(" \t")) {
    }
  }
  bool take_number(std::size_t min_digits, std::size_t max_digits, int& out) {
    std::size_t n = 0;
    int value = 0;
    while (n < max_digits && n < rest_.size() && is_digit(rest_[n])) value = value * 10 + (rest_[n++] - '0');
    if (n < min_digits) return false;
    rest_.remove_prefix(n);
    out = value;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!starts_with_ci(rest_, word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// One to nine digits after the point, cut to microseconds.
  bool take_fraction(int& micros) {
    std::size_t n = 0;
    micros = 0;
    for (; n < rest_.size() && is_digit(rest_[n]); ++n) {
      if (n < 6) micros = micros * 10 + (rest_[n] - '0');
    }
    for (std::size_t k = n; k < 6; ++k) micros *= 10;
    if (n < 1 || n > 9) return false;
    rest_.remove_prefix(n);
    return true;
  }
  /// "Z", "+02:00", "+0200" or "+02".
  bool take_offset(std::optional<Duration>& out) {
    if (take_any("Zz")) {
      out = Duration::zero();
      return true;
    }
    const bool west = !rest_.empty() && rest_.front() == '-';
    int h = 0, m = 0;
    if (!take_any("+-") || !take_number(2, 2, h)) return false;
    if ((take(':') || (!at_end() && is_digit(rest_.front()))) && !take_number(2, 2, m)) return false;
    if (h > 18 || m > 59) return false;
    const Duration size = std::chrono::hours(h) + std::chrono::minutes(m);
    out = west ? -size : size;
    return true;
  }

 private:
  std::string_view rest_;
};

bool take_time(Scanner& in, Civil& c) {
  if (!in.take_number(2, 2, c.hour) || !in.take(':') || !in.take_number(2, 2, c.minute)) return false;
  c.has_time = true;
  if (!in.take(':')) return true;
  if (!in.take_number(2, 2, c.second)) return false;
  return !in.take('.') || in.take_fraction(c.micros);
}

bool scan_iso(Scanner& in, Parts& p) {
  Civil& c = p.civil;
  if (!in.take_number(4, 4, c.year) || !in.take('-') || !in.take_number(2, 2, c.month) || !in.take('-') ||
      !in.take_number(2, 2, c.day)) {
    return false;
  }
  if (in.at_end()) return true;
  if (!in.take_any("Tt ") || !take_time(in, c)) return false;
  return in.at_end() || (in.take_offset(p.offset) && in.at_end());
}

bool take_month_name(Scanner& in, int& month) {
  constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
  for (int i = 0; i < 12; ++i) {
    if (in.take_word(kMonths[i]) || in.take_word(kMonths[i].substr(0, 3))) {
      month = i + 1;
      return true;
    }
  }
  return false;
}

bool take_short_year(Scanner& in, int& year) {
  if (!in.take_number(2, 2, year)) return false;
  year += year < 69 ? 2000 : 1900;  // as POSIX strptime has it
  return true;
}

bool take_half_of_day(Scanner& in, Parts& p) {
  p.afternoon = in.take_word("PM");
  return *p.afternoon || in.take_word("AM");
}

constexpr std::string_view kDirectives = "YmdHMSybpIz%";

bool scan_directive(char directive, Scanner& in, Parts& p) {
  Civil& c = p.civil;
  switch (directive) {
    case 'Y':
      return in.take_number(4, 4, c.year);
    case 'y':
      return take_short_year(in, c.year);
    case 'm':
      return in.take_number(1, 2, c.month);
    case 'b':
      return take_month_name(in, c.month);
    case 'd':
      return in.take_number(1, 2, c.day);
    case 'H':
    case 'I':
      c.has_time = true;
      return in.take_number(1, 2, c.hour);
    case 'M':
      return in.take_number(2, 2, c.minute);
    case 'S':
      return in.take_number(2, 2, c.second);
    case 'p':
      return take_half_of_day(in, p);
    case 'z':
      return in.take_offset(p.offset);
    default:
      return in.take(directive);
  }
}

bool scan_format(std::string_view format, Scanner& in, Parts& p) {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == ' ') {
      in.skip_spaces();
    } else if (format[i] == '%') {
      if (!scan_directive(format[++i], in, p)) return false;
    } else if (!in.take(format[i])) {
      return false;
    }
  }
  return in.at_end();
}

bool is_known_format(std::string_view format) {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i == format.size() || kDirectives.find(format[i]) == std::string_view::npos) return false;
  }
  return true;
}

/// Turns 12-hour time into 24-hour time; false when the hour does not fit.
bool apply_half_of_day(Parts& p) {
  if (!p.afternoon) return true;
  if (p.civil.hour < 1 || p.civil.hour > 12) return false;
  p.civil.hour = p.civil.hour % 12 + (*p.afternoon ? 12 : 0);
  return true;
}

bool is_real(const Civil& c) {
  const date::year_month_day day =
      date::year(c.year) / date::month(static_cast<unsigned>(c.month)) / date::day(static_cast<unsigned>(c.day));
  return day.ok() && c.hour < 24 && c.minute < 60 && c.second < 60;
}

/// The text itself may be personal (a wrong column), so it is not repeated.
Error unreadable(std::string_view format) {
  const std::string wanted = format.empty() ? "like 2026-11-20, 2026-11-20 16:04:09 or 2026-11-20T16:04:09Z"
                                            : "in the format '" + std::string(format) + "'";
  return Error{.action = Action::reject_row, .code = "time", .detail = "not a date or time " + wanted};
}

}  // namespace

Result<ReadTime> read_time(std::string_view text, const Zone& zone, std::string_view format) {
  if (!is_known_format(format)) {
    return Error{
        .action = Action::pause,
        .code = "time_format",
        .detail = "time format '" + std::string(format) + "': known are %Y %m %d %H %M %S %y %b %p %I %z and %%"};
  }
  Parts p;
  Scanner in(trim(text));
  const bool scanned = format.empty() ? scan_iso(in, p) : scan_format(format, in, p);
  if (!scanned || !apply_half_of_day(p) || !is_real(p.civil)) return unreadable(format);
  const bool date_only = !p.civil.has_time;
  if (p.offset) return ReadTime{Zone::utc().to_utc(p.civil) - *p.offset, date_only};
  return ReadTime{zone.to_utc(p.civil), date_only};
}

}  // namespace hw
