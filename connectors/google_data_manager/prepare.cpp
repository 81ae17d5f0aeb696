#include "connectors/google_data_manager/prepare.h"

#include <algorithm>
#include <initializer_list>

#include "connectors/google_data_manager/encode.h"

namespace hw::connectors::google_data_manager {

using connect::Item;
using connect::Refusal;
using connect::Revision;
using connect::Sent;
using connect::Target;

namespace {

using Prepared = std::variant<Item, Refusal>;

Refusal refuse(std::string reason, std::string detail, std::optional<Timestamp> look_again = {}) {
  return {std::move(reason), std::move(detail), look_again};
}

/// A click that this action takes at all: gbraid and wbraid are refused by actions that count one per click.
bool is_taken(const Click& click, const Target& target) {
  if (click.type == "gclid") return true;
  const bool braid = click.type == "gbraid" || click.type == "wbraid";
  return braid && target.counting != connect::Counting::once_per_click;
}

/// What the conversion's clicks come to.
struct Choice {
  const Click* click = nullptr;  ///< inside its window and not later than the conversion
  bool any_expired = false;
};

Choice choose(const Conversion& c, const Target& target, Duration window, Timestamp now) {
  Choice choice;
  for (const Click& click : c.clicks) {
    if (!is_taken(click, target) || click.value.empty() || click.at > c.at) continue;
    if (now >= click.at + window)
      choice.any_expired = true;
    else if (!choice.click)
      choice.click = &click;
  }
  return choice;
}

std::optional<Refusal> general_refusal(const Conversion& c) {
  if (c.consent.ad_user_data == ConsentState::denied) return refuse("consent", "ad user data denied");
  if (c.value && c.value->micros < 0) return refuse("not_positive", "Google takes no value below zero");
  return std::nullopt;
}

/// Neither a click in its window nor user data in its own.
Refusal unidentified(const Conversion& c, const Config& config, bool any_expired, Timestamp now) {
  if (any_expired) return refuse("expired", "click or lead is older than Google takes");
  // A click that turns up later is never later than the conversion.
  const Timestamp hopeless = c.at + config.click_window;
  if (now >= hopeless) return refuse("expired", "no click id, and the conversion is older than any click's window");
  return refuse("no_identifier", config.user_data ? "no usable click id, e-mail or phone" : "no usable click id",
                hopeless);
}

Item item_of(const Conversion& c, const Identifiers& ids, const Revision& revision, const Config& config) {
  Item item;
  item.body = event_json(c, ids, config.event_source);
  item.dedup_key = c.dedup_id;
  item.group = to_string(revision.operation);
  item.not_before = ids.click ? std::max(c.at, ids.click->at + config.min_click_age) : c.at;
  item.expires_at = ids.click ? ids.click->at + config.click_window : c.lead_created + config.user_data_window;
  if (ids.click) {
    item.click_type = ids.click->type;
    item.click_value = ids.click->value;
  }
  item.identifier_types = ids.types();
  return item;
}

}  // namespace

Prepared prepare_upload(const Conversion& c, const Revision& revision, const Target& target, const Config& config,
                        Timestamp now) {
  if (auto refusal = general_refusal(c)) return *refusal;
  if (c.at > now) return refuse("too_recent", "the conversion lies in the future", c.at);
  Choice choice = choose(c, target, config.click_window, now);
  Identifiers ids = user_data_of(c, config);
  ids.click = choice.click;
  if (!ids.click && ids.has_user_data() && now >= c.lead_created + config.user_data_window) {
    choice.any_expired = true;
    ids = {};
  }
  if (!ids.click && !ids.has_user_data()) return unidentified(c, config, choice.any_expired, now);
  Item item = item_of(c, ids, revision, config);
  if (item.not_before > now) return refuse("too_recent", "Google does not know so young a click yet", item.not_before);
  return item;
}

Prepared prepare_restate(const Conversion& c, const Revision& revision, const Sent& original, const Config& config,
                         Timestamp now) {
  if (auto refusal = general_refusal(c)) return *refusal;
  if (!c.value) return refuse("no_value", "a restatement needs a value");
  if (c.value->micros == 0 && config.zero == connect::ZeroRule::refused)
    return refuse("uncorrectable", "zero is not sent (option zero)");
  const Timestamp end = original.conversion_time + config.adjust_until;
  if (now >= end) return refuse("uncorrectable", "the conversion is older than Google corrects");
  Result<std::string> body = restated_json(original.item.body, *c.value);
  if (!body) return refuse("uncorrectable", body.error().detail);
  Item item = original.item;
  item.body = std::move(*body);
  item.group = to_string(revision.operation);
  item.not_before = revision.at;
  item.expires_at = end;
  return item;
}

}  // namespace hw::connectors::google_data_manager
