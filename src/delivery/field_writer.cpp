#include "delivery/field_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/backoff.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "delivery/outcomes.h"
#include "http/client.h"
#include "store/backup.h"
#include "store/ledger_rows.h"
#include "store/service_rows.h"

namespace hw::delivery {
namespace {

using connect::Outcome;
using connect::Verdict;
using store::Durability;
using store::SourceFieldState;
using store::Tx;
using store::WrittenField;
namespace fields = store::source_fields;
namespace service_rows = store::service_rows;

constexpr const char* kScope = "source_fields";
constexpr Duration kWhileReading = std::chrono::minutes(1);
constexpr Duration kReadAnew = std::chrono::hours(48);  ///< after a restore every source has been read by then

connect::Context context(const std::stop_token& cut) { return {.stop = cut, .timeout = std::chrono::seconds(60)}; }

bool is_taken(const Outcome& o) { return o.verdict == Verdict::accepted || o.verdict == Verdict::already_received; }

std::string day_key(const std::string& entry) { return "source_fields:" + entry; }

std::string today(const Zone& zone, Timestamp now) {
  const Civil c = zone.to_civil(now);
  return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
}

}  // namespace

/// Counted in civil days: not every day has 24 hours.
Timestamp tomorrow(const Zone& zone, Timestamp now) {
  const Civil day = zone.to_civil(now);
  const std::chrono::year_month_day date{std::chrono::year(day.year),
                                         std::chrono::month(static_cast<unsigned>(day.month)),
                                         std::chrono::day(static_cast<unsigned>(day.day))};
  const std::chrono::year_month_day next = std::chrono::sys_days(date) + std::chrono::days(1);
  Civil midnight;
  midnight.year = static_cast<int>(next.year());
  midnight.month = static_cast<int>(static_cast<unsigned>(next.month()));
  midnight.day = static_cast<int>(static_cast<unsigned>(next.day()));
  midnight.has_time = true;
  return zone.to_utc(midnight);
}

std::int64_t written_today(Tx& tx, const std::string& entry, const Zone& zone, Timestamp now) {
  const std::string kept = service_rows::state(tx, day_key(entry)).value_or("");
  const std::string prefix = today(zone, now) + " ";
  return kept.rfind(prefix, 0) == 0 ? std::stoll(kept.substr(prefix.size())) : 0;
}

FieldWriter::FieldWriter(const settings::SourceFields& entry, connect::SourceFieldWriter& writer, const Zone& zone,
                         store::Db& db, const Clock& clock, Random& random, std::function<bool()> reading)
    : entry_(entry),
      writer_(writer),
      zone_(zone),
      db_(db),
      clock_(clock),
      random_(random),
      reading_(std::move(reading)) {}

Status FieldWriter::start() {
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Status {
    if (!store::ledger_rows::go_live(tx, kScope, entry_.name))
      store::ledger_rows::set_go_live(tx, kScope, entry_.name, now);
    return {};
  });
}

/// Why nothing is written now: until when.
Result<std::optional<Timestamp>> FieldWriter::held() {
  const Timestamp now = clock_.system_now();
  if (set_back_.since_last(now)) rest_until_.reset();
  if (rest_until_ && *rest_until_ > now) return rest_until_;
  if (reading_ && reading_()) return std::optional(now + kWhileReading);
  return db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    for (const auto& [scope, name] : {std::pair{std::string(kScope), entry_.name}, {"connector", entry_.connector}}) {
      const auto p = service_rows::pause(tx, scope, name);
      if (p && p->retry_at.value_or(Timestamp::max()) > now)
        return std::optional(p->retry_at.value_or(Timestamp::max()));
    }
    if (service_rows::is_paused_by_person(tx, entry_.connector)) return std::optional(now + kRetryOfPause);
    if (written_today(tx, entry_.name, zone_, now) >= entry_.daily_limit) return std::optional(tomorrow(zone_, now));
    return std::optional<Timestamp>();
  });
}

Result<Round> FieldWriter::step(std::stop_token stop, std::stop_token cut) {
  Round round;
  auto until = held();
  if (!until) return until.error();
  if (*until) {
    round.resting = true;
    round.next = *until;
    return round;
  }
  auto jobs = claim(static_cast<std::int64_t>(writer_.max_records()), round);
  if (!jobs) return jobs.error();
  if (!jobs->empty() && !stop.stop_requested()) {
    if (auto s = look(*jobs, cut, round); !s) return s.error();
  }
  if (!jobs->empty() && !stop.stop_requested()) {
    if (auto s = intend(*jobs); !s) return s.error();
    crash_point("fields.intended");
    if (auto s = write(*jobs, cut, round); !s) return s.error();
    crash_point("fields.written");
    if (auto s = record(*jobs, round); !s) return s.error();
    crash_point("fields.recorded");
  }
  if (round.next) return round;
  auto next = db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> { return fields::next_due(tx, entry_.name); });
  if (!next) return next.error();
  round.next = *next;
  return round;
}

/// What is due, less what is known to need nothing: that is settled at once.
Result<std::vector<FieldWriter::Job>> FieldWriter::claim(std::int64_t limit, Round& round) {
  const Timestamp now = clock_.system_now();
  auto any = db_.read([&](Tx& tx) -> Result<bool> { return !fields::due(tx, entry_.name, now, 1).empty(); });
  if (!any) return any.error();
  if (!*any) return std::vector<Job>{};
  return db_.transact(Durability::bulk, [&](Tx& tx) -> Result<std::vector<Job>> {
    std::vector<Job> jobs;
    const Timestamp go_live =
        entry_.go_live.value_or(store::ledger_rows::go_live(tx, kScope, entry_.name).value_or(now));
    limit = std::min(limit, entry_.daily_limit - written_today(tx, entry_.name, zone_, now));
    for (SourceFieldState& s : fields::due(tx, entry_.name, now, std::max<std::int64_t>(limit, 1))) {
      auto job = job_of(tx, s, go_live, now);
      if (job) jobs.push_back(std::move(*job));
      if (!job) ++round.settled;
    }
    return jobs;
  });
}

std::optional<FieldWriter::Job> FieldWriter::job_of(Tx& tx, SourceFieldState state, Timestamp go_live, Timestamp now) {
  auto settle = [&](const char* as, const std::string& detail) {
    state.state = as;
    state.detail = detail;
    state.next_at.reset();
    state.updated_at = now;
    fields::put_state(tx, state);
  };
  auto record = store::records::get(tx, state.record);
  if (!record || record->state != "live") {
    settle("left_out", "the record is not live in the CRM");
    return std::nullopt;
  }
  if (!entry_.history && record->created.value_or(record->modified) < go_live) {
    settle("left_out", "created before go-live; `history: true` writes older records too");
    return std::nullopt;
  }
  Job job;
  job.state = state;
  job.record = *record;
  job.written = fields::written(tx, state.record);
  std::erase_if(job.written, [&](const WrittenField& w) {
    return std::none_of(entry_.fields.begin(), entry_.fields.end(), [&](const auto& f) { return f.second == w.field; });
  });
  const journey::Journey journey = journey::of(tx, *record);
  job.groups = source_values(entry_, *record, journey, now);
  if (const auto fields_of_it = without_ground(entry_, job.groups, job.written); !fields_of_it.empty())
    job.stale = fmt::format(
        "{} written from what is known no more (a visit was withdrawn, or people were parted): look at it in the CRM",
        fmt::join(fields_of_it, ", "));
  const auto merged = store::records::merge_learned(tx, state.record);
  std::erase_if(job.groups, [&](const FieldGroup& g) { return written_already(g, job.written, merged); });
  if (job.groups.empty()) {
    if (job.written.empty()) {
      settle("unchanged", "nothing is known of where it came from");
    } else {
      settle(job.stale.empty() ? "written" : "stale", job.stale);
    }
    return std::nullopt;
  }
  job.own = fields::own_values(tx, state.record);
  // What the daemon of the gap wrote changed the record.
  const auto gap = store::backups::gap(tx);
  if (gap && record->modified >= gap->from) own_what_the_gap_wrote(job, gap->to, journey);
  job.change.ref = record->ref;
  return job;
}

/// What a field holds since it was last written here may be of the daemon that was at work before a backup was
/// restored.
void FieldWriter::own_what_the_gap_wrote(Job& job, Timestamp restored_at, const journey::Journey& journey) const {
  if (job.record.modified >= restored_at + kReadAnew) return;  // somebody may have worked on it since
  for (store::OwnValue& v : values_of_any_time(entry_, job.record, journey)) {
    const bool since = std::any_of(job.written.begin(), job.written.end(), [&](const WrittenField& w) {
      return w.field == v.field && w.hash && !w.intended &&
             w.written_at >= restored_at;  // an intent may not have arrived
    });
    if (!since) job.own.push_back(std::move(v));
  }
}

/// Asks the CRM what the fields hold and decides, group by group.
Status FieldWriter::look(std::vector<Job>& jobs, std::stop_token cut, Round& round) {
  std::vector<RecordRef> refs;
  std::vector<std::string> fields;
  for (const Job& job : jobs) refs.push_back(job.record.ref);
  for (const auto& [what, field] : entry_.fields) fields.push_back(field);
  auto current = writer_.current(refs, fields, context(cut));
  if (!current) {
    jobs.clear();
    return outage(outcome_of(current.error()), round);
  }
  std::map<std::string, std::map<std::string, std::string>> held;
  for (connect::FieldValues& v : *current) held[v.ref.id] = std::move(v.values);
  for (Job& job : jobs) {
    auto it = held.find(job.record.ref.id);
    if (it == held.end()) {
      job.outcome.verdict = Verdict::reject_row;
      job.outcome.code = "not_shown";
      job.outcome.detail = "the CRM does not show the record";
      continue;
    }
    for (const FieldGroup& g : job.groups) {
      const Choice choice = choose(g, it->second, job.written, job.own, entry_.overwrite);
      job.choices.push_back(choice);
      if (choice != Choice::write) continue;
      for (const auto& [field, value] : g.values)
        if (it->second[field] != value) job.change.values[field] = value;
    }
  }
  return {};
}

/// What stands of the field so far; a fresh row where nothing does.
WrittenField FieldWriter::last_written(const Job& job, const std::string& what, const std::string& field,
                                       Timestamp now) const {
  for (const WrittenField& w : job.written)
    if (w.what == what && w.field == field) return w;
  return {.record = job.record.id,
          .what = what,
          .field = field,
          .hash = {},
          .intended = {},
          .group_at = {},
          .written_at = now};
}

/// From here on the CRM may hold the new values: they are Headwater's, whatever becomes of the call.
Status FieldWriter::intend(std::vector<Job>& jobs) {
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Status {
    for (const Job& job : jobs) {
      for (const FieldGroup& g : job.groups) {
        for (const auto& [field, what] : g.whats) {
          auto value = job.change.values.find(field);
          if (value == job.change.values.end()) continue;
          WrittenField w = last_written(job, what, field, now);
          w.intended = fields::hash_of(value->second);
          w.written_at = now;
          fields::put_written(tx, w);
        }
      }
    }
    return {};
  });
}

Status FieldWriter::write(std::vector<Job>& jobs, std::stop_token cut, Round& round) {
  std::vector<Job*> some;
  for (Job& job : jobs)
    if (!job.change.values.empty()) some.push_back(&job);
  round.sent += some.size();
  if (!some.empty()) write_some(some, cut);
  const auto paused =
      std::find_if(some.begin(), some.end(), [](const Job* j) { return j->outcome.verdict == Verdict::pause; });
  if (paused != some.end()) return outage((*paused)->outcome, round);
  const bool is_outage = !some.empty() && std::all_of(some.begin(), some.end(), [](const Job* j) {
    return j->outcome.verdict == Verdict::retry && j->outcome.scope != connect::Scope::row;
  });
  if (is_outage) return outage(some.front()->outcome, round);
  outages_ = 0;
  rest_until_.reset();
  return resume();
}

/// One call; a refusal of the whole that names no record is bisected.
void FieldWriter::write_some(std::vector<Job*> jobs, std::stop_token cut) {
  std::vector<connect::FieldValues> changes;
  for (const Job* j : jobs) changes.push_back(j->change);
  auto answered = writer_.write(changes, context(cut));
  std::vector<Outcome> outcomes;
  if (!answered) {
    outcomes.assign(jobs.size(), outcome_of(answered.error()));
  } else if (answered->outcomes.size() == jobs.size()) {
    outcomes = std::move(answered->outcomes);
  } else {
    Outcome o;
    o.verdict = Verdict::retry;
    o.code = "answer_shape";
    o.detail = "the connector answered about another number of records than were written";
    outcomes.assign(jobs.size(), o);
  }
  const bool whole = jobs.size() > 1 && std::all_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) {
                       return o.verdict == Verdict::reject_batch;
                     });
  if (whole) {
    const auto middle = jobs.begin() + static_cast<std::ptrdiff_t>(jobs.size() / 2);
    write_some({jobs.begin(), middle}, cut);
    write_some({middle, jobs.end()}, cut);
    return;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i]->outcome = std::move(outcomes[i]);
}

Status FieldWriter::record(const std::vector<Job>& jobs, Round& round) {
  const Timestamp now = clock_.system_now();
  std::int64_t n = 0;
  for (const Job& job : jobs) n += !job.change.values.empty() && is_taken(job.outcome) ? 1 : 0;
  round.accepted += static_cast<std::size_t>(n);
  round.settled += jobs.size();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Status {
    for (const Job& job : jobs) record_one(tx, job, now);
    service_rows::set_state(tx, day_key(entry_.name),
                            today(zone_, now) + " " + std::to_string(written_today(tx, entry_.name, zone_, now) + n));
    return {};
  });
}

void FieldWriter::record_one(Tx& tx, const Job& job, Timestamp now) {
  SourceFieldState s = job.state;
  const Outcome& o = job.outcome;
  const bool theirs = std::count(job.choices.begin(), job.choices.end(), Choice::kept_theirs) > 0;
  s.code = o.code;
  s.detail = o.detail;
  s.next_at.reset();
  s.updated_at = now;
  switch (o.verdict) {
    case Verdict::accepted:
    case Verdict::already_received:
      s.state = theirs ? "kept_theirs" : job.stale.empty() ? "written" : "stale";
      if (!theirs && !job.stale.empty()) s.detail = job.stale;
      break;
    case Verdict::retry:
    case Verdict::pause:
      s.state = "due";
      if (o.spends_attempt) s.tries += 1;
      s.next_at = now + backoff(std::max(s.tries - 1, 0), o.after, random_);
      break;
    case Verdict::reject_row:
    case Verdict::reject_batch:
      s.state = "rejected";
      log_event(
          Level::warn, "source_fields_rejected",
          {{"source_fields", entry_.name}, {"record", job.record.ref.id}, {"code", o.code}, {"detail", o.detail}});
      break;
  }
  const auto stands = fields::state(tx, entry_.name, job.record.id);
  const bool marked_since = stands && stands->marks != s.marks;
  if (!marked_since) fields::put_state(tx, s);
  if (!is_taken(o)) return;
  for (std::size_t i = 0; i < job.groups.size(); ++i) record_group(tx, job, job.groups[i], job.choices[i], now);
}

/// A value that the CRM held already is Headwater's only if Headwater wrote it: a call whose answer was lost.
void FieldWriter::record_group(Tx& tx, const Job& job, const FieldGroup& group, Choice choice, Timestamp now) {
  if (choice == Choice::kept_theirs) return;
  for (const auto& [field, value] : group.values) {
    WrittenField w = last_written(job, group.whats.at(field), field, now);
    const bool ours = choice == Choice::write || is_own(job.own, field, value);
    if (!ours) continue;
    w.hash = fields::hash_of(value);
    w.intended.reset();
    w.group_at = group.at;
    w.written_at = now;
    fields::put_written(tx, w);
  }
}

/// The CRM does not answer, or refuses everything. Our own rate lane's pace and the daemon's end are nobody's trouble.
Status FieldWriter::outage(const Outcome& o, Round& round) {
  if (o.code == "stopped") return {};
  const Timestamp now = clock_.system_now();
  if (o.verdict == Verdict::pause) return pause(o, now + o.after.value_or(kRetryOfPause));
  const Timestamp until = now + wait_after(outages_, o, random_);
  round.resting = true;
  round.next = until;
  if (o.code == http::kLaneFull) {
    rest_until_ = until;
    return {};
  }
  ++outages_;
  return pause(o, until);
}

Status FieldWriter::pause(const Outcome& o, Timestamp retry_at) {
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::bulk, [&](Tx& tx) -> Status {
    const auto before = service_rows::pause(tx, kScope, entry_.name);
    service_rows::set_pause(tx, {.scope = kScope,
                                 .name = entry_.name,
                                 .code = o.code,
                                 .detail = o.detail,
                                 .since = before ? before->since : now,
                                 .retry_at = retry_at,
                                 .retrying = o.verdict != Verdict::pause});
    if (!before)
      log_event(o.verdict == Verdict::pause ? Level::error : Level::warn, "paused",
                {{kScope, entry_.name}, {"code", o.code}, {"detail", o.detail}});
    return {};
  });
}

Status FieldWriter::resume() {
  auto paused = db_.read([&](Tx& tx) -> Result<bool> {
    const auto p = service_rows::pause(tx, kScope, entry_.name);
    return p && p->retry_at;
  });
  if (!paused) return paused.error();
  if (!*paused) return {};
  return db_.transact(Durability::bulk, [&](Tx& tx) -> Status {
    service_rows::clear_pause(tx, kScope, entry_.name);
    log_event(Level::info, "resumed", {{kScope, entry_.name}});
    return {};
  });
}

}  // namespace hw::delivery
