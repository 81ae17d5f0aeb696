#include <array>
#include <cstdio>

#include "model/money.h"
#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

constexpr std::array kGiven{"Ada",   "Bruno", "Carla", "Dieter", "Elena", "Farid",
                            "Greta", "Hugo",  "Ines",  "Jonas",  "Kira",  "Luca"};
constexpr std::array kFamily{"Muster", "Beispiel", "Sample", "Probe", "Exemplar", "Testmann", "Vorlage", "Modell"};
constexpr std::array kTrades{"Logistics", "Foods", "Robotics", "Textiles", "Clinics", "Energy", "Media", "Tools"};

/// Numbers that are kept free for films and books: 030 23125-xxx of Berlin, and 555-01xx of any American area. Written
/// as people there do; nobody else's, so that each is one person's.
std::string phone_of(std::size_t person, const std::string& country) {
  constexpr std::array kAreas{"202", "212", "303", "312", "404", "415", "503", "617", "702", "713"};
  char text[32] = "";
  if (country == "US" && person < 100 * kAreas.size())
    std::snprintf(text, sizeof text, "(%s) 555-01%02zu", kAreas[person / 100], person % 100);
  if (country == "DE" && person < 1000) std::snprintf(text, sizeof text, "030 23125-%03zu", person);
  return text;
}

std::string priced(std::int64_t micros, const std::string& currency) {
  return human({micros, Currency::parse(currency).value()});
}

}  // namespace

std::string Company::company_name(std::size_t company) const {
  return std::string(kFamily[company % kFamily.size()]) + " " + kTrades[company / kFamily.size() % kTrades.size()] +
         " " + std::to_string(company + 1);
}

std::size_t Company::buyer(const std::string& country) { return person(companies_++, country); }

std::size_t Company::colleague(std::size_t of) { return person(buyers_[of].company, buyers_[of].country); }

std::size_t Company::person(std::size_t company, const std::string& country) {
  const std::size_t i = buyers_.size();
  Buyer b;
  b.company = company;
  b.country = country;
  b.given_name = kGiven[choose(kGiven.size())];
  b.family_name = kFamily[choose(kFamily.size())];
  b.email =
      b.given_name + "." + b.family_name + std::to_string(i) + "@company" + std::to_string(company) + ".example.com";
  b.phone = phone_of(i, country);
  b.client_id = std::to_string(100'000'000 + choose(900'000'000)) + "." + std::to_string(1'735'000'000 + i);
  if (country == "US") {
    b.account = Names::kUs;
    b.consent.clear();
  }
  buyers_.push_back(b);
  return i;
}

const Way& Company::any_way() {
  int all = 0;
  for (const Way& w : ways()) all += w.weight;
  int at = static_cast<int>(choose(static_cast<std::size_t>(all)));
  for (const Way& w : ways())
    if ((at -= w.weight) < 0) return w;
  return ways().front();
}

void Company::wander(std::size_t b, double from, double to) {
  for (std::size_t n = choose(4); n > 0; --n) visit(b, pick(from, to), any_way());
}

void Company::known_as(const std::string& click, double days, const std::string& email, const std::string& phone) {
  at(days, [=](World& w) {
    for (AdClick& c : w.ads.clicks) {
      if (c.value != click) continue;
      c.visitor_email = email;
      c.visitor_phone = phone;
    }
  });
}

void Company::unclaimed(const std::string& click, double days) { known_as(click, days, "", ""); }

/// Into the CRM, with the company if it is not there yet.
void Company::enter(std::size_t b, World& w, std::map<std::string, std::string> properties) {
  Buyer& buyer = buyers_[b];
  for (const auto& [name, value] : std::map<std::string, std::string>{{"email", buyer.email},
                                                                      {"given_name", buyer.given_name},
                                                                      {"family_name", buyer.family_name},
                                                                      {"country", buyer.country},
                                                                      {"lifecycle", "lead"},
                                                                      {"consent_ads", buyer.consent}})
    properties.emplace(name, value);
  buyer.contact = w.crm.create("contacts", properties, w.now);
  auto [account, is_new] = accounts_.try_emplace(buyer.company);
  if (is_new)
    account->second = w.crm.create("companies",
                                   {{"name", company_name(buyer.company)},
                                    {"domain", "company" + std::to_string(buyer.company) + ".example.com"},
                                    {"country", buyer.country}},
                                   w.now);
  w.crm.tie("contacts", buyer.contact, "companies", account->second, true, w.now);
}

/// The form keeps the browser's client id and click id beside what the person types.
void Company::form(std::size_t b, double days) {
  at(days, [=, this](World& w) {
    enter(b, w, {{"phone", buyers_[b].phone}, {"ga_client_id", buyers_[b].client_id}, {"gclid", buyers_[b].click}});
    say(w, "contact " + buyers_[b].contact + " of " + company_name(buyers_[b].company) + " fills in a form");
  });
}

void Company::lifecycle(std::size_t b, double days, const std::string& stage) {
  at(days, [=, this](World& w) {
    w.crm.set("contacts", buyers_[b].contact, "lifecycle", stage, w.now);
    if (stage == "sql") say(w, "contact " + buyers_[b].contact + " is qualified by sales");
  });
}

void Company::set_contact(std::size_t b, double days, const std::string& property, const std::string& value) {
  at(days, [=, this](World& w) { w.crm.set("contacts", buyers_[b].contact, property, value, w.now); });
}

std::size_t Company::deal(std::size_t b, double days, std::int64_t micros, const std::string& currency,
                          const std::string& type) {
  const std::size_t d = deals_.size();
  deals_.push_back({b, "", currency});
  at(days, [=, this](World& w) {
    deals_[d].id = w.crm.create("deals",
                                {{"name", company_name(buyers_[b].company) + ", " + type},
                                 {"amount", micros < 0 ? "" : decimal(micros, 2)},
                                 {"currency", currency},
                                 {"stage", "appointment"},
                                 {"pipeline", "default"},
                                 {"deal_type", type}},
                                w.now);
    w.crm.tie("deals", deals_[d].id, "contacts", buyers_[b].contact, true, w.now);
    w.crm.tie("deals", deals_[d].id, "companies", accounts_[buyers_[b].company], true, w.now);
  });
  return d;
}

/// One more person of the buying group.
void Company::join(std::size_t d, std::size_t b, double days) {
  at(days, [=, this](World& w) { w.crm.tie("deals", deals_[d].id, "contacts", buyers_[b].contact, false, w.now); });
}

void Company::stage(std::size_t d, double days, const std::string& stage) {
  at(days, [=, this](World& w) {
    const Deal& deal = deals_[d];
    w.crm.set("deals", deal.id, "stage", stage, w.now);
    const std::string amount = w.crm.find("deals", deal.id)->get("amount");
    say(w, "deal " + deal.id + " of " + company_name(buyers_[deal.buyer].company) + ": " + stage + ", " +
               (amount.empty() ? "no amount" : priced(parse_micros(amount).value_or(0), deal.currency)));
  });
}

void Company::set_deal(std::size_t d, double days, const std::string& property, const std::string& value) {
  at(days, [=, this](World& w) { w.crm.set("deals", deals_[d].id, property, value, w.now); });
}

void Company::set_amount(std::size_t d, double days, std::int64_t micros) {
  at(days, [=, this](World& w) {
    w.crm.set("deals", deals_[d].id, "amount", decimal(micros, 2), w.now);
    say(w, "deal " + deals_[d].id + ": the amount is now " + priced(micros, deals_[d].currency));
  });
}

void Company::merge_contacts(std::size_t loser, std::size_t winner, double days) {
  at(days, [=, this](World& w) { w.crm.merge("contacts", buyers_[loser].contact, buyers_[winner].contact, w.now); });
}

}  // namespace hw::sandbox
