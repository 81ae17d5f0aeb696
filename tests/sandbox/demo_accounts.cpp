#include "sandbox/demo_accounts.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "model/money.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;

const std::map<std::string, const char*> kWords{
    {"consent", "no consent to tell ad platforms"},
    {"expired", "longer ago than the platform takes"},
    {"no_identifier", "nothing by which the platform could know the buyer"},
    {"rejected", "the platform knows no click of theirs"},
    {"waiting", "on its way"},
    {"settling", "a correction that waits three days, in case it was a slip of the hand"},
    {"uncorrectable", "told, and not to be changed: the platform cannot, or consent was withdrawn"},
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
  const std::string reason = r.at("reason");
  const auto words = kWords.find(reason);
  const std::string amount_text = amount(micros(r, "value")) + " " + r.at("currency").get<std::string>();
  char text[200];
  std::snprintf(text, sizeof text, "  %-18s %18s  %3d x %s: %s\n", r.at("destination").get<std::string>().c_str(),
                amount_text.c_str(), r.at("conversions").get<int>(), reason.c_str(),
                words == kWords.end() ? "" : words->second);
  return text;
}

}  // namespace

std::string accounts_in_words(const std::string& reconciliation) {
  const json all = json::parse(reconciliation);
  std::string out = "What each platform should know by now, and what it was told:\n\n" +
                    line("", "", "should know", "knows", "not told", "told too much");
  for (const json& r : all.at("accounts")) {
    const std::int64_t wanted = micros(r, "wanted"), told = micros(r, "told"), taken = micros(r, "taken");
    if (wanted == 0 && told == 0) continue;
    out += line(r.at("destination"), r.at("currency"), amount(wanted), amount(taken), amount(wanted - taken),
                amount(told - taken));
  }
  out += "\nWhere the two differ, every cent has a reason:\n\n";
  for (const json& r : all.at("reasons"))
    if (r.at("state") == "missing" || r.at("state") == "excess") out += reason_line(r);
  return out;
}

}  // namespace hw::sandbox
