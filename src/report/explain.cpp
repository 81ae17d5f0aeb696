#include "report/explain.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/zone.h"
#include "identity/persons.h"
#include "journey/journey.h"
#include "model/money.h"
#include "reconcile/goals.h"
#include "report/cells.h"
#include "store/ledger_rows.h"
#include "store/source_fields.h"

namespace hw::report {
namespace {

namespace ledger_rows = store::ledger_rows;
using store::StoredConversion;
using store::StoredRecord;

/// Everything a part of the story needs.
struct Asked {
  store::Tx& tx;
  const settings::Settings& settings;
  const StoredRecord& record;
  [[nodiscard]] std::string at(Timestamp t) const { return format_local(t, settings.zone); }
};

std::string money(std::int64_t micros, const std::string& currency) {
  auto code = Currency::parse(currency);
  return code ? human({micros, *code}) : "-";
}

/// Hashes and click ids are pseudonymous: enough to recognise them.
std::string shortened(const std::string& v) {
  return v.size() <= 16 ? v : v.substr(0, 8) + "..." + v.substr(v.size() - 4);
}

std::string named(const Identifier& id) { return id.type + " " + shortened(id.value); }

std::optional<StoredRecord> find(store::Tx& tx, Object object, const std::string& id) {
  const auto colon = id.find(':');
  if (colon != std::string::npos)
    if (auto r = store::records::find(tx, {id.substr(0, colon), object, id.substr(colon + 1)})) return r;
  for (const std::string& crm : store::records::namespaces(tx))
    if (auto r = store::records::find(tx, {crm, object, id})) return r;
  return std::nullopt;
}

std::string consent_of(const StoredRecord& r) {
  return std::string("ad_user_data ") + to_string(r.consent.ad_user_data) + ", ad_personalization " +
         to_string(r.consent.ad_personalization);
}

std::string title_of(const StoredRecord& r) { return std::string(to_string(r.ref.object)) + " " + r.ref.id; }

/// "record:90" and "touch:17" are the store's own numbers: who stated it, or how it was seen.
std::string told(const Asked& a, const std::string& evidence) {
  const auto colon = evidence.find(':');
  const std::string kind = evidence.substr(0, colon);
  if (kind == "touch") return "seen together in one touch";
  if (kind != "record" && kind != "deal") return evidence;
  const auto by = store::records::get(a.tx, std::strtoll(evidence.c_str() + colon + 1, nullptr, 10));
  return by ? "stated by " + title_of(*by) : evidence;
}

Table record_table(const Asked& a, const std::vector<journey::Person>& people) {
  const StoredRecord& r = a.record;
  Table t{.name = "record",
          .title = title_of(r),
          .columns = {{"what", "What"}, {"value", "Value"}},
          .rows = {},
          .note = {}};
  auto add = [&](const std::string& what, const std::string& value) {
    if (!value.empty()) t.rows.push_back({what, value});
  };
  add("crm", r.ref.crm);
  add("state", r.state);
  if (r.merged_into)
    if (auto other = store::records::get(a.tx, *r.merged_into)) add("merged into", other->ref.id);
  add("lineage", r.lineage);
  if (r.created) add("created", a.at(*r.created));
  add("modified", a.at(r.modified));
  add("learned", a.at(r.learned));
  add("e-mail", r.masked_email);
  add("country", r.country);
  if (r.ref.object == Object::lead || r.ref.object == Object::contact) {
    add("consent", consent_of(r));
  } else {
    for (const auto& p : people) add("consent of " + title_of(p.record), consent_of(p.record));
  }
  for (const auto& [name, value] : r.fields)
    if (name != "country" || value != r.country) add(name, value);
  return t;
}

Table identity_table(const Asked& a, const std::vector<journey::Person>& people) {
  Table t{.name = "identity",
          .title = "Identity: how the people behind it are known",
          .columns = {{"person", "Of"},
                      {"from", "From"},
                      {"to", "To"},
                      {"evidence", "Evidence"},
                      {"since", "True from"},
                      {"note", "Note"}},
          .rows = {},
          .note = {}};
  for (const auto& p : people)
    for (const auto& step : identity::evidence(a.tx, p.record))
      t.rows.push_back({title_of(p.record) + (p.primary ? " (primary)" : ""), named(step.from), named(step.to),
                        told(a, step.evidence), a.at(step.true_from),
                        step.quarantined ? "quarantined: shared by too many, joins nobody" : ""});
  return t;
}

Table journey_table(const Asked& a, const journey::Journey& j) {
  Table t{.name = "journey",
          .title = "Journey",
          .columns = {{"at", "Time"},
                      {"channel", "Channel"},
                      {"source", "Source"},
                      {"medium", "Medium"},
                      {"campaign", "Campaign"},
                      {"kind", "Kind"},
                      {"clicks", "Identifiers"},
                      {"note", "Note"}},
          .rows = {},
          .note = {}};
  const auto* first = j.first_touch();
  for (const auto& touch : j.touches) {
    const Touch& x = touch.stored.touch;
    std::string ids;
    for (const auto& id : x.identifiers) ids += (ids.empty() ? "" : ", ") + id.type;
    t.rows.push_back({a.at(x.at), touch.stored.channel, x.source, x.medium, x.campaign, x.kind, ids,
                      &touch == first ? "first touch" : ""});
  }
  return t;
}

Table history_table(const Asked& a) {
  Table t{.name = "history",
          .title = "History",
          .columns = {{"true_from", "True from"},
                      {"field", "What"},
                      {"value", "Value"},
                      {"stage", "Stage"},
                      {"learned", "Learned"},
                      {"basis", "Basis"}},
          .rows = {},
          .note = {}};
  for (const auto& f : store::records::effective_facts(a.tx, a.record.id)) {
    std::string stage;
    for (const auto* s : a.settings.stages_of(a.record.ref.object))
      if (s->field == f.name && !f.value.empty() &&
          (s->values.empty() || std::find(s->values.begin(), s->values.end(), f.value) != s->values.end()))
        stage = s->name;
    t.rows.push_back({a.at(f.true_from), f.name, f.value, stage, a.at(f.learned), to_string(f.basis)});
  }
  return t;
}

/// A click of a standing's story, in words.
std::string named(const nlohmann::json& click, const Zone& zone) {
  const std::string type = click.value("type", ""), value = click.value("value", "");
  const auto at = read_time(click.value("at", ""), Zone::utc());
  return type + (value.empty() ? "" : " " + value) + " of " + (at ? format_local(at->at, zone) : "-");
}

std::string click_of(const std::string& story, const Zone& zone) {
  const auto j = nlohmann::json::parse(story, nullptr, false);
  if (!j.is_object() || !j.contains("chosen")) return "-";
  return named(j["chosen"], zone) + ", " + j["chosen"].value("whence", "");
}

Table conversion_table(const Asked& a, const std::vector<StoredConversion>& conversions) {
  Table t{.name = "conversions",
          .title = "Conversions",
          .columns = {{"goal", "Goal"},
                      {"occurrence", "Occurrence", Holds::id},
                      {"at", "Time"},
                      {"destination", "Destination"},
                      {"state", "State"},
                      {"reason", "Reason"},
                      {"wanted", "Wanted"},
                      {"told", "Told"},
                      {"click", "Click"},
                      {"detail", "Detail", Holds::advice},
                      {"flags", "Flags"}},
          .rows = {},
          .note = {}};
  for (const auto& c : conversions)
    for (const auto& s : ledger_rows::standings(a.tx, c.id))
      t.rows.push_back({c.goal, std::to_string(c.occurrence), a.at(c.at), s.destination, s.state, s.reason,
                        money(s.t_micros, s.t_currency), money(s.b_micros, s.b_currency),
                        click_of(s.story, a.settings.zone), s.detail, s.flags});
  if (conversions.empty()) t.note = "No goal's stage was ever entered.";
  return t;
}

Table passed_over_table(const Asked& a, const std::vector<StoredConversion>& conversions) {
  Table t{.name = "clicks_passed_over",
          .title = "Clicks passed over",
          .columns = {{"goal", "Goal"}, {"destination", "Destination"}, {"click", "Click"}, {"why", "Why"}},
          .rows = {},
          .note = {}};
  for (const auto& c : conversions)
    for (const auto& s : ledger_rows::standings(a.tx, c.id)) {
      const auto j = nlohmann::json::parse(s.story, nullptr, false);
      if (!j.is_object() || !j.contains("passed_over")) continue;
      for (const auto& p : j["passed_over"])
        t.rows.push_back({c.goal, s.destination, named(p, a.settings.zone), p.value("why", "")});
    }
  return t;
}

Table upload_table(const Asked& a, const std::vector<StoredConversion>& conversions) {
  Table t{.name = "uploads",
          .title = "What each destination was told, and how it answered",
          .columns = {{"at", "Time"},
                      {"destination", "Destination"},
                      {"goal", "Goal"},
                      {"revision", "Revision", Holds::id},
                      {"operation", "Operation"},
                      {"value", "Value"},
                      {"state", "Became"},
                      {"by", "By"},
                      {"code", "Code"},
                      {"detail", "Detail", Holds::advice},
                      {"upload", "Upload", Holds::id}},
          .rows = {},
          .note = {}};
  // By instant: an hour that the clock of the zone repeats keeps its order.
  std::multimap<Timestamp, std::vector<std::string>> by_time;
  for (const auto& c : conversions)
    for (const auto& s : ledger_rows::standings(a.tx, c.id))
      for (const auto& u : ledger_rows::uploads(a.tx, c.id, s.destination))
        for (const auto& e : ledger_rows::events(a.tx, u.id))
          by_time.insert({e.at,
                          {a.at(e.at), u.destination, c.goal, std::to_string(u.revision), to_string(u.operation),
                           u.value_micros ? money(*u.value_micros, u.currency) : "-", e.to_state, e.actor, e.code,
                           e.detail, std::to_string(u.id)}});
  for (auto& [at, row] : by_time) t.rows.push_back(std::move(row));
  return t;
}

Table source_fields_table(const Asked& a) {
  Table t{.name = "source_fields",
          .title = "Source fields in the CRM",
          .columns = {{"source_fields", "Entry"},
                      {"state", "State"},
                      {"at", "Since"},
                      {"code", "Code"},
                      {"detail", "Detail", Holds::advice},
                      {"written", "Written by Headwater"},
                      {"next", "Next try"}},
          .rows = {},
          .note = {}};
  for (const settings::SourceFields& f : a.settings.source_fields) {
    const auto s = store::source_fields::state(a.tx, f.name, a.record.id);
    if (!s) continue;
    std::string written;
    for (const auto& w : store::source_fields::written(a.tx, a.record.id))
      if (std::any_of(f.fields.begin(), f.fields.end(), [&](const auto& one) { return one.second == w.field; }))
        written += (written.empty() ? "" : ", ") + w.field;
    t.rows.push_back(
        {f.name, s->state, a.at(s->updated_at), s->code, s->detail, written, time_cell(s->next_at, a.settings.zone)});
  }
  return t;
}

}  // namespace

Result<std::vector<Table>> explain(store::Tx& tx, const settings::Settings& settings, Object object,
                                   const std::string& id) {
  auto record = find(tx, object, id);
  if (!record)
    return Error{Action::reject_row,
                 "not_found",
                 "no " + std::string(to_string(object)) + " with the id '" + id +
                     "' is known: is it the CRM's own id, and has its source been read?",
                 {},
                 false};
  const Asked a{tx, settings, *record};
  const journey::Journey j = journey::of(tx, *record);
  const auto conversions = ledger_rows::conversions_of_record(tx, record->id);
  return std::vector<Table>{record_table(a, j.people),
                            identity_table(a, j.people),
                            journey_table(a, j),
                            history_table(a),
                            conversion_table(a, conversions),
                            passed_over_table(a, conversions),
                            upload_table(a, conversions),
                            source_fields_table(a)};
}

}  // namespace hw::report
