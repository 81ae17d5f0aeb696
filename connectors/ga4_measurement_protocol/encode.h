#pragma once
#include <optional>
#include <span>
#include <string>

#include "connect/connector.h"
#include "connectors/ga4_measurement_protocol/config.h"
#include "model/conversion.h"

/// Pure: conversions to the JSON that the API takes. No double touches a value, no locale a number.
namespace hw::connectors::ga4_measurement_protocol {

/// Whom the events of one request are about.
struct Client {
  StreamKind kind = StreamKind::web;
  std::string id;       ///< client id of a web stream, app instance id of an app stream
  std::string user_id;  ///< "" = none
  Consent consent;      ///< what is unknown is left out: Google then derives it from the client's own visits
};

/// A number as it stands in the body, and its currency.
struct Amount {
  std::string number, currency;
};

struct Event {
  std::string name;
  Timestamp at;
  std::string id;  ///< the dedup id: transaction_id of purchases and refunds, else our own parameter hw_id
  std::optional<Amount> amount{};
  std::string session_id{};  ///< "" = none
};

/// The frozen text of one row: a whole request with one event. Events carry their own times, so that rows of one client
/// can share a request.
std::string row_json(const Client& client, const Event& event);

/// What the rows of one request have in common.
std::string group_of(const Client& client);

/// The request body: the client of the first row, the events of all. Rows that row_json() did not write are left out.
std::string request_json(std::span<const connect::Item> items, bool validate_only);

/// What a refund must repeat of its purchase.
struct Purchase {
  Client client;  ///< consent is not read
  std::string transaction_id;
  Amount amount;
};

/// The purchase in a frozen row; nullopt when it holds none.
std::optional<Purchase> read_purchase(const std::string& row);

}  // namespace hw::connectors::ga4_measurement_protocol
