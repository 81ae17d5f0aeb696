#include "report/quotas.h"

#include <algorithm>

#include "base/zone.h"
#include "delivery/field_writer.h"
#include "http/lane.h"
#include "report/cells.h"
#include "store/service_rows.h"

namespace hw::report {

namespace {

/// A lane's key is of parts, and one that a connector has none of is empty: "ads//ingest".
std::string lane_name(std::string key) {
  for (auto at = key.find("//"); at != std::string::npos; at = key.find("//", at)) key.erase(at, 1);
  return key;
}

}  // namespace

Table quotas(store::Tx& tx, const settings::Settings& settings, Timestamp now) {
  Table t{.name = "quotas",
          .title = "Quotas of a day",
          .columns = {{"quota", "Quota"},
                      {"used", "Used", Holds::number},
                      {"limit", "Limit", Holds::number},
                      {"left", "Left", Holds::number},
                      {"resets", "More from"},
                      {"closed_until", "Closed until"}},
          .rows = {},
          .note = {}};
  auto add = [&](const std::string& name, std::int64_t used, std::int64_t limit, const std::optional<Timestamp>& resets,
                 const std::optional<Timestamp>& closed_until) {
    t.rows.push_back({name, std::to_string(used), limit > 0 ? std::to_string(limit) : "-",
                      limit > 0 ? std::to_string(std::max<std::int64_t>(0, limit - used)) : "-",
                      time_cell(resets, settings.zone), time_cell(closed_until, settings.zone)});
  };
  for (const auto& [key, kept] : store::service_rows::states(tx, http::kLaneState)) {
    const http::LaneUse use = http::lane_use(kept, now);
    if (use.used > 0 || use.closed_until) add(lane_name(key), use.used, use.per_day, use.frees_at, use.closed_until);
  }
  for (const settings::SourceFields& f : settings.source_fields)
    if (const std::int64_t used = delivery::written_today(tx, f.name, settings.zone, now); used > 0)
      add("source_fields " + f.name, used, f.daily_limit, delivery::tomorrow(settings.zone, now), std::nullopt);
  if (!t.rows.empty())
    t.note =
        "Limits are those of the configuration, less what quota_share of the credential leaves to other tools. A "
        "lane's day is the last 24 to 25 hours.";
  return t;
}

}  // namespace hw::report
