#include "connectors/ga4_measurement_protocol/prepare.h"

#include <algorithm>
#include <charconv>

#include "connectors/ga4_measurement_protocol/encode.h"
#include "connectors/ga4_measurement_protocol/event_name.h"

namespace hw::connectors::ga4_measurement_protocol {

using connect::Item;
using connect::Refusal;
using connect::Revision;
using connect::Sent;
using connect::Target;

namespace {

using Prepared = std::variant<Item, Refusal>;

// Use cases of the Measurement Protocol, "Session attribution", read 2026-11: sent within 24 hours of the session's
// start, at a time that lies inside the session.
constexpr Duration kSessionOpen = std::chrono::hours(24);
constexpr const char* kTooOld = "older than the 72 hours that GA4 backdates an event";

Refusal refuse(std::string reason, std::string detail, std::optional<Timestamp> look_again = {}) {
  return {std::move(reason), std::move(detail), look_again};
}

bool is_plain(std::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~' && c != '@'; });
}

/// "GA1.1.1162820436.1749482504": the _ga cookie whole. As a client id it would make a new user.
bool is_whole_cookie(std::string_view id) {
  if (!id.starts_with("GA")) return false;
  const auto rest = id.find_first_not_of("0123456789", 2);
  return rest != std::string_view::npos && rest > 2 && id[rest] == '.';
}

std::string client_type(StreamKind kind) { return client_types(kind).front(); }

/// What the conversion's identifiers come to.
struct Found {
  Client client;
  std::size_t clients = 0;  ///< usable ones
  bool any_whole_cookie = false;
};

Found find_client(const Conversion& c, StreamKind kind) {
  Found found;
  found.client.kind = kind;
  found.client.consent = c.consent;
  for (const Identifier& id : c.identifiers) {
    // A user id that is an e-mail address must not reach Analytics.
    if (id.type == "user_id" && is_plain(id.value) && found.client.user_id.empty()) found.client.user_id = id.value;
    if (id.type != client_type(kind) || !is_plain(id.value)) continue;
    if (is_whole_cookie(id.value)) {
      found.any_whole_cookie = true;
    } else if (++found.clients == 1) {
      found.client.id = id.value;
    }
  }
  return found;
}

/// The session's start, which is its id.
std::optional<Timestamp> session_start(std::string_view id) {
  constexpr std::int64_t kMaxSecond = 4'102'444'800;  // the year 2100
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), seconds);
  if (error != std::errc{} || end != id.data() + id.size() || seconds <= 0 || seconds > kMaxSecond) return std::nullopt;
  return Timestamp(std::chrono::seconds(seconds));
}

/// The latest session that the conversion lies in and that still takes events, "" if there is none. Which of several
/// clients a session belongs to nobody knows, and under another client its id would open a new session.
std::string session_of(const Conversion& c, const Found& found, const Config& config, Timestamp now) {
  std::string best;
  std::optional<Timestamp> latest;
  if (found.clients != 1 || found.client.kind != StreamKind::web) return best;
  for (const Identifier& id : c.identifiers) {
    if (id.type != "ga_session_id") continue;
    const auto start = session_start(id.value);
    const bool is_inside = start && *start <= c.at && c.at <= *start + config.session_timeout;
    if (!is_inside || now > *start + kSessionOpen || (latest && *latest >= *start)) continue;
    latest = start;
    best = id.value;
  }
  return best;
}

std::optional<Refusal> general_refusal(const Conversion& c, const Target& target, Timestamp now) {
  if (c.value && c.value->micros < 0) return refuse("not_positive", "GA4 takes no value below zero");
  if (!c.value && target.action == kPurchase) return refuse("no_value", "a purchase needs a value and a currency");
  if (c.at > now) return refuse("too_recent", "the conversion lies in the future", c.at);
  return std::nullopt;
}

Item item_of(const Client& client, const Event& event, const Config& config) {
  Item item;
  item.body = row_json(client, event);
  item.dedup_key = event.id;
  item.group = group_of(client);
  item.not_before = event.at;
  item.expires_at = event.at + oldest(config);
  item.identifier_types.emplace_back(client_type(client.kind));
  if (!client.user_id.empty()) item.identifier_types.emplace_back("user_id");
  if (!event.session_id.empty()) item.identifier_types.emplace_back("ga_session_id");
  return item;
}

/// Age comes before having no identifier; the detail says both, for the window alone was not what kept it.
Refusal unidentified(const Found& found, StreamKind kind, Timestamp hopeless, Timestamp now) {
  const std::string lacks = found.any_whole_cookie
                                ? "ga_client_id holds the whole _ga cookie; it must be what follows its second dot"
                                : "no " + client_type(kind);
  if (now >= hopeless) return refuse("expired", lacks + ", and now " + kTooOld);
  return refuse("no_identifier", lacks, hopeless);
}

}  // namespace

Prepared prepare_event(const Conversion& c, const Target& target, const Config& config, Timestamp now) {
  if (auto refusal = general_refusal(c, target, now)) return *refusal;
  const StreamKind kind = stream_kind(target.account);
  const Found found = find_client(c, kind);
  const Timestamp end = c.at + oldest(config);
  if (found.clients == 0) return unidentified(found, kind, end, now);
  if (now >= end) return refuse("expired", kTooOld);
  Event event{.name = target.action, .at = c.at, .id = c.dedup_id};
  if (c.value) event.amount = Amount{decimal(*c.value), c.value->currency.str()};
  event.session_id = session_of(c, found, config, now);
  return item_of(found.client, event, config);
}

Prepared prepare_refund(const Conversion& c, const Revision& revision, const Sent& original, const Config& config,
                        Timestamp now) {
  std::optional<Purchase> purchase = read_purchase(original.item.body);
  if (!purchase) return refuse("uncorrectable", "GA4 takes back purchases alone");
  if (now >= revision.at + oldest(config)) return refuse("expired", kTooOld);
  purchase->client.consent = c.consent;
  const Event event{
      .name = kRefund, .at = revision.at, .id = purchase->transaction_id, .amount = purchase->amount, .session_id = {}};
  return item_of(purchase->client, event, config);
}

}  // namespace hw::connectors::ga4_measurement_protocol
