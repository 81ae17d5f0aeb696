#include "reconcile/import.h"

#include <algorithm>
#include <limits>

#include "base/hash.h"
#include "base/text.h"
#include "base/zone.h"
#include "ledger/item_json.h"
#include "reconcile/adopt.h"
#include "reconcile/clicks.h"
#include "reconcile/clients.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using connect::Item;
using store::StoredConversion;
using store::StoredUpload;
namespace rows = store::ledger_rows;

constexpr const char* kActor = "ledger import";

/// What was told as a row keeps it. An item without body: no correction can refer to it, and `detail` says why.
struct AsTold {
  Item item;
  std::string detail = "told by another tool";
};

/// A line that cannot be adopted, with its place: caught line by line.
struct Refused {
  connect::OptionError error;
};

[[noreturn]] void refuse(const ImportLine& line, std::string_view column, std::string why) {
  throw Refused{{line.mark(column), std::move(why)}};
}

/// What a line says, read.
struct Told {
  const DestinationPlan* plan = nullptr;
  connect::Target target;  ///< under the action that it was told under
  const settings::Goal* goal = nullptr;
  std::string key;
  Timestamp at;
  std::optional<Money> value;
};

class Import {
 public:
  Import(store::Tx& tx, const Frame& frame, const connect::Registry& registry, bool write)
      : tx_(tx), frame_(frame), registry_(registry), write_(write) {}

  void take(const ImportLine& line) {
    const Told told = read(line);
    Subject subject = subject_of(line, told);
    StoredConversion c = conversion_of(line, told, subject);
    if (!seen_.insert({told.plan->destination->name, c.dedup_id}).second)
      refuse(line, "id", "another line of this file speaks of the same conversion of this record");
    told_already(line, told, c);
    auto history = c.id == 0 ? std::vector<StoredUpload>() : rows::uploads(tx_, c.id, told.plan->destination->name);
    if (is_known(line, told, history)) {
      ++out.known;
      return;
    }
    const AsTold as_told = as_told_of(line, told, subject, c);
    if (as_told.item.body.empty()) ++out.bare;
    auto& sum = out.adopted[{told.plan->destination->name, told.value ? told.value->currency.str() : ""}];
    ++sum.n;
    sum.micros += told.value ? told.value->micros : 0;
    if (write_) write(told, c, history, as_told);
  }

  Imported out;

 private:
  Told read(const ImportLine& line) {
    Told t;
    const std::string destination = line.text("destination");
    for (const DestinationPlan& p : frame_.plans)
      if (p.destination->name == destination) t.plan = &p;
    if (t.plan == nullptr) refuse(line, "destination", "there is no destination '" + destination + "'");
    if (t.plan->destination->mode != Mode::live)
      refuse(line, "destination", "destination " + destination + " is not live: only what a live one was told counts");
    t.goal = frame_.settings->goal(t.plan->destination->goal);
    const std::string goal = line.text("goal");
    if (!goal.empty() && goal != t.goal->name)
      refuse(line, "goal", "destination " + destination + " is told of goal " + t.goal->name);
    t.target = target_of(line, *t.plan);
    t.key = line.text("key");
    if (t.key.empty()) refuse(line, "key", "the key under which the platform knows it is missing");
    if (!keys_.insert({destination, t.key}).second) refuse(line, "key", "another line of this file has this key");
    auto at = read_time(line.text("time"), frame_.settings->zone);
    if (!at) refuse(line, "time", "no time: write 2026-01-31 16:00 or 2026-01-31T16:00:00Z");
    if (at->at > frame_.now) refuse(line, "time", "lies in the future");
    t.at = at->at;
    t.value = value_of(line);
    return t;
  }

  /// The action that the destination had when it was told, where that was another one.
  connect::Target target_of(const ImportLine& line, const DestinationPlan& plan) const {
    connect::Target target = plan.sinks.target;
    const std::string action = line.text("action");
    if (action.empty()) return target;
    target.action = action;
    const auto* instance = frame_.settings->connector(plan.sinks.upload_connector);
    const auto* type = instance == nullptr ? nullptr : registry_.find(instance->type);
    std::vector<connect::OptionError> wrong;
    if (type != nullptr && type->check_target != nullptr) type->check_target(target, line.mark("action"), wrong);
    if (!wrong.empty()) throw Refused{wrong.front()};
    return target;
  }

  std::optional<Money> value_of(const ImportLine& line) const {
    const std::string value = line.text("value"), currency = line.text("currency");
    if (value.empty() && currency.empty()) return std::nullopt;
    auto micros = parse_micros(value);
    if (!micros || *micros < 0) refuse(line, "value", "no amount: write 1250.00");
    auto code = Currency::parse(currency);
    if (!code) refuse(line, "currency", "no currency: write EUR");
    std::int64_t smallest = 1'000'000;
    for (int digit = 0; digit < code->minor_digits(); ++digit) smallest /= 10;
    if (*micros % smallest != 0)
      refuse(line, "value", code->str() + " has " + std::to_string(code->minor_digits()) + " decimals");
    return Money{*micros, *code};
  }

  Subject subject_of(const ImportLine& line, const Told& told) {
    std::optional<std::int64_t> record;
    const std::string dedup = line.text("dedup_id"), id = line.text("id"), object = line.text("object");
    if (!dedup.empty()) {
      if (auto c = rows::conversion_by_dedup(tx_, dedup)) record = c->record_id;
      if (!record) refuse(line, "dedup_id", "the ledger knows no conversion of this id");
    } else {
      if (object != to_string(told.goal->subject))
        refuse(line, "object", "goal " + told.goal->name + " is reached by a " + to_string(told.goal->subject));
      record = find(line, told.goal->subject, id);
    }
    auto subject = load_subject(tx_, *record);
    if (!subject) refuse(line, "id", "this record was named by another one and not read yet: sync first");
    return std::move(*subject);
  }

  std::int64_t find(const ImportLine& line, Object object, const std::string& id) {
    std::vector<store::StoredRecord> found;
    const auto colon = id.find(':');
    if (colon != std::string::npos)
      if (auto r = store::records::find(tx_, {id.substr(0, colon), object, id.substr(colon + 1)})) found.push_back(*r);
    if (found.empty())
      for (const std::string& crm : store::records::namespaces(tx_))
        if (auto r = store::records::find(tx_, {crm, object, store::records::follow_alias(tx_, crm, object, id)}))
          found.push_back(*r);
    if (found.empty())
      refuse(line, "id",
             std::string("no ") + to_string(object) + " '" + id + "' is known: sync first, or leave it out");
    if (found.size() > 1) refuse(line, "id", "several connectors know this id: write connector:id");
    return found.front().id;
  }

  /// Of those that the record has, or would have, the one whose reach is nearest in time.
  StoredConversion conversion_of(const ImportLine& line, const Told& told, const Subject& subject) {
    std::optional<StoredConversion> best;
    auto distance = [&](const StoredConversion& c) {
      const auto d = to_micros(c.entered_at) - to_micros(told.at);
      return d < 0 ? -d : d;
    };
    const std::string dedup = line.text("dedup_id");
    for (const auto& work : assess(tx_, frame_, subject, conversions_after_merges(tx_, subject))) {
      const StoredConversion& c = work.conversion;
      if (c.goal != told.goal->name || (!dedup.empty() && c.dedup_id != dedup)) continue;
      if (!best || distance(c) < distance(*best)) best = c;
    }
    if (!best) refuse(line, "id", "this record never reached goal " + told.goal->name);
    return *best;
  }

  /// A platform has one conversion of a key: another conversion of the ledger would correct it away.
  void told_already(const ImportLine& line, const Told& told, const StoredConversion& c) const {
    for (const StoredUpload& u : rows::uploads_of_key(tx_, told.plan->destination->name, told.key)) {
      if (u.conversion_id == c.id) continue;
      const auto other = rows::conversion(tx_, u.conversion_id);
      refuse(line, "key", "the ledger has this key already, of conversion " + (other ? other->dedup_id : ""));
    }
  }

  bool is_known(const ImportLine& line, const Told& told, const std::vector<StoredUpload>& history) const {
    for (const StoredUpload& u : history) {
      if (u.mode != Mode::live || !ledger::sent(u) || ledger::is_void(u)) continue;
      if (u.dedup_key == told.key) return true;
      refuse(line, "key", "the ledger has told this conversion already, under the key " + u.dedup_key);
    }
    return false;
  }

  /// As its sink would have prepared it then, or, where its click was too young for that, as soon as it takes it: when
  /// the other tool sent it nobody says, but it was taken.
  AsTold as_told_of(const ImportLine& line, const Told& told, const Subject& subject, const StoredConversion& c) {
    Conversion said;
    said.dedup_id = told.key;
    said.goal = told.goal->name;
    said.at = told.at;
    said.value = told.value;
    said.lead_created = std::min(subject.lead_created, told.at);
    identify(line, told, subject, c, said);
    const connect::Revision first{.operation = Operation::upload, .number = 0, .at = told.at};
    const auto prepare = [&](Timestamp now) {
      return told.plan->sinks.upload->prepare(said, first, told.target, nullptr, now);
    };
    auto prepared = prepare(told.at);
    if (const auto* early = std::get_if<connect::Refusal>(&prepared); early != nullptr && early->reason == "too_recent")
      if (const auto taken_from = early->look_again) prepared = prepare(*taken_from);
    AsTold as_told;
    if (const auto* refusal = std::get_if<connect::Refusal>(&prepared))
      as_told.detail += " (" + refusal->detail + ")";
    else
      as_told.item = std::get<Item>(std::move(prepared));
    as_told.item.dedup_key = told.key;
    return as_told;
  }

  /// What the line says; if it says nothing, what Headwater would have said.
  void identify(const ImportLine& line, const Told& told, const Subject& subject, const StoredConversion& c,
                Conversion& said) {
    const connect::Contract& contract = told.plan->contract;
    for (const std::string& type : contract.click_types)
      if (const std::string value = line.text(type); !value.empty())
        said.clicks.push_back({.type = type, .value = value, .at = told.at, .at_basis = Basis::inferred});
    for (const HashForm& form : contract.hash_forms) {
      const std::string value = line.text(form);
      if (value.empty()) continue;
      if (!is_sha256_hex(value)) refuse(line, form, "no SHA-256 in hex: never write plain personal data here");
      said.hashes[form].push_back(to_lower_ascii(value));
    }
    if (!subject.people.empty()) said.consent = subject.people.front().consent;
    for (const std::string& type : contract.client_types)
      if (const std::string value = line.text(type); !value.empty()) said.identifiers.push_back({type, value});
    if (!said.clicks.empty() || !said.hashes.empty() || !said.identifiers.empty()) return;
    const Reached any;
    const Asked asked{tx_, frame_, subject, *told.goal, any, *told.plan};
    said.identifiers = tellable_clients(asked, subject.people.empty() ? nullptr : &subject.people.front());
    auto story = click_story(tx_, subject, c, *told.goal, *told.plan, frame_.now);
    if (story.chosen) said.clicks.push_back(story.chosen->click);
    if (!subject.people.empty()) said.hashes = subject.people.front().hashes;
  }

  void write(const Told& told, StoredConversion& c, std::vector<StoredUpload>& history, const AsTold& as_told) {
    if (c.id == 0) c.id = rows::add_conversion(tx_, c);
    for (StoredUpload& u : history) {
      if (u.state != UploadState::pending && u.state != UploadState::retrying) continue;
      const UploadState from = u.state;
      u.state = UploadState::superseded;
      u.detail = "another tool has told it already";
      rows::move(tx_, u, from, kActor, frame_.now);
    }
    StoredUpload u;
    u.conversion_id = c.id;
    u.destination = told.plan->destination->name;
    u.revision = history.empty() ? 0 : history.back().revision + 1;
    u.mode = Mode::live;
    u.state = UploadState::processed;
    u.code = kImported;
    u.detail = as_told.detail;
    if (told.value) {
      u.value_micros = told.value->micros;
      u.currency = told.value->currency.str();
    }
    u.item = ledger::item_to_json(as_told.item);
    u.account = told.target.account;
    u.action = told.target.action;
    u.dedup_key = told.key;
    u.click_type = as_told.item.click_type;
    u.click_value = as_told.item.click_value;
    u.made_at = frame_.now;
    u.not_before = u.expires_at = u.next_at = told.at;
    u.conversion_at = u.first_attempt_at = u.last_attempt_at = u.received_at = u.processed_at = told.at;
    rows::add_upload(tx_, u, kActor);
    store::service_rows::mark_dirty(tx_, c.record_id, "imported");
  }

  store::Tx& tx_;
  const Frame& frame_;
  const connect::Registry& registry_;
  bool write_;
  std::set<std::pair<std::string, std::string>> keys_, seen_;
};

}  // namespace

std::set<std::string> import_identifiers(const std::vector<DestinationPlan>& plans) {
  std::set<std::string> out;
  for (const DestinationPlan& p : plans) {
    out.insert(p.contract.click_types.begin(), p.contract.click_types.end());
    out.insert(p.contract.hash_forms.begin(), p.contract.hash_forms.end());
    out.insert(p.contract.client_types.begin(), p.contract.client_types.end());
  }
  return out;
}

Imported import_lines(store::Tx& tx, const Frame& frame, const connect::Registry& registry,
                      const std::vector<ImportLine>& lines, bool write, std::vector<connect::OptionError>& errors) {
  Import import(tx, frame, registry, write);
  for (const ImportLine& line : lines) {
    try {
      import.take(line);
    } catch (const Refused& refused) {
      errors.push_back(refused.error);
    }
  }
  return std::move(import.out);
}

}  // namespace hw::reconcile
