#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conformance/fake_platform.h"
#include "settings/settings.h"

/// Stories made by dice: a platform's rules, a configuration, and what befalls a few people and their deals. The same
/// seed gives the same story on every machine. src/reconcile/random_story_test.cpp tells them.
namespace hw::conformance {

/// What happens next; in_words() says what `who`, `whom` and `what` are of each. What cannot happen (a deal that does
/// not exist is changed) does not, so that any part of a story is a story.
struct Happening {
  // clang-format off
  enum class Verb : std::uint8_t {
    create, set, remove, bring_back, merge, part, consent,                     // in the CRM
    fault, outage, refuse, refuse_later, forget, calm,                         // at a platform
    pass, settle, reconcile, deliver, mode, approve, back_up, restore } verb;  // here
  // clang-format on
  std::string who{}, whom{}, what{};
  Duration time{};
};

/// D0, D1, ... are deals, C0, C1, ... people; each person has a click, and the story begins when they are known.
struct Story {
  connect::Contract platform;                   ///< of "ads_connector", which the first destination, "ads", uploads by
  std::optional<connect::Contract> adjuster{};  ///< of another connector of the platform, which corrects
  std::optional<connect::Contract> other{};     ///< of a second destination, "other", which has a platform of its own
  bool other_goal = false;                      ///< it has a goal of its own as well: early deals
  settings::Goal::Count count = settings::Goal::Count::once_per_lineage;
  Duration settle{}, gather{};
  std::size_t batch = 1;
  bool routed = false;  ///< only deals of team x go to "ads"
  bool send_zero = false;
  bool brake = false;  ///< one lowering at most goes unasked
  int people = 2;
  std::vector<Happening> happenings{};
};

/// What may befall a request.
extern const std::map<std::string, PlatformFault> kFaults;
/// After a restore the CRM is read again to its end, before anything is judged: `what` of a restore, or at once.
inline constexpr const char* kAnHourLater = ", an hour later";

/// `with_gap`: backups are made and restored.
Story draw_story(std::uint64_t seed, bool with_gap);
std::string in_words(const Happening& h);
std::string in_words(const Story& story);
/// A story with as little in it as was found to fail still.
Story shrink(Story story, const std::function<bool(const Story&)>& fails);

}  // namespace hw::conformance
