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
struct Advice {
  std::optional<std::size_t> chosen;  ///< index of the stages
  bool thin = false;                  ///< few conversions: the platform learns slowly
};
/// Deepest feasible with at least 30 conversions in 30 days, else with at least 15 (thin), else the shallowest (thin).
/// Feasible: at least 15, and the lag no later than seven days before the window's end.
Advice advise(const std::vector<StageFacts>& stages);

/// Per platform account and goal: past conversions and money that the destination would be wanted for (the goal's
/// `when:` and its own `route:` hold; go-live does not matter), the share of both that came within the window, and the
/// stage to choose. Reads every conversion. `headwater advise stages`.
std::vector<Table> advise_stages(store::Tx& tx, const settings::Settings& settings,
                                 const settings::Connectors& connectors, Timestamp now);

}  // namespace hw::report
