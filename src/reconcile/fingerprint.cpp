#include "reconcile/fingerprint.h"

#include <sstream>

#include "base/hash.h"
#include "reconcile/history.h"

namespace hw::reconcile {
namespace {

void add(std::ostringstream& out, const std::vector<settings::Condition>& conditions) {
  for (const auto& c : conditions) {
    out << c.field << ' ' << static_cast<int>(c.op);
    for (const auto& v : c.values) out << '\x1f' << v;
    out << '\x1e';
  }
}

std::string time(const std::optional<Timestamp>& t) { return t ? std::to_string(to_micros(*t)) : "-"; }

void add(std::ostringstream& out, const settings::Goal& g) {
  out << g.name << '|' << static_cast<int>(g.subject) << '|' << g.stage << '|';
  add(out, g.when);
  out << static_cast<int>(g.value.kind) << '|' << g.value.field << '|' << g.value.micros << '|' << g.value.millionths
      << '|' << (g.value.currency ? g.value.currency->str() : "-") << '|' << g.missing_value_micros.value_or(-1) << '|'
      << g.send_zero << '|' << static_cast<int>(g.time) << '|' << static_cast<int>(g.click) << '|'
      << static_cast<int>(g.count) << '|' << g.per_person_within.count() << '|' << g.revenue << '|' << time(g.go_live)
      << '\n';
}

void add(std::ostringstream& out, const settings::Stage& s) {
  out << s.name << '|' << s.field << '|' << s.pipeline << '|' << s.won << s.lost;
  for (const auto& v : s.values) out << '\x1f' << v;
  out << '\n';
}

void add(std::ostringstream& out, const connect::Options& options) {
  struct Visitor {
    std::ostringstream& out;
    void operator()(std::monostate) const { out << '-'; }
    void operator()(const std::string& v) const { out << v; }
    void operator()(std::int64_t v) const { out << v; }
    void operator()(bool v) const { out << v; }
    void operator()(const Secret&) const {}  // whoever signs in, the conversions are the same
    void operator()(const std::vector<std::string>& v) const {
      for (const auto& x : v) out << x << '\x1f';
    }
    void operator()(const std::vector<std::pair<std::string, std::string>>& v) const {
      for (const auto& [key, value] : v) out << key << '\x1f' << value << '\x1f';
    }
    void operator()(const std::vector<connect::Options>& v) const {
      for (const auto& group : v) add(out, group);
    }
  };
  for (const auto& [name, option] : options.values) {
    out << name << '=';
    std::visit(Visitor{out}, option.value);
    out << '\x1e';
  }
}

void add(std::ostringstream& out, const settings::Destination& d) {
  out << d.name << '|' << d.upload_by << '|' << d.restate_by << '|' << d.retract_by << '|' << d.account << '|'
      << d.action << '|' << static_cast<int>(d.mode) << '|' << time(d.go_live) << '|' << d.settle.count() << '|'
      << (d.counting ? static_cast<int>(*d.counting) : -1) << '|' << d.max_lowering_count << '|'
      << d.max_lowering_millionths << '|';
  add(out, d.route);
  add(out, d.options);
  out << '\n';
}

void add(std::ostringstream& out, const settings::ConnectorInstance& c) {
  out << c.name << '|' << c.type << '|' << c.enabled << '|';
  add(out, c.options);
  out << '\n';
}

void add_with_connectors(std::ostringstream& out, const settings::Settings& settings, const settings::Destination& d) {
  add(out, d);
  for (const auto& name : {d.upload_by, d.restate_by, d.retract_by})
    if (const auto* c = settings.connector(name)) add(out, *c);
}

void add(std::ostringstream& out, const connect::RowRules& r) {
  out << r.dedup.exists << r.dedup.known << r.dedup.of_uploads_alone << r.dedup.repeat_overwrites
      << (r.dedup.window ? r.dedup.window->count() : -1) << '|' << static_cast<int>(r.receipt) << '|'
      << (r.adjust_until ? r.adjust_until->count() : -1) << '|';
}

/// What the connector says of its platform: another release may know it better.
void add(std::ostringstream& out, const connect::Contract& c) {
  for (Operation op : c.operations) out << to_string(op) << ' ';
  out << c.restate_up << c.restate_down << static_cast<int>(c.zero) << '|';
  add(out, static_cast<const connect::RowRules&>(c));
  for (const auto& [operation, rules] : c.elsewhere) {
    out << to_string(operation) << ' ';
    add(out, rules);
  }
  out << static_cast<int>(c.counting) << '|' << c.click_window.count() << '|' << c.user_data_window.count() << '|'
      << c.needs_consent << '|';
  out << c.conversion_window.count() << '|';
  for (const auto& type : c.client_types) out << type << ' ';
  out << '|';
  for (const auto& type : c.click_types) out << type << ' ';
  for (const auto& form : c.hash_forms) out << form << ' ';
  out << '\n';
}

}  // namespace

std::string fingerprint(const settings::SourceFields& f) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << f.connector << '|' << to_string(f.object) << '|' << static_cast<int>(f.overwrite) << '|' << time(f.go_live)
      << '|' << f.history << '|';
  for (const auto& [what, field] : f.fields) out << what << '\x1f' << field << '\x1e';
  return sha256_hex(out.str());
}

std::string fingerprint(const settings::Settings& settings, const settings::Destination& destination) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  add_with_connectors(out, settings, destination);
  return sha256_hex(out.str());
}

std::string fingerprint(const settings::Settings& settings, const settings::Connectors& connectors,
                        const settings::Goal& goal) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  add(out, goal);
  for (const auto& s : settings.stages)
    if (s.subject == goal.subject) add(out, s);
  for (const auto& d : settings.destinations)
    if (d.goal == goal.name) {
      add_with_connectors(out, settings, d);
      const settings::SinkSet sinks = settings::sinks_of(d, connectors);
      if (sinks.complete()) add(out, sinks.contract(d));
    }
  for (const HistorySource& source : history_sources(connectors)) {
    out << source.connector << '=';
    for (const auto& type : source.types) out << type << ' ';
    out << '\n';
  }
  for (const auto& region : settings.consent.regions) out << region << ' ';
  out << settings.consent.send_unknown << static_cast<int>(settings.consent.unknown_region) << settings.currency.str()
      << '|' << settings.zone.name() << '|' << settings.gather.count();
  return sha256_hex(out.str());
}

}  // namespace hw::reconcile
