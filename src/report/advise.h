#pragma once
#include <optional>
#include <string>
#include <vector>

#include "report/table.h"
#include "settings/instances.h"
#include "settings/settings.h"
#include "store/engine/db.h"

/// Which stage a platform can learn from: the deepest that is reached often enough, and soon enough after the click.
namespace hw::report {

/// A time that was waited: until the event, or until now without it (censored).
struct Waited {
  Duration time{};
  bool happened = false;
};
/// Kaplan-Meier: the smallest time at which at most `left` (in millionths) of all have not seen the event; nullopt when
/// that was never reached. Events come before censorings of the same time.
std::optional<Duration> waited_until(std::vector<Waited> all, std::int64_t left);

/// One goal of a platform account, shallowest first.
struct StageFacts {
  std::string goal;
  std::int64_t last_30_days = 0;  ///< conversions with an identifier that the platform takes
  std::optional<Duration> lag;    ///< 90th percentile from click to stage, leads that are not there yet censored
  Duration window{};
};
/// The latest lag at which a platform still learns: a week before the window ends. A window of a week or less, such as
/// one that begins with the conversion itself, leaves room for none.
Duration latest_lag(Duration window);

/// What is said of one stage.
struct Verdict {
  bool chosen = false;
  bool few = false;   ///< under 15 in 30 days
  bool thin = false;  ///< 15 to 29: the platform learns slowly
  bool late = false;  ///< the lag is above latest_lag, or 90 % of many never get there
  [[nodiscard]] bool fits() const { return !few && !late; }
};
/// "choose", "choose (thin)", "fits", "too few, too late", ...
std::string to_text(const Verdict& verdict);

/// The deepest that fits with at least 30 conversions in 30 days is chosen, else the deepest that fits, else the
/// shallowest, which then says what it lacks.
std::vector<Verdict> advise(const std::vector<StageFacts>& stages);

/// Per platform account and goal: past conversions and money that the destination would be wanted for (the goal's
/// `when:` and its own `route:` hold; go-live does not matter), the share of both that came within the window, and the
/// stage to choose, for the account as a whole (no campaign groups). Reads every conversion. `headwater advise stages`.
std::vector<Table> advise_stages(store::Tx& tx, const settings::Settings& settings,
                                 const settings::Connectors& connectors, Timestamp now);

}  // namespace hw::report
