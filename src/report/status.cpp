#include "report/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "base/zone.h"
#include "report/cells.h"
#include "report/credentials.h"
#include "report/quotas.h"
#include "report/store_check.h"
#include "store/backfills.h"
#include "store/identities.h"
#include "store/ledger_rows.h"
#include "store/lookups.h"
#include "store/records.h"
#include "store/service_rows.h"
#include "store/source_fields.h"
#include "store/touches.h"

namespace hw::report {
namespace {

namespace service_rows = store::service_rows;
namespace ledger_rows = store::ledger_rows;

/// When a running daemon reads the stream again: the job that it waits for, else the connector's interval.
std::optional<Timestamp> next_read(store::Tx& tx, const store::StoredCursor& c, const settings::Settings& settings) {
  const settings::ConnectorInstance* connector = settings.connector(c.connector);
  if (connector == nullptr || !connector->enabled) return std::nullopt;
  if (service_rows::is_paused_by_person(tx, c.connector)) return std::nullopt;
  return c.again_at ? *c.again_at : c.updated_at + connector->pull_every;
}

Table sources(store::Tx& tx, const settings::Settings& settings) {
  Table t{.name = "sources",
          .title = "Sources",
          .columns = {{"connector", "Connector"},
                      {"role", "Role"},
                      {"stream", "Stream"},
                      {"last_read", "Last read"},
                      {"first_sweep", "First sweep done"},
                      {"next", "Next read"}},
          .rows = {},
          .note = {}};
  for (const auto& c : service_rows::cursors(tx))
    if (c.role != "lookup")
      t.rows.push_back({c.connector, c.role, c.stream, format_local(c.updated_at, settings.zone),
                        time_cell(c.swept_at, settings.zone), time_cell(next_read(tx, c, settings), settings.zone)});
  if (t.rows.empty()) t.note = "Nothing has been read yet: `headwater sync` or `headwater run` reads.";
  return t;
}

/// Sources that are asked for the history of identifiers, and how far they answered.
Table lookups(store::Tx& tx, const settings::Settings& settings) {
  Table t{.name = "lookups",
          .title = "Identifiers looked up",
          .columns = {{"connector", "Connector"},
                      {"queued", "Queued", Holds::number},
                      {"asked", "Asked now", Holds::number},
                      {"answered", "Answered", Holds::number},
                      {"resting", "Nobody behind it", Holds::number},
                      {"oldest", "Unanswered since"},
                      {"last_answer", "Last answer"}},
          .rows = {},
          .note = {}};
  bool waits = false;
  for (const auto& c : store::lookups::counts(tx)) {
    t.rows.push_back({c.connector, std::to_string(c.queued), std::to_string(c.asked), std::to_string(c.answered),
                      std::to_string(c.resting), time_cell(c.oldest, settings.zone),
                      time_cell(c.last_answer, settings.zone)});
    waits = waits || c.oldest;
  }
  if (waits) t.note = "Conversions that an unanswered identifier may change stand under history_pending.";
  return t;
}

bool gives_receipts(const settings::Destination& d, const settings::Connectors& connectors) {
  const auto sinks = settings::sinks_of(d, connectors);
  return sinks.upload == nullptr || sinks.upload->contract_for(sinks.target).receipt != connect::Receipt::none;
}

Table destinations(store::Tx& tx, const settings::Settings& settings, Timestamp now,
                   const settings::Connectors& connectors, const std::vector<ledger_rows::StateCount>& counts) {
  Table t{.name = "destinations",
          .title = "Destinations, in uploads: what a conversion was told as, and each correction of it, is one",
          .columns = {{"destination", "Destination"},
                      {"goal", "Goal"},
                      {"mode", "Mode"},
                      {"pending", "Pending", Holds::number},
                      {"retrying", "Retrying", Holds::number},
                      {"sent_without_receipt", "Sent without receipt", Holds::number},
                      {"received", "Received", Holds::number},
                      {"processed", "Processed", Holds::number},
                      {"rejected", "Rejected", Holds::number},
                      {"uncertain", "Uncertain", Holds::number},
                      {"next", "Next send"},
                      {"next_poll", "Next confirmation"}},
          .rows = {},
          .note =
              "Without receipt: the platform answers yes to anything and confirms nothing. Conversions and money: "
              "headwater report reconciliation."};
  for (const auto& d : settings.destinations) {
    auto n = [&](const char* state) {
      std::int64_t sum = 0;
      for (const auto& c : counts)
        if (c.destination == d.name && c.state == state && c.mode == to_string(d.mode)) sum += c.n;
      return std::to_string(sum);
    };
    const bool receipts = gives_receipts(d, connectors);
    // What another tool told a platform that confirms nothing was adopted as processed.
    const std::string processed = receipts || n("processed") != "0" ? n("processed") : "-";
    t.rows.push_back({d.name, d.goal, to_string(d.mode), n("pending"), n("retrying"), receipts ? "-" : n("received"),
                      receipts ? n("received") : "-", processed, n("rejected"), n("uncertain"),
                      time_cell(ledger_rows::next_due_upload(tx, d.name, now), settings.zone),
                      time_cell(ledger_rows::next_poll(tx, d.name), settings.zone)});
  }
  return t;
}

/// History that was asked for. In another mode than its destination has, none of it leaves.
Table backfills(store::Tx& tx, const settings::Settings& settings) {
  Table t{.name = "backfills",
          .title = "Backfills",
          .columns = {{"goal", "Goal"},
                      {"destination", "Destination"},
                      {"mode", "Mode"},
                      {"from", "From"},
                      {"to", "To"},
                      {"asked_by", "Asked by"},
                      {"per_hour", "Rows an hour", Holds::number},
                      {"done", "Done", Holds::number},
                      {"left", "Left", Holds::number}},
          .rows = {},
          .note = {}};
  for (const auto& b : store::backfills::list(tx)) {
    const auto n = store::backfills::progress(tx, b);
    t.rows.push_back({b.goal, b.destination, to_string(b.mode), format_local(b.from, settings.zone),
                      format_local(b.to, settings.zone), b.actor, std::to_string(b.per_hour), std::to_string(n.done),
                      std::to_string(n.left)});
    const settings::Destination* d = settings.destination(b.destination);
    if (d == nullptr || d->mode != b.mode || d->goal != b.goal)
      t.note =
          "A backfill counts in the mode that its destination had when it was asked for; in another nothing of it "
          "leaves. headwater backfill --goal GOAL --destination DESTINATION --stop ends it.";
  }
  return t;
}

Table source_fields(store::Tx& tx, const settings::Settings& settings) {
  Table t{.name = "source_fields",
          .title = "Source fields written to the CRM",
          .columns = {{"source_fields", "Entry"},
                      {"connector", "Connector"},
                      {"due", "Due", Holds::number},
                      {"written", "Written", Holds::number},
                      {"stale", "Written, known no more", Holds::number},
                      {"unchanged", "Nothing known", Holds::number},
                      {"kept_theirs", "Kept a person's entry", Holds::number},
                      {"left_out", "Left out", Holds::number},
                      {"rejected", "Rejected", Holds::number},
                      {"next", "Next write"}},
          .rows = {},
          .note = {}};
  const auto counts = store::source_fields::totals(tx);
  for (const settings::SourceFields& f : settings.source_fields) {
    auto n = [&](const char* state) {
      std::int64_t sum = 0;
      for (const auto& c : counts)
        if (c.name == f.name && c.state == state) sum += c.n;
      return std::to_string(sum);
    };
    t.rows.push_back({f.name, f.connector, n("due"), n("written"), n("stale"), n("unchanged"), n("kept_theirs"),
                      n("left_out"), n("rejected"),
                      time_cell(store::source_fields::next_due(tx, f.name), settings.zone)});
  }
  return t;
}

constexpr const char* kRefused = "refused_configuration";

/// Kept as the time in microseconds, a line break and the errors.
void add_refused_configuration(store::Tx& tx, const settings::Settings& settings, Table& t) {
  const std::string kept = service_rows::state(tx, kRefused).value_or("");
  const std::vector<std::string_view> lines = split(kept, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (!lines[i].empty())
      t.rows.push_back({"configuration refused", "-",
                        format_local(from_micros(std::strtoll(kept.c_str(), nullptr, 10)), settings.zone), "config",
                        std::string(lines[i]) + " (the one from before is in force)", "-"});
}

void add_ending_credentials(store::Tx& tx, const settings::Settings& settings, Timestamp now, Table& t) {
  for (const CredentialState& s : credential_states(&tx, settings))
    if (s.ends_soon(now))
      t.rows.push_back({*s.ends_at > now ? "credential ends" : "credential ended", s.credential.name, "-", "expires",
                        format_local(*s.ends_at, settings.zone) + ": " + renewal_of(s), "-"});
}

std::string listed_by(const ledger_rows::StateCount& c) {
  return "headwater uploads list --state " + c.state + " --destination " + c.destination +
         (c.code.empty() ? "" : " --code " + c.code);
}

/// Records whose source fields the CRM refuses, a row for each entry and code.
void add_refused_fields(store::Tx& tx, const settings::Settings& settings, Table& t) {
  for (const settings::SourceFields& f : settings.source_fields)
    for (const auto& r : store::source_fields::refused(tx, f.name)) {
      const auto record = store::records::get(tx, r.example.record);
      const std::string one = record ? std::string(to_string(record->ref.object)) + " " + record->ref.id : "-";
      t.rows.push_back(
          {"source fields refused", f.name, format_local(r.example.updated_at, settings.zone), r.code,
           fmt::format("{} {}{}: {}; mend it in the CRM or in `fields` of the entry: a record is tried again "
                       "when it or its journey changes; headwater explain {}",
                       r.n, r.n == 1 ? "record, " : "records, such as ", one, r.example.detail, one),
           "-"});
    }
}

Table of_troubles(std::string name, std::string title) {
  return {.name = std::move(name),
          .title = std::move(title),
          .columns = {{"what", "What"},
                      {"name", "Name"},
                      {"since", "Since"},
                      {"code", "Code"},
                      {"detail", "Detail", Holds::advice},
                      {"next_try", "Next try"}},
          .rows = {},
          .note = {}};
}

/// Outages that are young enough to pass by themselves.
Table retrying(store::Tx& tx, const settings::Settings& settings, Timestamp now) {
  Table t = of_troubles("retrying", "Tried again by itself");
  for (const auto& p : service_rows::pauses(tx))
    if (!store::needs_a_person(p, now))
      t.rows.push_back({p.scope, p.name, format_local(p.since, settings.zone), p.code, p.detail,
                        time_cell(p.retry_at, settings.zone)});
  t.note = "What has lasted for an hour stands under \"Needs a person\".";
  return t;
}

Table trouble(store::Tx& tx, const settings::Settings& settings, Timestamp now,
              const std::vector<ledger_rows::StateCount>& counts) {
  Table t = of_troubles("trouble", "Needs a person");
  add_refused_configuration(tx, settings, t);
  add_ending_credentials(tx, settings, now, t);
  for (const auto& p : service_rows::pauses(tx)) {
    if (!store::needs_a_person(p, now)) continue;
    const bool by_person = p.scope == store::kByPerson;
    t.rows.push_back({by_person ? "paused by a person" : "paused " + p.scope, p.name,
                      format_local(p.since, settings.zone), p.code,
                      by_person ? "by " + p.detail + ": headwater resume " + p.name + " ends it" : p.detail,
                      time_cell(p.retry_at, settings.zone)});
  }
  for (const auto& b : ledger_rows::brakes(tx))
    if (!b.released_at)
      t.rows.push_back(
          {"braked", b.destination, format_local(b.braked_at, settings.zone), b.approved_at ? "approved" : "waits",
           b.approved_at
               ? "let go by " + b.approved_by
               : "mass lowering: look at `headwater plan`, then `headwater plan approve " + std::to_string(b.id) + "`",
           "-"});
  for (const auto& c : counts)
    if (c.state == "uncertain" || (c.state == "rejected" && c.code != connect::kUnattributed))
      t.rows.push_back({"uploads " + c.state + (c.mode == to_string(Mode::live) ? "" : " in " + c.mode), c.destination,
                        "-", c.code.empty() ? "-" : c.code, std::to_string(c.n) + ": " + listed_by(c), "-"});
  add_refused_fields(tx, settings, t);
  for (const auto& r : service_rows::rejections(tx, 20))
    t.rows.push_back({"row set aside", r.connector, format_local(r.first_at, settings.zone), r.code,
                      r.place + ": " + r.detail, "-"});
  const std::int64_t set_aside = service_rows::count_rejections(tx);
  if (set_aside > 20) t.note = std::to_string(set_aside) + " rows are set aside in all.";
  return t;
}

/// Refusals that nobody has to mend, by the platform's own reason: a wrong account would look alike.
Table as_it_should_be(store::Tx& tx) {
  Table t{
      .name = "as_it_should_be",
      .title = "Refused, and as it should be",
      .columns = {{"destination", "Destination"}, {"reason", "The platform's reason"}, {"n", "Uploads", Holds::number}},
      .rows = {},
      .note =
          "They came by something else than this account's ads, which only the platform can tell. Where nearly "
          "every upload of a destination stands here, look at its `account`."};
  for (const auto& c : ledger_rows::upload_details(tx, "rejected", connect::kUnattributed))
    t.rows.push_back({c.destination, c.code.empty() ? "-" : c.code, std::to_string(c.n)});
  return t;
}

Table totals(store::Tx& tx) {
  Table t{.name = "store",
          .title = "Store",
          .columns = {{"what", "What"}, {"n", "Number", Holds::number}},
          .rows = {},
          .note = {}};
  for (const char* object : {"lead", "contact", "account", "deal"})
    t.rows.push_back({std::string("live ") + object + "s", std::to_string(store::records::count(tx, object, "live"))});
  t.rows.push_back({"touches", std::to_string(store::touches::count(tx))});
  t.rows.push_back({"persons", std::to_string(store::identities::count_persons(tx))});
  t.rows.push_back({"records changed and not judged yet", std::to_string(service_rows::count_dirty(tx))});
  return t;
}

}  // namespace

std::vector<Table> status(store::Tx& tx, const settings::Settings& settings, Timestamp now,
                          const settings::Connectors& connectors) {
  const auto counts = ledger_rows::upload_states(tx);
  std::vector<Table> out{sources(tx, settings)};
  if (Table asked = lookups(tx, settings); !asked.rows.empty()) out.push_back(std::move(asked));
  out.push_back(destinations(tx, settings, now, connectors, counts));
  if (Table history = backfills(tx, settings); !history.rows.empty()) out.push_back(std::move(history));
  if (!settings.source_fields.empty()) out.push_back(source_fields(tx, settings));
  if (Table used = quotas(tx, settings, now); !used.rows.empty()) out.push_back(std::move(used));
  if (Table passing = retrying(tx, settings, now); !passing.rows.empty()) out.push_back(std::move(passing));
  out.push_back(trouble(tx, settings, now, counts));
  if (Table fine = as_it_should_be(tx); !fine.rows.empty()) out.push_back(std::move(fine));
  out.push_back(totals(tx));
  if (Table checked = store_check(tx, settings.zone); !checked.rows.empty()) out.push_back(std::move(checked));
  return out;
}

void note_refused_configuration(store::Tx& tx, const std::string& errors, Timestamp now) {
  const bool known = service_rows::state(tx, kRefused).has_value();
  if (errors.empty() && !known) return;
  service_rows::set_state(tx, kRefused, errors.empty() ? "" : std::to_string(to_micros(now)) + "\n" + errors);
}

}  // namespace hw::report
