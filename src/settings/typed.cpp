#include "settings/typed.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "settings/conditions.h"
#include "settings/values.h"

namespace hw::settings {
namespace {

using connect::Options;

/// The European Economic Area: the 27 member states of the European Union, Iceland, Liechtenstein and Norway.
constexpr const char* kEea[] = {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI",
                                "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU",
                                "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

/// 127.0.0.0/8 written out in full, ::1 or localhost: what another machine can never reach.
bool is_loopback_address(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr v4{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

/// Turns one section after another. Values that were refused before are absent in the options and leave the default.
class Typed {
 public:
  Typed(const Options& root, Findings& findings) : root_(root), findings_(findings) {}

  Settings settings() {
    reporting();
    service();
    consent();
    identity();
    s_.gather = root_.duration("gather");
    for (const Options& o : root_.groups("credentials")) s_.credentials.push_back(credential(o));
    for (const Options& o : root_.groups("stages")) s_.stages.push_back(stage(o));
    for (const Options& o : root_.groups("goals")) s_.goals.push_back(goal(o));
    for (const Options& o : root_.groups("destinations")) s_.destinations.push_back(destination(o));
    for (const Options& o : root_.groups("source_fields")) s_.source_fields.push_back(source_fields(o));
    for (const Options& o : root_.groups("connectors")) s_.connectors.push_back(connector(o));
    return std::move(s_);
  }

 private:
  /// The section's options, nullptr when it was not readable.
  const Options* only(const char* name) const {
    const auto& groups = root_.groups(name);
    return groups.empty() ? nullptr : &groups.front();
  }

  void reporting() {
    const Options* o = only("reporting");
    if (o == nullptr) return;
    if (auto zone = Zone::find(o->text("time_zone"))) s_.zone = *zone;
    if (auto currency = Currency::parse(o->text("currency"))) s_.currency = *currency;
  }

  void service() {
    if (const Options* o = only("state")) s_.state_dir = o->text("directory");
    if (const Options* o = only("channels")) {
      s_.channels_file = o->text("file");
      for (const std::string& domain : o->list("own_domains")) s_.own_domains.insert(to_lower_ascii(domain));
    }
    const Options* o = only("service");
    if (o == nullptr) return;
    s_.service.log_level = o->text("log_level");
    s_.service.stop_deadline = o->duration("stop_deadline");
    s_.service.ca_file = o->text("ca_file");
    if (const std::string listen = o->text("listen"); !listen.empty()) listen_on(listen, o->mark("listen"));
  }

  /// Nothing signs in there and nothing is encrypted, so only this machine may ask.
  void listen_on(std::string_view text, const connect::Mark& at) {
    const auto colon = text.rfind(':');
    std::string_view host = text.substr(0, colon);
    const std::string_view port = colon == text.npos ? "" : text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    std::uint16_t number = 0;
    const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || bad != std::errc() || end != port.data() + port.size()) {
      findings_.error(at, fmt::format("listen: expected ADDRESS:PORT such as 127.0.0.1:9464, found '{}'", text));
    } else if (!is_loopback_address(host)) {
      findings_.error(at,
                      fmt::format("listen: '{}' is not a loopback address (127.0.0.1, [::1] or localhost): there is "
                                  "no sign-in; put a proxy that has one before it",
                                  host));
    } else {
      s_.service.listen_host = host;
      s_.service.listen_port = number;
    }
  }

  void consent() {
    const Options* o = only("consent");
    if (o == nullptr) return;
    s_.consent.send_unknown = o->text("unknown") == "send";
    s_.consent.unknown_region =
        o->text("unknown_region") == "regulated" ? ConsentState::unknown : ConsentState::granted;
    for (const std::string& region : o->list("regions")) {
      if (upper(region) == "EEA") {
        s_.consent.regions.insert(std::begin(kEea), std::end(kEea));
      } else if (const auto code = country(region, o->mark("regions"), "regions")) {
        s_.consent.regions.insert(*code);
      }
    }
  }

  std::optional<std::string> country(const std::string& text, const Mark& at, const char* option) {
    const std::string code = upper(text);
    if (code == "UK") {
      findings_.error(at, fmt::format("'{}': the ISO 3166 code of the United Kingdom is GB, found '{}'", option, text));
    } else if (code.size() == 2 && code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos) {
      return code;
    } else {
      findings_.error(
          at, fmt::format("'{}': expected a two-letter country code of ISO 3166 such as DE, found '{}'", option, text));
    }
    return std::nullopt;
  }

  void identity() {
    const Options* o = only("identity");
    if (o == nullptr) return;
    s_.identity.names = o->boolean("names");
    s_.identity.masked_email = o->boolean("masked_email");
    if (o->has("default_country")) {
      s_.identity.default_country =
          country(o->text("default_country"), o->mark("default_country"), "default_country").value_or("");
    }
    for (const auto& [type, number] : o->map("limits")) limit(*o, type, number);
    for (const std::string& name : o->list("role_mailboxes")) s_.identity.role_mailboxes.insert(to_lower_ascii(name));
    for (const std::string& domain : o->list("free_mail")) s_.identity.free_mail.insert(to_lower_ascii(domain));
  }

  void limit(const Options& o, const std::string& type, const std::string& number) {
    int n = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), n);
    if (error == std::errc{} && end == number.data() + number.size() && n > 0) {
      s_.identity.limits[type] = n;
    } else {
      findings_.error(o.mark("limits", type),
                      fmt::format("'limits' of identity: expected a whole number from 1 for '{}', "
                                  "found '{}'",
                                  type, number));
    }
  }

  http::Credential credential(const Options& o) {
    using http::CredentialType;
    http::Credential c{.name = o.text("name"),
                       .token = o.secret("token"),
                       .client_id = o.text("client_id"),
                       .client_secret = o.secret("client_secret"),
                       .refresh_token = o.secret("refresh_token"),
                       .key_json = o.secret("key"),
                       .expires_at = moment(o, "expires_at", "credentials"),
                       .quota_share = static_cast<int>(o.integer("quota_share")),
                       .has_seed = o.has("refresh_token")};
    const std::string& type = o.text("type");
    c.type = type == "refresh_token"     ? CredentialType::refresh_token
             : type == "service_account" ? CredentialType::service_account
                                         : CredentialType::static_token;
    return c;
  }

  std::vector<Condition> conditions(const Options& o, const char* name) const {
    std::vector<Condition> out;
    for (const Options& read : o.groups(name)) out.push_back(placed_in(condition(read), s_.zone));
    return out;
  }

  Stage stage(const Options& o) {
    Stage out;
    out.name = o.text("name");
    out.subject = object_from(o.text("subject")).value_or(Object::deal);
    out.pipeline = o.text("pipeline");
    out.order = static_cast<int>(s_.stages.size());
    out.at = o.at;
    for (const std::string& flag : o.list("flags")) {
      out.in_pipeline |= flag == "pipeline";
      out.won |= flag == "won";
      out.lost |= flag == "lost";
    }
    const std::vector<Condition> trigger = conditions(o, "trigger");
    if (trigger.size() == 1) {
      out.field = trigger[0].field;
      out.values = trigger[0].values;
    }
    return out;
  }

  template <class T>
  void put(const Options& o, const char* option, Result<T> parsed, T& into) {
    if (parsed) {
      into = *std::move(parsed);
    } else {
      findings_.error(o.mark(option), fmt::format("'{}' of goals: {}", option, parsed.error().detail));
    }
  }

  std::optional<Timestamp> go_live(const Options& o, const char* owner) { return moment(o, "go_live", owner); }

  std::optional<Timestamp> moment(const Options& o, const char* name, const char* owner) {
    if (!o.has(name)) return std::nullopt;
    const auto at = instant(o.text(name), s_.zone);
    if (!at) {
      findings_.error(o.mark(name), fmt::format("'{}' of {}: expected a date or time such as 2026-01-31 or "
                                                "2026-01-31T08:00:00Z, found '{}'",
                                                name, owner, o.text(name)));
    }
    return at;
  }

  Goal goal(const Options& o) {
    Goal g;
    g.name = o.text("name");
    g.subject = object_from(o.text("subject")).value_or(Object::deal);
    g.stage = o.text("stage");
    g.when = conditions(o, "when");
    g.send_zero = o.text("zero_value") == "send";
    g.revenue = o.boolean("revenue");
    g.go_live = go_live(o, "goals");
    g.at = o.at;
    const std::string &time = o.text("time"), &click = o.text("click");
    g.time = time == "recorded"     ? Goal::Time::recorded
             : time == "close_date" ? Goal::Time::close_date
                                    : Goal::Time::stage_entered;
    g.click = click == "first"  ? Goal::ClickRule::first
              : click == "last" ? Goal::ClickRule::last
                                : Goal::ClickRule::lead;
    if (o.has("value")) put(o, "value", parse_value_rule(o.text("value")), g.value);
    if (o.has("missing_value"))
      put(o, "missing_value", parse_missing_value(o.text("missing_value")), g.missing_value_micros);
    CountRule count;
    if (o.has("count")) put(o, "count", parse_count(o.text("count")), count);
    g.count = count.count;
    g.per_person_within = count.within;
    return g;
  }

  Destination destination(const Options& o) {
    Destination d;
    d.name = o.text("name");
    d.goal = o.text("goal");
    d.upload_by = o.text("upload_by");
    d.restate_by = o.has("restate_by") ? o.text("restate_by") : d.upload_by;
    d.retract_by = o.has("retract_by") ? o.text("retract_by") : d.upload_by;
    d.account = o.text("account");
    d.action = o.text("action");
    d.route = conditions(o, "route");
    from_string(o.text("mode"), d.mode);
    d.go_live = go_live(o, "destinations");
    d.resend_uncertain = o.text("on_uncertain") == "resend";
    d.at = o.at;
    counting(o, d);
    limits(o, d);
    if (!o.groups("options").empty()) d.options = o.groups("options").front();
    return d;
  }

  static void counting(const Options& o, Destination& d) {
    using connect::Counting;
    if (!o.has("counting")) return;
    const std::string& text = o.text("counting");
    d.counting = text == "once_per_click"    ? Counting::once_per_click
                 : text == "once_per_member" ? Counting::once_per_member
                                             : Counting::every;
  }

  static void limits(const Options& o, Destination& d) {
    if (o.has("settle")) d.settle = o.duration("settle");
    if (o.has("batch")) d.batch = static_cast<std::size_t>(o.integer("batch"));
    if (o.has("max_attempts")) d.max_attempts = static_cast<int>(o.integer("max_attempts"));
    if (o.has("max_retry_age")) d.max_retry_age = o.duration("max_retry_age");
    for (const Options& brake : o.groups("max_lowering")) {
      if (brake.has("conversions")) d.max_lowering_count = brake.integer("conversions");
      if (brake.has("share")) d.max_lowering_millionths = brake.integer("share");
    }
  }

  SourceFields source_fields(const Options& o) {
    SourceFields f;
    f.name = o.text("name");
    f.connector = o.text("connector");
    f.object = object_from(o.text("object")).value_or(Object::contact);
    f.fields = o.map("fields");
    f.overwrite = o.text("overwrite") == "always" ? SourceFields::Overwrite::always : SourceFields::Overwrite::ours;
    if (o.has("daily_limit")) f.daily_limit = o.integer("daily_limit");
    f.go_live = go_live(o, "source_fields");
    f.history = o.boolean("history");
    f.at = o.at;
    return f;
  }

  static ConnectorInstance connector(const Options& o) {
    ConnectorInstance c;
    c.name = o.text("name");
    c.type = o.text("type");
    c.options = o;
    c.enabled = o.boolean("enabled");
    if (o.has("pull_every")) c.pull_every = o.duration("pull_every");
    c.at = o.at;
    return c;
  }

  const Options& root_;
  Findings& findings_;
  Settings s_;
};

}  // namespace

Settings typed(const Options& root, Findings& findings) { return Typed(root, findings).settings(); }

}  // namespace hw::settings
