#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "connectors/csv/mapping.h"

namespace hw::connectors::csv {
namespace {

constexpr std::array kPlainFields = {"stage", "pipeline", "deal_type", "owner", "name"};

std::string field_key(const std::string& name) { return std::string(kFieldPrefix) + name; }

/// "https://www.Example.com/x" -> "www.example.com": what stands for the company, without the way to a page.
std::string domain_of(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  return to_lower_ascii(text.substr(0, text.find_first_of("/?#")));
}

std::vector<std::string> ids_in(std::string_view list, std::string_view separator) {
  std::vector<std::string> ids;
  for (;;) {
    const std::size_t end = list.find(separator);
    std::string id(trim(list.substr(0, end)));
    if (!id.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
    if (end == std::string_view::npos) return ids;
    list.remove_prefix(end + separator.size());
  }
}

Basis basis_of(const ReadTime& time) { return time.date_only ? Basis::inferred : Basis::crm_history; }

/// One row of leads, contacts, accounts or deals.
class RecordRow {
 public:
  RecordRow(const Mapping& mapping, Cells& cells, Object object, Timestamp written, std::vector<std::string>& notes)
      : mapping_(mapping), cells_(cells), notes_(notes) {
    state_.ref = {mapping.crm, object, cells.required("id")};
    state_.partial = true;  // a file is a set of upserts: what it does not state changes nothing
    const auto modified = cells.time("modified");
    state_.modified = modified ? modified->at : written;
  }

  void emit(std::vector<Record>& out) {
    if (auto merge = read_merge()) {
      if (!cells_.fault()) out.emplace_back(std::move(*merge));
      return;
    }
    if (auto removal = read_removal()) {
      if (!cells_.fault()) out.emplace_back(std::move(*removal));
      return;
    }
    const auto created = cells_.time("created");
    if (created) state_.created = created->at;
    read_fields();
    read_place();
    read_person_and_marketing(created);
    read_consent();
    read_ties();
    const auto change = read_stage_change();
    if (cells_.fault()) return;
    const auto contacts = read_contacts();
    out.emplace_back(std::move(state_));
    if (change) out.emplace_back(*change);
    if (contacts) out.emplace_back(*contacts);
  }

 private:
  std::optional<Merge> read_merge() {
    std::string winner = cells_.text("merged_into");
    if (winner.empty() || winner == state_.ref.id) return {};
    return Merge{state_.ref, std::move(winner), state_.modified, false};
  }

  /// The column may hold a yes or no, or the time of deletion.
  std::optional<Removal> read_removal() {
    const std::string text = to_lower_ascii(cells_.text("deleted"));
    constexpr std::array kNo = {"", "no", "n", "false", "f", "0"};
    constexpr std::array kYes = {"yes", "y", "true", "t", "1", "x", "deleted"};
    const auto is = [&](const auto& words) { return std::find(words.begin(), words.end(), text) != words.end(); };
    if (is(kNo)) return {};
    Removal removal{state_.ref, Removal::Kind::deleted, state_.modified};
    if (!is(kYes)) {
      const auto at = read_time(cells_.text("deleted"), mapping_.config.zone, mapping_.file.time_format);
      if (!at) cells_.fail("deleted", "deleted", "yes or no, or the time of deletion");
      if (at) removal.at = at->at;
    }
    return removal;
  }

  void read_fields() {
    for (const char* name : kPlainFields) {
      if (cells_.has(name)) state_.fields[name] = cells_.text(name);
    }
    if (cells_.has("domain")) state_.fields["domain"] = domain_of(cells_.text("domain"));
    const auto currency = cells_.currency("currency");
    if (cells_.has("currency")) state_.fields["currency"] = currency ? currency->str() : "";
    const int digits = currency ? currency->minor_digits() : 2;
    read_money("amount", "amount", digits);
    read_when("closed", "closed");
    for (const FieldColumn& field : mapping_.file.fields) {
      switch (field.type) {
        case FieldColumn::Type::text:
          state_.fields[field.name] = cells_.text(field_key(field.name));
          break;
        case FieldColumn::Type::money:
          read_money(field.name, field_key(field.name), digits);
          break;
        case FieldColumn::Type::time:
          read_when(field.name, field_key(field.name));
          break;
      }
    }
    read_made_up_fields();
  }

  /// "field.NAME" that only a translation or a default gives.
  void read_made_up_fields() {
    const auto add = [&](const std::string& key) {
      if (key.starts_with(kFieldPrefix)) state_.fields.try_emplace(key.substr(kFieldPrefix.size()), cells_.text(key));
    };
    for (const Translation& translation : mapping_.file.translations) {
      for (const std::string& key : translation.to) add(key);
    }
    for (const auto& [key, value] : mapping_.file.defaults) add(key);
  }

  void read_money(const std::string& name, const std::string& key, int digits) {
    if (!cells_.has(key)) return;
    const auto micros = cells_.micros(key);
    state_.fields[name] = micros ? decimal(*micros, digits) : "";
  }

  /// A date alone stays a date, so that whoever places it in time can say that it was placed.
  void read_when(const std::string& name, const std::string& key) {
    if (!cells_.has(key)) return;
    const auto time = cells_.time(key);
    std::string& field = state_.fields[name];
    if (!time) return;
    const Civil civil = mapping_.config.zone.to_civil(time->at);
    field = time->date_only ? fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day) : rfc3339(time->at);
  }

  void read_place() {
    state_.region = cells_.text("region");
    state_.city = cells_.text("city");
    state_.postal_code = cells_.text("postal_code");
    if (!cells_.has("country")) return;
    const std::string text = cells_.text("country");
    state_.country = mapping_.normaliser.country(text);
    state_.fields["country"] = state_.country.empty() ? text : state_.country;
    if (state_.country.empty() && !text.empty()) notes_.emplace_back("country: unknown");
  }

  void read_person_and_marketing(const std::optional<ReadTime>& created) {
    const auto source_time = cells_.time("source_time");
    if (!carries_identifiers(mapping_.file.kind)) return;
    mapping_.normaliser.keep(read_person(mapping_, cells_), state_, notes_);
    Marketing marketing = read_marketing(mapping_, cells_);
    for (Identifier& id : marketing.identifiers) state_.identifiers.push_back(std::move(id));
    state_.click_times = std::move(marketing.click_times);
    if (!marketing.said) return;
    Touch touch = std::move(marketing.touch);
    const auto& when = source_time ? source_time : created;
    touch.kind = "crm_source";
    touch.key = fmt::format("{}/{}/source", to_string(state_.ref.object), state_.ref.id);
    touch.at = when ? when->at : state_.modified;
    touch.basis = when ? basis_of(*when) : Basis::observed;
    touch.country = state_.country;
    state_.source_touches.push_back(std::move(touch));
  }

  ConsentState consent(const char* name) {
    const std::string text = cells_.text(name);
    const ConsentState state = consent_from(text);
    if (state == ConsentState::unknown && !text.empty() && !equals_ci(text, "unknown")) {
      notes_.push_back(fmt::format("{}: expected granted or denied", name));
    }
    return state;
  }

  void read_consent() {
    if (const auto at = cells_.time("consent_time")) state_.consent_at = at->at;
    if (!cells_.has("consent_ad_user_data") && !cells_.has("consent_ad_personalization")) return;
    state_.consent = Consent{consent("consent_ad_user_data"), consent("consent_ad_personalization")};
  }

  void read_ties() {
    if (std::string id = cells_.text("account"); !id.empty())
      state_.account = RecordRef{mapping_.crm, Object::account, std::move(id)};
    if (std::string id = cells_.text("lead"); !id.empty())
      state_.converted_from = RecordRef{mapping_.crm, Object::lead, std::move(id)};
  }

  std::optional<FieldChange> read_stage_change() {
    const auto at = cells_.time("stage_time");
    std::string stage = cells_.text("stage");
    if (!at || stage.empty()) return {};
    return FieldChange{state_.ref, "stage", std::move(stage), at->at, basis_of(*at)};
  }

  /// The cell is the whole list: who is no longer in it is no longer tied to the deal.
  std::optional<Association> read_contacts() const {
    if (!cells_.has("contact")) return {};
    Association association{state_.ref, Object::contact, {}, true, state_.modified};
    for (std::string& id : ids_in(cells_.text("contact"), mapping_.file.contact_separator)) {
      const bool first = association.to.empty();
      association.to.push_back({std::move(id), first ? "primary" : "", first});
    }
    return association;
  }

  const Mapping& mapping_;
  Cells& cells_;
  std::vector<std::string>& notes_;
  RecordState state_;
};

std::optional<Object> history_object(Cells& cells) {
  const std::string text = to_lower_ascii(cells.text("object"));
  if (text.empty()) return Object::deal;
  auto object = object_from(text);
  if (!object && text.ends_with('s')) object = object_from(std::string_view(text).substr(0, text.size() - 1));
  if (!object) cells.fail("object", "object", "lead, contact, account or deal");
  return object;
}

void map_history(const Mapping& mapping, Cells& cells, std::vector<Record>& out) {
  const auto object = history_object(cells);
  std::string id = cells.required("id"), value = cells.required("value"), field = cells.text("field");
  const auto time = cells.time("time");
  if (!time) cells.fail("missing_value", "time", "a time, found none");
  if (cells.fault()) return;
  out.emplace_back(FieldChange{{mapping.crm, *object, std::move(id)},
                               field.empty() ? "stage" : std::move(field),
                               std::move(value),
                               time->at,
                               basis_of(*time)});
}

}  // namespace

void map_row(const Mapping& mapping, Cells& cells, Timestamp written, std::vector<Record>& out,
             std::vector<std::string>& notes) {
  if (const auto object = object_of(mapping.file.kind)) {
    RecordRow(mapping, cells, *object, written, notes).emit(out);
  } else {
    map_history(mapping, cells, out);
  }
}

}  // namespace hw::connectors::csv
