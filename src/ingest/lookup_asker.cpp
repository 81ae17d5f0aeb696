#include "ingest/lookup_asker.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/crash_point.h"
#include "identity/persons.h"
#include "store/service_rows.h"

namespace hw::ingest {
namespace {

namespace lookups = store::lookups;
namespace service_rows = store::service_rows;
using store::Durability;
using store::StoredIdentifier;
using store::Tx;

constexpr const char* kRole = "lookup";
constexpr const char* kStream = "identifiers";
constexpr const char* kWhere = "lookup/identifiers";
/// Identifiers that one transaction walks over.
constexpr std::int64_t kWalk = 10'000;
/// What no record stands behind is looked at again after it.
constexpr std::chrono::hours kRest(24);

std::string round_key(const std::string& connector) { return "lookup_round:" + connector; }

}  // namespace

LookupAsker::LookupAsker(const settings::ConnectorInstance& instance, connect::Connector& connector, Take& take,
                         Trouble& trouble, store::Db& db, const Clock& clock)
    : instance_(instance),
      lookup_(*connector.lookup()),
      has_streams_(connector.touches() != nullptr),
      take_(take),
      trouble_(trouble),
      db_(db),
      clock_(clock) {}

bool LookupAsker::keeps(Tx& tx, const Touch& touch) {
  return std::any_of(touch.identifiers.begin(), touch.identifiers.end(),
                     [&](const Identifier& id) { return store::identities::find(tx, id).has_value(); });
}

Result<Pass> LookupAsker::step(std::stop_token stop, std::size_t max_calls) {
  Pass sum;
  for (std::size_t calls = 0; !stop.stop_requested(); ++calls) {
    if (calls == max_calls) {
      sum.more = true;
      return sum;
    }
    if (const auto rest = trouble_.rests_until(kWhere)) {
      sum.resting = true;
      sum.next = *rest;
      return sum;
    }
    if (auto s = queue_known(stop); !s) return s.error();
    auto batch = under_way();
    if (!batch) return batch.error();
    if (batch->ids.empty() || (batch->next && *batch->next > clock_.system_now())) {
      sum.job_runs = !batch->ids.empty();
      sum.next = batch->next;
      return sum;
    }
    std::vector<Identifier> ids;
    for (const StoredIdentifier& id : batch->ids) ids.push_back(id.identifier);
    auto page = lookup_.lookup(ids, batch->cursor, {.stop = stop, .timeout = std::chrono::seconds(60)});
    if (!page) {
      if (auto s = trouble_.note(kWhere, page.error(), sum); !s) return s.error();
      return sum;
    }
    crash_point("lookup.page_read");
    if (auto s = commit(*batch, *page, sum); !s) return s.error();
    crash_point("lookup.page_committed");
    if (auto s = trouble_.over(kWhere); !s) return s.error();
  }
  return sum;
}

/// The writer's lock is taken only when something became known. What a round's answers bring is for the next one, also
/// within one tick of the clock.
Status LookupAsker::queue_known(std::stop_token stop) {
  const std::set<std::string>& types = lookup_.limits().types;
  auto more = db_.read([&](Tx& tx) -> Result<bool> { return lookups::any_unwalked(tx, instance_.name, types); });
  while (more && *more && !stop.stop_requested())
    more = db_.transact(Durability::bulk, [&](Tx& tx) -> Result<bool> {
      const auto began = lookup_.limits().every > Duration{} ? round(tx) : std::nullopt;
      const Timestamp now = clock_.system_now();
      return lookups::queue_known(tx, instance_.name, types, kWalk, began ? std::max(now, *began + Duration(1)) : now);
    });
  return more ? Status{} : more.error();
}

std::size_t LookupAsker::batch_size() const { return std::max<std::size_t>(1, lookup_.limits().max_ids); }

/// A batch that another configuration began may not be the source's to answer.
bool LookupAsker::fits(const std::vector<StoredIdentifier>& ids) const {
  const connect::LookupLimits& limits = lookup_.limits();
  return ids.size() <= batch_size() && std::all_of(ids.begin(), ids.end(), [&](const StoredIdentifier& id) {
           return limits.types.contains(id.identifier.type);
         });
}

/// The batch that was begun, else a new one if its time has come. Each round of this loop takes something off the
/// queue, were it only to rest.
Result<LookupAsker::Batch> LookupAsker::under_way() {
  for (;;) {
    auto begun = db_.read([&](Tx& tx) -> Result<Batch> {
      const auto cursor = service_rows::cursor(tx, instance_.name, kRole, kStream);
      return Batch{.ids = lookups::asked(tx, instance_.name),
                   .cursor = {cursor ? cursor->text : std::string()},
                   .next = cursor ? cursor->again_at : std::nullopt};
    });
    if (!begun) return begun.error();
    if (!begun->ids.empty() && fits(begun->ids)) return begun;
    const bool misfit = !begun->ids.empty();
    auto at = misfit ? Result<std::optional<Timestamp>>(clock_.system_now()) : next_batch();
    if (!at) return at.error();
    if (!*at || **at > clock_.system_now()) return Batch{.ids = {}, .cursor = {}, .next = *at};
    if (auto s = begin_batch(); !s) return s.error();
  }
}

std::optional<Timestamp> LookupAsker::round(Tx& tx) const {
  const auto text = service_rows::state(tx, round_key(instance_.name));
  std::int64_t micros = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), micros).ec != std::errc())
    return std::nullopt;
  // One that a clock began which was ahead is none: it would be under way until then.
  return from_micros(micros) <= clock_.system_now() ? std::optional(from_micros(micros)) : std::nullopt;
}

/// When the next batch may begin: at once in the round under way, else with the next round. nullopt: nothing is queued.
Result<std::optional<Timestamp>> LookupAsker::next_batch() {
  return db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    const auto due = lookups::next_due(tx, instance_.name);
    const auto began = round(tx);
    if (!due || !began || *due <= *began) return due;
    return std::optional(std::max(*due, *began + lookup_.limits().every));
  });
}

/// Takes what is due into a batch. What no record stands behind is put to rest instead: the batch may stay empty.
Status LookupAsker::begin_batch() {
  const connect::LookupLimits& limits = lookup_.limits();
  return db_.transact(Durability::bulk, [&](Tx& tx) -> Status {
    const Timestamp now = clock_.system_now();
    lookups::put_back(tx, instance_.name);
    const auto began = round(tx);
    const auto due = lookups::next_due(tx, instance_.name);
    const bool goes_on = began && due && *due <= *began;
    bool any = false;
    std::map<std::int64_t, bool> known;  // by person: what one of its identifiers leads to, all do
    const auto is_known = [&](const StoredIdentifier& id) {
      if (id.quarantined) return false;
      const auto [person, is_new] = known.try_emplace(id.person, false);
      if (is_new) person->second = !identity::records_behind(tx, id).empty();
      return person->second;
    };
    for (const StoredIdentifier& id :
         lookups::due(tx, instance_.name, goes_on ? *began : now, static_cast<std::int64_t>(batch_size()))) {
      if (!limits.types.contains(id.identifier.type)) {
        lookups::drop(tx, instance_.name, id.id);
      } else if (!is_known(id)) {
        lookups::rest(tx, instance_.name, id.id, now + kRest);
      } else {
        lookups::ask(tx, instance_.name, id.id, now);
        any = true;
      }
    }
    if (any && !goes_on) service_rows::set_state(tx, round_key(instance_.name), std::to_string(to_micros(now)));
    put_cursor(tx, "", std::nullopt, now);
    return {};
  });
}

void LookupAsker::put_cursor(Tx& tx, const std::string& text, std::optional<Timestamp> again_at, Timestamp now) {
  service_rows::put_cursor(tx, {.connector = instance_.name,
                                .role = kRole,
                                .stream = kStream,
                                .text = text,
                                .swept_at = {},
                                .again_at = again_at,
                                .updated_at = now});
}

Status LookupAsker::commit(const Batch& batch, const connect::Page<Touch>& page, Pass& sum) {
  const bool ended = !page.more && !page.again_in;
  auto done = db_.transact(Durability::bulk, [&](Tx& tx) -> Status {
    const Timestamp now = clock_.system_now();
    for (const Touch& touch : page.rows) take_.row(tx, touch, instance_.name, std::nullopt, now);
    set_aside(tx, instance_.name, kRole, kStream, page.rejected, now);
    const auto again_at = page.again_in ? std::optional(now + *page.again_in) : std::nullopt;
    put_cursor(tx, ended ? "" : page.next.text, again_at, now);
    if (ended) answered(tx, batch.ids, now);
    return {};
  });
  if (!done) return done;
  sum.rows += page.rows.size();
  sum.rejected += page.rejected.size();
  if (ended) sum.answered += batch.ids.size();
  return {};
}

/// Whoever waited for a first answer is judged again, whether or not it brought a touch.
void LookupAsker::answered(Tx& tx, const std::vector<StoredIdentifier>& ids, Timestamp now) {
  const Duration every = std::max(lookup_.limits().every, instance_.pull_every);
  const auto again_at = has_streams_ ? std::nullopt : std::optional(round(tx).value_or(now) + every);
  std::set<std::int64_t> waited, persons;
  for (const StoredIdentifier& id : ids) {
    const auto row = lookups::find(tx, instance_.name, id.id);
    lookups::answer(tx, instance_.name, id.id, now, again_at);
    if (row && row->answered_at) continue;
    const auto fresh = store::identities::get(tx, id.id);
    if (fresh && !fresh->quarantined && persons.insert(fresh->person).second)
      waited.merge(identity::records_behind(tx, *fresh));
  }
  for (const std::int64_t record : waited) service_rows::mark_with_dependents(tx, record, "history");
}

}  // namespace hw::ingest
