#pragma once
#include <memory>

#include "sandbox/peer.h"

namespace hw::sandbox {

/// BigQuery's REST API v2 over GA4's export of the world's analytics, as the documentation has it, and Google's token
/// endpoint:
///   POST /token                                            refresh_token and jwt-bearer, scope bigquery
///   GET  /bigquery/v2/projects/P/datasets/D[/tables[/T]]   where it lies, its tables, a table's columns and last
///   change POST /bigquery/v2/projects/P/queries                   dry runs, limits of bytes, jobs that take their time
///   GET  /bigquery/v2/projects/P/queries/JOB               further pages; answers are kept for a day
/// A day's daily table comes `lag` after the day, is made anew on `late_days` days after it, and takes the place of the
/// streaming table. Columns are those that the export had on the day. SQL is not run in general: the peer knows the
/// statements of the export's touches (peer_statement.h) and refuses every other text as an invalid query.
std::unique_ptr<Peer> make_ga4_bigquery_peer(World& world);

}  // namespace hw::sandbox
