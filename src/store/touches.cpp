#include "store/touches.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "base/hash.h"
#include "store/json_columns.h"
#include "store/rows.h"

namespace hw::store::touches {
namespace {

constexpr std::int64_t kHashBits = 30;
constexpr std::int64_t kHashMask = (std::int64_t{1} << kHashBits) - 1;
constexpr Duration kBucket = std::chrono::hours(24) * 30;

const std::string kColumns =
    "SELECT t.id, t.connector, t.channel, t.learned, t.record_id, t.key, t.at, t.basis, t.kind, t.source, t.medium, "
    "t.campaign, t.campaign_id, t.term, t.content, t.landing_page, t.referrer, t.country, t.identifiers ";
const std::string kSelect = kColumns + "FROM touch t ";
// Hops from each bucket that exists to the next: as many probes as there are months with touches. One flat join in
// this order: given a subquery SQLite reads every touch.
const std::string kByIdentifier =
    "WITH RECURSIVE b(bucket) AS (SELECT MIN(bucket) FROM touch_index UNION ALL "
    "SELECT (SELECT MIN(i.bucket) FROM touch_index i WHERE i.bucket > b.bucket) FROM b WHERE b.bucket IS NOT NULL) " +
    kColumns +
    "FROM b CROSS JOIN touch_index n CROSS JOIN touch t "
    "WHERE n.bucket = b.bucket AND n.id_hash = ? AND t.id = n.touch_id AND t.withdrawn IS NULL ";

StoredTouch read_touch(const Row& row) {
  StoredTouch out;
  out.id = row.integer(0);
  out.connector = row.text(1);
  out.channel = row.text(2);
  out.learned = row.time(3);
  out.record_id = row.maybe_integer(4);
  out.touch.key = row.text(5);
  out.touch.at = row.time(6);
  out.touch.basis = basis_of(row, 7);
  out.touch.kind = row.text(8);
  out.touch.source = row.text(9);
  out.touch.medium = row.text(10);
  out.touch.campaign = row.text(11);
  out.touch.campaign_id = row.text(12);
  out.touch.term = row.text(13);
  out.touch.content = row.text(14);
  out.touch.landing_page = row.text(15);
  out.touch.referrer = row.text(16);
  out.touch.country = row.text(17);
  out.touch.identifiers = json_columns::read_identifiers(row.text(18));
  return out;
}

std::vector<StoredTouch> select(Tx& tx, const std::string& tail, std::initializer_list<Value> params) {
  return all(tx, kSelect + tail, params, read_touch);
}

std::int64_t bucket_of(Timestamp at) {
  const std::int64_t us = to_micros(at);
  const std::int64_t width = kBucket.count();
  return us >= 0 ? us / width : (us - width + 1) / width;
}

std::int64_t hash_of(const Identifier& id) { return static_cast<std::int64_t>(hash64(id.type + '\n' + id.value)); }

/// What of a touch a repeat may bring otherwise.
struct Content {
  Touch touch;
  std::string channel;
  std::optional<std::string> part;
  std::optional<std::int64_t> record_id;
  bool withdrawn = false;
};

bool same(const Content& a, const Content& b) {
  const auto content = [](const Content& c) {
    const Touch& t = c.touch;
    return std::tie(t.at, t.basis, t.kind, t.identifiers, t.source, t.medium, t.campaign, t.campaign_id, t.term,
                    t.content, t.landing_page, t.referrer, t.country, c.channel, c.part, c.record_id, c.withdrawn);
  };
  return content(a) == content(b);
}

struct Key {
  std::string connector, key;
};

std::optional<Key> key_at(Tx& tx, std::int64_t id) {
  return one<Key>(tx, "SELECT connector, key FROM touch WHERE id = ?", {val(id)}, [](const Row& row) {
    return Key{row.text(0), row.text(1)};
  });
}

Content content_at(Tx& tx, std::int64_t id) {
  Content out;
  out.touch = select(tx, "WHERE t.id = ?", {val(id)}).at(0).touch;
  tx.query("SELECT channel, part, record_id, withdrawn FROM touch WHERE id = ?", {val(id)}, [&](const Row& row) {
    out.channel = row.text(0);
    if (!row.is_null(1)) out.part = row.text(1);
    out.record_id = row.maybe_integer(2);
    out.withdrawn = !row.is_null(3);
  });
  return out;
}

void index(Tx& tx, std::int64_t id, const Touch& touch) {
  for (const Identifier& identifier : touch.identifiers) {
    tx.exec("INSERT INTO touch_index(bucket, id_hash, touch_id) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
            {val(bucket_of(touch.at)), val(hash_of(identifier)), val(id)});
  }
}

void unindex(Tx& tx, std::int64_t id, const Touch& touch) {
  for (const Identifier& identifier : touch.identifiers) {
    tx.exec("DELETE FROM touch_index WHERE bucket = ? AND id_hash = ? AND touch_id = ?",
            {val(bucket_of(touch.at)), val(hash_of(identifier)), val(id)});
  }
}

void insert(Tx& tx, std::int64_t id, std::string_view connector, const Content& c, Timestamp now) {
  const Touch& t = c.touch;
  tx.exec(
      "INSERT INTO touch(id, connector, key, at, learned, withdrawn, basis, kind, source, medium, campaign, "
      "campaign_id, "
      "term, content, landing_page, referrer, country, channel, identifiers, part, record_id) "
      "VALUES(?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {val(id),
       val(connector),
       val(t.key),
       val(t.at),
       val(now),
       val(to_string(t.basis)),
       val(t.kind),
       val(t.source),
       val(t.medium),
       val(t.campaign),
       val(t.campaign_id),
       val(t.term),
       val(t.content),
       val(t.landing_page),
       val(t.referrer),
       val(t.country),
       val(c.channel),
       val(json_columns::write(t.identifiers)),
       val(c.part),
       val(c.record_id)});
  index(tx, id, t);
}

void rewrite(Tx& tx, std::int64_t id, const Content& before, const Content& c, Timestamp now) {
  const Touch& t = c.touch;
  tx.exec(
      "UPDATE touch SET at = ?, learned = ?, withdrawn = NULL, basis = ?, kind = ?, source = ?, medium = ?, campaign = "
      "?, "
      "campaign_id = ?, term = ?, content = ?, landing_page = ?, referrer = ?, country = ?, channel = ?, identifiers = "
      "?, "
      "part = ?, record_id = ? WHERE id = ?",
      {val(t.at), val(now), val(to_string(t.basis)), val(t.kind), val(t.source), val(t.medium), val(t.campaign),
       val(t.campaign_id), val(t.term), val(t.content), val(t.landing_page), val(t.referrer), val(t.country),
       val(c.channel), val(json_columns::write(t.identifiers)), val(c.part), val(c.record_id), val(id)});
  unindex(tx, id, before.touch);
  index(tx, id, t);
}

/// The touch of this key whose time was corrected: one of its identifiers leads to it in this or a neighbouring bucket.
std::optional<std::int64_t> moved_from(Tx& tx, const Touch& touch, std::string_view connector, std::int64_t first_id) {
  std::vector<std::int64_t> candidates;
  const std::int64_t bucket = bucket_of(touch.at);
  for (const Identifier& identifier : touch.identifiers) {
    tx.query("SELECT touch_id FROM touch_index WHERE bucket IN (?, ?, ?) AND id_hash = ?",
             {val(bucket - 1), val(bucket), val(bucket + 1), val(hash_of(identifier))}, [&](const Row& row) {
               const std::int64_t probes = (row.integer(0) - first_id) & kHashMask;
               if (probes < 8) candidates.push_back(row.integer(0));
             });
  }
  for (const std::int64_t id : candidates) {
    const auto at = key_at(tx, id);
    if (at && at->connector == connector && at->key == touch.key) return id;
  }
  return std::nullopt;
}

struct Place {
  std::int64_t id = 0;
  bool is_taken = false;  ///< by this very key
};

Place place_of(Tx& tx, const Touch& touch, std::string_view connector) {
  const std::int64_t first = first_id(touch.at, connector, touch.key);
  std::int64_t id = first;
  for (auto there = key_at(tx, id); there; there = key_at(tx, ++id)) {
    if (there->connector == connector && there->key == touch.key) return {id, true};
  }
  const auto moved = moved_from(tx, touch, connector, first);
  return moved ? Place{*moved, true} : Place{id, false};
}

std::vector<StoredTouch> withdraw(Tx& tx, std::vector<StoredTouch> standing, const std::vector<std::int64_t>& kept,
                                  Timestamp now) {
  const std::unordered_set<std::int64_t> keep(kept.begin(), kept.end());
  standing.erase(std::remove_if(standing.begin(), standing.end(),
                                [&](const StoredTouch& touch) { return keep.count(touch.id) != 0; }),
                 standing.end());
  for (const StoredTouch& touch : standing) {
    tx.exec("UPDATE touch SET withdrawn = ? WHERE id = ?", {val(now), val(touch.id)});
  }
  return standing;
}

}  // namespace

std::int64_t first_id(Timestamp at, std::string_view connector, std::string_view key) {
  const std::string text = std::string(connector) + '\n' + std::string(key);
  const auto hash = static_cast<std::int64_t>(hash64(text) >> (64 - kHashBits));
  const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return seconds * (std::int64_t{1} << kHashBits) + hash;
}

std::int64_t put(Tx& tx, const Touch& touch, std::string_view connector, std::string_view channel,
                 const std::optional<std::string>& part, std::optional<std::int64_t> record_id, Timestamp now,
                 bool* changed) {
  const Place place = place_of(tx, touch, connector);
  Content told{touch, std::string(channel), part, record_id, /*withdrawn=*/false};
  bool differs = true;
  if (place.is_taken) {
    const Content known = content_at(tx, place.id);
    if (!part) told.part = known.part;
    differs = !same(known, told);
    if (differs) rewrite(tx, place.id, known, told, now);
  } else {
    insert(tx, place.id, connector, told, now);
  }
  if (changed != nullptr) *changed = differs;
  return place.id;
}

std::vector<StoredTouch> with(Tx& tx, const Identifier& identifier) {
  static const std::string sql = kByIdentifier + "ORDER BY t.at, t.id";
  std::vector<StoredTouch> found = all(tx, sql, {val(hash_of(identifier))}, read_touch);
  found.erase(std::remove_if(found.begin(), found.end(),
                             [&](const StoredTouch& stored) {
                               const auto& ids = stored.touch.identifiers;
                               return std::find(ids.begin(), ids.end(), identifier) == ids.end();
                             }),
              found.end());
  return found;
}

std::vector<StoredTouch> perhaps_with(Tx& tx, const Identifier& identifier, std::int64_t after, std::int64_t limit) {
  static const std::string sql = kByIdentifier + "AND t.id > ? ORDER BY t.id LIMIT ?";
  return all(tx, sql, {val(hash_of(identifier)), val(after), val(limit)}, read_touch);
}

std::vector<StoredTouch> of_record(Tx& tx, std::int64_t record) {
  return select(tx, "WHERE t.record_id = ? AND t.withdrawn IS NULL ORDER BY t.at, t.id", {val(record)});
}

std::optional<StoredTouch> get(Tx& tx, std::int64_t id) {
  return one(tx, kSelect + "WHERE t.id = ?", {val(id)}, read_touch);
}

std::vector<StoredTouch> withdraw_missing(Tx& tx, std::string_view connector, std::string_view part,
                                          const std::vector<std::int64_t>& kept, Timestamp now) {
  return withdraw(tx,
                  select(tx, "WHERE t.connector = ? AND t.part = ? AND t.withdrawn IS NULL ORDER BY t.at, t.id",
                         {val(connector), val(part)}),
                  kept, now);
}

void withdraw_record_touches(Tx& tx, std::int64_t record, const std::vector<std::int64_t>& kept, Timestamp now) {
  withdraw(tx, of_record(tx, record), kept, now);
}

std::int64_t count(Tx& tx) { return tx.one_integer("SELECT COUNT(*) FROM touch WHERE withdrawn IS NULL").value_or(0); }

std::int64_t rechannel(Tx& tx, std::int64_t after, std::int64_t limit,
                       const std::function<std::string(const Touch&)>& f) {
  const std::vector<StoredTouch> chunk = select(tx, "WHERE t.id > ? ORDER BY t.id LIMIT ?", {val(after), val(limit)});
  for (const StoredTouch& stored : chunk) {
    const std::string channel = f(stored.touch);
    if (channel == stored.channel) continue;
    tx.exec("UPDATE touch SET channel = ? WHERE id = ?", {val(channel), val(stored.id)});
  }
  return chunk.empty() ? 0 : chunk.back().id;
}

void put_spend(Tx& tx, const Spend& spend, std::string_view connector, std::string_view channel,
               const std::optional<std::string>& part, Timestamp now) {
  tx.exec(
      "INSERT INTO spend(connector, key, day, account, source, medium, campaign, campaign_id, channel, micros, "
      "currency, "
      "clicks, impressions, learned, part) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(connector, key) DO UPDATE SET day = excluded.day, account = excluded.account, "
      "source = excluded.source, medium = excluded.medium, campaign = excluded.campaign, "
      "campaign_id = excluded.campaign_id, channel = excluded.channel, micros = excluded.micros, "
      "currency = excluded.currency, clicks = excluded.clicks, impressions = excluded.impressions, "
      "learned = excluded.learned, part = excluded.part",
      {val(connector), val(spend.key), val(spend.day), val(spend.account), val(spend.source), val(spend.medium),
       val(spend.campaign), val(spend.campaign_id), val(channel), val(spend.micros), val(spend.currency),
       val(spend.clicks), val(spend.impressions), val(now), val(part)});
}

std::vector<SpendTotal> spend_totals(Tx& tx, Timestamp from, Timestamp to) {
  return all<SpendTotal>(tx,
                         "SELECT channel, currency, SUM(micros) FROM spend WHERE day >= ? AND day < ? "
                         "GROUP BY channel, currency ORDER BY channel, currency",
                         {val(from), val(to)}, [](const Row& row) {
                           return SpendTotal{row.text(0), row.text(1), row.integer(2)};
                         });
}

}  // namespace hw::store::touches
