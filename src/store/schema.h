#pragma once
#include <span>

/// Migrations, oldest first. `{int}` is INTEGER or BIGINT, `{id}` an automatic integer primary key, `{strict}` STRICT
/// or nothing, `{clustered}` WITHOUT ROWID, STRICT or nothing; a statement that begins with `{sqlite}` or `{postgres}`
/// is that engine's alone. Times are microseconds since 1970 UTC, money micros.
/// Never edit a released migration: add one.
namespace hw::store {

struct Migration {
  int version;
  const char* name;
  const char* sql;  ///< statements divided by ";\n"
};
std::span<const Migration> migrations();

}  // namespace hw::store
