#include "store/engine/migrate.h"

#include <charconv>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/engine/failures.h"

namespace hw::store {
namespace {

std::string without_comments(std::string_view sql) {
  std::string out;
  for (std::string_view line : split(sql, '\n')) {
    out += trim(line.substr(0, line.find("--")));
    out += '\n';
  }
  return out;
}

void replace_all(std::string& text, std::string_view mark, std::string_view with) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size())) {
    text.replace(at, mark.size(), with);
  }
}

/// Without the mark of the engine whose alone it is; "" when that is another one.
std::string_view for_engine(std::string_view statement, std::string_view engine) {
  for (const std::string_view mark : {"{sqlite}", "{postgres}"}) {
    if (!statement.starts_with(mark)) continue;
    return mark.substr(1, mark.size() - 2) == engine ? trim(statement.substr(mark.size())) : std::string_view();
  }
  return statement;
}

int to_version(std::string_view text, const Driver& driver) {
  int version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1) {
    throw store_corrupt(driver.name(), "its version is unreadable");
  }
  return version;
}

/// 0 for an empty store.
int version_of(Tx& tx, Driver& driver) {
  switch (driver.contents(tx)) {
    case Contents::empty:
      return 0;
    case Contents::foreign:
      throw store_corrupt(driver.name(), "it holds another program's tables");
    case Contents::store:
      break;
  }
  const auto text = tx.one_text("SELECT value FROM meta WHERE key = 'schema_version'");
  return text ? to_version(*text, driver) : 0;
}

void apply(Tx& tx, const Migration& migration, const Dialect& dialect) {
  for (const std::string& statement : migration_statements(migration.sql, dialect)) {
    tx.exec(statement);
    crash_point("store.migrating");
  }
  tx.exec(
      "INSERT INTO meta(key, value) VALUES('schema_version', ?) "
      "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
      {val(std::to_string(migration.version))});
}

int newest(std::span<const Migration> known) { return known.empty() ? 0 : known.back().version; }

}  // namespace

std::vector<std::string> migration_statements(std::string_view sql, const Dialect& dialect) {
  std::string text = without_comments(sql);
  replace_all(text, "{int}", dialect.integer);
  replace_all(text, "{id}", dialect.id);
  replace_all(text, "{strict}", dialect.strict);
  replace_all(text, "{clustered}", dialect.clustered);
  std::vector<std::string> out;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find(";\n", start), text.size());
    const std::string_view statement =
        for_engine(trim(std::string_view(text).substr(start, end - start)), dialect.engine);
    if (!statement.empty()) out.emplace_back(statement);
    start = end + 2;
  }
  return out;
}

Status migrate(Db& db, Driver& driver, std::span<const Migration> known) {
  // Nothing to do is the usual case and must not wait for another process's write lock.
  const auto now = db.read([&](Tx& tx) -> Result<int> { return version_of(tx, driver); });
  if (!now) return now.error();
  if (*now > newest(known)) return store_newer(driver.name(), *now, newest(known)).error;
  if (*now == newest(known)) return {};
  for (const Migration& migration : known) {
    const Status done = db.transact(Durability::ledger, [&](Tx& tx) -> Status {
      if (version_of(tx, driver) < migration.version) apply(tx, migration, driver.dialect());
      return {};
    });
    if (!done) return done;
    crash_point("store.migrated");
  }
  return {};
}

Status check_version(Db& db, Driver& driver, std::span<const Migration> known) {
  const auto now = db.read([&](Tx& tx) -> Result<int> { return version_of(tx, driver); });
  if (!now) return now.error();
  if (*now == 0) return store_missing(driver.name()).error;
  if (*now > newest(known)) return store_newer(driver.name(), *now, newest(known)).error;
  if (*now < newest(known)) return store_older(driver.name(), *now, newest(known)).error;
  return {};
}

}  // namespace hw::store
