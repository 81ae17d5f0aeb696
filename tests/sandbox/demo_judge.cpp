#include "sandbox/demo_judge.h"

#include <algorithm>

#include "model/money.h"
#include "sandbox/demo_setup.h"

namespace hw::sandbox {
namespace {

/// As of the record's own entries and ties, and those of its people.
class Events {
 public:
  Events(const World& world, const Deeds::Gap& gap) : world_(world), gap_(gap) {}

  [[nodiscard]] bool may_have_been_told(const std::string& object, const std::string& id) const {
    if (happened(object + "s", id)) return true;
    const auto& ties = world_.crm.ties();
    return std::any_of(ties.begin(), ties.end(), [&](const CrmTie& t) {
      return t.from_type == object + "s" && t.from_id == id && (in_gap(t.since) || happened(t.to_type, t.to_id));
    });
  }

  [[nodiscard]] bool vanished(const std::string& object, const std::string& id) const {
    const CrmObject* o = world_.crm.find(object + "s", id);
    if (o == nullptr) return false;
    const auto in_gap = [&](Timestamp t) { return t >= gap_.from && t < gap_.to; };
    const bool went = o->archived_at && *o->archived_at < gap_.to;
    return (o->merged_at && in_gap(*o->merged_at)) || (went && (in_gap(o->created) || in_gap(*o->archived_at)));
  }

  /// A contact, or one of a deal's, took in another one that no store of today ever saw: the CRM gives away no more
  /// which browser that was.
  [[nodiscard]] bool was_somebody_unseen(const std::string& type, const std::string& id) const {
    const CrmObject* o = world_.crm.find(type, id);
    const bool took_in =
        o != nullptr && std::any_of(o->merged.begin(), o->merged.end(), [&](const std::string& loser) {
          const CrmObject* l = world_.crm.find(type, loser);
          return l != nullptr && l->merged_at && *l->merged_at < gap_.to && l->created >= gap_.from - kUnread;
        });
    if (took_in || type == "contacts") return took_in;
    const auto& ties = world_.crm.ties();
    return std::any_of(ties.begin(), ties.end(), [&](const CrmTie& t) {
      return t.from_type == type && t.from_id == id && t.to_type == "contacts" &&
             was_somebody_unseen(t.to_type, t.to_id);
    });
  }

 private:
  /// What was due up to so long before the backup may have waited to be told: for `settle`, for an outage to pass.
  static constexpr std::chrono::hours kWaits{24 * 7};
  /// The CRM is read once a day, an outage may take another one: what was made before that is in the backup.
  static constexpr std::chrono::hours kUnread{24 * 2};

  [[nodiscard]] bool in_gap(Timestamp t) const { return t >= gap_.from - kWaits && t < gap_.to; }

  [[nodiscard]] bool happened(const std::string& type, const std::string& id) const {
    const CrmObject* o = world_.crm.find(type, id);
    if (o == nullptr) return false;
    if (in_gap(o->created) || (o->archived_at && in_gap(*o->archived_at))) return true;
    if (o->merged_at && in_gap(*o->merged_at)) return true;
    const bool merged = std::any_of(o->merged.begin(), o->merged.end(), [&](const std::string& loser) {
      const CrmObject* l = world_.crm.find(type, loser);
      return l != nullptr && l->merged_at && in_gap(*l->merged_at);
    });
    if (merged) return true;
    return std::any_of(o->properties.begin(), o->properties.end(), [&](const auto& property) {
      return std::any_of(property.second.begin(), property.second.end(),
                         [&](const Version& v) { return v.source != "API" && in_gap(v.at); });
    });
  }

  const World& world_;
  Deeds::Gap gap_;
};

/// What the CRM holds in its source fields, field by field, against the script.
void judge_fields(const Company& script, const World& world, const Deeds& deeds, Judged& out) {
  std::size_t written = 0, typed = 0, different = 0, excused = 0;
  for (const FieldTruth& f : script.fields(world)) {
    const CrmObject* record = world.crm.find(f.type, f.id);
    const std::string holds = record == nullptr ? "" : record->get(f.field);
    typed += f.typed ? 1 : 0;
    written += !f.typed && !f.value.empty() ? 1 : 0;
    if (holds == f.value) continue;
    if (deeds.gap && Events(world, *deeds.gap).was_somebody_unseen(f.type, f.id)) {
      ++excused;
      continue;
    }
    ++different;
    out.differences.push_back(f.type + " " + f.id + ": " + f.field + " should hold '" + f.value + "' and holds '" +
                              holds + "'");
  }
  out.fields_different = different;
  out.fields_excused = excused;
  out.fields_line = "source fields: written=" + std::to_string(written) + " kept=" + std::to_string(typed) +
                    " different=" + std::to_string(different);
}

Allowed allowed(const World& world, const Deeds& deeds) {
  Allowed out{.killed = deeds.killed};
  if (!deeds.gap) return out;
  const Events events(world, *deeds.gap);
  out.may_have_been_told = [events](const auto& object, const auto& id) {
    return events.may_have_been_told(object, id);
  };
  out.vanished = [events](const auto& object, const auto& id) { return events.vanished(object, id); };
  return out;
}

}  // namespace

Judged judge(const Company& script, const World& world, const std::string& claims, const std::vector<Belief>& beliefs,
             const Deeds& deeds) {
  Judged out;
  const Comparison c = compare(script.truth(world), read_claims(claims), beliefs, demo_places(), allowed(world, deeds));
  out.differences = c.complaints;
  out.comparison = c;
  if (deeds.answers_lost && c.unanswered > *deeds.answers_lost)
    out.differences.push_back(std::to_string(c.unanswered) + " rows are uncertain for want of an answer, and at most " +
                              std::to_string(*deeds.answers_lost) + " answers were lost");
  judge_fields(script, world, deeds, out);
  out.happened = script.census(world);
  for (const auto& [kind, times] : out.happened)
    if (times == 0) out.differences.push_back("the world held no " + kind + ": it proves too little");
  out.last_line = "demo: conversions=" + std::to_string(c.conversions) +
                  " destinations=" + std::to_string(c.destinations) + " uncertain=" + std::to_string(c.uncertain) +
                  " difference=" + decimal(c.difference_micros, 2);
  out.good = c.difference_micros == 0 && out.differences.empty();
  return out;
}

Judged judge(const Company& script, SandboxRun& run, const Deeds& deeds, std::string& wrong) {
  const Output claims = run.ask({"report", "reconciliation", "--conversions", "--format", "json"});
  if (claims.status == 0) return judge(script, run.world(), claims.text, run.believed(), deeds);
  wrong = "headwater report failed with exit code " + std::to_string(claims.status);
  return {};
}

}  // namespace hw::sandbox
