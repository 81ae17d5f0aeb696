#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/engine/db.h"
#include "store/engine/failures.h"

/// Reading rows into values; private to the repositories.
namespace hw::store {

template <class T>
std::vector<T> all(Tx& tx, std::string_view sql, std::initializer_list<Value> params, T (*read)(const Row&)) {
  std::vector<T> out;
  tx.query(sql, params, [&](const Row& row) { out.push_back(read(row)); });
  return out;
}

template <class T>
std::optional<T> one(Tx& tx, std::string_view sql, std::initializer_list<Value> params, T (*read)(const Row&)) {
  std::optional<T> out;
  tx.query(sql, params, [&](const Row& row) {
    if (!out) out = read(row);
  });
  return out;
}

inline std::int64_t first_integer(const Row& row) { return row.integer(0); }

/// A column that holds the text of an enum.
template <class E>
E enum_of(const Row& row, int column) {
  E out{};
  const std::string text = row.text(column);
  if (!from_string(text, out)) throw store_corrupt("the store", "unknown word '" + text + "'");
  return out;
}

inline Basis basis_of(const Row& row, int column) { return basis_from(row.text(column).c_str()); }

}  // namespace hw::store
