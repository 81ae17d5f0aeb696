#include "settings/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "http/service_account.h"
#include "settings/source_fields.h"

namespace hw::settings {
namespace {

using connect::Options;

template <class T>
std::vector<std::string> names_of(const std::vector<T>& all) {
  std::vector<std::string> out;
  for (const T& one : all) {
    if (!one.name.empty()) out.push_back(one.name);
  }
  return out;
}

/// "; did you mean 'won'?", or what there is.
std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  if (!near.empty()) return fmt::format("; did you mean '{}'?", near);
  return known.empty() ? "; there is none" : fmt::format("; there are: {}", fmt::join(known, ", "));
}

class Checks {
 public:
  Checks(const Settings& s, const Options& root, const connect::Registry& registry, const Reader& reader,
         Findings& findings)
      : s_(s), root_(root), registry_(registry), reader_(reader), findings_(findings) {}

  void run() {
    names("stages", "stage");
    names("goals", "goal");
    names("destinations", "destination");
    names("source_fields", "source_fields entry");
    credentials();
    for (std::size_t i = 0; i < s_.stages.size(); ++i) stage(i);
    for (std::size_t i = 0; i < s_.goals.size(); ++i) goal(i);
    revenue_goals();
    for (std::size_t i = 0; i < s_.destinations.size(); ++i) destination(i);
    for (std::size_t i = 0; i < s_.source_fields.size(); ++i) source_fields(i);
    identifier_limits();
    for (const ConnectorInstance& c : s_.connectors) connector(c);
  }

 private:
  void names(const char* section, const char* one) {
    std::map<std::string, Mark> first;
    for (const Options& o : root_.groups(section)) {
      const std::string& name = o.text("name");
      if (name.empty()) continue;
      if (!is_name(name)) {
        findings_.error(o.mark("name"),
                        fmt::format("'{}' is no name for a {}: use letters, digits, _ and - (at most 64)", name, one));
      }
      const auto [it, is_new] = first.emplace(name, o.mark("name"));
      if (!is_new) {
        findings_.error(o.mark("name"),
                        fmt::format("two {} are called '{}'; first at line {}", section, name, it->second.line));
      }
    }
  }

  // ------------------------------------------------------------------------------------------------------- credentials

  void credentials() {
    const std::vector<std::string> known = names_of(s_.credentials);
    std::set<std::string> used;
    for (const CredentialUse& use : reader_.credential_uses()) {
      used.insert(use.name);
      if (std::ranges::find(known, use.name) == known.end()) {
        findings_.error(use.at, fmt::format("no credential is called '{}'{}", use.name, suggestion(use.name, known)));
      }
    }
    for (const Options& o : root_.groups("credentials")) {
      credential(o);
      key_file(o);
      if (!used.contains(o.text("name"))) {
        findings_.warn(o.at, fmt::format("credential '{}' is used by no connector", o.text("name")));
      }
    }
  }

  /// Each type of sign-in takes its own options and no others.
  void credential(const Options& o) {
    static const std::map<std::string, std::set<std::string>> kTakes{
        {"static_token", {"token"}},
        {"refresh_token", {"client_id", "client_secret", "refresh_token"}},
        {"service_account", {"key"}},
    };
    const auto takes = kTakes.find(o.text("type"));
    if (takes == kTakes.end()) return;
    for (const char* option : {"token", "client_id", "client_secret", "refresh_token", "key"}) {
      const bool wanted = takes->second.contains(option);
      const bool written = o.values.at(option).at != o.at;
      if (std::string_view(option) == "refresh_token" && wanted && !written) {
        somebody_signs_in(o);
      } else if (wanted && !written) {
        findings_.error(o.at, fmt::format("option '{}' is missing for credential '{}' of type {}", option,
                                          o.text("name"), takes->first));
      } else if (!wanted && written) {
        findings_.error(o.mark(option), fmt::format("'{}' does not belong to a credential of type {}; it takes: {}",
                                                    option, takes->first, fmt::join(takes->second, ", ")));
      }
    }
  }

  /// What can be seen of a key file without signing in. Empty: references are not resolved, or an error says why not.
  void key_file(const Options& o) {
    const Secret& key = o.secret("key");
    if (o.text("type") != "service_account" || key.empty()) return;
    if (const auto parsed = http::parse_service_account(key); !parsed)
      findings_.error(o.mark("key"),
                      fmt::format("'key' of credential '{}': {}", o.text("name"), parsed.error().detail));
  }

  /// Without a token in the configuration a person must be able to get one.
  void somebody_signs_in(const Options& o) {
    const std::string& name = o.text("name");
    for (const ConnectorInstance& c : s_.connectors) {
      const connect::ConnectorType* type = registry_.find(c.type);
      const bool uses_it = c.options.values.contains("credential") && c.options.text("credential") == name;
      if (!uses_it || type == nullptr || type->login != nullptr) continue;
      findings_.error(o.at,
                      fmt::format("option 'refresh_token' is missing for credential '{}': connector '{}' of type {} "
                                  "has no page where headwater auth login could get one",
                                  name, c.name, c.type));
    }
  }

  // ------------------------------------------------------------------------------------------------------------ stages

  void stage(std::size_t i) {
    const Stage& stage = s_.stages[i];
    const Options& o = root_.groups("stages")[i];
    trigger(o);
    if (stage.won && stage.lost)
      findings_.error(o.mark("flags"), fmt::format("stage '{}' cannot be both won and lost", stage.name));
    if (!stage.pipeline.empty() && stage.subject != Object::deal) {
      findings_.error(o.mark("pipeline"),
                      fmt::format("'pipeline' of stages: only deals have pipelines, and stage '{}' is of a {}",
                                  stage.name, hw::to_string(stage.subject)));
    }
    for (std::size_t k = 0; k < i; ++k) overlap(s_.stages[k], stage, o.mark("trigger"));
  }

  void trigger(const Options& o) {
    if (!o.has("trigger")) return;
    const auto& conditions = o.groups("trigger");
    const bool one = conditions.size() == 1;
    const std::string op = one ? conditions.front().text("op") : "";
    if (one && (op == "=" || op == "in" || op == "present")) return;
    const bool unread = conditions.empty() && told_near(o.mark("trigger"));
    if (unread) return;
    findings_.error(
        o.mark("trigger"),
        fmt::format("the trigger of stage '{}' must be one field with a value, a list of values or present, such as "
                    "{{stage: closedwon}}",
                    o.text("name")));
  }

  /// Two stages of one subject must never be entered by one and the same state of a record.
  void overlap(const Stage& a, const Stage& b, const Mark& at) {
    const bool apart =
        a.subject != b.subject || (!a.pipeline.empty() && !b.pipeline.empty() && a.pipeline != b.pipeline);
    if (apart || a.field.empty() || b.field.empty()) return;
    if (a.field != b.field) {
      findings_.error(
          at, fmt::format("stage '{}' is triggered by '{}' and stage '{}' by '{}': stages of one subject{} need one "
                          "field, or both could be entered at once",
                          b.name, b.field, a.name, a.field, b.subject == Object::deal ? " and pipeline" : ""));
    } else if (const auto common = common_value(a, b)) {
      findings_.error(at, fmt::format("the triggers of stages '{}' and '{}' overlap: both are entered by {} {}", a.name,
                                      b.name, b.field, *common));
    }
  }

  static std::optional<std::string> common_value(const Stage& a, const Stage& b) {
    if (a.values.empty() && b.values.empty()) return "present";
    for (const std::string& v : a.values.empty() ? b.values : a.values) {
      if (a.values.empty() || b.values.empty() || std::ranges::find(b.values, v) != b.values.end())
        return "'" + v + "'";
    }
    return std::nullopt;
  }

  // ------------------------------------------------------------------------------------------------------------- goals

  const Stage* stage_of(const Goal& g) const {
    const auto it = std::ranges::find(s_.stages, g.stage, &Stage::name);
    return it == s_.stages.end() ? nullptr : &*it;
  }

  void goal(std::size_t i) {
    const Goal& g = s_.goals[i];
    const Options& o = root_.groups("goals")[i];
    const Stage* stage = stage_of(g);
    if (stage == nullptr && !g.stage.empty()) {
      findings_.error(o.mark("stage"), fmt::format("goal '{}': no stage is called '{}'{}", g.name, g.stage,
                                                   suggestion(g.stage, names_of(s_.stages))));
    }
    if (stage != nullptr && stage->subject != g.subject && o.has("subject")) {
      findings_.error(o.mark("subject"),
                      fmt::format("goal '{}' is of a {}, but stage '{}' is of a {}", g.name, hw::to_string(g.subject),
                                  stage->name, hw::to_string(stage->subject)));
    }
    if (g.time == Goal::Time::close_date && g.subject != Object::deal) {
      findings_.error(o.mark("time"),
                      fmt::format("goal '{}': only deals have a close date; use stage_entered or recorded", g.name));
    }
    if (g.revenue) revenue_goal(g, o, stage);
  }

  void revenue_goal(const Goal& g, const Options& o, const Stage* stage) {
    if (stage != nullptr && !stage->won) {
      findings_.error(o.mark("stage"),
                      fmt::format("goal '{}' is the revenue goal, but its stage '{}' is not flagged won; add "
                                  "flags: [won] to the stage",
                                  g.name, stage->name));
    }
    const bool readable = !o.has("value") || !told_near(o.mark("value"));
    if (g.value.kind == ValueRule::Kind::none && readable) {
      findings_.error(o.mark("revenue"),
                      fmt::format("goal '{}' is the revenue goal and needs a value, such as value: amount", g.name));
    } else if (g.value.kind == ValueRule::Kind::fixed || g.value.kind == ValueRule::Kind::share) {
      findings_.warn(o.mark("value"),
                     fmt::format("goal '{}' is the revenue goal, but its value is not what the CRM has: it will "
                                 "not add up to the closed-won total",
                                 g.name));
    }
  }

  void revenue_goals() {
    std::map<Object, const Goal*> first;
    for (std::size_t i = 0; i < s_.goals.size(); ++i) {
      const Goal& g = s_.goals[i];
      if (!g.revenue) continue;
      const auto [it, is_new] = first.emplace(g.subject, &g);
      if (!is_new) {
        findings_.error(
            root_.groups("goals")[i].mark("revenue"),
            fmt::format("goals '{}' and '{}' are both revenue goals of a {}; one holds the closed-won total",
                        it->second->name, g.name, hw::to_string(g.subject)));
      }
    }
  }

  // ------------------------------------------------------------------------------------------------------ destinations

  void destination(std::size_t i) {
    const Destination& d = s_.destinations[i];
    const Options& o = root_.groups("destinations")[i];
    const Goal* goal = s_.goal(d.goal);
    if (goal == nullptr && !d.goal.empty()) {
      findings_.error(o.mark("goal"), fmt::format("destination '{}': no goal is called '{}'{}", d.name, d.goal,
                                                  suggestion(d.goal, names_of(s_.goals))));
    }
    for (const char* by : {"upload_by", "restate_by", "retract_by"}) sink(d, o, by);
    target(d, o);
    if (goal != nullptr && goal->revenue && d.counting && *d.counting != connect::Counting::every) {
      findings_.warn(o.mark("counting"),
                     fmt::format("destination '{}' counts once, so only the first deal of revenue goal '{}' "
                                 "counts there; use an action that counts every conversion",
                                 d.name, goal->name));
    }
    for (std::size_t k = 0; k < i; ++k) twin(s_.destinations[k], d, o);
    for (std::size_t k = 0; k < i; ++k)
      if (another_account(s_.destinations[k], d, o)) break;
  }

  /// One secret, one account: what is sent to another is lost without an error.
  bool another_account(const Destination& a, const Destination& b, const Options& o) {
    if (a.account == b.account || a.account.empty() || b.account.empty()) return false;
    for (const std::string& name : {b.upload_by, b.restate_by, b.retract_by}) {
      const ConnectorInstance* instance = s_.connector(name);
      const connect::ConnectorType* type = instance == nullptr ? nullptr : registry_.find(instance->type);
      const bool shared = name == a.upload_by || name == a.restate_by || name == a.retract_by;
      if (!shared || type == nullptr || !type->one_account) continue;
      findings_.error(o.mark("account"),
                      fmt::format("destination '{}': connector '{}' serves account '{}' of destination '{}' already, "
                                  "and its secret belongs to one account: write a connector of type {} for '{}'",
                                  b.name, name, a.account, a.name, type->name, b.account));
      return true;
    }
    return false;
  }

  void sink(const Destination& d, const Options& o, const char* by) {
    const std::string& name = o.text(by);
    if (name.empty()) return;
    const ConnectorInstance* instance = s_.connector(name);
    if (instance == nullptr) {
      findings_.error(o.mark(by), fmt::format("destination '{}': no connector is called '{}'{}", d.name, name,
                                              suggestion(name, names_of(s_.connectors))));
      return;
    }
    const connect::ConnectorType* type = registry_.find(instance->type);
    if (type != nullptr && !type->roles.contains("conversions")) {
      findings_.error(o.mark(by), fmt::format("destination '{}': connector '{}' ({}) takes no conversions{}", d.name,
                                              name, type->name, suggestion("", sinks())));
    } else if (!instance->enabled) {
      findings_.warn(o.mark(by),
                     fmt::format("destination '{}': connector '{}' is not enabled, so nothing is sent", d.name, name));
    }
  }

  /// Lets the sink judge account, action and the destination's own options.
  void target(const Destination& d, const Options& o) {
    const ConnectorInstance* instance = s_.connector(d.upload_by);
    const connect::ConnectorType* type = instance == nullptr ? nullptr : registry_.find(instance->type);
    if (type == nullptr || type->check_target == nullptr) return;
    for (const connect::OptionDecl& decl : type->destination_options) {
      if (!d.options.values.contains(decl.name)) return;  // the options could not be read, which is told already
    }
    type->check_target({.account = d.account, .action = d.action, .options = &d.options}, o.at, findings_.errors);
  }

  std::vector<std::string> sinks() const {
    std::vector<std::string> out;
    for (const ConnectorInstance& c : s_.connectors) {
      const connect::ConnectorType* type = registry_.find(c.type);
      if (type != nullptr && type->roles.contains("conversions")) out.push_back(c.name);
    }
    return out;
  }

  /// A record that a route sends from one to the other would be taken back by the first and claimed by the second.
  void twin(const Destination& a, const Destination& b, const Options& o) {
    const bool same = a.goal == b.goal && a.upload_by == b.upload_by && a.account == b.account && a.action == b.action;
    if (!same || a.goal.empty() || a.upload_by.empty()) return;
    const std::string both = fmt::format(
        "destinations '{}' and '{}' tell one conversion action of one goal, and the platform knows both by one key",
        a.name, b.name);
    if (a.mode == Mode::live && b.mode == Mode::live)
      findings_.error(o.at, both + "; give each an action of its own");
    else
      findings_.warn(o.at, both + "; only one of them may become live");
  }

  // ----------------------------------------------------------------------------------------------------- source fields

  void source_fields(std::size_t i) {
    const SourceFields& f = s_.source_fields[i];
    const Options& o = root_.groups("source_fields")[i];
    field_writer(f, o);
    for (const auto& [what, field] : f.fields) {
      written_value(what, o);
      if (field.empty())
        findings_.error(o.mark("fields", what), fmt::format("'{}' of source_fields: name the CRM's field", what));
    }
    written_once(f, o);
  }

  void field_writer(const SourceFields& f, const Options& o) {
    const ConnectorInstance* instance = s_.connector(f.connector);
    if (instance == nullptr) {
      if (!f.connector.empty())
        findings_.error(o.mark("connector"),
                        fmt::format("source_fields '{}': no connector is called '{}'{}", f.name, f.connector,
                                    suggestion(f.connector, names_of(s_.connectors))));
      return;
    }
    const connect::ConnectorType* type = registry_.find(instance->type);
    if (type != nullptr && !type->roles.contains("source_fields"))
      findings_.error(o.mark("connector"),
                      fmt::format("source_fields '{}': connector '{}' ({}) writes no source fields", f.name,
                                  f.connector, type->name));
  }

  void written_value(const std::string& what, const Options& o) {
    constexpr std::string_view kIdentifier = "identifier.";
    if (what.rfind(kIdentifier, 0) == 0) return written_identifier(what, o);
    const std::vector<std::string>& known = source_field_names();
    if (std::ranges::find(known, what) == known.end())
      findings_.error(o.mark("fields", what),
                      fmt::format("'fields' of source_fields: there is no '{}'{}", what, suggestion(what, known)));
  }

  /// Hashes of addresses and numbers serve to join people: a CRM has no use for them.
  void written_identifier(const std::string& what, const Options& o) {
    static const std::set<std::string> kHashes{"identifier.email_sha256", "identifier.phone_sha256"};
    std::vector<std::string> known{"identifier.user_id", "identifier.crm_contact_id"};
    for (const auto& decl : registry_.vocabulary().identifiers) known.push_back("identifier." + decl.type);
    if (kHashes.contains(what)) {
      findings_.error(o.mark("fields", what),
                      fmt::format("'fields' of source_fields: '{}' is a hash and is never written to a CRM", what));
    } else if (std::ranges::find(known, what) == known.end()) {
      findings_.error(o.mark("fields", what),
                      fmt::format("'fields' of source_fields: there is no '{}'{}", what, suggestion(what, known)));
    }
  }

  /// Two values for one field of the CRM would overwrite each other for ever.
  void written_once(const SourceFields& f, const Options& o) {
    std::map<std::string, std::string> first;
    for (const auto& [what, field] : f.fields) {
      const auto [it, is_new] = first.emplace(field, what);
      if (!is_new && !field.empty())
        findings_.error(o.mark("fields", what), fmt::format("'{}' and '{}' of source_fields '{}' are written to one "
                                                            "field, '{}'",
                                                            it->second, what, f.name, field));
    }
    for (const SourceFields& other : s_.source_fields) {
      if (&other >= &f || other.connector != f.connector || other.object != f.object) continue;
      for (const auto& [what, field] : other.fields) {
        const auto mine = first.find(field);
        if (mine == first.end()) continue;
        findings_.error(o.mark("fields", mine->second),
                        fmt::format("field '{}' is written by source_fields '{}' too", field, other.name));
        first.erase(mine);
      }
    }
  }

  // -------------------------------------------------------------------------------------------- identity and
  // connectors

  void identifier_limits() {
    std::vector<std::string> known{"email_sha256", "phone_sha256", "user_id", "crm_contact_id"};
    for (const auto& decl : registry_.vocabulary().identifiers) known.push_back(decl.type);
    for (const Options& o : root_.groups("identity")) {
      for (const auto& [type, number] : o.map("limits")) {
        if (std::ranges::find(known, type) != known.end()) continue;
        const std::string near = nearest(type, known);
        findings_.warn(o.mark("limits", type),
                       fmt::format("no connector of this build knows identifier type '{}'{}", type,
                                   near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
      }
    }
  }

  /// Lets the connector judge its options. It may be misled by options that were refused and therefore absent: what it
  /// says of the instance as a whole, or where an error stands already, is then dropped.
  void connector(const ConnectorInstance& c) {
    const connect::ConnectorType* type = registry_.find(c.type);
    if (type == nullptr || type->check == nullptr) return;
    const bool whole = std::ranges::find(reader_.flawed(), c.at) == reader_.flawed().end();
    std::vector<OptionError> found;
    type->check(c.options, found);
    for (OptionError& e : found) {
      const bool about_whole = e.at == c.at || e.at.line == 0;
      if (whole || (!about_whole && !told_at(e.at)))
        findings_.error(e.at.line == 0 ? c.at : e.at, std::move(e.message));
    }
  }

  bool told_at(const Mark& at) const {
    return std::ranges::any_of(findings_.errors, [&](const OptionError& e) { return e.at == at; });
  }

  /// An error on that line: good enough to know that a value could not be read.
  bool told_near(const Mark& at) const {
    return std::ranges::any_of(findings_.errors,
                               [&](const OptionError& e) { return e.at.file == at.file && e.at.line == at.line; });
  }

  const Settings& s_;
  const Options& root_;
  const connect::Registry& registry_;
  const Reader& reader_;
  Findings& findings_;
};

}  // namespace

void cross_check(const Settings& settings, const Options& root, const connect::Registry& registry, const Reader& reader,
                 Findings& findings) {
  Checks(settings, root, registry, reader, findings).run();
}

}  // namespace hw::settings
