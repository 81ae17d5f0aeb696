#include "report/store_check.h"

#include <cstdlib>

#include "store/service_rows.h"

namespace hw::report {
namespace {

/// Kept as the time in microseconds, a line break and the damage.
constexpr const char* kKey = "store_check";

}  // namespace

void note_store_check(store::Tx& tx, Timestamp at, const std::string& damage) {
  store::service_rows::set_state(tx, kKey, std::to_string(to_micros(at)) + "\n" + damage);
}

bool was_damaged(store::Tx& tx) {
  const std::string kept = store::service_rows::state(tx, kKey).value_or("");
  const auto end = kept.find('\n');
  return end != std::string::npos && end + 1 < kept.size();
}

Table store_check(store::Tx& tx, const Zone& zone) {
  Table t{.name = "store_check",
          .title = "Look for damage in the store",
          .columns = {{"last", "Last"}, {"found", "Found", Holds::advice}},
          .rows = {},
          .note = {}};
  const auto kept = store::service_rows::state(tx, kKey);
  if (!kept) return t;
  const Timestamp at = from_micros(std::strtoll(kept->c_str(), nullptr, 10));
  const std::string damage = kept->substr(kept->find('\n') + 1);
  t.rows.push_back({format_local(at, zone), damage.empty() ? "nothing" : damage});
  return t;
}

}  // namespace hw::report
