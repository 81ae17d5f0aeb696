#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "connectors/ga4_bigquery/config.h"
#include "connectors/ga4_bigquery/cursor.h"
#include "connectors/ga4_bigquery/decode.h"
#include "connectors/ga4_bigquery/touches.h"

using namespace hw;
using namespace hw::connectors::ga4_bigquery;

namespace {

/// Keeps what it is given: decoding, not normalising, is under test.
class Taker final : public connect::Normaliser {
 public:
  void keep(const connect::RawPerson&, RecordState&, std::vector<std::string>&) const override {}
  std::vector<Identifier> identifiers(const connect::RawPerson& raw) const override {
    return {{"email_sha256", std::to_string(raw.email.size())}};
  }
  bool usable(const Identifier& id) const override { return !id.value.empty(); }
  std::string country(std::string_view text) const override { return text.size() == 2 ? std::string(text) : ""; }
};

void check(bool holds) {
  if (!holds) std::abort();
}

/// Whatever the rows say: a touch has a key and identifiers, and no raw address.
void try_touches(const std::string& body) {
  const Result<QueryAnswer> answer = decode_query(body);
  if (!answer) return;
  static const connect::Vocabulary known = vocabulary();
  static const Taker taker;
  Config config;
  config.last_click = true;
  config.crm = "crm";
  config.event_parameters = {{"contact_id", "c"}, {"campaign", "p"}};
  for (const json& row : answer->rows) {
    std::vector<Touch> touches;
    std::vector<connect::RejectedRow> rejected;
    add_touches(row, {config, taker, known}, touches, rejected);
    for (const Touch& t : touches) {
      check(t.key.size() == 32 && !t.identifiers.empty());
      for (const Identifier& id : t.identifiers) check(id.type != "user_id" || id.value.find('@') == std::string::npos);
    }
  }
}

}  // namespace

/// The first byte says as which answer the rest is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'q':
      try_touches(body);
      break;
    case 'd':
      (void)decode_estimate(body);
      (void)decode_dataset(body);
      break;
    case 't':
      (void)decode_table(body);
      (void)decode_tables(body);
      break;
    case 'e':
      for (int status : {200, 204, 302, 400, 401, 403, 404, 409, 429, 500})
        (void)classify({status, {}, body}, SystemTime{});
      break;
    default:
      if (const auto p = read_position({body})) check(read_position(write(*p)).has_value());
      if (const auto p = read_lookup_position({body}); p && p->began)
        check(read_lookup_position(write(*p)).has_value());
      break;
  }
  return 0;
}
