#include "sandbox/demo_accounts.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "model/money.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;

using State = std::pair<std::string, std::string>;

const std::map<State, const char*> kWords{
    {{"missing", "consent"}, "no consent to tell ad platforms"},
    {{"missing", "expired"},
     "the platform's window closed: won too late, or nothing named the buyer while it was open"},
    {{"missing", "no_identifier"}, "nothing by which the platform could know the buyer"},
    {{"missing", "rejected"}, "they came by something else than an ad, says the platform: as it should be"},
    {{"missing", "waiting"}, "on its way"},
    {{"missing", "uncorrectable"}, "told with less, and the platform takes no correction"},
    {{"excess", "consent"}, "told before consent was withdrawn; since then no correction may be sent"},
    {{"excess", "settling"}, "a correction that waits three days, in case it was a slip of the hand"},
    {{"excess", "waiting"}, "a correction on its way"},
    {{"excess", "uncorrectable"}, "told, and the platform takes no such correction"},
};

std::int64_t micros(const json& row, const char* name) { return parse_micros(row.at(name).dump()).value_or(0); }

std::string amount(std::int64_t m) {
  std::string text = human({m, Currency::parse("EUR").value()});
  return text.substr(0, text.find(' '));
}

/// A line of the table; the first column is text, the others are numbers.
std::string line(const std::string& destination, const std::string& currency, const std::string& a,
                 const std::string& b, const std::string& c, const std::string& d) {
  char text[160];
  std::snprintf(text, sizeof text, "  %-18s %-4s %14s %14s %14s %14s\n", destination.c_str(), currency.c_str(),
                a.c_str(), b.c_str(), c.c_str(), d.c_str());
  return text;
}

std::string reason_line(const json& r) {
  const std::string state = r.at("state"), reason = r.at("reason");
  const auto words = kWords.find({state, reason});
  const std::string amount_text = amount(micros(r, "value")) + " " + r.at("currency").get<std::string>();
  char text[240];
  std::snprintf(text, sizeof text, "  %-18s %18s %s  %3d x %s: %s\n", r.at("destination").get<std::string>().c_str(),
                amount_text.c_str(), state.c_str(), r.at("conversions").get<int>(), reason.c_str(),
                words == kWords.end() ? "" : words->second);
  return text;
}

/// Francs: the routes of the ad accounts take euros and dollars.
std::string routed_nowhere(const json& reasons) {
  for (const json& r : reasons)
    if (r.at("destination") == "ads_won" && r.at("currency") == "CHF" && r.at("reason") == "excluded_by_goal")
      return "\n" + std::to_string(r.at("conversions").get<int>()) +
             " deals in CHF go to no ad account: the `route:` of ads_won takes EUR alone, that of ads_won_us USD "
             "(excluded_by_goal).\n";
  return "";
}

}  // namespace

std::string accounts_in_words(const std::string& reconciliation) {
  const json all = json::parse(reconciliation);
  std::string out = "What each platform is wanted to know by now, and what it was told:\n\n" +
                    line("", "", "wanted", "taken", "missing", "excess");
  for (const json& r : all.at("accounts")) {
    const std::int64_t wanted = micros(r, "wanted"), told = micros(r, "told"), taken = micros(r, "taken");
    if (wanted == 0 && told == 0) continue;
    out += line(r.at("destination"), r.at("currency"), amount(wanted), amount(taken), amount(wanted - taken),
                amount(told - taken));
  }
  std::string lines;
  bool as_it_should_be = true;  // braked rows, for one, wait for a person
  for (const json& r : all.at("reasons")) {
    if (r.at("state") != "missing" && r.at("state") != "excess") continue;
    lines += reason_line(r);
    as_it_should_be = as_it_should_be && kWords.contains({r.at("state"), r.at("reason")});
  }
  out += "\nwanted = taken + missing, told = taken + excess. Where they differ, every cent has a reason" +
         std::string(as_it_should_be ? ", and none of\nthese needs a person" : "") + ":\n\n" + lines;
  return out + routed_nowhere(all.at("reasons"));
}

}  // namespace hw::sandbox
