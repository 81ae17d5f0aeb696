#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/zone.h"
#include "sandbox/world.h"

namespace hw::sandbox::bigquery {

using Day = std::chrono::sys_days;

/// One table of the export as it stands at the world's present.
struct ExportTable {
  std::string name;  ///< "events_20261120", "events_intraday_20261120"
  Day day;
  Timestamp created, modified;
  bool has_collected = true, has_last_click = true, has_first_touch = true;
  std::vector<const AnalyticsEvent*> events;  ///< by time
  std::int64_t bytes = 0;
};

/// The export at a moment: which tables there are, and what stands in them.
class Export {
 public:
  explicit Export(const World& world);
  [[nodiscard]] std::optional<ExportTable> table(std::string_view name) const;
  /// Daily tables whose name after "events_20" lies between the two.
  [[nodiscard]] std::vector<ExportTable> daily_between(const std::string& from, const std::string& to) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  [[nodiscard]] std::optional<ExportTable> daily(Day day) const;
  [[nodiscard]] std::optional<ExportTable> streaming(Day day) const;
  [[nodiscard]] const std::vector<const AnalyticsEvent*>& happened(Day day) const;
  [[nodiscard]] std::vector<const AnalyticsEvent*> events_of(Day day, Timestamp as_of) const;
  [[nodiscard]] Day day_of(Timestamp at) const;
  [[nodiscard]] Timestamp begin_of(Day day) const;

  const World& world_;
  Zone zone_;
  mutable std::map<Day, std::vector<const AnalyticsEvent*>> by_day_;  ///< by time; of the days that were asked for
};

std::string digits(Day day);  ///< "20261120"

}  // namespace hw::sandbox::bigquery
