#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "conformance/loop.h"

/// What a platform believes, kept from the rows that reached it and by its own rules, without a look at the ledger or
/// at what the sink says of the platform.
namespace hw::conformance {

/// A platform's rules as a test states them.
struct BookRules {
  enum class Repeat { counts_again, is_ignored, overwrites } repeat = Repeat::counts_again;  ///< of an upload's key
  std::optional<Duration> remembers{};       ///< a key, since it came first; absent: for ever
  bool restates = false, retracts = false;   ///< what it can be told of what it took
  bool takes_zero = false;                   ///< as a restatement
  bool zero_is_final = false;                ///< zero or taken back: later words are ignored without an error
  bool retraction_counts_each_time = false;  ///< a second one takes the value off again
  std::optional<Duration> adjusts_for{};     ///< since the upload
  std::optional<Duration> takes_for{};       ///< the age of a conversion that it takes
  bool one_a_second = true;                  ///< two conversions of one click in the same second are one
  bool counts_click_once = false;            ///< the first conversion of a click; it stays the click's also at zero
};

class Books {
 public:
  struct Entry {
    std::int64_t micros = 0;
    std::string currency{}, target{}, identified_by{};
    Timestamp first_at{};
    int counted = 1;
    bool ended = false;  ///< by a final zero
    bool idle = false;   ///< taken and never counted: another has its click
  };

  Books(BookRules rules, const std::vector<Arrival>& log);

  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Of one key; nothing is believed of what never came.
  [[nodiscard]] Entry of(const std::string& key) const;
  /// What no correct sender does, a line each: another account for a correction, a second retraction, an operation that
  /// the platform lacks, ...
  [[nodiscard]] const std::string& complaints() const { return complaints_; }

 private:
  struct Row;
  void upload(const Row& row);
  void repeat(Entry& e, const Row& row);
  void adjust(const Row& row);
  void complain(const Row& row, const char* what);

  BookRules rules_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> used_;     ///< targets and clicks
  std::set<std::string> moments_;  ///< targets, clicks and seconds
  std::string complaints_;
};

/// One line for each difference between what the ledger says that a platform believes and what its books hold, key by
/// key and to the micro; empty when they agree. Rows of unknown fate must hold the books between their bounds.
std::string against_books(Loop& l, const std::string& connector, const Books& books);

/// One line for each equation of the accounts that does not hold, and for each running total that is not the sum of its
/// standings (DESIGN section 5, The accounts).
std::string unbalanced(Loop& l);

/// "100", "99.99", "100 USD"; euros go without saying.
std::string money_text(std::int64_t micros, const std::string& currency);

}  // namespace hw::conformance
