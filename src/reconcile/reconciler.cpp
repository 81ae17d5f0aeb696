#include "reconcile/reconciler.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/crash_point.h"
#include "base/text.h"
#include "reconcile/adopt.h"
#include "reconcile/brake.h"
#include "reconcile/fingerprint.h"
#include "reconcile/plan.h"
#include "reconcile/restored.h"
#include "store/service_rows.h"
#include "store/source_fields.h"

namespace hw::reconcile {
namespace {

using store::Durability;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;
namespace service_rows = store::service_rows;

constexpr const char* kActor = "reconcile";
constexpr const char* kTime = "time";  ///< the cause of what nothing marked

void supersede(Tx& tx, StoredUpload row, std::string code, std::string why, Timestamp now) {
  const UploadState from = row.state;
  row.state = UploadState::superseded;
  row.code = std::move(code);
  row.detail = std::move(why);
  rows::move(tx, row, from, kActor, now);
}

/// A row that nobody asks for any more. Returns whether it is still on its way.
bool leave_row(Tx& tx, StoredUpload row, bool has_sender, Timestamp now) {
  const UploadState from = row.state;
  const bool waits = from == UploadState::pending || from == UploadState::retrying;
  if (waits && !ledger::sent(row)) {
    supersede(tx, std::move(row), "not_in_configuration", "no longer in the configuration", now);
    return false;
  }
  const bool open = waits || from == UploadState::in_flight || row.is_awaited;
  if (!open || has_sender) return open;
  row.state = UploadState::uncertain;  // nobody is left to send it again or to hear of it
  row.code = ledger::kDestinationRemoved;
  row.detail = "its destination left the configuration before the answer came";
  rows::move(tx, row, from, kActor, now);
  return false;
}

/// What a subject was marked for, as the trail says it.
std::string in_words(const std::string& cause) {
  static const std::map<std::string, std::string> words{
      {"record", "the CRM's record changed"},
      {"association", "the CRM tied records or parted them"},
      {"history", "history of it was read"},
      {"identity", "a visit came, or people were joined or parted"},
      {"source_fields", "the CRM's own source fields changed"},
      {"consent", "consent changed"},
      {"merged", "records were merged"},
      {"adopted", "records were merged"},
      {"unmerged", "a merge was undone"},
      {"given back", "a merge was undone"},
      {"configuration", "the configuration changed"},
      {"clock", "the machine's clock was set back"},
      {"ledger", "an earlier row was answered"},
      {"superseded", "a row that had not left was taken back"},
      {"counted_once", "another conversion has its place at the platform"},
      {"place_free", "a place at the platform became free"},
      {"imported", "it was imported"},
      {"approved", "a brake was approved"},
      {"retry", "a person had rows tried again"},
      {kRestored, "a backup was restored"},
      {kTime, "its time had come"}};
  const auto it = words.find(cause);
  return it == words.end() ? cause : it->second;
}

/// A lowering that a brake held goes by a person's word.
std::string approval(Tx& tx, const std::string& destination) {
  const auto brake = rows::open_brake(tx, destination);
  if (!brake || !brake->approved_at) return {};
  return "; approved by " + brake->approved_by + " (brake " + std::to_string(brake->id) + ")";
}

/// Nobody asks for it any more: what the platform believes of it is what stands.
void rest(store::Standing& s, const ledger::Belief& belief) {
  s.look_again_at.reset();
  s.held_by.reset();
  s.flags.clear();
  s.crm_micros = 0;
  s.crm_currency.clear();
  if (belief.uncertain) {
    s.state = to_string(ledger::State::uncertain);
    s.reason.clear();
    s.b_low = belief.low;
    s.b_high = belief.high;
    s.range_currency = belief.uncertain_currency;
    return;
  }
  s.t_micros = s.b_micros = belief.micros;
  s.t_currency = s.b_currency = belief.currency;
  s.detail = "no longer in the configuration";
  const bool told = belief.stands;
  s.state = to_string(told ? ledger::State::taken : ledger::State::none);
  s.reason = told ? "" : to_string(ledger::Reason::not_wanted);
}

/// "subject name" lines of the goals that the last start knew: what they left behind is looked at once more.
void mark_removed_goals(Tx& tx, const settings::Settings& settings) {
  constexpr const char* kKey = "goals";
  std::string now_are;
  for (const settings::Goal& g : settings.goals) now_are += std::string(to_string(g.subject)) + " " + g.name + "\n";
  const std::string before = service_rows::meta(tx, kKey).value_or("");
  if (before == now_are) return;
  for (std::string_view line : split(before, '\n')) {
    const std::string subject(line.substr(0, line.find(' ')));
    if (line.empty() || ("\n" + now_are).find("\n" + std::string(line) + "\n") != std::string::npos) continue;
    service_rows::mark_all(tx, subject, "configuration");
    service_rows::set_meta(tx, "fingerprint:goal:" + std::string(line.substr(line.find(' ') + 1)), "");
  }
  service_rows::set_meta(tx, kKey, now_are);
}

/// Whose configuration changed since the last start. Its subjects are marked with its goal's.
void note_mended(Tx& tx, const settings::Settings& settings, bool first_after_restore) {
  for (const settings::Destination& d : settings.destinations) {
    const std::string key = fingerprint_key(d.name);
    const std::string now_is = fingerprint(settings, d);
    const auto before = service_rows::meta(tx, key);
    if (before == now_is) continue;
    service_rows::set_meta(tx, key, now_is);
    if (before) service_rows::set_meta(tx, mended_key(d.name), std::to_string(rows::last_upload(tx)));
    if (!before && !first_after_restore && store::backups::gap(tx)) note_named_since(tx, d.name);
  }
}

}  // namespace

Reconciler::Reconciler(const settings::Settings& settings, const settings::Connectors& connectors, store::Db& db,
                       const Clock& clock)
    : settings_(settings), connectors_(connectors), db_(db), clock_(clock) {}

Status Reconciler::start() {
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Status {
    const bool first_after_restore = store::backups::unmarked(tx);
    for (const settings::Destination& d : settings_.destinations) {
      note_go_live(tx, d, now);
      note_place(tx, d, first_after_restore);
    }
    doubt_unanswered(tx, destination_plans(tx, settings_, connectors_, now), now);
    mark_removed_goals(tx, settings_);
    for (const settings::SourceFields& f : settings_.source_fields) {
      const std::string key = "fingerprint:source_fields:" + f.name;
      const std::string now_is = fingerprint(f);
      if (service_rows::meta(tx, key) == now_is) continue;
      service_rows::mark_all(tx, to_string(f.object), "configuration");
      service_rows::set_meta(tx, key, now_is);
    }
    note_mended(tx, settings_, first_after_restore);
    for (const settings::Goal& g : settings_.goals) {
      const std::string key = "fingerprint:goal:" + g.name;
      const std::string now_is = fingerprint(settings_, connectors_, g);
      if (service_rows::meta(tx, key) == now_is) continue;
      service_rows::mark_all(tx, to_string(g.subject), "configuration");
      service_rows::set_meta(tx, key, now_is);
    }
    return {};
  });
}

Result<Frame> Reconciler::frame() {
  const Timestamp now = clock_.system_now();
  return db_.read([&](Tx& tx) -> Result<Frame> {
    return Frame{.settings = &settings_,
                 .plans = destination_plans(tx, settings_, connectors_, now),
                 .now = now,
                 .brake_closed = {},
                 .histories = gate_open_ ? std::vector<HistorySource>{} : history_sources(connectors_)};
  });
}

/// No conversion is made before each record and touch source has finished its first sweep: click and key freeze at
/// first send. After a restore the sweeps of records are to do again (forget_sweeps()).
Result<bool> Reconciler::sources_swept() {
  if (swept_) return true;
  return db_.read([&](Tx& tx) -> Result<bool> {
    for (const auto& [name, connector] : connectors_) {
      if (connector->records() != nullptr && !service_rows::is_swept(tx, name, "records")) return false;
      if (connector->touches() != nullptr && !service_rows::is_swept(tx, name, "touches")) return false;
    }
    return true;
  });
}

Result<Reconciler::Pass> Reconciler::step(std::stop_token stop, std::size_t limit) {
  Pass pass;
  auto swept = sources_swept();
  if (!swept) return swept.error();
  swept_ = *swept;
  if (!swept_ && !gate_open_) {
    pass.gated = true;
    return pass;
  }
  const Timestamp now = clock_.system_now();
  auto subjects = db_.read([&](Tx& tx) -> Result<std::vector<std::int64_t>> {
    std::vector<std::int64_t> out;
    for (const auto& d : service_rows::dirty(tx, static_cast<std::int64_t>(limit))) out.push_back(d.record_id);
    std::set<std::int64_t> known(out.begin(), out.end());
    for (const auto& due : rows::due_standings(tx, now, static_cast<std::int64_t>(limit)))
      if (known.insert(due.record_id).second) out.push_back(due.record_id);
    return out;
  });
  if (!subjects) return subjects.error();
  if (!subjects->empty()) {
    auto plan = frame();
    if (!plan) return plan.error();
    for (std::size_t i = 0; i < subjects->size() && !stop.stop_requested(); i += 50) {
      const std::size_t end = std::min(subjects->size(), i + 50);
      auto done = work_off(
          {subjects->begin() + static_cast<std::ptrdiff_t>(i), subjects->begin() + static_cast<std::ptrdiff_t>(end)},
          *plan);
      if (!done) return done.error();
      pass.subjects += *done;
      crash_point("reconcile.committed");
    }
    if (auto released = release_brakes(db_, now); !released) return released.error();
  }
  auto next = db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    if (!service_rows::dirty(tx, 1).empty()) return std::optional(now);
    return rows::next_due_standing(tx);
  });
  if (!next) return next.error();
  pass.next = *next;
  return pass;
}

Result<std::size_t> Reconciler::work_off(const std::vector<std::int64_t>& subjects, const Frame& base) {
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    Frame frame = base;
    frame.brake_closed = [&](const DestinationPlan& p, std::int64_t conversion, const std::string& currency,
                             std::int64_t micros) {
      return brake_closed(tx, p, conversion, currency, micros, frame.now);
    };
    for (std::int64_t record : subjects) {
      const auto mark = service_rows::dirty_of(tx, record);
      if (auto s = reconcile_one(tx, frame, record, mark ? mark->cause : kTime); !s) return s.error();
      if (mark) service_rows::clear_dirty(tx, record, mark->seq);
    }
    service_rows::note_time(tx, frame.now);
    crash_point("reconcile.computed");
    return subjects.size();
  });
}

Status Reconciler::reconcile_one(Tx& tx, Frame& frame, std::int64_t record, const std::string& cause) {
  auto subject = load_subject(tx, record);
  if (!subject) return {};
  take_back_after_merge(tx, *subject);
  adopt_from_merged(tx, *subject);
  std::set<std::pair<std::int64_t, std::string>> judged;
  for (ConversionWork& work : assess(tx, frame, *subject, rows::conversions_of_record(tx, record)))
    for (const auto& place : apply(tx, std::move(work), cause)) judged.insert(place);
  leave_unasked(tx, *subject, frame.now);
  let_rest(tx, record, judged, frame.now);
  for (const settings::SourceFields& f : settings_.source_fields)
    if (f.object == subject->record.ref.object) store::source_fields::mark_due(tx, f.name, record, frame.now);
  return {};
}

/// A goal or destination that left the configuration asks for nothing any more: what was not sent goes back, what was
/// told stays.
void Reconciler::leave_unasked(Tx& tx, const Subject& subject, Timestamp now) {
  for (const auto& c : rows::conversions_of_record(tx, subject.record.id)) {
    const settings::Goal* goal = settings_.goal(c.goal);
    const bool asked = goal != nullptr && goal->subject == subject.record.ref.object;
    for (store::Standing& s : rows::standings(tx, c.id)) {
      const settings::Destination* d = settings_.destination(s.destination);
      if (asked && d != nullptr && d->goal == c.goal) continue;
      bool on_its_way = false;
      for (StoredUpload& u : rows::uploads(tx, c.id, s.destination))
        on_its_way = leave_row(tx, std::move(u), /*has_sender=*/d != nullptr, now) || on_its_way;
      if (on_its_way) continue;
      rest(s, ledger::believe(rows::uploads(tx, c.id, s.destination)));
      rows::put_standing(tx, s, ledger::contributions);
    }
  }
}

/// A standing that is due and that this pass did not judge (its connector is disabled): it waits for a change of the
/// configuration, which marks its subject.
void Reconciler::let_rest(Tx& tx, std::int64_t record, const std::set<std::pair<std::int64_t, std::string>>& judged,
                          Timestamp now) {
  for (const auto& c : rows::conversions_of_record(tx, record)) {
    for (store::Standing& s : rows::standings(tx, c.id)) {
      if (judged.contains({c.id, s.destination}) || !s.look_again_at || *s.look_again_at > now) continue;
      s.look_again_at.reset();
      rows::put_standing(tx, s, ledger::contributions);
    }
  }
}

std::vector<std::pair<std::int64_t, std::string>> Reconciler::apply(Tx& tx, ConversionWork work,
                                                                    const std::string& cause) {
  std::vector<std::pair<std::int64_t, std::string>> judged;
  const Timestamp now = clock_.system_now();
  std::int64_t id = work.conversion.id;
  if (id == 0) id = rows::add_conversion(tx, work.conversion);
  if (work.time_moved)
    rows::set_conversion_time(tx, id, work.conversion.entered_at, work.conversion.at, work.conversion.at_basis);
  for (Work& w : work.work) {
    const std::string& destination = w.plan->destination->name;
    if (w.supersede) {
      supersede(tx, *rows::upload(tx, w.supersede->upload), w.supersede->code, w.supersede->detail, now);
      // The place is free now: what is wanted instead is judged in the next round.
      service_rows::mark_dirty(tx, work.conversion.record_id, "superseded");
    }
    if (w.stop) {
      auto frozen = rows::upload(tx, *w.stop);
      frozen->state = UploadState::uncertain;
      frozen->code = "consent";
      frozen->detail = "consent was withdrawn before its answer came";
      rows::move(tx, *frozen, UploadState::retrying, kActor, now);
      service_rows::mark_dirty(tx, work.conversion.record_id, "consent");
    }
    if (w.replace) rows::replace_unsent(tx, w.replace->first, w.replace->second);
    if (w.make && !w.shadow) {
      w.make->conversion_id = id;
      std::string why = w.made_because;
      if (!why.empty()) why += "; cause: " + in_words(cause) + (w.lowering ? approval(tx, destination) : "");
      rows::add_upload(tx, *w.make, kActor, why);
      // What else was true in the gap, and its range does not hold yet, is seen in the next round.
      if (w.make->code == kRestored) service_rows::mark_dirty(tx, work.conversion.record_id, kRestored);
      if (w.lowering) rows::add_lowering(tx, destination, now, id, w.lowering_micros, w.standing.b_currency);
    }
    if (w.click) rows::choose_click(tx, work.conversion.lineage, w.plan->platform(), *w.click, now);
    w.standing.conversion_id = id;
    judged.emplace_back(id, destination);
    if (w.standing.held_by == 0) {  // by a row of this very commit: it has its id in the next round
      w.standing.held_by.reset();
      service_rows::mark_dirty(tx, work.conversion.record_id, "counted_once");
    }
    if (rows::put_standing(tx, w.standing, ledger::contributions))
      for (std::int64_t held : rows::records_held_by(tx, id)) service_rows::mark_dirty(tx, held, "place_free");
  }
  return judged;
}

}  // namespace hw::reconcile
