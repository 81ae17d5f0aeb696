#include "store/ledger_rows.h"

#include <map>
#include <tuple>

#include "store/rows.h"

/// Conversions, their standings and totals, and what the reconciler keeps beside them. The uploads: ledger_uploads.cpp.
namespace hw::store::ledger_rows {
namespace {

constexpr const char* kConversionColumns =
    "c.id, c.dedup_id, c.goal, c.lineage, c.record_id, c.occurrence, c.entered_at, c.at, c.created_at, c.at_basis";
constexpr int kConversionWidth = 10;
constexpr const char* kStandingColumns =
    "s.conversion_id, s.destination, s.goal, s.state, s.reason, s.detail, s.t_micros, s.b_micros, s.b_low, s.b_high, "
    "s.crm_micros, s.t_currency, s.b_currency, s.crm_currency, s.changed_at, s.look_again_at, s.flags, s.story, "
    "s.held_by, s.range_currency";

const std::string kSelectConversion = std::string("SELECT ") + kConversionColumns + " FROM conversion c ";
const std::string kSelectStanding = std::string("SELECT ") + kStandingColumns + " FROM standing s ";

StoredConversion read_conversion(const Row& row) {
  StoredConversion out;
  out.id = row.integer(0);
  out.dedup_id = row.text(1);
  out.goal = row.text(2);
  out.lineage = row.text(3);
  out.record_id = row.integer(4);
  out.occurrence = row.integer(5);
  out.entered_at = row.time(6);
  out.at = row.time(7);
  out.created_at = row.time(8);
  out.at_basis = basis_of(row, 9);
  return out;
}

Standing read_standing_from(const Row& row, int first) {
  Standing out;
  out.conversion_id = row.integer(first);
  out.destination = row.text(first + 1);
  out.goal = row.text(first + 2);
  out.state = row.text(first + 3);
  out.reason = row.text(first + 4);
  out.detail = row.text(first + 5);
  out.t_micros = row.integer(first + 6);
  out.b_micros = row.integer(first + 7);
  out.b_low = row.integer(first + 8);
  out.b_high = row.integer(first + 9);
  out.crm_micros = row.integer(first + 10);
  out.t_currency = row.text(first + 11);
  out.b_currency = row.text(first + 12);
  out.crm_currency = row.text(first + 13);
  out.changed_at = row.time(first + 14);
  out.look_again_at = row.maybe_time(first + 15);
  out.flags = row.text(first + 16);
  out.story = row.text(first + 17);
  out.held_by = row.maybe_integer(first + 18);
  out.range_currency = row.text(first + 19);
  return out;
}

Standing read_standing(const Row& row) { return read_standing_from(row, 0); }

Listed read_listed(const Row& row) { return {read_standing_from(row, kConversionWidth), read_conversion(row)}; }

void write_standing(Tx& tx, const Standing& s) {
  tx.exec(
      "INSERT INTO standing(conversion_id, destination, goal, state, reason, detail, t_micros, t_currency, b_micros, "
      "b_currency, b_low, b_high, crm_micros, crm_currency, changed_at, look_again_at, flags, story, "
      "held_by, range_currency) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON "
      "CONFLICT(conversion_id, "
      "destination) DO UPDATE "
      "SET "
      "goal = excluded.goal, state = excluded.state, reason = excluded.reason, detail = excluded.detail, "
      "t_micros = excluded.t_micros, t_currency = excluded.t_currency, b_micros = excluded.b_micros, "
      "b_currency = excluded.b_currency, b_low = excluded.b_low, b_high = excluded.b_high, "
      "crm_micros = excluded.crm_micros, crm_currency = excluded.crm_currency, changed_at = excluded.changed_at, "
      "look_again_at = excluded.look_again_at, flags = excluded.flags, story = excluded.story, "
      "held_by = excluded.held_by, range_currency = excluded.range_currency",
      {val(s.conversion_id), val(s.destination), val(s.goal),       val(s.state),        val(s.reason),
       val(s.detail),        val(s.t_micros),    val(s.t_currency), val(s.b_micros),     val(s.b_currency),
       val(s.b_low),         val(s.b_high),      val(s.crm_micros), val(s.crm_currency), val(s.changed_at),
       val(s.look_again_at), val(s.flags),       val(s.story),      val(s.held_by),      val(s.range_currency)});
}

struct Amount {
  std::int64_t n = 0, micros = 0;
};
/// Goal, currency, line, reason -> what a change adds to that total.
using Differences = std::map<std::tuple<std::string, std::string, std::string, std::string>, Amount>;

void add_to(Differences& sums, const std::string& goal, const std::vector<Contribution>& contributions, int sign) {
  for (const Contribution& c : contributions) {
    Amount& sum = sums[{goal, c.currency, c.line, c.reason}];
    sum.n += sign * c.n;
    sum.micros += sign * c.micros;
  }
}

void add_total(Tx& tx, const std::string& destination, const Differences::value_type& difference) {
  const auto& [goal, currency, line, reason] = difference.first;
  const Amount& by = difference.second;
  if (by.n == 0 && by.micros == 0) return;
  tx.exec(
      "INSERT INTO ledger_total(destination, goal, currency, line, reason, n, micros) VALUES(?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(destination, goal, currency, line, reason) DO UPDATE SET n = ledger_total.n + excluded.n, "
      "micros = ledger_total.micros + excluded.micros",
      {val(destination), val(goal), val(currency), val(line), val(reason), val(by.n), val(by.micros)});
  tx.exec(
      "DELETE FROM ledger_total WHERE destination = ? AND goal = ? AND currency = ? AND line = ? AND reason = ? "
      "AND n = 0 AND micros = 0",
      {val(destination), val(goal), val(currency), val(line), val(reason)});
}

/// The moment of the last change is not itself a change.
bool differs(const Standing& before, const Standing& after) {
  Standing same_moment = after;
  same_moment.changed_at = before.changed_at;
  return !(same_moment == before);
}

Brake read_brake(const Row& row) {
  Brake out;
  out.id = row.integer(0);
  out.destination = row.text(1);
  out.braked_at = row.time(2);
  out.approved_at = row.maybe_time(3);
  out.approved_by = row.text(4);
  out.released_at = row.maybe_time(5);
  return out;
}

const std::string kSelectBrake = "SELECT id, destination, braked_at, approved_at, approved_by, released_at FROM brake ";

Lowerings read_lowerings(const Row& row) {
  return {.currency = row.text(0), .n = row.integer(1), .micros = row.integer(2)};
}

}  // namespace

std::optional<StoredConversion> conversion(Tx& tx, std::int64_t id) {
  return one(tx, kSelectConversion + "WHERE c.id = ?", {val(id)}, read_conversion);
}

std::optional<StoredConversion> conversion_by_dedup(Tx& tx, std::string_view dedup_id) {
  return one(tx, kSelectConversion + "WHERE c.dedup_id = ?", {val(dedup_id)}, read_conversion);
}

std::vector<StoredConversion> conversions_of_record(Tx& tx, std::int64_t record) {
  return all(tx, kSelectConversion + "WHERE c.record_id = ? ORDER BY c.goal, c.occurrence", {val(record)},
             read_conversion);
}

std::vector<StoredConversion> conversions_of_lineage(Tx& tx, std::string_view lineage) {
  return all(tx, kSelectConversion + "WHERE c.lineage = ? ORDER BY c.goal, c.record_id, c.occurrence", {val(lineage)},
             read_conversion);
}

std::int64_t add_conversion(Tx& tx, const StoredConversion& c) {
  return tx.insert(
      "INSERT INTO conversion(dedup_id, goal, record_id, lineage, occurrence, entered_at, at, at_basis, created_at) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
      {val(c.dedup_id), val(c.goal), val(c.record_id), val(c.lineage), val(c.occurrence), val(c.entered_at), val(c.at),
       val(to_string(c.at_basis)), val(c.created_at)});
}

void set_conversion_time(Tx& tx, std::int64_t id, Timestamp entered_at, Timestamp at, Basis basis) {
  tx.exec("UPDATE conversion SET entered_at = ?, at = ?, at_basis = ? WHERE id = ?",
          {val(entered_at), val(at), val(to_string(basis)), val(id)});
}

std::optional<Standing> standing(Tx& tx, std::int64_t conversion, std::string_view destination) {
  return one(tx, kSelectStanding + "WHERE s.conversion_id = ? AND s.destination = ?",
             {val(conversion), val(destination)}, read_standing);
}

std::vector<Standing> standings(Tx& tx, std::int64_t conversion) {
  return all(tx, kSelectStanding + "WHERE s.conversion_id = ? ORDER BY s.destination", {val(conversion)},
             read_standing);
}

bool put_standing(Tx& tx, const Standing& s,
                  const std::function<std::vector<Contribution>(const Standing&)>& contributions) {
  const auto before = standing(tx, s.conversion_id, s.destination);
  if (before && !differs(*before, s)) return false;
  write_standing(tx, s);
  Differences sums;
  if (before) add_to(sums, before->goal, contributions(*before), -1);
  add_to(sums, s.goal, contributions(s), +1);
  for (const auto& difference : sums) add_total(tx, s.destination, difference);
  return true;
}

std::vector<Due> due_standings(Tx& tx, Timestamp now, std::int64_t limit) {
  return all<Due>(tx,
                  "SELECT c.record_id, s.look_again_at FROM standing s JOIN conversion c ON c.id = s.conversion_id "
                  "WHERE s.look_again_at IS NOT NULL AND s.look_again_at <= ? ORDER BY s.look_again_at LIMIT ?",
                  {val(now), val(limit)}, [](const Row& row) {
                    return Due{row.integer(0), row.time(1)};
                  });
}

std::optional<Timestamp> next_due_standing(Tx& tx) {
  const auto at = tx.one_integer("SELECT MIN(look_again_at) FROM standing WHERE look_again_at IS NOT NULL");
  return at ? std::optional(from_micros(*at)) : std::nullopt;
}

std::vector<Total> totals(Tx& tx) {
  return all<Total>(tx,
                    "SELECT destination, goal, currency, line, reason, n, micros FROM ledger_total "
                    "ORDER BY destination, goal, currency, line, reason",
                    {}, [](const Row& row) {
                      return Total{row.text(0), row.text(1),    row.text(2),   row.text(3),
                                   row.text(4), row.integer(5), row.integer(6)};
                    });
}

std::vector<OpenSum> open_sums(Tx& tx) {
  return all<OpenSum>(
      tx,
      "SELECT destination, goal, state, reason, t_currency, b_currency, COUNT(*), SUM(both_micros), "
      "SUM(b_micros - both_micros) FROM (SELECT destination, goal, state, reason, t_currency, b_currency, b_micros, "
      "CASE WHEN t_currency <> b_currency THEN 0 WHEN t_micros < b_micros THEN t_micros ELSE b_micros END AS "
      "both_micros FROM standing WHERE state IN ('missing', 'excess')) o "
      "GROUP BY destination, goal, state, reason, t_currency, b_currency",
      {}, [](const Row& row) {
        return OpenSum{row.text(0), row.text(1),    row.text(2),    row.text(3),   row.text(4),
                       row.text(5), row.integer(6), row.integer(7), row.integer(8)};
      });
}

std::vector<Listed> list_standings(Tx& tx, std::string_view destination, std::string_view goal, std::string_view reason,
                                   std::int64_t after_conversion, std::int64_t limit) {
  static const std::string filter =
      "s.conversion_id > ? AND (? = '' OR s.destination = ?) AND (? = '' OR s.goal = ?) AND (? = '' OR s.reason = ?) ";
  static const std::string sql = std::string("SELECT ") + kConversionColumns + ", " + kStandingColumns +
                                 " FROM standing s JOIN conversion c ON c.id = s.conversion_id WHERE " + filter +
                                 "AND s.conversion_id <= COALESCE((SELECT MAX(p.conversion_id) FROM (SELECT DISTINCT "
                                 "s.conversion_id FROM standing s WHERE " +
                                 filter +
                                 "ORDER BY s.conversion_id LIMIT ?) p), 0) ORDER BY s.conversion_id, s.destination";
  return all(tx, sql,
             {val(after_conversion), val(destination), val(destination), val(goal), val(goal), val(reason), val(reason),
              val(after_conversion), val(destination), val(destination), val(goal), val(goal), val(reason), val(reason),
              val(limit)},
             read_listed);
}

bool any_standing(Tx& tx, std::string_view destination, std::string_view reason) {
  return tx
      .one_integer("SELECT 1 FROM standing WHERE destination = ? AND reason = ? LIMIT 1",
                   {val(destination), val(reason)})
      .has_value();
}

void mark_standings(Tx& tx, std::string_view destination, std::string_view reason, std::string_view cause) {
  tx.exec(
      "INSERT INTO dirty_subject(record_id, seq, cause) "
      "SELECT r.record_id, (SELECT COALESCE(MAX(seq), 0) FROM dirty_subject) + ROW_NUMBER() OVER (ORDER BY "
      "r.record_id), CAST(? AS TEXT) FROM (SELECT DISTINCT c.record_id FROM standing s "
      "JOIN conversion c ON c.id = s.conversion_id WHERE s.destination = ? AND s.reason = ?) r WHERE true "
      "ON CONFLICT(record_id) DO UPDATE SET seq = excluded.seq, cause = excluded.cause",
      {val(cause), val(destination), val(reason)});
}

std::optional<Click> chosen_click(Tx& tx, std::string_view lineage, std::string_view platform) {
  return one<Click>(tx, "SELECT type, value, at, at_basis FROM chosen_click WHERE lineage = ? AND platform = ?",
                    {val(lineage), val(platform)}, [](const Row& row) {
                      return Click{.type = row.text(0),
                                   .value = row.text(1),
                                   .at = row.time(2),
                                   .at_basis = basis_of(row, 3),
                                   .after_first = false};
                    });
}

void choose_click(Tx& tx, std::string_view lineage, std::string_view platform, const Click& click, Timestamp now) {
  tx.exec(
      "INSERT INTO chosen_click(lineage, platform, type, value, at, at_basis, chosen_at) VALUES(?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(lineage, platform) DO UPDATE SET type = excluded.type, value = excluded.value, at = excluded.at, "
      "at_basis = excluded.at_basis, chosen_at = excluded.chosen_at",
      {val(lineage), val(platform), val(click.type), val(click.value), val(click.at), val(to_string(click.at_basis)),
       val(now)});
}

std::vector<std::int64_t> records_held_by(Tx& tx, std::int64_t conversion) {
  return all<std::int64_t>(tx,
                           "SELECT DISTINCT c.record_id FROM standing s JOIN conversion c ON c.id = s.conversion_id "
                           "WHERE s.held_by = ? ORDER BY c.record_id",
                           {val(conversion)}, [](const Row& row) { return row.integer(0); });
}

void repoint_conversion(Tx& tx, std::int64_t id, std::int64_t record, std::int64_t occurrence) {
  tx.exec("UPDATE conversion SET record_id = ?, occurrence = ? WHERE id = ?", {val(record), val(occurrence), val(id)});
}

void add_lowering(Tx& tx, std::string_view destination, Timestamp at, std::int64_t conversion, std::int64_t micros,
                  std::string_view currency) {
  tx.exec("INSERT INTO lowering(destination, at, conversion_id, micros, currency) VALUES(?, ?, ?, ?, ?)",
          {val(destination), val(at), val(conversion), val(micros), val(currency)});
}

std::vector<Lowerings> lowerings_since(Tx& tx, std::string_view destination, Timestamp since) {
  return all<Lowerings>(tx,
                        "SELECT currency, COUNT(DISTINCT conversion_id), COALESCE(SUM(micros), 0) FROM lowering "
                        "WHERE destination = ? AND at >= ? GROUP BY currency ORDER BY currency",
                        {val(destination), val(since)}, read_lowerings);
}

std::vector<Lowerings> lowering_candidates(Tx& tx, std::string_view destination, std::string_view goal,
                                           Timestamp until) {
  return all<Lowerings>(tx,
                        "SELECT b_currency, COUNT(*), COALESCE(SUM(b_micros - CASE WHEN t_currency = b_currency THEN "
                        "t_micros ELSE 0 END), 0) "
                        "FROM standing WHERE destination = ? AND goal = ? AND reason IN ('settling', 'braked') "
                        "AND (look_again_at IS NULL OR look_again_at <= ?) GROUP BY b_currency ORDER BY b_currency",
                        {val(destination), val(goal), val(until)}, read_lowerings);
}

std::optional<Brake> open_brake(Tx& tx, std::string_view destination) {
  return one(tx, kSelectBrake + "WHERE destination = ? AND released_at IS NULL ORDER BY id", {val(destination)},
             read_brake);
}

std::vector<Brake> brakes(Tx& tx) { return all(tx, kSelectBrake + "ORDER BY id", {}, read_brake); }

std::int64_t set_brake(Tx& tx, std::string_view destination, Timestamp now) {
  if (const auto open = open_brake(tx, destination)) return open->id;
  return tx.insert("INSERT INTO brake(destination, braked_at, approved_by) VALUES(?, ?, '') RETURNING id",
                   {val(destination), val(now)});
}

void approve_brake(Tx& tx, std::int64_t id, std::string_view actor, Timestamp now) {
  tx.exec("UPDATE brake SET approved_at = ?, approved_by = ? WHERE id = ? AND approved_at IS NULL",
          {val(now), val(actor), val(id)});
}

void release_brake(Tx& tx, std::int64_t id, Timestamp now) {
  tx.exec("UPDATE brake SET released_at = ? WHERE id = ? AND released_at IS NULL", {val(now), val(id)});
}

std::optional<Timestamp> go_live(Tx& tx, std::string_view scope, std::string_view name) {
  const auto at = tx.one_integer("SELECT at FROM go_live WHERE scope = ? AND name = ?", {val(scope), val(name)});
  return at ? std::optional(from_micros(*at)) : std::nullopt;
}

void set_go_live(Tx& tx, std::string_view scope, std::string_view name, Timestamp at) {
  tx.exec(
      "INSERT INTO go_live(scope, name, at) VALUES(?, ?, ?) ON CONFLICT(scope, name) DO UPDATE SET at = excluded.at",
      {val(scope), val(name), val(at)});
}

}  // namespace hw::store::ledger_rows
