#include "settings/declarations.h"

#include <cstdlib>

#include "http/client.h"

namespace hw::settings {
namespace {

using connect::OptionDecl;
using connect::OptionType;
using Decls = std::vector<OptionDecl>;

constexpr std::int64_t kDay = 86'400;

OptionDecl option(std::string name, OptionType type, std::string help) {
  OptionDecl d;
  d.name = std::move(name);
  d.type = type;
  d.help = std::move(help);
  return d;
}

OptionDecl optional(std::string name, OptionType type, std::string standard, std::string help) {
  OptionDecl d = option(std::move(name), type, std::move(help));
  d.default_value = std::move(standard);
  return d;
}

OptionDecl needed(std::string name, OptionType type, std::string help) {
  OptionDecl d = option(std::move(name), type, std::move(help));
  d.required = true;
  return d;
}

OptionDecl choice(std::string name, std::vector<std::string> choices, std::string standard, std::string help) {
  OptionDecl d = option(std::move(name), OptionType::choice, std::move(help));
  d.choices = std::move(choices);
  if (standard.empty()) {
    d.required = true;
  } else {
    d.default_value = std::move(standard);
  }
  return d;
}

OptionDecl within(OptionDecl d, std::int64_t min, std::int64_t max, std::string unit = {}) {
  d.min = min;
  d.max = max;
  d.unit = std::move(unit);
  return d;
}

OptionDecl group(std::string name, OptionType type, std::string help, Decls children) {
  OptionDecl d = option(std::move(name), type, std::move(help));
  d.children = std::move(children);
  return d;
}

OptionDecl reporting() {
  OptionDecl d =
      group("reporting", OptionType::group, "How reports show days and money.",
            {
                needed("time_zone", OptionType::time_zone,
                       "Zone of days in reports, and of dates and times that carry no offset, such as Europe/Berlin."),
                needed("currency", OptionType::currency, "Currency of values that name none, ISO 4217, such as EUR."),
            });
  d.required = true;
  return d;
}

OptionDecl state() {
  return group("state", OptionType::group, "What Headwater remembers.",
               {
                   optional("directory", OptionType::path, "/var/lib/headwater",
                            "Directory of the store; only one daemon uses it."),
               });
}

OptionDecl service() {
  return group(
      "service", OptionType::group, "The daemon itself.",
      {
          choice("log_level", {"debug", "info", "warn", "error"}, "info", "Least severity that is logged."),
          within(
              optional("stop_deadline", OptionType::duration, "30s", "How long a stop waits for requests under way."),
              1, 600),
          option("ca_file", OptionType::path, "PEM file of certificate authorities to trust instead of the system's."),
          option("listen", OptionType::text,
                 "Loopback address and port where /healthz, /readyz and /metrics answer, such as 127.0.0.1:9464; left "
                 "out: nowhere."),
      });
}

OptionDecl consent() {
  return group(
      "consent", OptionType::group, "Where consent is needed before anything is sent, and what silence means there.",
      {
          optional("regions", OptionType::text_list, "EEA, GB, CH",
                   "Countries where consent is needed: ISO 3166 alpha-2 codes, or EEA for its 30 countries."),
          choice("unknown", {"withhold", "send"}, "withhold", "What happens there while consent is not known."),
          choice("unknown_region", {"regulated", "unregulated"}, "unregulated",
                 "How a record without a country is treated: as if consent were needed, or not."),
      });
}

OptionDecl identity() {
  return group(
      "identity", OptionType::group, "What is kept of personal data, and what may join persons.",
      {
          optional("names", OptionType::boolean, "false", "Keep hashed names, for destinations that match by address."),
          optional("masked_email", OptionType::boolean, "true",
                   "Keep a masked address (j...e@example.com) for people to recognise."),
          option("default_country", OptionType::text,
                 "ISO 3166 alpha-2 country by which national phone numbers of records without country are read."),
          option("limits", OptionType::text_map,
                 "Identifier type: number; an identifier on more records than this is quarantined, such as "
                 "email_sha256: 10."),
          option("role_mailboxes", OptionType::text_list, "Local parts that never join persons, such as info, sales."),
          option("free_mail", OptionType::text_list,
                 "Further mail domains that are never a company, beside the built-in list."),
      });
}

OptionDecl channels() {
  return group(
      "channels", OptionType::group, "How touches are put into channels.",
      {
          option("file", OptionType::path, "Rules instead of the built-in ones; copy config/channels.yaml to begin."),
          option("own_domains", OptionType::text_list,
                 "The company's own domains, such as example.com: a referrer among them is no source."),
      });
}

OptionDecl credentials() {
  return group(
      "credentials", OptionType::group_map,
      "Named sign-ins, shared by connectors. Secrets stand here as references alone.",
      {
          choice("type", {"static_token", "refresh_token", "service_account"}, "",
                 "static_token: one token for every request; refresh_token: OAuth; service_account: a key file that "
                 "signs."),
          option("token", OptionType::secret, "static_token: the access token."),
          option("client_id", OptionType::text, "refresh_token: id of the OAuth client."),
          option("client_secret", OptionType::secret, "refresh_token: secret of the OAuth client."),
          option("refresh_token", OptionType::secret,
                 "refresh_token: the token that consent gave; leave it out and sign in with headwater auth login."),
          option("key", OptionType::secret, "service_account: the JSON key, such as ${file:/etc/headwater/key.json}."),
          option("expires_at", OptionType::text,
                 "Date or time at which its secret ends, such as 2027-03-31; people are warned two weeks ahead."),
          within(optional("quota_share", OptionType::integer, std::to_string(http::kQuotaShare),
                          "So much of the vendor's daily limits is used; the rest is left to the company's other "
                          "tools."),
                 1, 100, "per cent"),
      });
}

const std::vector<std::string> kSubjects{"lead", "contact", "account", "deal"};

OptionDecl stages() {
  OptionDecl flags =
      option("flags", OptionType::text_list, "pipeline: counts as open pipeline; won, lost: closes the deal.");
  flags.choices = {"pipeline", "won", "lost"};
  OptionDecl trigger =
      needed("trigger", OptionType::conditions,
             "The CRM field that enters it, and its value, values or present, such as {stage: closedwon}.");
  return group(
      "stages", OptionType::group_list, "The way of a lead, contact or deal, in order.",
      {
          needed("name", OptionType::text, "Name of the stage, as goals and reports call it."),
          choice("subject", kSubjects, "", "Kind of record that is in the stage."),
          std::move(trigger),
          option("pipeline", OptionType::text, "Only records whose field `pipeline` has this value; left out: all."),
          std::move(flags),
      });
}

OptionDecl goals() {
  return group(
      "goals", OptionType::group_list, "Business events that platforms learn of.",
      {
          needed("name", OptionType::text, "Name of the goal, as destinations and reports call it."),
          choice("subject", kSubjects, "", "Kind of record that reaches it."),
          needed("stage", OptionType::text, "Stage that reaches it by being entered."),
          option("when", OptionType::conditions,
                 "Conditions on the record's fields; all must hold, such as {deal_type: new}."),
          optional("value", OptionType::text, "none",
                   "none, amount, field NAME, fixed 150 (or fixed 150 EUR), share 20% (of the amount)."),
          optional("missing_value", OptionType::text, "withhold",
                   "When the CRM has no value: withhold, or fixed 100. A platform would invent one."),
          choice("zero_value", {"withhold", "send"}, "withhold", "When the value is zero."),
          choice("time", {"stage_entered", "recorded", "close_date"}, "stage_entered",
                 "Which moment is the conversion's: entering the stage, the CRM's record of it, or the close date."),
          choice("click", {"lead", "first", "last"}, "lead",
                 "Which click is credited: the lead's own, the first or the last."),
          optional("count", OptionType::text, "once_per_lineage",
                   "once_per_lineage, once_per_person within 30d, or each."),
          optional("revenue", OptionType::boolean, "false",
                   "This goal is held against the CRM's closed-won total; one goal a subject at most."),
          option("go_live", OptionType::text,
                 "Conversions before this date or time are not sent; left out: from the first start in live mode."),
      });
}

Decls destination_limits() {
  return {
      within(
          optional("settle", OptionType::duration, "3d", "A lowering correction waits so long after the CRM's change."),
          0, 90 * kDay),
      group("max_lowering", OptionType::group,
            "The brake: more lowerings than this in 24 hours wait for `headwater plan approve`.",
            {
                within(optional("conversions", OptionType::integer, "20", "So many conversions."), 0, 1'000'000,
                       "conversions"),
                within(optional("share", OptionType::percent, "5%",
                                "Or this share of the told value, from 5 conversions on."),
                       0, 1'000'000),
            }),
      within(
          optional("batch", OptionType::integer, "1", "Conversions in one request, at most what the platform takes."),
          1, 100'000, "conversions"),
      within(optional("max_attempts", OptionType::integer, "20",
                      "A conversion is given up after so many failed attempts."),
             1, 10'000, "attempts"),
      within(optional("max_retry_age", OptionType::duration, "14d", "Or so long after its first attempt."), 60,
             400 * kDay),
  };
}

OptionDecl destinations() {
  OptionDecl counting = choice("counting", {"every", "once_per_click", "once_per_member"}, "every",
                               "How this conversion action counts, where it differs from what the connector says.");
  counting.default_value.reset();
  Decls children{
      needed("name", OptionType::text, "Name of the destination, as reports call it."),
      needed("goal", OptionType::text, "Goal whose conversions are sent."),
      needed("upload_by", OptionType::text,
             "Connector instance that uploads, and corrects unless the next two say otherwise."),
      option("restate_by", OptionType::text, "Connector instance that sends changed values; left out: the same."),
      option("retract_by", OptionType::text, "Connector instance that takes conversions back; left out: the same."),
      option("account", OptionType::text, "The platform's account id, such as 1234567890."),
      option("action", OptionType::text, "The platform's conversion action id, such as 700000001."),
      option("route", OptionType::conditions,
             "Only conversions of records for which these hold, such as {region: [DE, AT]}."),
      choice("mode", {"shadow", "test", "live"}, "shadow",
             "shadow: compute and send nothing; test: the platform's test mode; live: send."),
      option("go_live", OptionType::text, "Conversions before this date or time are not sent here."),
      choice("on_uncertain", {"hold", "resend"}, "hold",
             "When the fate of a conversion cannot be known: hold it, or send it again and risk a double count."),
      std::move(counting),
  };
  for (OptionDecl& limit : destination_limits()) children.push_back(std::move(limit));
  children.push_back(option("options", OptionType::group, "What the connector lets a destination say; see its page."));
  return group("destinations", OptionType::group_list,
               "Platform accounts and conversion actions, each told of one goal.", std::move(children));
}

OptionDecl source_fields() {
  return group(
      "source_fields", OptionType::group_list, "First and last touch, written to the CRM's records.",
      {
          needed("name", OptionType::text, "Name of this entry, as `status` and logs call it."),
          needed("connector", OptionType::text, "Connector instance of the CRM; its type must write source fields."),
          choice("object", {"lead", "contact", "deal"}, "contact", "Kind of record that is written to."),
          needed("fields", OptionType::text_map,
                 "What is written: the CRM's field. first_channel, first_source, first_medium, first_campaign, "
                 "first_term, first_content, first_landing_page, first_referrer, first_at, the same with last_, "
                 "identifier.TYPE (such as identifier.ga_client_id), touches, first_seen, last_seen."),
          choice("overwrite", {"ours", "always"}, "ours",
                 "ours: only what is empty or what Headwater wrote; always: a person's entries too."),
          within(optional("daily_limit", OptionType::integer, "5000", "Records written in one day."), 1, 10'000'000,
                 "records"),
          option("go_live", OptionType::text,
                 "Records created before this date or time are left alone; left out: from the first start."),
          optional("history", OptionType::boolean, "false", "Write records created before go-live too."),
      });
}

OptionDecl connectors() {
  return group(
      "connectors", OptionType::group_map,
      "Connector instances by name. An included file holds the same: names with options.",
      {
          needed("type", OptionType::text, "Kind of connector, such as csv."),
          optional("enabled", OptionType::boolean, "true", "false: neither pulls nor sends; what is due waits."),
          within(optional("pull_every", OptionType::duration, "15m", "Pause between two pulls of a source."), 1,
                 30 * kDay),
      });
}

Decls all_sections() {
  return {
      option("include", OptionType::text_list,
             "Connector files: paths or patterns from the main file's directory, such as connectors.d/*.yaml."),
      reporting(),
      state(),
      service(),
      consent(),
      identity(),
      channels(),
      within(optional("gather", OptionType::duration, "1h",
                      "A subject rests so long after its last change before a conversion is made of it."),
             0, 30 * kDay),
      credentials(),
      stages(),
      goals(),
      destinations(),
      source_fields(),
      connectors(),
  };
}

}  // namespace

const std::vector<OptionDecl>& main_sections() {
  static const Decls kSections = all_sections();
  return kSections;
}

const OptionDecl& section(const std::string& name) {
  for (const OptionDecl& d : main_sections()) {
    if (d.name == name) return d;
  }
  std::abort();
}

}  // namespace hw::settings
