#include "ingest/puller.h"

#include <algorithm>
#include <type_traits>

#include "base/crash_point.h"
#include "store/identities.h"
#include "store/service_rows.h"

namespace hw::ingest {
namespace {

namespace service_rows = store::service_rows;
using connect::Page;
using store::Durability;
using store::Tx;

constexpr std::size_t kPageRows = 1000;

/// True while a pass goes on, however it ends.
class Reading {
 public:
  explicit Reading(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
  ~Reading() { flag_ = false; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace

Puller::Puller(const settings::ConnectorInstance& instance, connect::Connector& connector, Take& take, store::Db& db,
               const Clock& clock, Random& random)
    : instance_(instance),
      connector_(connector),
      take_(take),
      db_(db),
      clock_(clock),
      trouble_(instance.name, db, clock, random) {
  if (connector.lookup() != nullptr) asker_.emplace(instance, connector, take, trouble_, db, clock);
}

Result<Puller::Pass> Puller::step(std::stop_token stop, std::size_t max_pages) {
  return pull_all(stop, {.pages = max_pages, .trial = false});
}

Result<Puller::Pass> Puller::trial(std::stop_token stop) { return pull_all(stop, {.pages = 1, .trial = true}); }

Result<Puller::Pass> Puller::ask(std::stop_token stop, std::size_t max_calls) {
  const auto paused = is_paused();
  if (!paused) return paused.error();
  if (*paused) return paused_pass();
  const Reading reading(reading_);
  return look_up(stop, max_calls);
}

/// By a person. Also notices that somebody ended the pause which trouble had made.
Result<bool> Puller::is_paused() {
  auto found = db_.read([&](Tx& tx) -> Result<std::pair<bool, bool>> {
    return std::pair(service_rows::is_paused_by_person(tx, instance_.name),
                     service_rows::pause(tx, "source", instance_.name).has_value());
  });
  if (!found) return found.error();
  if (!found->second) trouble_.lifted();
  return found->first;
}

Puller::Pass Puller::paused_pass() const {
  Pass pass;
  pass.paused = true;
  pass.next = clock_.system_now() + instance_.pull_every;
  return pass;
}

/// What the answers join is followed at once: it may be to be asked in turn.
Result<Puller::Pass> Puller::look_up(std::stop_token stop, std::size_t max_calls) {
  if (!asker_) return Pass{};
  auto pass = asker_->step(stop, max_calls);
  if (!pass) return pass;
  auto followed = finish_identity(stop);
  if (!followed) return followed.error();
  pass->more = pass->more || *followed;
  return pass;
}

Result<Puller::Pass> Puller::pull_all(std::stop_token stop, const Reach& reach) {
  const auto paused = is_paused();
  if (!paused) return paused.error();
  if (*paused) return paused_pass();
  if (set_back_.since_last(clock_.system_now())) {
    read_until_.clear();
    trouble_.set_back();
  }
  const Reading reading(reading_);
  if (auto s = finish_identity(stop); !s) return s.error();
  Pass sum;
  auto run = [&](auto* source, const char* role) -> Status {
    if (source == nullptr) return {};
    auto pass = pull_role(*source, role, stop, reach);
    if (!pass) return pass.error();
    fold(sum, *pass);
    return {};
  };
  if (auto s = run(connector_.records(), "records"); !s) return s.error();
  if (auto s = run(connector_.touches(), "touches"); !s) return s.error();
  if (auto s = run(connector_.costs(), "costs"); !s) return s.error();
  // A trial moves no cursor, and an answered question is none.
  auto looked_up = reach.trial || sum.paused ? Result<Pass>(Pass{}) : look_up(stop, reach.pages);
  if (!looked_up) return looked_up.error();
  fold(sum, *looked_up);
  if (!sum.next || *sum.next > clock_.system_now() + instance_.pull_every)
    sum.next = clock_.system_now() + instance_.pull_every;
  if (!sum.more && !sum.retrying && !sum.resting) read_until_.clear();
  return sum;
}

template <class Row>
Result<Puller::Pass> Puller::pull_role(connect::Source<Row>& source, const std::string& role, std::stop_token stop,
                                       const Reach& reach) {
  Pass sum;
  if (const auto rest = trouble_.rests_until(role)) {
    sum.resting = true;
    sum.next = *rest;
    return sum;
  }
  auto streams = source.streams({.stop = stop, .timeout = std::chrono::seconds(60)});
  if (!streams) {
    if (auto s = trouble_.note(role, streams.error(), sum); !s) return s.error();
    return sum;
  }
  trouble_.forget(role);
  for (const std::string& stream : *streams) {
    if (stop.stop_requested()) break;
    auto pass = pull_stream(source, role, stream, stop, reach);
    if (!pass) return pass.error();
    fold(sum, *pass);
  }
  if (auto s = finish_identity(stop); !s) return s.error();
  if (reach.trial || sum.more || sum.retrying || sum.resting || sum.paused || stop.stop_requested()) return sum;
  if (auto s = note_sweep(role, *streams); !s) return s.error();
  return sum;
}

/// One page may join a person to more touches than one transaction should follow. Asked before a pass, lest a vendor's
/// trouble keep it waiting, and before a sweep is noted; the writer's lock is taken only when something is left.
/// Returns whether anything was.
Result<bool> Puller::finish_identity(std::stop_token stop) {
  auto left = db_.read([](Tx& tx) -> Result<bool> { return store::identities::any_unfollowed(tx); });
  const bool any = left && *left;
  while (left && *left && !stop.stop_requested())
    left = db_.transact(Durability::bulk, [&](Tx& tx) -> Result<bool> { return take_.go_on(tx, clock_.system_now()); });
  return left ? Result<bool>(any) : left;
}

/// Once every stream that exists has been read through, conversions may depend on this source. Asked after each pass
/// and true but once: the writer's lock is taken only then.
Status Puller::note_sweep(const std::string& role, const std::vector<std::string>& streams) {
  auto news = db_.read([&](Tx& tx) -> Result<bool> {
    if (service_rows::is_swept(tx, instance_.name, role)) return false;
    return std::all_of(streams.begin(), streams.end(), [&](const std::string& stream) {
      auto c = service_rows::cursor(tx, instance_.name, role, stream);
      return c && c->swept_at;
    });
  });
  if (!news) return news.error();
  if (!*news) return {};
  return db_.transact(Durability::bulk, [&](Tx& tx) -> Status {
    service_rows::note_swept(tx, instance_.name, role, clock_.system_now());
    return {};
  });
}

template <class Row>
Result<Puller::Pass> Puller::pull_stream(connect::Source<Row>& source, const std::string& role,
                                         const std::string& stream, std::stop_token stop, const Reach& reach) {
  Pass sum;
  const std::string where = role + "/" + stream;
  if (const auto rest = trouble_.rests_until(where)) {
    sum.resting = true;
    sum.next = *rest;
    return sum;
  }
  if (auto read = read_until_.find(where); read != read_until_.end() && read->second > clock_.system_now()) {
    sum.next = read->second;
    return sum;
  }
  for (std::size_t n = 0; !stop.stop_requested(); ++n) {
    if (n == reach.pages) {
      sum.more = !reach.trial;
      return sum;
    }
    auto stored = db_.read([&](Tx& tx) -> Result<std::optional<store::StoredCursor>> {
      sum.paused = service_rows::is_paused_by_person(tx, instance_.name);
      return service_rows::cursor(tx, instance_.name, role, stream);
    });
    if (!stored) return stored.error();
    if (sum.paused) return sum;
    const bool waits = *stored && (*stored)->again_at && *(*stored)->again_at > clock_.system_now();
    if (waits) {
      sum.job_runs = true;
      sum.next = (*stored)->again_at;
      return sum;
    }
    auto begun = partition_.contains(where) ? Result<std::optional<std::string>>(std::nullopt) : begun_partition(where);
    if (!begun) return begun.error();
    const connect::Cursor cursor{*begun ? **begun : *stored ? (*stored)->text : std::string()};
    auto page = source.pull(stream, cursor, kPageRows, {.stop = stop, .timeout = std::chrono::seconds(60)});
    if (!page) {
      if (auto s = trouble_.note(where, page.error(), sum); !s) return s.error();
      return sum;
    }
    crash_point("ingest.page_read", role);
    sum.rows += page->rows.size();
    sum.rejected += page->rejected.size();
    auto committed = reach.trial ? commit_trial(role, stream, *page) : commit_page(role, stream, cursor, *page);
    if (!committed) return committed.error();
    crash_point("ingest.page_committed", role);
    if (auto s = trouble_.over(where); !s) return s.error();
    sum.job_runs = page->again_in.has_value();
    if (page->again_in) sum.next = clock_.system_now() + *page->again_in;
    if (page->more) continue;
    if (!reach.trial)
      read_until_[where] =
          clock_.system_now() + std::min(page->again_in.value_or(Duration::max()), instance_.pull_every);
    return sum;
  }
  return sum;
}

template <class Row>
void Puller::take_rows(Tx& tx, const std::string& role, const std::string& stream, const Page<Row>& page,
                       std::vector<std::int64_t>& seen, Timestamp now) {
  for (const Row& row : page.rows) {
    if constexpr (std::is_same_v<Row, Touch>)
      if (asker_ && !LookupAsker::keeps(tx, row)) continue;
    if (auto id = take_.row(tx, row, instance_.name, page.partition, now)) seen.push_back(*id);
  }
  set_aside(tx, instance_.name, role, stream, page.rejected, now);
}

template <class Row>
Result<bool> Puller::commit_trial(const std::string& role, const std::string& stream, const Page<Row>& page) {
  return db_.transact(Durability::bulk, [&](Tx& tx) -> Result<bool> {
    std::vector<std::int64_t> seen;
    take_rows(tx, role, stream, page, seen, clock_.system_now());
    return true;
  });
}

template <class Row>
Result<bool> Puller::commit_page(const std::string& role, const std::string& stream, const connect::Cursor& cursor,
                                 Page<Row>& page) {
  const Timestamp now = clock_.system_now();
  const std::string key = role + "/" + stream;
  const bool first = page.partition && !partition_.contains(key);
  std::vector<std::int64_t> seen = page.partition ? std::move(partition_[key]) : std::vector<std::int64_t>{};
  auto done = db_.transact(Durability::bulk, [&](Tx& tx) -> Result<bool> {
    take_rows(tx, role, stream, page, seen, now);
    if (page.partition) {
      if (page.partition_ends) take_.end_partition(tx, instance_.name, *page.partition, seen, now);
      if (page.partition_ends || first)
        service_rows::set_state(tx, begun_key(key), page.partition_ends ? "" : "@" + cursor.text);
    }
    auto old = service_rows::cursor(tx, instance_.name, role, stream);
    store::StoredCursor c{.connector = instance_.name,
                          .role = role,
                          .stream = stream,
                          .text = page.next.text,
                          .swept_at = old ? old->swept_at : std::nullopt,
                          .again_at = {},
                          .updated_at = now};
    if (page.sweep_complete && !page.more && !c.swept_at) c.swept_at = now;
    if (page.again_in) c.again_at = now + *page.again_in;
    service_rows::put_cursor(tx, c);
    return true;
  });
  if (!page.partition) return done;
  // Nobody knows whether a commit that failed was carried out: the partition is read again from its beginning.
  if (!done || page.partition_ends) {
    partition_.erase(key);
  } else {
    partition_[key] = std::move(seen);
  }
  return done;
}

std::string Puller::begun_key(const std::string& where) const { return "partition:" + instance_.name + "/" + where; }

/// What was seen of an unfinished partition is lost with the process: it is read from its beginning again, lest rows
/// that the first pages repeated be withdrawn at its end.
Result<std::optional<std::string>> Puller::begun_partition(const std::string& where) {
  return db_.read([&](Tx& tx) -> Result<std::optional<std::string>> {
    auto begun = service_rows::state(tx, begun_key(where));
    if (!begun || begun->empty()) return std::optional<std::string>();
    return std::optional(begun->substr(1));
  });
}

}  // namespace hw::ingest
