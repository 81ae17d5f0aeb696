#include "sandbox/demo_judge.h"

#include "model/money.h"
#include "sandbox/demo_setup.h"

namespace hw::sandbox {
namespace {

/// What the CRM holds in its source fields, field by field, against the script.
void judge_fields(const Company& script, const World& world, Judged& out) {
  std::size_t written = 0, typed = 0, different = 0;
  for (const FieldTruth& f : script.fields(world)) {
    const CrmObject* record = world.crm.find(f.type, f.id);
    const std::string holds = record == nullptr ? "" : record->get(f.field);
    typed += f.typed ? 1 : 0;
    written += !f.typed && !f.value.empty() ? 1 : 0;
    if (holds == f.value) continue;
    ++different;
    out.differences.push_back(f.type + " " + f.id + ": " + f.field + " should hold '" + f.value + "' and holds '" +
                              holds + "'");
  }
  out.fields_different = different;
  out.fields_line = "source fields: written=" + std::to_string(written) + " kept=" + std::to_string(typed) +
                    " different=" + std::to_string(different);
}

}  // namespace

Judged judge(const Company& script, const World& world, const std::string& claims, const std::vector<Belief>& beliefs,
             const Allowed& allowed) {
  Judged out;
  const Comparison c = compare(script.truth(world), read_claims(claims), beliefs, demo_places(), allowed);
  out.differences = c.complaints;
  out.comparison = c;
  judge_fields(script, world, out);
  out.last_line = "demo: conversions=" + std::to_string(c.conversions) +
                  " destinations=" + std::to_string(c.destinations) + " uncertain=" + std::to_string(c.uncertain) +
                  " difference=" + decimal(c.difference_micros, 2);
  out.good = c.difference_micros == 0 && out.differences.empty();
  return out;
}

Judged judge(const Company& script, SandboxRun& run, const Allowed& allowed, std::string& wrong) {
  const Output claims = run.ask({"report", "reconciliation", "--conversions", "--format", "json"});
  if (claims.status == 0) return judge(script, run.world(), claims.text, run.believed(), allowed);
  wrong = "headwater report failed with exit code " + std::to_string(claims.status);
  return {};
}

}  // namespace hw::sandbox
