#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hw::sandbox {

/// A way by which visitors come: one channel of GA4's default group, as a source and medium.
struct Way {
  const char *channel, *source, *medium;
  int weight;            ///< of a hundred visits about so many
  const char* referrer;  ///< the page they come from, "" = none
};
/// The twelve channels of the company, some by more than one way.
const std::vector<Way>& ways();
/// The way whose source and medium these are. Both empty: direct.
const Way& way_of(const std::string& source, const std::string& medium);

/// An ad campaign, and what it costs a day.
struct Campaign {
  std::string source, medium, name, currency;
  std::int64_t cents_a_day = 0;
  std::string term, content;  ///< what was searched for, "" where nobody searched; which of the ads it is
};
/// Sixty of them. Those for the US are paid in dollars.
const std::vector<Campaign>& campaigns();
/// Those of a way; empty for what is not paid.
std::vector<const Campaign*> campaigns_of(const Way& way);

}  // namespace hw::sandbox
