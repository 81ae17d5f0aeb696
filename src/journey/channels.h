#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "connect/identifiers.h"
#include "connect/options.h"
#include "model/touch.h"

/// The channel of a touch by rules that are data: config/channels.yaml, built in, or a user's own file of the same
/// form.
namespace hw::journey {

struct ChannelData;  // channel_file.h

/// Constant after load but for a memo behind a lock; any thread.
class ChannelRules {
 public:
  using Errors = std::vector<connect::OptionError>;
  /// All errors of the text, by line; or the rules. `file` is named in the errors.
  static std::variant<ChannelRules, Errors> load(std::string_view text, const std::string& file);
  static ChannelRules built_in();
  /// The text of config/channels.yaml as built in.
  static std::string_view built_in_text();

  ChannelRules(ChannelRules&&) noexcept;
  ChannelRules& operator=(ChannelRules&&) noexcept;
  ~ChannelRules();

  /// "Paid Search", ... Source, medium and campaign compare trimmed and in lower case; placeholders and un-expanded
  /// macros count as absent, and a touch without source and medium is (direct) / (none).
  [[nodiscard]] std::string channel(const Touch& touch) const;
  /// "search", "shopping", "video", "social" or "".
  [[nodiscard]] std::string category(std::string_view source) const;

  /// Fills source and medium of a touch that has neither: from a click id that proves its source, else from the
  /// referrer (own domains and pages that send visitors back are none), else (direct) / (none). UTM fields that say
  /// something stay as they came. `own_domains` are the company's: "example.com" stands for its registrable domain.
  void normalise_source(Touch& touch, const connect::Vocabulary& vocabulary,
                        const std::set<std::string>& own_domains) const;

 private:
  struct Memo;
  explicit ChannelRules(std::unique_ptr<ChannelData> data);
  [[nodiscard]] std::string decide(const std::string& source, const std::string& medium,
                                   const std::string& campaign) const;
  [[nodiscard]] bool fill_from_referrer(Touch& touch, const std::set<std::string>& own_domains) const;

  std::unique_ptr<ChannelData> data_;
  std::unique_ptr<Memo> memo_;
};

}  // namespace hw::journey
