#include "store/counts.h"

namespace hw::store {

std::int64_t count_due(Tx& tx, std::string_view destination, Timestamp now, std::int64_t limit) {
  return tx
      .one_integer(
          "SELECT COUNT(*) FROM (SELECT 1 FROM upload WHERE destination = ? AND state IN ('pending', 'retrying') AND "
          "next_at <= ? LIMIT ?) AS due",
          {val(destination), val(now), val(limit)})
      .value_or(0);
}

}  // namespace hw::store
