#include "sandbox/plain_deals.h"

#include "model/money.h"
#include "sandbox/company.h"

namespace hw::sandbox {

using std::chrono::hours;

void make_accounts(World& world, const std::string& drop, Timestamp since) {
  Company setting(1, drop);
  setting.advance(world, setting.start() - hours(2400));
  for (AdAction& action : world.ads.actions) action.created = since;
}

std::int64_t plain_amount(int n) { return (1000 + n) * kUnit + n % 100 * 10'000; }

void win_plain_deal(World& world, int n, Timestamp at) {
  const std::string email = "buyer" + std::to_string(n) + "@example.com", click = "click-" + std::to_string(n);
  world.ads.clicks.push_back(
      {.type = "gclid", .value = click, .at = at - hours(2), .account = Names::kEu, .visitor_email = email});
  const std::string contact = world.crm.create("contacts",
                                               {{"email", email},
                                                {"gclid", click},
                                                {"ga_client_id", std::to_string(100'000'000 + n) + ".1735000000"},
                                                {"consent_ads", "granted"},
                                                {"lifecycle", "lead"}},
                                               at);
  const std::string deal = world.crm.create("deals",
                                            {{"name", "Deal " + std::to_string(n)},
                                             {"amount", decimal(plain_amount(n), 2)},
                                             {"currency", "EUR"},
                                             {"stage", "appointment"},
                                             {"pipeline", "default"},
                                             {"deal_type", "new"}},
                                            at);
  world.crm.tie("deals", deal, "contacts", contact, true, at);
  world.crm.set("deals", deal, "stage", "won", at);
}

}  // namespace hw::sandbox
