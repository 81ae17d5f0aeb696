// Commands by which a person steers the flow: what is paused, and what is tried again.
#include <algorithm>
#include <iostream>

#include "base/text.h"
#include "cli/command.h"
#include "cli/pasteable.h"
#include "model/money.h"
#include "reconcile/retry.h"
#include "service/commands.h"
#include "service/login.h"
#include "store/service_rows.h"

namespace hw::cli {
namespace {

using reconcile::Retried;
using reconcile::RetryAsked;

/// Why rows are left, for people.
std::string explained(const std::string& why) {
  static const std::map<std::string, std::string> texts{
      {"on_its_way", "goes by itself"},
      {"taken", "the platform took it"},
      {"superseded", "a later row took its place"},
      {"taken_by_later_row", "the platform took a later row of the conversion"},
      {"later_row", "a later row of the conversion stands or is on its way"},
      {"uncertain", "nobody knows whether it was taken: name it, with --uncertain"},
      {"may_have_been_taken", "an earlier attempt was never answered, and a repeat might count twice"},
      {"another_value_is_wanted", "something else is wanted by now than it says"},
      {"not_in_configuration", "its destination is not in the configuration, or its connector disabled"},
      {"mode_changed", "made in another mode than its destination has"},
      {"waiting", "once its record has rested"},
      {"settling", "once the CRM's change has settled"},
      {"too_recent", "once the platform takes it"},
      {"history_pending", "once the history of its people is told"},
      {"expired", "outside the platform's window"},
      {"consent", "no consent"},
      {"not_wanted", "the goal no longer holds"},
      {"dedup_window_closed", "may be counted twice: the platform's dedup window has closed"},
      {"other_connector", "made for a connector of another kind than its destination has"},
      {"no_item", "what it said is not known: it was noted after a restore"},
      {"no_identifier", "no click id or user data that the platform takes"},
      {"platform_counts_once", "the action counts one and has another conversion"},
      {"lost_by_final_retraction", "the platform's zero was final"},
      {"uncorrectable", "the platform takes no such correction"},
      {"before_go_live", "reached before go-live: headwater backfill sends history"},
      {"excluded_by_goal", "a `when:` or `route:` condition does not hold"},
      {"no_value", "the CRM has no amount"},
      {"not_positive", "zero or below"},
      {"merged", "its record lives on in another"},
      {"gone", "its record is out of the CRM user's sight"},
      {"braked", "behind a brake: headwater plan approve"},
      {"rejected", "the same request would be refused again: mend the record or the configuration"},
      {"no_such_row", "headwater uploads list shows the ids"}};
  const auto it = texts.find(why);
  return it == texts.end() ? "" : it->second;
}

std::string listed(const Retried& r) {
  std::string out;
  for (const std::int64_t id : r.ids) out += (out.empty() ? "" : " ") + std::to_string(id);
  return out + (r.n > static_cast<std::int64_t>(r.ids.size()) ? " ..." : "");
}

report::Table retried(const std::vector<Retried>& done, bool dry_run) {
  report::Table t{.name = "retry",
                  .title = dry_run ? "What would be tried again" : "What is tried again",
                  .columns = {{"destination", "Destination"},
                              {"becomes", "Becomes"},
                              {"reason", "Reason"},
                              {"rows", "Rows", report::Holds::number},
                              {"value", "Value", report::Holds::number},
                              {"currency", "Currency"},
                              {"uploads", "Uploads"},
                              {"detail", "Detail", report::Holds::advice}},
                  .rows = {},
                  .note = {}};
  for (const Retried& r : done) {
    auto code = Currency::parse(r.currency);
    t.rows.push_back({r.destination, r.again ? "tried_again" : "left", r.why, std::to_string(r.n),
                      decimal(r.micros, code ? code->minor_digits() : 2), r.currency, listed(r), explained(r.why)});
  }
  if (t.rows.empty()) t.note = "No row that was rejected or is uncertain fits.";
  return t;
}

bool any_again(const std::vector<Retried>& done) {
  return std::any_of(done.begin(), done.end(), [](const Retried& r) { return r.again; });
}

Result<RetryAsked> retry_asked(const service::App& app, const RetryArgs& args) {
  const bool by_filter = !args.destination.empty() || !args.goal.empty() || !args.reason.empty() ||
                         !args.newer_than.empty() || !args.older_than.empty();
  if (args.ids.empty() == !by_filter)
    return bad_argument("say which rows: their ids, or --destination, --goal, --reason, --newer-than, --older-than");
  if (args.uncertain && args.ids.empty())
    return bad_argument("--uncertain is decided row by row: name the ids (headwater uploads list --state uncertain)");
  if (auto ok = check_names(app.settings, args.destination, args.goal); !ok) return ok.error();
  RetryAsked asked{.ids = args.ids,
                   .destination = args.destination,
                   .goal = args.goal,
                   .reason = args.reason,
                   .tried_after = {},
                   .tried_before = {},
                   .uncertain = args.uncertain};
  const Timestamp now = app.clock->system_now();
  for (const auto& [text, bound] :
       {std::pair{&args.older_than, &asked.tried_before}, std::pair{&args.newer_than, &asked.tried_after}}) {
    auto at = before(now, *text);
    if (!at) return at.error();
    *bound = *at;
  }
  return asked;
}

int answer(const Common& common, const std::vector<Retried>& done, bool dry_run) {
  print(common, {retried(done, dry_run)});
  return any_again(done) ? kOk : kDifference;
}

/// A connector of the configuration; or, to be resumed, one that was paused before it left it.
Status check_connector(const service::App& app, const std::string& name, bool may_have_left) {
  if (app.settings.connector(name) != nullptr) return {};
  auto paused =
      app.db->read([&](store::Tx& tx) -> Result<bool> { return store::service_rows::is_paused_by_person(tx, name); });
  if (!paused) return paused.error();
  if (may_have_left && *paused) return {};
  return service::unknown_connector(app.settings, name);
}

int steer(const Common& common, const std::string& kind, const std::string& connector, const std::string& done) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::ask, code);
  if (!app) return code;
  if (auto ok = check_connector(*app, connector, kind == "resume"); !ok) return fail(ok.error());
  auto said = ask_holder(*app, kind, connector);
  if (!said) return fail(said.error());
  std::cout << pasteable(*said) << "\n";
  return said->starts_with(done) ? kOk : kDifference;
}

}  // namespace

int pause(const Common& common, const std::string& connector) { return steer(common, "pause", connector, "paused"); }

int resume(const Common& common, const std::string& connector) { return steer(common, "resume", connector, "resumed"); }

int uploads_retry(const Common& common, const RetryArgs& args) {
  using Access = service::AppOptions::Access;
  int code = kOk;
  auto app = open(common, args.dry_run ? Access::look : Access::ask, code);
  if (!app) return code;
  auto asked = retry_asked(*app, args);
  if (!asked) return fail(asked.error());
  if (args.dry_run) {
    auto tried = reconcile::try_retry(app->settings, app->connectors, *app->db, *app->clock, *asked);
    return tried ? answer(common, *tried, /*dry_run=*/true) : fail(tried.error());
  }
  auto said = ask_holder(*app, "uploads_retry", reconcile::to_text(*asked));
  if (!said) return fail(said.error());
  auto done = reconcile::retried_from(*said);
  return done ? answer(common, *done, /*dry_run=*/false) : fail(bad_argument(*said));
}

}  // namespace hw::cli
