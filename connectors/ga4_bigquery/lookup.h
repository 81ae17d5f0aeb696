#pragma once
#include <span>

#include "connect/connector.h"
#include "connectors/ga4_bigquery/api.h"
#include "connectors/ga4_bigquery/cursor.h"
#include "connectors/ga4_bigquery/query.h"

namespace hw::connectors::ga4_bigquery {

/// The visits of people that the CRM knows, by client id, user id or gclid, over the last `days`: one query over the
/// streaming tables that are there, one over the daily tables. What it costs does not depend on how many are asked for.
/// So many histories are read in 24 hours as max_bytes_per_day holds; the HTTP client counts them across restarts.
class History final : public connect::TouchLookup {
 public:
  History(const Config& config, const connect::Env& env);

  const connect::LookupLimits& limits() const override { return limits_; }
  Result<connect::Page<Touch>> lookup(std::span<const Identifier> ids, const connect::Cursor& cursor,
                                      connect::Context) override;

 private:
  using Page = connect::Page<Touch>;
  using Context = connect::Context;

  Status begin(LookupPosition&, const Context&);
  /// The part of the next table that is there, or of the history.
  Result<Runner::Part> begin_query(LookupPosition&, std::span<const Identifier> ids, const Context&);
  Result<Runner::Part> begin_history(const LookupPosition&, std::span<const Identifier> ids, const Context&);
  Page take(LookupPosition, const Runner::Part&) const;
  [[nodiscard]] Day today(const LookupPosition& p) const { return day_of(*p.began, config_.zone); }

  const Config& config_;
  const connect::Env& env_;
  Api api_;
  Runner runner_;
  connect::LookupLimits limits_;
};

}  // namespace hw::connectors::ga4_bigquery
