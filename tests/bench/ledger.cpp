#include "bench/ledger.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/hash.h"
#include "delivery/sender.h"
#include "ledger/item_json.h"
#include "store/ledger_rows.h"

namespace hw::bench {
namespace {

namespace rows = store::ledger_rows;
constexpr const char* kDestination = "ads_won";
constexpr std::size_t kAtOnce = 10'000;

[[noreturn]] void give_up(const Error& e) {
  std::cerr << "headwater-bench: " << e.code << ": " << e.detail << "\n";
  std::exit(70);
}

void add_row(store::Tx& tx, std::size_t n, Timestamp now) {
  const std::string id = "hw-" + sha256_base32(std::to_string(n));
  store::StoredConversion c;
  c.dedup_id = id;
  c.goal = "won";
  c.lineage = "crm/deal/" + std::to_string(n);
  c.record_id = static_cast<std::int64_t>(n) + 1;
  c.entered_at = c.at = c.created_at = now;
  connect::Item item;
  item.body = item_body(n);
  item.dedup_key = id;
  item.not_before = now;
  item.expires_at = now + std::chrono::hours(24 * 90);
  store::StoredUpload u;
  u.conversion_id = rows::add_conversion(tx, c);
  u.destination = kDestination;
  u.value_micros = 1'000'000 * static_cast<std::int64_t>(n % 1000);
  u.currency = "EUR";
  u.item = ledger::item_to_json(item);
  u.account = "1112223333";
  u.action = "700000003";
  u.dedup_key = id;
  u.made_at = u.not_before = u.next_at = now;
  u.expires_at = item.expires_at;
  u.conversion_at = now;
  rows::add_upload(tx, u, "bench");
}

}  // namespace

std::string item_body(std::size_t n) {
  char text[1024];
  const std::string hash = sha256_hex(std::to_string(n));
  std::snprintf(
      text, sizeof text,
      R"({"eventTimestamp":"2026-11-26T12:00:00Z","transactionId":"hw-%zu","eventSource":"OTHER","currency":"EUR",)"
      R"("conversionValue":%zu.5,"adIdentifiers":{"gclid":"Cj0KCQiA-%s"},"userData":{"userIdentifiers":[)"
      R"({"emailAddress":"%s"},{"phoneNumber":"%s"}]},"consent":{"adUserData":"CONSENT_GRANTED",)"
      R"("adPersonalization":"CONSENT_GRANTED"},"userProperties":{"customerType":"NEW"},)"
      R"("additionalEventParameters":[{"parameterName":"goal","value":"won"}]})",
      n, n % 10000, hash.c_str(), hash.c_str(), hash.c_str());
  return text;
}

std::string joined(std::span<const connect::Item> items) {
  std::string out = R"({"events":[)";
  for (const connect::Item& item : items) {
    if (out.back() != '[') out += ',';
    out += item.body;
  }
  return out + "]}";
}

std::unique_ptr<store::Db> ledger_of(const std::string& path, std::size_t count) {
  auto db = store::Db::open({.path = path, .postgres = {}});
  if (!db) give_up(db.error());
  const Timestamp now = make_system_clock()->system_now();
  for (std::size_t n = 0; n < count; n += kAtOnce) {
    auto made = (*db)->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      for (std::size_t i = n; i < std::min(count, n + kAtOnce); ++i) add_row(tx, i, now);
      return {};
    });
    if (!made) give_up(made.error());
  }
  return std::move(*db);
}

PostingSink::PostingSink(http::HttpClient& http, std::string url, std::size_t rows_a_request)
    : http_(http), url_(std::move(url)) {
  contract_.operations = {Operation::upload};
  contract_.max_items = rows_a_request;
  contract_.max_bytes = 64U << 20;
  contract_.dedup = {.exists = true, .known = true, .window = std::nullopt, .repeat_overwrites = true};
  contract_.receipt = connect::Receipt::request;
}

std::variant<connect::Item, connect::Refusal> PostingSink::prepare(const Conversion&, const connect::Revision&,
                                                                   const connect::Target&, const connect::Sent*,
                                                                   Timestamp) const {
  return connect::Refusal{.reason = "no_identifier", .detail = "the rows are there already"};
}

Result<connect::Answer> PostingSink::send(std::span<const connect::Item> items, const connect::Target&, bool,
                                          connect::Context context) {
  http::Request request;
  request.method = "POST";
  request.url = url_;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = joined(items);
  auto response = http_.send(request, context.stop);
  if (!response) return response.error();
  if (response->status != 200) return http::classify_status(*response, {});
  return connect::Answer{.outcomes = std::vector<connect::Outcome>(items.size()), .receipt = {}};
}

Result<std::vector<connect::Confirmation>> PostingSink::confirm(std::span<const std::string>, const connect::Target&,
                                                                connect::Context) {
  return std::vector<connect::Confirmation>{};
}

std::size_t deliver(store::Db& db, const std::string& url, std::size_t rows_a_request, std::size_t at_most) {
  const auto clock = make_system_clock();
  const auto random = make_system_random();
  const auto http =
      http::make_client({.credentials = {}, .ca_file = {}, .user_agent = "headwater-bench"}, *clock, *random);
  PostingSink sink(*http, url, rows_a_request);
  settings::Destination destination;
  destination.name = kDestination;
  destination.goal = "won";
  destination.mode = Mode::live;
  destination.batch = rows_a_request;
  settings::SinkSet sinks;
  sinks.upload = sinks.restate = sinks.retract = &sink;
  sinks.upload_connector = sinks.restate_connector = sinks.retract_connector = "bench";
  sinks.target = {.account = "1112223333", .action = "700000003"};
  delivery::Sender sender(destination, sinks, db, *clock, *random);
  std::size_t settled = 0;
  while (settled < at_most) {
    auto round = sender.step({});
    if (!round) give_up(round.error());
    if (round->settled == 0) break;
    settled += round->settled;
  }
  return settled;
}

}  // namespace hw::bench
