#include <cstdint>
#include <cstdlib>

#include "connectors/ga4_measurement_protocol/decode.h"

// Whatever a server answers, each row gets exactly one outcome, and none is taken unless the answer says so of all.

namespace mp = hw::connectors::ga4_measurement_protocol;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void try_both(const hw::http::Response& response, std::size_t items) {
  const bool is_success = response.status < 300;
  if (auto taken = mp::collect_answer(response, items, {})) check(is_success && taken->outcomes.size() == items);
  auto validated = mp::validation_answer(response, items, {});
  if (!validated) return;
  check(is_success && validated->outcomes.size() == items);
  const bool is_good = validated->outcomes.front().verdict == hw::connect::Verdict::accepted;
  for (const auto& o : validated->outcomes) check((o.verdict == hw::connect::Verdict::accepted) == is_good);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hw::http::Response response;
  response.body.assign(reinterpret_cast<const char*>(data), size);
  for (int status : {200, 204, 302, 400, 403, 413, 429, 503}) {
    response.status = status;
    try_both(response, 1);
    try_both(response, 3);
  }
  (void)mp::event_of(response.body);
  check(!mp::code_of(response.body).empty());
  return 0;
}
