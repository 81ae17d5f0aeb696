#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "connect/cookies.h"
#include "connect/landing.h"
#include "connectors/csv/mapping.h"

namespace hw::connectors::csv {
namespace {

using connect::IdKind;

constexpr std::array kSourceColumns = {"source", "medium",  "campaign",     "campaign_id",
                                       "term",   "content", "landing_page", "referrer"};
constexpr std::array kTouchKinds = {"visit", "form", "lead_form", "offline"};

bool is_click(const connect::Vocabulary& vocabulary, const std::string& type) {
  const connect::IdentifierDecl* decl = vocabulary.find(type);
  return decl != nullptr && decl->kind == IdKind::click;
}

bool has_type(const std::vector<Identifier>& ids, const std::string& type) {
  return std::any_of(ids.begin(), ids.end(), [&](const Identifier& id) { return id.type == type; });
}

void add_new(std::vector<Identifier>& ids, const Identifier& id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

bool usable(const Mapping& mapping, const Identifier& id) {
  return connect::fit_for_identifier(id.value) && mapping.normaliser.usable(id);
}

std::vector<Identifier> column_identifiers(const Mapping& mapping, const Cells& cells) {
  std::vector<Identifier> ids;
  for (const auto& [name, column] : mapping.file.columns) {
    if (mapping.vocabulary.find(name) == nullptr) continue;
    Identifier id{name, cells.text(name)};
    if (usable(mapping, id)) ids.push_back(std::move(id));
  }
  return ids;
}

/// A cookie's click is the last one of that browser. It gives way to a click of the same type that the row names
/// itself, and tells the time of that one when it is the same.
void add_cookies(const Mapping& mapping, const Cells& cells, Marketing& out) {
  for (const auto& [name, column] : mapping.file.columns) {
    if (!name.starts_with(kCookiePrefix)) continue;
    const std::string raw = cells.text(name);
    for (const connect::CookieValue& value :
         connect::read_cookie(mapping.vocabulary, name.substr(kCookiePrefix.size()), raw)) {
      if (!usable(mapping, value.id)) continue;
      const bool known = std::find(out.identifiers.begin(), out.identifiers.end(), value.id) != out.identifiers.end();
      if (!known && is_click(mapping.vocabulary, value.id.type) && has_type(out.identifiers, value.id.type)) continue;
      add_new(out.identifiers, value.id);
      if (value.at) out.click_times.try_emplace(value.id.type, *value.at);
    }
  }
}

void add_crm_ids(const Mapping& mapping, const Cells& cells, std::vector<Identifier>& ids) {
  constexpr std::array kCrmIds = {std::pair{"lead_id", "crm_lead_id"}, std::pair{"contact_id", "crm_contact_id"},
                                  std::pair{"deal_id", "crm_deal_id"}};
  for (const auto& [name, type] : kCrmIds) {
    const std::string id = cells.text(name);
    if (!id.empty()) ids.push_back({type, mapping.crm + ":" + id});
  }
}

std::string touch_kind(Cells& cells) {
  std::string kind = cells.text("kind");
  if (kind.empty()) return kTouchKinds[0];
  if (std::find(kTouchKinds.begin(), kTouchKinds.end(), kind) == kTouchKinds.end()) {
    cells.fail("kind", "kind", "visit, form, lead_form or offline");
  }
  return kind;
}

std::string short_hash(std::string_view text) { return sha256_hex(text).substr(0, 32); }

/// 00:00 of the day in the configured zone, whatever time stands beside the date.
Timestamp midnight(Timestamp at, const Zone& zone) {
  Civil civil = zone.to_civil(at);
  civil.hour = civil.minute = civil.second = civil.micros = 0;
  civil.has_time = true;
  return zone.to_utc(civil);
}

}  // namespace

Marketing read_marketing(const Mapping& mapping, const Cells& cells) {
  Marketing out;
  Touch& touch = out.touch;
  const std::string page = cells.text("landing_page");
  touch.source = connect::utm_text(cells.text("source"));
  touch.medium = connect::utm_text(cells.text("medium"));
  touch.campaign = connect::utm_text(cells.text("campaign"));
  touch.campaign_id = connect::utm_text(cells.text("campaign_id"));
  touch.term = connect::utm_text(cells.text("term"));
  touch.content = connect::utm_text(cells.text("content"));
  touch.landing_page = connect::page_of(page);
  touch.referrer = connect::page_of(cells.text("referrer"));

  out.identifiers = column_identifiers(mapping, cells);
  for (const Identifier& id : out.identifiers) {
    if (is_click(mapping.vocabulary, id.type)) touch.identifiers.push_back(id);
  }
  connect::Landing landing = connect::read_landing(mapping.vocabulary, page);
  std::erase_if(landing.identifiers, [&](const Identifier& id) { return !usable(mapping, id); });
  connect::add_landing(landing, touch);
  connect::imply_source(mapping.vocabulary, touch);
  for (const Identifier& id : touch.identifiers) add_new(out.identifiers, id);

  out.said = !touch.identifiers.empty() || std::any_of(kSourceColumns.begin(), kSourceColumns.end(),
                                                       [&](const char* name) { return !cells.text(name).empty(); });
  add_cookies(mapping, cells, out);
  return out;
}

connect::RawPerson read_person(const Mapping& mapping, const Cells& cells) {
  return {cells.text("email"),   cells.text("phone"),          cells.text("given_name"),    cells.text("family_name"),
          cells.text("country"), mapping.file.email_hash_form, mapping.file.phone_hash_form};
}

void map_row(const Mapping& mapping, Cells& cells, Timestamp, std::vector<Touch>& out,
             std::vector<std::string>& notes) {
  Marketing marketing = read_marketing(mapping, cells);
  Touch touch = std::move(marketing.touch);
  const auto time = cells.time("time");
  if (!time) cells.fail("missing_value", "time", "a time, found none");
  touch.kind = touch_kind(cells);
  touch.identifiers = std::move(marketing.identifiers);
  for (const Identifier& id : mapping.normaliser.identifiers(read_person(mapping, cells)))
    add_new(touch.identifiers, id);
  add_crm_ids(mapping, cells, touch.identifiers);
  if (touch.identifiers.empty()) {
    cells.fail("no_identifier", "row", "at least one identifier: a client id, click id, e-mail, phone or CRM id");
  }
  if (cells.fault()) return;
  touch.at = time->at;
  if (time->date_only) touch.basis = Basis::inferred;
  const std::string country = cells.text("country");
  touch.country = mapping.normaliser.country(country);
  if (touch.country.empty() && !country.empty()) notes.emplace_back("country: unknown");
  touch.key = cells.text("key");
  if (touch.key.empty()) touch.key = short_hash(fmt::format("{}\n{}", cells.row().joined(), to_micros(touch.at)));
  out.push_back(std::move(touch));
}

void map_row(const Mapping& mapping, Cells& cells, Timestamp, std::vector<Spend>& out, std::vector<std::string>&) {
  const auto day = cells.time("day");
  if (!day) cells.fail("missing_value", "day", "a date, found none");
  const auto micros = cells.micros("amount");
  if (!micros) cells.fail("missing_value", "amount", "an amount, found none");
  const auto currency = cells.currency("currency");
  if (!currency) cells.fail("missing_value", "currency", "an ISO 4217 code such as EUR, found none");
  Spend spend;
  spend.account = cells.text("account");
  spend.source = connect::utm_text(cells.text("source"));
  spend.medium = connect::utm_text(cells.text("medium"));
  spend.campaign = connect::utm_text(cells.text("campaign"));
  spend.campaign_id = connect::utm_text(cells.text("campaign_id"));
  spend.clicks = cells.count("clicks");
  spend.impressions = cells.count("impressions");
  if (cells.fault()) return;
  spend.day = midnight(day->at, mapping.config.zone);
  spend.micros = *micros;
  spend.currency = currency->str();
  spend.key = short_hash(fmt::format("{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{}", to_micros(spend.day), spend.account,
                                     spend.source, spend.medium, spend.campaign, spend.campaign_id, cells.text("key")));
  out.push_back(std::move(spend));
}

}  // namespace hw::connectors::csv
