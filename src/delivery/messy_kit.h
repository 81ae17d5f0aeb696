#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "conformance/books.h"

/// The messy life of a deal at every kind of platform: what the messy_*_test.cpp share.
namespace hw::delivery::messy {

using conformance::kDay;
using conformance::kHour;
using conformance::PlatformFault;

/// Kinds of platforms, by what a correction and a repeat do there.
enum Kind : unsigned {
  plain = 1,             ///< takes nothing back, has no dedup key
  overwriting = 2,       ///< a repeated key overwrites, for ever; zero is refused, nothing is retracted; counts confirm
  final_zero = 4,        ///< restates and retracts, zero is final; each row is confirmed
  zero_refused = 8,      ///< restates, but not to zero
  two_days = 16,         ///< takes nothing back; a key lives for 48 hours, a conversion for a week
  no_receipt = 32,       ///< says yes to everything, takes nothing back; browsers alone, three days old at most
  refunding = 64,        ///< the same, and takes a purchase back whole, for good
  by_counts = 128,       ///< restates and retracts; requests of many rows, confirmed by counts
  once_per_click = 256,  ///< as final_zero, and counts one conversion of a click
  zeroing = 512          ///< restates alone, to a zero that is final; a repeated key overwrites; counts confirm
};
constexpr unsigned kAll = 1023;
constexpr unsigned kRestating = overwriting | final_zero | zero_refused | by_counts | once_per_click | zeroing;
constexpr unsigned kUncorrecting = plain | two_days | no_receipt;
constexpr unsigned kTakingBack = final_zero | refunding | by_counts | once_per_click | zeroing;
constexpr unsigned kStuck = kAll & ~kTakingBack;            ///< a lost deal stays believed there
constexpr unsigned kAgain = kTakingBack & ~once_per_click;  ///< taken back, it may come again as another
constexpr unsigned kWithoutKey = plain | no_receipt;        ///< a lost answer stays unknown
constexpr unsigned kBrowsers = no_receipt | refunding;      ///< know client ids alone, for three days

struct Platform {
  Kind kind;
  const char* name;
  connect::Contract contract;    ///< what its sink says of it
  conformance::BookRules rules;  ///< what it does
};
const std::vector<Platform>& platforms();
inline void PrintTo(const Platform& p, std::ostream* out) { *out << p.name; }

/// A loop at one platform, with people that every platform knows by something.
class Story : public conformance::Loop {
 public:
  explicit Story(const Platform& platform, std::uint64_t seed = 1);
  const Platform& platform;

  /// With a click ("" = none) and a browser.
  void person(const std::string& id, const std::string& click);
  /// A deal of that contact.
  void of(const std::string& deal, const std::string& contact, const std::string& stage, const std::string& amount);
  /// A person of its own and their deal that is won.
  void won(const std::string& deal, const std::string& amount = "100");
  /// A second goal, "qualified", told to the destination "early" at another action of the same account.
  void add_early_goal();
  /// Nothing of what was reached leaves in the next hour.
  void hold_back() { sink().minimum_wait = kHour; }

  /// "taken 150/100 USD; ...": state, reason, wanted / told of every conversion at every destination. With several
  /// deals each begins with its name; destinations other than "ads" are named.
  std::string says();
  /// Rows that reached the platform.
  std::size_t rows();
  /// Between ledger, books and accounts; empty when there are none.
  std::string disagreements();

 private:
  std::vector<std::string> deals_;
};

struct End {
  unsigned kinds;
  std::string stands;  ///< Story::says()
  std::size_t rows;    ///< Story::rows()
};
/// What happens, and how it ends at each platform once everything had time to settle.
struct Case {
  const char* name;
  std::function<void(Story&)> story;
  std::vector<End> ends;
};
/// Runs it at every platform; each must stand in exactly one end.
void expect_ends(const Case& c);

inline std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }
inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

}  // namespace hw::delivery::messy
