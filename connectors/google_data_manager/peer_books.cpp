#include "connectors/google_data_manager/peer_books.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace hw::sandbox::data_manager {

using nlohmann::json;

namespace {

constexpr auto kProcessing = std::chrono::minutes(30);
constexpr auto kClickWindow = std::chrono::hours(24 * 90);
constexpr auto kUserDataWindow = std::chrono::hours(24 * 63);
constexpr auto kYoungestClick = std::chrono::hours(6);
constexpr auto kYoungestAction = std::chrono::hours(6);

/// Google's formatting page: white space out, lower case; dots and "+tag" of the local part out for its own two
/// domains.
std::string normalised_email(const std::string& raw) {
  std::string mail;
  for (char c : raw) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) continue;
    mail += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  const std::size_t at = mail.rfind('@');
  if (at == std::string::npos) return mail;
  std::string local = mail.substr(0, at);
  const std::string domain = mail.substr(at + 1);
  if (domain != "gmail.com" && domain != "googlemail.com") return mail;
  local = local.substr(0, local.find('+'));
  std::erase(local, '.');
  return local + "@" + domain;
}

/// The same page: E.164, a plus and digits alone.
std::string normalised_phone(const std::string& raw) {
  std::string phone;
  for (char c : raw)
    if (c == '+' || (c >= '0' && c <= '9')) phone += c;
  return phone;
}

bool landed(const std::string& state) { return state == "counted" || state == "not_counted" || state == "final_zero"; }

/// Click ids are URL-safe base64 of something only Google reads.
bool is_url_safe(std::string_view id) {
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::int64_t second_of(Timestamp t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

/// The enum's one member without REASON_ in its name (processing_errors.proto, number 26).
std::string enum_name(const std::string& reason) {
  const bool odd = reason == "OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER";
  return (odd ? "PROCESSING_ERROR_" : "PROCESSING_ERROR_REASON_") + reason;
}

std::string request_status(std::size_t refused, std::size_t records) {
  if (refused == 0) return "SUCCESS";
  return refused == records ? "FAILED" : "PARTIAL_SUCCESS";
}

}  // namespace

std::string Books::take(Ingestion ingestion) {
  Request request;
  request.id = sha256_hex(fmt::format("request {}", requests_.size())).substr(0, 32);
  request.received = world_.now;
  for (const auto& d : ingestion.destinations) {
    Batch batch;
    batch.destination = d;
    request.batches.push_back(std::move(batch));
  }
  for (const Event& e : ingestion.events)
    for (std::size_t d : e.destinations) request.batches[d].entries.push_back({e, waits(ingestion.destinations[d], e)});
  by_id_[request.id] = requests_.size();
  requests_.push_back(std::move(request));
  return requests_.back().id;
}

bool Books::waits(const Ingestion::Destination& d, const Event& e) const {
  for (std::size_t i = first_open_; i < requests_.size(); ++i)
    for (const Batch& batch : requests_[i].batches)
      for (const Entry& entry : batch.entries)
        if (!batch.done && batch.destination.account == d.account && batch.destination.action == d.action &&
            !e.transaction.empty() && entry.event.transaction == e.transaction)
          return true;
  return false;
}

Timestamp Books::next() const {
  return first_open_ < requests_.size() ? requests_[first_open_].received + kProcessing : Timestamp::max();
}

void Books::process(Timestamp now) {
  while (next() <= now) {
    Request& request = requests_[first_open_++];
    for (Batch& batch : request.batches) settle(batch, request.received);
  }
}

void Books::settle(Batch& batch, Timestamp received) {
  std::size_t refused = 0;
  for (const Entry& entry : batch.entries)
    if (std::string reason = judge_entry(entry, batch.destination, received); !reason.empty()) {
      ++batch.errors[reason];
      ++refused;
    }
  if (refused > 0 && refused < batch.entries.size()) ++world_.ads.refused_in_part;
  batch.done = true;
}

/// "" when the event was taken, else the reason without prefix.
std::string Books::judge_entry(const Entry& entry, const Ingestion::Destination& d, Timestamp received) {
  const Event& e = entry.event;
  const AdAction* action = world_.ads.action(d.account, d.action);
  if (!action) return "INTERNAL_ERROR";
  // Without a transaction id the click and the time stand for it.
  const std::string id = e.transaction.empty() ? fmt::format("{}@{}", e.click_value, second_of(e.at)) : e.transaction;
  const Key key{d.account, d.action, id};
  if (auto it = conversions_.find(key); it != conversions_.end() && landed(it->second.state)) {
    if (e.transaction.empty()) return "DUPLICATE_TRANSACTION_ID";
    // The guide promises an adjustment of what was processed; an id without match becomes a conversion, and which of
    // both a repeat in between meets is chance.
    if (entry.repeats_unsettled && it->second.state == "counted") ++it->second.count;
    restate(it->second, e, *action);
    return "";
  }
  Conversion c{.state = "counted",
               .click_type = "",
               .click_value = "",
               .at = e.at,
               .currency = e.currency,
               .micros = e.micros.value_or(0)};
  if (c.currency.empty()) c.currency = action->default_currency;
  std::string refused = refusal(e, *action, received);
  const Match m = match(e, *action, received);
  if (refused.empty()) refused = m.refusal;
  if (m.click) {
    c.click_type = m.click->type;
    c.click_value = m.click->value;
  }
  if (refused.empty() && collides(key, c)) refused = "DUPLICATE_GCLID";
  if (!refused.empty())
    c.state = "refused:" + refused;
  else if (action->counting == "once_per_click" && click_is_used(key, c))
    c.state = "not_counted";
  conversions_[key] = c;
  return refused;
}

/// Value and currency are overwritten, all else stays; what is zero by a restatement takes no further one, without a
/// word.
void Books::restate(Conversion& c, const Event& e, const AdAction& action) {
  if (c.state == "final_zero") return;
  c.micros = e.micros.value_or(0);
  c.currency = e.currency.empty() ? action.default_currency : e.currency;
  if (c.micros == 0 && c.state == "counted") c.state = "final_zero";
}

std::string Books::refusal(const Event& e, const AdAction& action, Timestamp received) const {
  if (e.consent_denied) return "DENIED_CONSENT";
  if (received < action.created + kYoungestAction) return "TOO_RECENT_CONVERSION_ACTION";
  if (action.is_attributed_elsewhere) return "EXTERNAL_ATTRIBUTION_DATA_MISSING";
  if (e.has_custom_variables) return "INVALID_CUSTOM_VARIABLE";  // the world's accounts have enabled none
  if (!is_url_safe(e.click_value))
    return e.click_type == "gclid" ? "INVALID_GCLID" : e.click_type == "gbraid" ? "INVALID_GBRAID" : "INVALID_WBRAID";
  const bool braid = e.click_type == "gbraid" || e.click_type == "wbraid";
  if (braid && action.counting == "once_per_click") return "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID";
  return "";
}

Books::Match Books::match(const Event& e, const AdAction& action, Timestamp received) const {
  const AdClick* click = e.click_type.empty() ? nullptr : world_.ads.click(e.click_type, e.click_value);
  if (!click) {
    click = by_user_data(e, action, received);
    return {click, click ? "" : "CLICK_NOT_FOUND"};
  }
  if (click->account != action.account) return {nullptr, "OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"};
  if (e.at < click->at) return {nullptr, "CONVERSION_PRECEDES_CLICK"};
  if (received - click->at > kClickWindow) return {nullptr, "EVENT_TOO_OLD"};
  if (received - click->at < kYoungestClick) return {nullptr, "TOO_RECENT_CLICK"};
  return {click, ""};
}

/// The latest click of the account by somebody whose e-mail or phone has one of the hashes.
const AdClick* Books::by_user_data(const Event& e, const AdAction& action, Timestamp received) const {
  const AdClick* best = nullptr;
  auto knows = [](const std::set<std::string>& hashes, const std::string& value) {
    return !value.empty() && hashes.contains(sha256_hex(value));
  };
  for (const AdClick& c : world_.ads.clicks) {
    const bool eligible = c.account == action.account && c.at <= e.at && received - c.at <= kUserDataWindow;
    if (!eligible || (best && best->at >= c.at)) continue;
    if (knows(e.email_hashes, normalised_email(c.visitor_email)) ||
        knows(e.phone_hashes, normalised_phone(c.visitor_phone)))
      best = &c;
  }
  return best;
}

bool Books::collides(const Key& key, const Conversion& c) const {
  return std::any_of(conversions_.begin(), conversions_.end(), [&](const auto& other) {
    const auto& [k, o] = other;
    return k != key && std::get<0>(k) == std::get<0>(key) && std::get<1>(k) == std::get<1>(key) && landed(o.state) &&
           c.click_type == "gclid" && o.click_type == "gclid" && o.click_value == c.click_value &&
           second_of(o.at) == second_of(c.at);
  });
}

bool Books::click_is_used(const Key& key, const Conversion& c) const {
  return std::any_of(conversions_.begin(), conversions_.end(), [&](const auto& other) {
    const auto& [k, o] = other;
    return k != key && std::get<0>(k) == std::get<0>(key) && std::get<1>(k) == std::get<1>(key) &&
           (o.state == "counted" || o.state == "final_zero") && o.click_type == c.click_type &&
           o.click_value == c.click_value;
  });
}

std::optional<json> Books::status(const std::string& id) const {
  auto it = by_id_.find(id);
  if (it == by_id_.end()) return std::nullopt;
  json list = json::array();
  for (const Batch& batch : requests_[it->second].batches) {
    // int64 members are strings in proto3 JSON.
    json status = {{"destination",
                    {{"operatingAccount", {{"accountType", "GOOGLE_ADS"}, {"accountId", batch.destination.account}}},
                     {"productDestinationId", batch.destination.action}}},
                   {"requestStatus", "PROCESSING"},
                   {"eventsIngestionStatus", {{"recordCount", std::to_string(batch.entries.size())}}}};
    std::size_t refused = 0;
    for (const auto& [reason, n] : batch.errors) {
      status["errorInfo"]["errorCounts"].push_back({{"recordCount", std::to_string(n)}, {"reason", enum_name(reason)}});
      refused += n;
    }
    if (batch.done) status["requestStatus"] = request_status(refused, batch.entries.size());
    list.push_back(std::move(status));
  }
  return json{{"requestStatusPerDestination", list}};
}

std::vector<Belief> Books::believed() const {
  std::map<Key, Belief> out;
  for (const auto& [key, c] : conversions_) {
    const auto& [account, action, id] = key;
    const bool counts = c.state == "counted" || c.state == "final_zero";
    out[key] = {account, action, id, c.currency, counts ? c.micros : 0, counts ? c.count : 0, c.state};
  }
  for (std::size_t i = first_open_; i < requests_.size(); ++i)
    for (const Batch& batch : requests_[i].batches)
      for (const Entry& entry : batch.entries) {
        const Key key{batch.destination.account, batch.destination.action, entry.event.transaction};
        if (!out.contains(key))
          out[key] = {batch.destination.account,
                      batch.destination.action,
                      entry.event.transaction,
                      entry.event.currency,
                      0,
                      0,
                      "processing"};
      }
  std::vector<Belief> list;
  for (auto& [key, belief] : out) list.push_back(std::move(belief));
  return list;
}

}  // namespace hw::sandbox::data_manager
