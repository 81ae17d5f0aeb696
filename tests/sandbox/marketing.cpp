#include "sandbox/marketing.h"

#include <array>
#include <cstdlib>

namespace hw::sandbox {
namespace {

constexpr std::array kThemes{"brand", "pricing", "comparison", "integration", "webinar", "trial", "report"};
constexpr std::array kRegions{"de", "at", "ch", "us", "fr"};

/// How many campaigns a way has, and what one of them costs a day.
struct Plan {
  const char *source, *medium;
  std::size_t campaigns;
  std::int64_t cents_a_day;
};
constexpr std::array kPlans{Plan{"google", "cpc", 18, 4'200},           Plan{"bing", "cpc", 4, 1'100},
                            Plan{"linkedin", "paid_social", 10, 6'000}, Plan{"facebook", "paid_social", 5, 1'900},
                            Plan{"google", "display", 9, 900},          Plan{"youtube", "cpv", 6, 1'500},
                            Plan{"partnernet", "affiliate", 3, 1'200},  Plan{"podcast", "audio", 2, 2'500},
                            Plan{"newsletter", "email", 3, 300}};

std::vector<Campaign> make_campaigns() {
  std::vector<Campaign> out;
  for (const Plan& p : kPlans) {
    for (std::size_t i = 0; i < p.campaigns; ++i) {
      const std::string region = kRegions[i % kRegions.size()];
      // The dearest campaign costs three times as much as the cheapest one.
      const std::int64_t cents =
          p.cents_a_day * static_cast<std::int64_t>(p.campaigns + 2 * i) / static_cast<std::int64_t>(2 * p.campaigns);
      out.push_back({p.source, p.medium,
                     std::string(p.source) + "-" + p.medium + "-" + kThemes[i % kThemes.size()] + "-" + region + "-" +
                         std::to_string(i + 1),
                     region == "us" ? "USD" : "EUR", cents,
                     std::string(p.medium) == "cpc" ? std::string(kThemes[i % kThemes.size()]) + " software" : "",
                     "ad-" + std::to_string(i % 3 + 1)});
    }
  }
  return out;
}

}  // namespace

const std::vector<Way>& ways() {
  static const std::vector<Way> all{
      {"Paid Search", "google", "cpc", 12, "https://www.google.com/"},
      {"Paid Search", "bing", "cpc", 3, "https://www.bing.com/search"},
      {"Organic Search", "google", "organic", 20, "https://www.google.com/"},
      {"Organic Search", "duckduckgo", "organic", 3, "https://duckduckgo.com/"},
      {"Paid Social", "linkedin", "paid_social", 8, "https://www.linkedin.com/feed/"},
      {"Paid Social", "facebook", "paid_social", 4, "https://l.facebook.com/"},
      {"Organic Social", "linkedin", "social", 6, "https://www.linkedin.com/feed/"},
      {"Email", "newsletter", "email", 9, ""},
      {"Referral", "reviews.example.com", "referral", 6, "https://reviews.example.com/crm"},
      {"Direct", "", "", 14, ""},
      {"Display", "google", "display", 5, "https://news.example.org/today"},
      {"Paid Video", "youtube", "cpv", 3, "https://www.youtube.com/watch"},
      {"Organic Video", "youtube", "organic", 3, "https://www.youtube.com/watch"},
      {"Affiliates", "partnernet", "affiliate", 2, "https://partner.example.net/deals"},
      {"Audio", "podcast", "audio", 2, ""}};
  return all;
}

const Way& way_of(const std::string& source, const std::string& medium) {
  for (const Way& w : ways())
    if (w.source == source && w.medium == medium) return w;
  std::abort();  // the script invents no other
}

const std::vector<Campaign>& campaigns() {
  static const std::vector<Campaign> all = make_campaigns();
  return all;
}

std::vector<const Campaign*> campaigns_of(const Way& way) {
  std::vector<const Campaign*> out;
  for (const Campaign& c : campaigns())
    if (c.source == way.source && c.medium == way.medium) out.push_back(&c);
  return out;
}

}  // namespace hw::sandbox
