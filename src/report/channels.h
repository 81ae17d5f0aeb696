#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/timestamp.h"
#include "report/table.h"
#include "settings/settings.h"
#include "store/engine/db.h"

/// What each channel brought, and what it cost.
namespace hw::report {

/// The touch that gets the whole of a deal.
enum class CreditModel : std::uint8_t { first, last, last_non_direct };
std::optional<CreditModel> credit_model(std::string_view name);

/// Deals and cost of [from, to).
struct ChannelsAsked {
  CreditModel model = CreditModel::first;
  Timestamp from = Timestamp::min(), to = Timestamp::max();
};

/// Per channel: deals that entered the pipeline within the span, and their amounts as they stand now; won ones by the
/// time they were won; cost by its day; cost per unit of pipeline, and won revenue per unit of cost (ROAS). A deal's
/// touches are those of its contacts in the 365 days before it entered the pipeline, or for revenue before it was won;
/// a deal without any stands under "(unattributed)", so that the channels add up to all deals. Entering a won stage
/// enters the pipeline. Left out are deleted and merged deals and what the revenue goal's `when` leaves out (tests).
///
/// Nothing is converted: amounts in other currencies than the reporting one stand in a second table, which is left out
/// when it is empty. `headwater report channels`.
std::vector<Table> channels(store::Tx& tx, const settings::Settings& settings, const ChannelsAsked& asked);

}  // namespace hw::report
