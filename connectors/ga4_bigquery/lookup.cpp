#include "connectors/ga4_bigquery/lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "connectors/ga4_bigquery/touches.h"

namespace hw::connectors::ga4_bigquery {

namespace {

constexpr Day kBeginning = Day(std::chrono::year(2000) / 1 / 1);  // the wildcard reaches no further

/// An export that was just switched on has streaming tables alone: its history is empty.
bool is_without_tables(const Error& error) {
  return error.detail.find("does not match any table") != std::string::npos;
}

std::string hash_of(std::span<const Identifier> ids) {
  std::string all;
  for (const Identifier& id : ids) all += id.type + "\n" + id.value + "\n";
  return sha256_hex(all);
}

}  // namespace

History::History(const Config& config, const connect::Env& env)
    : config_(config), env_(env), api_(config, env), runner_(config, api_) {
  limits_.types = {"ga_client_id", "user_id", "gclid"};
  limits_.max_ids = config.lookup_ids;
  limits_.every = config.lookup_every;
}

Result<connect::Page<Touch>> History::lookup(std::span<const Identifier> ids, const connect::Cursor& cursor,
                                             Context context) {
  Result<LookupPosition> position = read_lookup_position(cursor);
  if (!position) return position.error();
  if (!position->began)
    if (Status ok = begin(*position, context); !ok) return ok.error();
  Result<Runner::Part> part = position->job.id.empty()
                                  ? begin_query(*position, ids, context)
                                  : runner_.go_on(position->job, position->location, config_.page_rows, context);
  if (!part) return part.error();
  return take(std::move(*position), *part);
}

Status History::begin(LookupPosition& p, const Context& context) {
  Result<Api::Place> place = api_.place(context);
  if (!place) return place.error();
  p.began = place->now;  // or a wrong clock here would pass over days
  p.location = place->location;
  if (config_.intraday) p.day = today(p) - days(config_.late_days);
  return {};
}

Result<Runner::Part> History::begin_query(LookupPosition& p, std::span<const Identifier> ids, const Context& context) {
  for (; p.day && *p.day <= today(p); *p.day += days(1)) {
    const std::string name = "events_intraday_" + digits(*p.day);
    Result<std::optional<Table>> table = api_.table(name, context);
    if (!table) return table.error();
    if (!*table) continue;
    const Query query = people_query(config_, env_.vocabulary, name, (*table)->columns, ids);
    Result<std::int64_t> bytes = runner_.estimate(query, p.location, "a look-up in " + name, context);
    if (!bytes) return bytes.error();
    const std::string id = fmt::format("{}\n{}\n{}\n{}", name, to_micros(*p.began), p.job.lost, hash_of(ids));
    Result<Runner::Part> part = runner_.begin(query, p.location, id, config_.page_rows, {}, context);
    if (part) part->job.lost = p.job.lost;
    return part;
  }
  p.day.reset();
  return begin_history(p, ids, context);
}

Result<Runner::Part> History::begin_history(const LookupPosition& p, std::span<const Identifier> ids,
                                            const Context& context) {
  const Day to = today(p), from = std::max(kBeginning, to - days(config_.days));
  const Query query = history_query(config_, env_.vocabulary, ids, digits(from), digits(to));
  Result<std::int64_t> bytes =
      runner_.estimate(query, p.location, fmt::format("a look-up over {} days", config_.days), context);
  if (!bytes && is_without_tables(bytes.error()))
    return Runner::Part{.rows = {}, .job = {}, .again_in = {}, .is_last = true};
  if (!bytes) return bytes.error();
  const std::int64_t a_day =
      std::clamp<std::int64_t>(config_.max_bytes_per_day / std::max<std::int64_t>(*bytes, 1), 1, 1'000'000);
  const http::Lane lane{.key = fmt::format("{}/{}/lookup", config_.credential, config_.instance),
                        .requests = static_cast<int>(a_day),
                        .per = std::chrono::hours(1),
                        .per_day = static_cast<int>(a_day),
                        .own_budget = true};
  const std::string id = fmt::format("history\n{}\n{}\n{}", to_micros(*p.began), p.job.lost, hash_of(ids));
  Result<Runner::Part> part = runner_.begin(query, p.location, id, config_.page_rows, {lane}, context);
  if (part) part->job.lost = p.job.lost;
  return part;
}

History::Page History::take(LookupPosition p, const Runner::Part& part) const {
  Page page;
  const Mapping mapping{config_, env_.normaliser, env_.vocabulary};
  for (const json& row : part.rows) add_touches(row, mapping, page.rows, page.rejected);
  const bool was_history = !p.day;
  p.job = part.job;
  if (part.is_last) {
    p.job = {};
    if (p.day) *p.day += days(1);
  }
  page.again_in = part.again_in;
  page.more = !part.again_in && !(part.is_last && was_history);
  page.next = write(p);
  return page;
}

}  // namespace hw::connectors::ga4_bigquery
