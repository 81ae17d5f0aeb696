#include "reconcile/compose.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "ledger/item_json.h"
#include "reconcile/clients.h"
#include "reconcile/import.h"
#include "reconcile/restored.h"

namespace hw::reconcile {
namespace {

using store::StoredUpload;

std::int64_t second_of(Timestamp t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

/// Two conversions on one click in one second are one to some platforms: they are moved apart by a hash of the subject,
/// between the click and now.
Timestamp apart(const Asked& a, const store::StoredConversion& c, Timestamp at, const Click& click,
                const std::vector<StoredUpload>& made_before) {
  std::set<std::int64_t> taken;
  for (const StoredUpload& u : rows_on_click(a, click.type, click.value, made_before))
    if (u.conversion_at && !(c.id != 0 && u.conversion_id == c.id)) taken.insert(second_of(*u.conversion_at));
  const auto step = std::chrono::seconds(1 + static_cast<std::int64_t>(hash64(c.dedup_id) % 50));
  for (int k = 0; k < 200; ++k) {
    // Forward while that is not the future, then backward while it is after the click.
    const Timestamp t = k < 100 ? at + step * k : at - step * (k - 99);
    if (t <= a.frame.now && t >= click.at && !taken.contains(second_of(t))) return t;
  }
  return at;
}

Conversion conversion_of(const Asked& a, const Telling& t, const Who& who,
                         const std::vector<StoredUpload>& made_before) {
  const store::StoredConversion& c = t.conversion;
  Conversion out;
  out.dedup_id = c.dedup_id;
  out.goal = c.goal;
  out.at = std::min(c.at, c.created_at);  // a time to come is placed once, when the conversion is made
  if (t.revision.micros)
    if (auto code = Currency::parse(t.revision.currency)) out.value = Money{*t.revision.micros, *code};
  if (who.click) {
    const Click& click = who.click->click;
    out.clicks.push_back(click);
    if (out.at < click.at) out.at = std::min(click.at, a.frame.now);
    out.at = apart(a, c, out.at, click, made_before);
  }
  if (t.original != nullptr && t.original->code == kImported) out.dedup_id = t.original->dedup_key;
  if (t.original != nullptr && t.original->conversion_at) out.at = *t.original->conversion_at;
  if (const store::StoredRecord* p = who.person) {
    out.hashes = p->hashes;
    out.identifiers = p->identifiers;
    out.address = {.country = p->country, .region = p->region, .city = p->city, .postal_code = p->postal_code};
  }
  // Hashes are one human's, the browser is the lineage's: its lead may have come by it, or the deal itself say so.
  if (t.original == nullptr)
    set_clients(out.identifiers, a.plan.contract.client_types, tellable_clients(a, who.person));
  out.consent = who.consent;
  out.lead_created = a.subject.lead_created;
  return out;
}

std::string consent_text(const Consent& c) {
  return std::string("ad_user_data=") + to_string(c.ad_user_data) +
         " ad_personalization=" + to_string(c.ad_personalization);
}

StoredUpload row_of(const Asked& a, const Telling& t, const Who& who, const Conversion& said,
                    const connect::Target& target, const connect::Item& item) {
  StoredUpload u;
  u.conversion_id = t.conversion.id;
  u.destination = a.plan.destination->name;
  u.revision = t.number;
  u.operation = t.revision.operation;
  u.mode = a.plan.destination->mode;
  u.state = UploadState::pending;
  u.value_micros = t.revision.micros;
  u.currency = t.revision.currency;
  u.item = ledger::item_to_json(item);
  u.account = target.account;
  u.action = target.action;
  u.dedup_key = item.dedup_key;
  u.consent = consent_text(who.consent);
  u.click_type = item.click_type;
  u.click_value = item.click_value;
  if (who.person != nullptr) u.person = who.person->id;
  u.conversion_at = said.at;
  u.made_at = a.frame.now;
  u.not_before = item.not_before;
  u.expires_at = item.expires_at;
  if (a.plan.gap) u.not_before = std::max(u.not_before, repeatable_from(a.plan, u, *a.plan.gap));
  u.next_at = std::max(a.frame.now, u.not_before);
  return u;
}

}  // namespace

std::variant<StoredUpload, connect::Refusal> compose(const Asked& a, const Telling& t, const Who& who,
                                                     const std::vector<StoredUpload>& made_before) {
  connect::Target target = a.plan.sinks.target;
  const Conversion said = conversion_of(a, t, who, made_before);
  std::optional<connect::Sent> sent;
  if (t.original != nullptr) {
    auto item = ledger::item_from_json(t.original->item);
    if (!item) return connect::Refusal{.reason = "uncorrectable", .detail = item.error().detail, .look_again = {}};
    if (item->body.empty())
      return connect::Refusal{.reason = "uncorrectable",
                              .detail = "a correction has nothing to refer to: " + t.original->detail,
                              .look_again = {}};
    // A correction goes where the original went, whatever the configuration says today.
    target.account = t.original->account;
    target.action = t.original->action;
    const auto accepted = t.original->processed_at ? t.original->processed_at : t.original->received_at;
    sent = connect::Sent{.item = *item,
                         .conversion_time = t.original->conversion_at.value_or(said.at),
                         .accepted_at = accepted.value_or(t.original->made_at)};
  }
  const connect::Revision revision{.operation = t.revision.operation, .number = t.number, .at = a.frame.now};
  auto prepared =
      a.plan.sinks.of(revision.operation)->prepare(said, revision, target, sent ? &*sent : nullptr, a.frame.now);
  if (auto* refusal = std::get_if<connect::Refusal>(&prepared)) return *refusal;
  auto& item = std::get<connect::Item>(prepared);
  if (item.expires_at <= a.frame.now)
    return connect::Refusal{.reason = "expired", .detail = "the platform's window for it is over", .look_again = {}};
  item.form = a.plan.sinks.of(revision.operation)->contract().form;
  return row_of(a, t, who, said, target, item);
}

std::vector<StoredUpload> rows_on_click(const Asked& a, const std::string& type, const std::string& value,
                                        const std::vector<StoredUpload>& made_before) {
  const connect::Target& target = a.plan.sinks.target;
  auto out = store::ledger_rows::uploads_on_click(a.tx, type, value, target.account, target.action);
  std::copy_if(made_before.begin(), made_before.end(), std::back_inserter(out), [&](const StoredUpload& u) {
    return u.mode == Mode::live && u.click_type == type && u.click_value == value && u.account == target.account &&
           u.action == target.action;
  });
  return out;
}

}  // namespace hw::reconcile
