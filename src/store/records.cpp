#include "store/records.h"

#include <fmt/format.h>

#include <tuple>

#include "store/json_columns.h"
#include "store/record_hash.h"
#include "store/rows.h"

namespace hw::store::records {
namespace {

const std::string kSelect =
    "SELECT id, crm, object, ext_id, connector, modified, created, learned, changed, state, merged_into, lineage, "
    "converted_from, account_id, masked_email, country, region, city, postal_code, ad_user_data, ad_personalization, "
    "consent_at, fields, hashes, identifiers, click_times FROM record ";

Object object_of(const Row& row, int column) {
  const auto object = object_from(row.text(column));
  if (!object) throw store_corrupt("the store", "unknown object '" + row.text(column) + "'");
  return *object;
}

StoredRecord read_record(const Row& row) {
  StoredRecord out;
  out.id = row.integer(0);
  out.ref = {row.text(1), object_of(row, 2), row.text(3)};
  out.connector = row.text(4);
  out.modified = row.time(5);
  out.created = row.maybe_time(6);
  out.learned = row.time(7);
  out.changed = row.time(8);
  out.state = row.text(9);
  out.merged_into = row.maybe_integer(10);
  out.lineage = row.text(11);
  out.converted_from = row.maybe_integer(12);
  out.account_id = row.maybe_integer(13);
  out.masked_email = row.text(14);
  out.country = row.text(15);
  out.region = row.text(16);
  out.city = row.text(17);
  out.postal_code = row.text(18);
  out.consent = {consent_from(row.text(19)), consent_from(row.text(20))};
  out.consent_at = row.maybe_time(21);
  out.fields = json_columns::read_fields(row.text(22));
  out.hashes = json_columns::read_hashes(row.text(23));
  out.identifiers = json_columns::read_identifiers(row.text(24));
  out.click_times = json_columns::read_times(row.text(25));
  return out;
}

/// Inserts or rewrites the whole row; returns its id.
std::int64_t write(Tx& tx, const StoredRecord& r, std::int64_t content_hash) {
  return tx.insert(
      "INSERT INTO record(crm, object, ext_id, connector, modified, created, content_hash, learned, changed, state, "
      "merged_into, lineage, converted_from, account_id, masked_email, country, region, city, postal_code, "
      "ad_user_data, "
      "ad_personalization, consent_at, fields, hashes, identifiers, click_times) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(crm, object, ext_id) DO UPDATE SET connector = excluded.connector, modified = excluded.modified, "
      "created = excluded.created, content_hash = excluded.content_hash, changed = excluded.changed, "
      "state = excluded.state, merged_into = excluded.merged_into, lineage = excluded.lineage, "
      "converted_from = excluded.converted_from, account_id = excluded.account_id, masked_email = "
      "excluded.masked_email, "
      "country = excluded.country, region = excluded.region, city = excluded.city, postal_code = excluded.postal_code, "
      "ad_user_data = excluded.ad_user_data, ad_personalization = excluded.ad_personalization, "
      "consent_at = excluded.consent_at, fields = excluded.fields, hashes = excluded.hashes, "
      "identifiers = excluded.identifiers, click_times = excluded.click_times RETURNING id",
      {val(r.ref.crm),
       val(to_string(r.ref.object)),
       val(r.ref.id),
       val(r.connector),
       val(r.modified),
       val(r.created),
       val(content_hash),
       val(r.learned),
       val(r.changed),
       val(r.state),
       val(r.merged_into),
       val(r.lineage),
       val(r.converted_from),
       val(r.account_id),
       val(r.masked_email),
       val(r.country),
       val(r.region),
       val(r.city),
       val(r.postal_code),
       val(to_string(r.consent.ad_user_data)),
       val(to_string(r.consent.ad_personalization)),
       val(r.consent_at),
       val(json_columns::write(r.fields)),
       val(json_columns::write(r.hashes)),
       val(json_columns::write(r.identifiers)),
       val(json_columns::write(r.click_times))});
}

StoredRecord blank(const RecordRef& ref, std::string_view connector, Timestamp now) {
  StoredRecord out;
  out.ref = ref;
  out.connector = connector;
  out.state = "stub";
  out.lineage = fmt::format("{}/{}/{}", ref.crm, to_string(ref.object), ref.id);
  out.learned = now;
  out.changed = now;
  return out;
}

std::optional<std::int64_t> find_id(Tx& tx, const RecordRef& ref) {
  return tx.one_integer("SELECT id FROM record WHERE crm = ? AND object = ? AND ext_id = ?",
                        {val(ref.crm), val(to_string(ref.object)), val(ref.id)});
}

/// What decides quickly whether a state brings anything.
struct Glance {
  std::int64_t id = 0, content_hash = 0;
  Timestamp modified;
  std::string state, identifiers;
};

Glance read_glance(const Row& row) { return {row.integer(0), row.integer(1), row.time(2), row.text(3), row.text(4)}; }

std::optional<Glance> glance(Tx& tx, const RecordRef& ref) {
  return one(tx,
             "SELECT id, content_hash, modified, state, identifiers FROM record "
             "WHERE crm = ? AND object = ? AND ext_id = ?",
             {val(ref.crm), val(to_string(ref.object)), val(ref.id)}, read_glance);
}

bool awaits_a_state(std::string_view state) { return state == "stub" || state == "gone"; }

void merge_fields(std::map<std::string, std::string>& fields, const std::map<std::string, std::string>& news) {
  for (const auto& [name, value] : news) {
    if (value.empty()) {
      fields.erase(name);
    } else {
      fields[name] = value;
    }
  }
}

/// What the CRM showed now lies over what was stored.
void apply(Tx& tx, StoredRecord& r, const RecordState& state, std::string_view connector, Timestamp now) {
  r.connector = connector;
  r.modified = state.modified;
  if (awaits_a_state(r.state)) r.state = "live";
  if (state.created) r.created = state.created;
  merge_fields(r.fields, state.fields);
  r.identifiers = state.identifiers;
  r.hashes = state.hashes;
  r.click_times = state.click_times;
  r.masked_email = state.masked_email;
  r.country = state.country;
  r.region = state.region;
  r.city = state.city;
  r.postal_code = state.postal_code;
  if (state.consent) r.consent = *state.consent;
  if (state.consent_at) r.consent_at = state.consent_at;
  if (state.account) r.account_id = ensure(tx, *state.account, connector, now);
  if (state.converted_from) r.converted_from = ensure(tx, *state.converted_from, connector, now);
}

bool same_content(const StoredRecord& a, const StoredRecord& b) {
  const auto content = [](const StoredRecord& r) {
    return std::tie(r.state, r.lineage, r.created, r.merged_into, r.converted_from, r.account_id, r.fields, r.hashes,
                    r.identifiers, r.click_times, r.masked_email, r.country, r.region, r.city, r.postal_code, r.consent,
                    r.consent_at);
  };
  return content(a) == content(b);
}

std::string field(const StoredRecord& r, const std::string& name) {
  const auto found = r.fields.find(name);
  return found == r.fields.end() ? "" : found->second;
}

void add_facts(Tx& tx, const StoredRecord& before, const StoredRecord& after, const std::vector<std::string>& tracked,
               Timestamp now) {
  if (after.created && after.created != before.created) {
    add_fact(tx, after.id,
             {.seq = 0,
              .name = "created",
              .value = "",
              .true_from = *after.created,
              .learned = now,
              .basis = Basis::crm_history});
  }
  for (const std::string& name : tracked) {
    const std::string value = field(after, name);
    if (name == "created" || value == field(before, name)) continue;
    add_fact(tx, after.id,
             {.seq = 0,
              .name = name,
              .value = value,
              .true_from = after.modified,
              .learned = now,
              .basis = Basis::observed});
  }
}

bool has_conversion(Tx& tx, std::int64_t record) {
  return tx.one_integer("SELECT id FROM conversion WHERE record_id = ? LIMIT 1", {val(record)}).has_value();
}

std::string lineage_of(Tx& tx, std::int64_t record) {
  return tx.one_text("SELECT lineage FROM record WHERE id = ?", {val(record)}).value_or("");
}

/// A record and what was converted from it take a lineage, as long as none of their own was used for a conversion.
void adopt_lineage(Tx& tx, std::int64_t record, const std::string& lineage, Timestamp now) {
  if (lineage_of(tx, record) == lineage || has_conversion(tx, record)) return;
  tx.exec("UPDATE record SET lineage = ?, changed = ? WHERE id = ?", {val(lineage), val(now), val(record)});
  for (const std::int64_t converted : converted_into(tx, record)) adopt_lineage(tx, converted, lineage, now);
}

}  // namespace

std::optional<StoredRecord> find(Tx& tx, const RecordRef& ref) {
  return one(tx, kSelect + "WHERE crm = ? AND object = ? AND ext_id = ?",
             {val(ref.crm), val(to_string(ref.object)), val(ref.id)}, read_record);
}

std::optional<StoredRecord> get(Tx& tx, std::int64_t id) {
  return one(tx, kSelect + "WHERE id = ?", {val(id)}, read_record);
}

std::int64_t ensure(Tx& tx, const RecordRef& ref, std::string_view connector, Timestamp now) {
  const auto known = find_id(tx, ref);
  return known ? *known : write(tx, blank(ref, connector, now), /*content_hash=*/0);
}

Upserted upsert(Tx& tx, const RecordState& state, std::string_view connector, const std::vector<std::string>& tracked,
                Timestamp now) {
  const std::int64_t hash = content_hash(state);
  const std::optional<Glance> seen = glance(tx, state.ref);
  Upserted out;
  if (seen) {
    out.id = seen->id;
    out.identifiers_before = json_columns::read_identifiers(seen->identifiers);
    out.stale = seen->state != "stub" && state.modified < seen->modified;
    if (out.stale) return out;
    if (!awaits_a_state(seen->state) && seen->content_hash == hash) {
      if (state.modified > seen->modified) {
        tx.exec("UPDATE record SET modified = ? WHERE id = ?", {val(state.modified), val(seen->id)});
      }
      return out;
    }
  }
  const StoredRecord before = seen ? *get(tx, seen->id) : blank(state.ref, connector, now);
  StoredRecord after = before;
  apply(tx, after, state, connector, now);
  out.is_new = before.state == "stub";
  out.changed = !same_content(before, after) || !state.source_touches.empty();
  if (out.changed) after.changed = now;
  after.id = out.id = write(tx, after, hash);
  add_facts(tx, before, after, tracked, now);
  if (after.converted_from && after.converted_from != before.converted_from) {
    adopt_lineage(tx, after.id, lineage_of(tx, *after.converted_from), now);
  }
  return out;
}

void set_state(Tx& tx, std::int64_t record, std::string_view state, std::optional<std::int64_t> merged_into,
               Timestamp now) {
  tx.exec("UPDATE record SET state = ?, merged_into = ?, changed = ? WHERE id = ?",
          {val(state), val(merged_into), val(now), val(record)});
}

std::vector<std::string> namespaces(Tx& tx) {
  return all<std::string>(tx, "SELECT DISTINCT crm FROM record ORDER BY crm", {},
                          [](const Row& row) { return row.text(0); });
}

std::vector<std::int64_t> merged_into(Tx& tx, std::int64_t survivor) {
  return all(tx, "SELECT id FROM record WHERE merged_into = ? AND state = 'merged' ORDER BY id", {val(survivor)},
             first_integer);
}

std::optional<Timestamp> merge_learned(Tx& tx, std::int64_t survivor) {
  std::optional<Timestamp> out;
  tx.query(
      "WITH RECURSIVE loser(id) AS (SELECT id FROM record WHERE merged_into = ? AND state = 'merged' UNION "
      "SELECT r.id FROM record r JOIN loser ON r.merged_into = loser.id WHERE r.state = 'merged') "
      "SELECT MAX(f.learned) FROM loser JOIN fact f ON f.record_id = loser.id WHERE f.name = 'merged'",
      {val(survivor)}, [&](const Row& row) { out = row.maybe_time(0); });
  return out;
}

std::vector<std::int64_t> converted_into(Tx& tx, std::int64_t lead) {
  return all(tx, "SELECT id FROM record WHERE converted_from = ? ORDER BY id", {val(lead)}, first_integer);
}

std::vector<std::string> live_ids(Tx& tx, std::string_view crm, Object object) {
  return all<std::string>(tx,
                          "SELECT ext_id FROM record WHERE crm = ? AND object = ? AND state = 'live' ORDER BY ext_id",
                          {val(crm), val(to_string(object))}, [](const Row& row) { return row.text(0); });
}

std::int64_t count(Tx& tx, std::string_view object, std::string_view state) {
  return tx
      .one_integer("SELECT COUNT(*) FROM record WHERE (? = '' OR object = ?) AND (? = '' OR state = ?)",
                   {val(object), val(object), val(state), val(state)})
      .value_or(0);
}

std::vector<std::int64_t> walk(Tx& tx, Object object, std::int64_t after, std::int64_t limit) {
  return all(tx, "SELECT id FROM record WHERE id > ? AND object = ? ORDER BY id LIMIT ?",
             {val(after), val(to_string(object)), val(limit)}, first_integer);
}

}  // namespace hw::store::records
