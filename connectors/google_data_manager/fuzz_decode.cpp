#include <cstdint>
#include <cstdlib>

#include "connectors/google_data_manager/decode.h"

// Whatever a server answers, each row gets exactly one outcome, and counts never exceed the records.

namespace dm = hw::connectors::google_data_manager;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void try_ingest(const hw::http::Response& response, std::size_t items) {
  for (bool validate_only : {false, true}) {
    auto answer = dm::ingest_answer(response, items, validate_only, {});
    if (answer) check(answer->answer.outcomes.size() == items);
  }
}

void try_status(const hw::http::Response& response) {
  auto c = dm::status_answer(response, "r", {});
  if (!c) return;
  std::size_t rows = c->accepted;
  for (const auto& [outcome, n] : c->refused) {
    check(n > 0 && rows + n >= rows);
    rows += n;
  }
  check(c->is_final == (rows > 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hw::http::Response response;
  response.body.assign(reinterpret_cast<const char*>(data), size);
  for (int status : {200, 400, 403, 404, 429, 503}) {
    response.status = status;
    try_ingest(response, 1);
    try_ingest(response, 3);
    try_status(response);
  }
  (void)dm::row_of(response.body);
  check(!dm::code_of(response.body).empty());
  return 0;
}
