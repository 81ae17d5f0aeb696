#pragma once
#include <cstddef>
#include <string>

namespace hw::bench {

/// c: posts the same bodies, `rows_a_request` rows each, by libcurl alone over one kept connection. Rows a second.
double curl_alone(const std::string& url, std::size_t rows, std::size_t rows_a_request);
/// l: takes the rows of a ledger at `path` through the same two transitions with their audit rows, by SQLite's own
/// interface and prepared statements alone, so many rows a commit. Rows a second.
double sqlite_alone(const std::string& path, std::size_t rows, std::size_t rows_a_commit);

}  // namespace hw::bench
