#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"

/// Time zones by the system's zoneinfo (Howard Hinnant's date).
namespace hw {

/// A civil (wall clock) instant without zone.
struct Civil {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, micros = 0;
  bool has_time = false;  ///< false: a date alone
};

class Zone {
 public:
  /// "America/Sao_Paulo", "UTC". Error code "time_zone" names the nearest known zone.
  static Result<Zone> find(std::string_view name);
  static Zone utc();
  [[nodiscard]] const std::string& name() const { return name_; }
  /// A date without time is placed at 12:00. A time that does not exist (spring) is moved forward by the gap; an
  /// ambiguous one (autumn) is the earlier instant.
  [[nodiscard]] SystemTime to_utc(const Civil& civil) const;
  [[nodiscard]] Civil to_civil(SystemTime t) const;

 private:
  explicit Zone(std::string name, const void* zone) : name_(std::move(name)), zone_(zone) {}
  std::string name_;
  const void* zone_;
};

/// Reads "2026-11-20", "2026-11-20 16:04:09", "2026-11-20T16:04:09.123Z", "...+02:00", and, when `format` is given,
/// that strptime-like format (%Y %m %d %H %M %S %y %b %p %I %z). With an explicit offset the zone is not asked. Error
/// codes: reject_row "time", and pause "time_format" for a format that no text could fit (so that read_time("", zone,
/// format) checks a format).
struct ReadTime {
  SystemTime at;
  bool date_only = false;
};
Result<ReadTime> read_time(std::string_view text, const Zone& zone, std::string_view format = {});

/// "2026-11-20T16:04:09Z" (fraction only when not zero).
std::string rfc3339(SystemTime t);
/// "2026-11-20 16:04:09" in the zone, for people.
std::string format_local(SystemTime t, const Zone& zone);

}  // namespace hw
