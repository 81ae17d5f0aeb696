// Commands that look at the store beside a running daemon.
#include <iostream>

#include "cli/command.h"
#include "ledger/reasons.h"
#include "report/explain.h"
#include "report/reconciliation.h"
#include "report/status.h"
#include "report/uploads.h"

namespace hw::cli {

int status(const Common& common) {
  return show(common, [](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    return report::status(tx, app.settings, app.clock->system_now(), app.connectors);
  });
}

int explain(const Common& common, const std::string& object, const std::string& id) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    return report::explain(tx, app.settings, *object_from(object), id);
  });
}

int uploads_list(const Common& common, const UploadsArgs& args) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    store::ledger_rows::UploadFilter filter{.destination = args.destination,
                                            .state = args.state,
                                            .code = {},
                                            .made_before = {},
                                            .made_after = {},
                                            .after_id = 0,
                                            .limit = args.limit,
                                            .reason = args.reason,
                                            .goal = args.goal,
                                            .tried_before = {},
                                            .tried_after = {}};
    const Timestamp now = app.clock->system_now();
    for (const auto& [text, bound] :
         {std::pair{&args.older_than, &filter.tried_before}, std::pair{&args.newer_than, &filter.tried_after}}) {
      auto at = before(now, *text);
      if (!at) return at.error();
      *bound = *at;
    }
    if (UploadState s{}; !args.state.empty() && !from_string(args.state, s))
      return bad_argument(
          "'" + args.state +
          "' is no state: pending, in_flight, retrying, received, processed, rejected, uncertain or superseded");
    auto listed = report::uploads(tx, filter, app.settings.zone);
    // One that left the configuration may still have rows.
    store::ledger_rows::UploadFilter any_of_names;
    any_of_names.destination = args.destination;
    any_of_names.goal = args.goal;
    any_of_names.limit = 1;
    if (listed.rows.empty() && store::ledger_rows::list_uploads(tx, any_of_names).empty())
      if (auto known = check_names(app.settings, args.destination, args.goal); !known) return known.error();
    return std::vector{std::move(listed)};
  });
}

int uploads_show(const Common& common, std::int64_t id) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    auto tables = report::upload(tx, id, app.settings.zone);
    if (tables.empty())
      return bad_argument("there is no upload " + std::to_string(id) + ": headwater uploads list shows their ids");
    return tables;
  });
}

int report_reconciliation(const Common& common, const ReconciliationArgs& args) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    const bool behind = args.conversions || !args.reason.empty() || !args.state.empty() || !args.destination.empty() ||
                        !args.goal.empty();
    if (!behind) return report::reconciliation(tx);
    if (!args.reason.empty() && !ledger::reason_from(args.reason) && args.reason != "correction_waiting")
      return bad_argument("'" + args.reason + "' is no reason: the report lists them");
    if (!args.state.empty() && !ledger::state_from(args.state))
      return bad_argument("'" + args.state + "' is no state: taken, missing, excess, none, uncertain or unlocated");
    auto listed = report::conversions(
        tx,
        {.destination = args.destination, .goal = args.goal, .reason = args.reason, .state = args.state, .limit = 0},
        app.settings.zone);
    if (listed.rows.empty())
      if (auto known = check_names(app.settings, args.destination, args.goal); !known) return known.error();
    return std::vector{std::move(listed)};
  });
}

}  // namespace hw::cli
