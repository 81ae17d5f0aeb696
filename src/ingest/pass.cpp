#include "ingest/pass.h"

#include "store/service_rows.h"

namespace hw::ingest {

void fold(Pass& sum, const Pass& part) {
  sum.rows += part.rows;
  sum.rejected += part.rejected;
  sum.answered += part.answered;
  sum.more = sum.more || part.more;
  sum.retrying = sum.retrying || part.retrying;
  sum.resting = sum.resting || part.resting;
  sum.job_runs = sum.job_runs || part.job_runs;
  sum.paused = sum.paused || part.paused;
  if (part.next && (!sum.next || *part.next < *sum.next)) sum.next = part.next;
}

void set_aside(store::Tx& tx, const std::string& connector, const std::string& role, const std::string& stream,
               const std::vector<connect::RejectedRow>& rows, Timestamp now) {
  for (const connect::RejectedRow& r : rows)
    store::service_rows::reject_row(tx, {.connector = connector,
                                         .role = role,
                                         .stream = stream,
                                         .place = r.where,
                                         .code = r.code,
                                         .detail = r.detail,
                                         .first_at = now,
                                         .last_at = now,
                                         .times = 1});
}

}  // namespace hw::ingest
