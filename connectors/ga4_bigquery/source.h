#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connect/connector.h"
#include "connectors/ga4_bigquery/api.h"
#include "connectors/ga4_bigquery/cursor.h"
#include "connectors/ga4_bigquery/query.h"

namespace hw::connectors::ga4_bigquery {

/// Reads the export day by day: one stream, "sessions", in rounds at most every `every`. A round looks at each day that
/// may still change, up to today, and asks for its tables (free of charge):
///   the daily table is there and not as it was when it was read     the whole day is read, as one partition
///   it is not there yet, and the streaming table is                 that one is read, as the same partition
///   neither is there                                                nothing; what the store holds of the day stays
/// So the daily table takes the streaming one's place, and what GA4's later processing took out of a day is withdrawn.
/// A day is done with once its daily table was seen `late_days` after it, or when no table has come for some days more.
/// The first round begins `days` back; with pull: lookup at the days that may still change, since the look-ups tell
/// what was before.
class DayReader final : public connect::TouchSource {
 public:
  DayReader(const Config& config, const connect::Env& env)
      : config_(config), env_(env), api_(config, env), runner_(config, api_) {}

  Result<std::vector<std::string>> streams(connect::Context) override;
  Result<connect::Page<Touch>> pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                                    connect::Context) override;

 private:
  using Page = connect::Page<Touch>;
  using Context = connect::Context;
  struct Found {
    std::string name;
    Table table;
    bool is_daily = false;
  };

  Status begin_round(Position&, const Context&);
  void follow_configuration(Position&) const;
  [[nodiscard]] bool goes_back(const Position&) const;
  bool find_day(Position&) const;
  Result<Page> look_on(Position, std::size_t limit, const Context&);
  Result<std::optional<Found>> look_at_day(Position&, const Context&);
  Result<Page> begin_table(Position, const Found&, std::size_t limit, const Context&);
  Result<Page> take(Position, const Runner::Part&);
  [[nodiscard]] bool may_change(const Position&) const;
  void finish_day(Position&) const;
  Page end_round(Position) const;
  Status spend(Position&, std::int64_t bytes) const;

  const Config& config_;
  const connect::Env& env_;
  Api api_;
  Runner runner_;
};

}  // namespace hw::connectors::ga4_bigquery
