#include "bench/baseline.h"

#include <curl/curl.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "bench/ledger.h"

namespace hw::bench {
namespace {

using Steady = std::chrono::steady_clock;

double rate(std::size_t rows, Steady::time_point began) {
  return static_cast<double>(rows) / std::chrono::duration<double>(Steady::now() - began).count();
}

std::size_t swallow(char*, std::size_t size, std::size_t n, void*) { return size * n; }

void check(sqlite3* db, int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(db));
}

void exec(sqlite3* db, const char* sql) { check(db, sqlite3_exec(db, sql, nullptr, nullptr, nullptr)); }

}  // namespace

double curl_alone(const std::string& url, std::size_t rows, std::size_t rows_a_request) {
  std::vector<std::string> bodies;
  for (std::size_t n = 0; n < rows; n += rows_a_request) {
    std::vector<connect::Item> items(std::min(rows_a_request, rows - n));
    for (std::size_t i = 0; i < items.size(); ++i) items[i].body = item_body(n + i);
    bodies.push_back(joined(items));
  }
  CURL* curl = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  const auto began = Steady::now();
  for (const std::string& body : bodies) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    if (curl_easy_perform(curl) != CURLE_OK) throw std::runtime_error("the sink did not answer");
  }
  const double out = rate(rows, began);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return out;
}

double sqlite_alone(const std::string& path, std::size_t rows, std::size_t rows_a_commit) {
  sqlite3* db = nullptr;
  check(db, sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr));
  exec(db, "PRAGMA journal_mode = WAL");
  exec(db, "PRAGMA synchronous = FULL");
  sqlite3_stmt* update = nullptr;
  sqlite3_stmt* audit = nullptr;
  check(db, sqlite3_prepare_v2(db,
                               "UPDATE upload SET state = ?, attempts = 1, first_attempt_at = 1, last_attempt_at = 1, "
                               "received_at = ? WHERE id = ?",
                               -1, &update, nullptr));
  check(db, sqlite3_prepare_v2(db,
                               "INSERT INTO upload_event(upload_id, at, from_state, to_state, code, detail, actor) "
                               "VALUES(?, 1, ?, ?, '', '', 'bench')",
                               -1, &audit, nullptr));
  auto move = [&](std::size_t id, const char* from, const char* to) {
    sqlite3_bind_text(update, 1, to, -1, SQLITE_STATIC);
    sqlite3_bind_int64(update, 2, 1);
    sqlite3_bind_int64(update, 3, static_cast<sqlite3_int64>(id));
    check(db, sqlite3_step(update));
    sqlite3_reset(update);
    sqlite3_bind_int64(audit, 1, static_cast<sqlite3_int64>(id));
    sqlite3_bind_text(audit, 2, from, -1, SQLITE_STATIC);
    sqlite3_bind_text(audit, 3, to, -1, SQLITE_STATIC);
    check(db, sqlite3_step(audit));
    sqlite3_reset(audit);
  };
  const auto began = Steady::now();
  for (std::size_t n = 0; n < rows; n += rows_a_commit) {
    const std::size_t end = std::min(rows, n + rows_a_commit);
    for (const auto& [from, to] : {std::pair{"pending", "in_flight"}, std::pair{"in_flight", "received"}}) {
      exec(db, "BEGIN IMMEDIATE");
      for (std::size_t i = n; i < end; ++i) move(i + 1, from, to);
      exec(db, "COMMIT");
    }
  }
  const double out = rate(rows, began);
  sqlite3_finalize(update);
  sqlite3_finalize(audit);
  sqlite3_close(db);
  return out;
}

}  // namespace hw::bench
