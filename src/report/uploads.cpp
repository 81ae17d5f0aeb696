#include "report/uploads.h"

#include <algorithm>

#include "ledger/item_json.h"
#include "model/money.h"
#include "report/cells.h"
#include "store/records.h"

namespace hw::report {
namespace {

namespace ledger_rows = store::ledger_rows;
using store::StoredUpload;

std::string value(const StoredUpload& u) {
  if (!u.value_micros) return "-";
  auto code = Currency::parse(u.currency);
  return decimal(*u.value_micros, code ? code->minor_digits() : 2);
}

std::string subject(store::Tx& tx, const StoredUpload& u) {
  auto c = ledger_rows::conversion(tx, u.conversion_id);
  auto r = c ? store::records::get(tx, c->record_id) : std::nullopt;
  return r ? std::string(to_string(r->ref.object)) + " " + r->ref.id : "-";
}

/// Why what its conversion wants is not what the platform believes.
std::string reason_of(store::Tx& tx, const StoredUpload& u) {
  const auto s = ledger_rows::standing(tx, u.conversion_id, u.destination);
  if (!s) return "-";
  return s->reason.empty() ? s->state : s->reason;
}

}  // namespace

Table uploads(store::Tx& tx, const store::ledger_rows::UploadFilter& filter, const Zone& zone) {
  Table t{.name = "uploads",
          .title = "Uploads",
          .columns = {{"id", "Id", Holds::id},
                      {"destination", "Destination"},
                      {"subject", "Subject"},
                      {"revision", "Revision", Holds::id},
                      {"operation", "Operation"},
                      {"mode", "Mode"},
                      {"state", "State"},
                      {"code", "Code"},
                      {"value", "Value", Holds::number},
                      {"currency", "Currency"},
                      {"made", "Made"},
                      {"spent_attempts", "Spent attempts", Holds::number},
                      {"first_attempt", "First attempt"},
                      {"last_attempt", "Last attempt"},
                      {"next", "Next"},
                      {"stands", "Stands under"},
                      {"detail", "Detail", Holds::advice}},
          .rows = {},
          .note = {}};
  auto one_more = filter;
  ++one_more.limit;
  auto found = ledger_rows::list_uploads(tx, one_more);
  if (static_cast<std::int64_t>(found.size()) > filter.limit) {
    found.pop_back();
    t.note = "There are more than these " + std::to_string(filter.limit) + ": --limit shows as many as it says.";
  }
  for (const StoredUpload& u : found) {
    const bool due = u.state == UploadState::pending || u.state == UploadState::retrying;
    t.rows.push_back({std::to_string(u.id), u.destination, subject(tx, u), std::to_string(u.revision),
                      to_string(u.operation), to_string(u.mode), to_string(u.state), u.code, value(u), u.currency,
                      format_local(u.made_at, zone), std::to_string(u.attempts), time_cell(u.first_attempt_at, zone),
                      time_cell(u.last_attempt_at, zone), due ? format_local(u.next_at, zone) : "-", reason_of(tx, u),
                      u.detail});
  }
  return t;
}

std::vector<Table> upload(store::Tx& tx, std::int64_t id, const Zone& zone) {
  auto u = ledger_rows::upload(tx, id);
  if (!u) return {};
  Table row{.name = "upload",
            .title = "Upload " + std::to_string(id),
            .columns = {{"what", "What"}, {"value", "Value", Holds::advice}},
            .rows = {},
            .note = {}};
  auto add = [&](const char* what, std::string text) { row.rows.push_back({what, std::move(text)}); };
  add("subject", subject(tx, *u));
  add("destination", u->destination);
  add("operation", to_string(u->operation));
  add("revision", std::to_string(u->revision));
  add("state", to_string(u->state));
  add("code", u->code);
  add("detail", u->detail);
  add("conversion stands under", reason_of(tx, *u));
  const auto happened = ledger_rows::events(tx, id);
  add("attempts", std::to_string(std::count_if(happened.begin(), happened.end(), [](const auto& e) {
        return e.to_state == to_string(UploadState::in_flight);
      })));
  add("failed attempts", std::to_string(u->attempts));
  add("value", value(*u) + " " + u->currency);
  add("dedup key", u->dedup_key);
  add("consent", u->consent);
  add("made", format_local(u->made_at, zone));
  add("first attempt", time_cell(u->first_attempt_at, zone));
  add("last attempt", time_cell(u->last_attempt_at, zone));
  add("received", time_cell(u->received_at, zone));
  add("processed", time_cell(u->processed_at, zone));
  add("window ends", format_local(u->expires_at, zone));
  if (u->request_id)
    if (auto r = ledger_rows::request(tx, *u->request_id)) add("receipt", r->receipt);
  Table events{.name = "events",
               .title = "What happened",
               .columns = {{"at", "Time"},
                           {"from", "From"},
                           {"to", "To"},
                           {"code", "Code"},
                           {"by", "By"},
                           {"detail", "Detail", Holds::advice}},
               .rows = {},
               .note = {}};
  for (const auto& e : happened)
    events.rows.push_back({format_local(e.at, zone), e.from_state, e.to_state, e.code, e.actor, e.detail});
  Table item{.name = "item", .title = "What it sends", .columns = {{"body", "Body"}}, .rows = {}, .note = {}};
  if (auto kept = ledger::item_from_json(u->item)) item.rows.push_back({kept->body});
  return {row, events, item};
}

}  // namespace hw::report
