#include "reconcile/retry.h"

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "ledger/item_json.h"
#include "reconcile/adopt.h"
#include "reconcile/brake.h"
#include "reconcile/plan.h"
#include "reconcile/restored.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using nlohmann::json;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;

constexpr std::int64_t kRetriedAtOnce = 100;
constexpr std::size_t kIdsNamed = 10;

struct RetryVerdict {
  bool again = false;
  std::string why;
};
RetryVerdict left(std::string why) { return {.again = false, .why = std::move(why)}; }

/// Why a row of that state is none of a retry's; "" if it stands still.
std::string moves_by_itself(UploadState state) {
  switch (state) {
    case UploadState::pending:
    case UploadState::in_flight:
    case UploadState::retrying:
      return "on_its_way";
    case UploadState::received:
    case UploadState::processed:
      return "taken";
    case UploadState::superseded:
      return "superseded";
    case UploadState::rejected:
    case UploadState::uncertain:
      return "";
  }
  return "";
}

bool was_taken(UploadState s) { return s == UploadState::received || s == UploadState::processed; }

/// What came after the row for its conversion at its destination.
std::string later_row(Tx& tx, const StoredUpload& row) {
  std::string later;
  for (const StoredUpload& u : rows::uploads(tx, row.conversion_id, row.destination)) {
    if (u.mode != row.mode || u.revision <= row.revision || u.state == UploadState::superseded) continue;
    if (was_taken(u.state)) return "taken_by_later_row";
    later = "later_row";
  }
  return later;
}

/// Why the words of a row cannot be said once more. What a lost daemon may have said between a backup and its restore
/// is noted without them.
std::string unspeakable(const StoredUpload& row, const DestinationPlan& plan) {
  const auto item = ledger::item_from_json(row.item);
  if (!item || item->body.empty()) return "no_item";
  const bool own = item->form.empty() || item->form == plan.sinks.of(row.operation)->contract().form;
  return own ? "" : "other_connector";
}

/// The reconciler makes the new revision when that has passed.
bool passes_by_itself(const std::string& reason) {
  const auto r = ledger::reason_from(reason);
  return r == ledger::Reason::waiting || r == ledger::Reason::too_recent || r == ledger::Reason::settling ||
         r == ledger::Reason::history_pending || r == ledger::Reason::braked;
}

bool tells_the_same(const StoredUpload& x, const StoredUpload& y) {
  return x.operation == y.operation && x.value_micros == y.value_micros && x.currency == y.currency;
}

class Retry {
 public:
  Retry(const settings::Settings& settings, const settings::Connectors& connectors, const RetryAsked& asked,
        Timestamp now)
      : settings_(settings), connectors_(connectors), asked_(asked), now_(now) {}

  void read_frame(Tx& tx) {
    frame_ = {.settings = &settings_,
              .plans = destination_plans(tx, settings_, connectors_, now_),
              .now = now_,
              .brake_closed =
                  [this, &tx](const DestinationPlan& p, std::int64_t conversion, const std::string& currency,
                              std::int64_t micros) {
                    if (braked_.contains(p.destination->name)) return true;
                    const auto before = lowered_.find({p.destination->name, currency});
                    const bool brakes = would_brake(tx, p, conversion, currency, micros, now_,
                                                    before == lowered_.end() ? Lowered{} : before->second);
                    if (brakes) braked_.insert(p.destination->name);
                    return brakes;
                  },
              .histories = history_sources(connectors_)};
  }

  /// The next rows that are asked for; empty when there are no more.
  std::vector<StoredUpload> page(Tx& tx) { return asked_.ids.empty() ? page_of_filter(tx) : page_of_ids(tx); }

  RetryVerdict judge(Tx& tx, const StoredUpload& row) {
    if (auto why = moves_by_itself(row.state); !why.empty()) return left(why);
    if (row.state == UploadState::uncertain && !asked_.uncertain) return left("uncertain");
    const auto plan = std::find_if(frame_.plans.begin(), frame_.plans.end(),
                                   [&](const auto& p) { return p.destination->name == row.destination; });
    if (plan == frame_.plans.end()) return left("not_in_configuration");
    if (row.mode != plan->destination->mode) return left("mode_changed");
    if (auto why = later_row(tx, row); !why.empty()) return left(why);
    if (ledger::may_have_been_taken(row, plan->contract_of(row))) return left("may_have_been_taken");
    if (row.state == UploadState::uncertain) {
      if (auto why = unspeakable(row, *plan); !why.empty()) return left(why);
      if (now_ >= row.expires_at) return left("expired");
    }
    return judge_anew(tx, row, *plan);
  }

  void note(const StoredUpload& row, const RetryVerdict& v) {
    Retried& sum = sums_[{row.destination, !v.again, v.why, row.currency}];
    sum.destination = row.destination;
    sum.again = v.again;
    sum.why = v.why;
    sum.currency = row.currency;
    ++sum.n;
    sum.micros += row.value_micros.value_or(0);
    if (sum.ids.size() < kIdsNamed) sum.ids.push_back(row.id);
  }

  /// Lets the row go again.
  void release(Tx& tx, StoredUpload row, const std::string& actor) const {
    const UploadState from = row.state;
    const std::string was = row.code + (row.detail.empty() ? "" : ": " + row.detail);
    const bool refused = from == UploadState::rejected;
    row.state = refused ? UploadState::superseded : UploadState::retrying;
    row.code = refused ? ledger::kRetried : ledger::kResent;
    row.detail = "a person has it tried again; it was " + std::string(to_string(from)) + ", " + was;
    if (!refused) row.attempts = 0;
    row.next_at = now_;
    rows::move(tx, row, from, actor, now_);
    store::service_rows::mark_subject_of(tx, row.conversion_id, "retry");
  }

  [[nodiscard]] std::vector<Retried> all() const {
    std::vector<Retried> out;
    for (const auto& [key, sum] : sums_) out.push_back(sum);
    return out;
  }

  /// How far it is, for resume().
  [[nodiscard]] std::string so_far() const {
    return json{{"state", state_}, {"after", after_}, {"next", next_}, {"done", to_text(all())}}.dump();
  }

  void resume(const std::string& so_far) {
    const json j = json::parse(so_far, nullptr, /*allow_exceptions=*/false);
    if (!j.is_object()) return;
    auto done = retried_from(j.value("done", ""));
    if (!done) return;
    state_ = j.value("state", std::size_t{0});
    after_ = j.value("after", std::int64_t{0});
    next_ = std::min(j.value("next", std::size_t{0}), asked_.ids.size());
    named_.insert(asked_.ids.begin(), asked_.ids.begin() + static_cast<std::ptrdiff_t>(next_));
    for (Retried& r : *done) sums_[{r.destination, !r.again, r.why, r.currency}] = r;
  }

 private:
  std::vector<StoredUpload> page_of_filter(Tx& tx) {
    for (; state_ < std::size(kStates); ++state_, after_ = 0) {
      auto some = rows::list_uploads(tx, {.destination = asked_.destination,
                                          .state = kStates[state_],
                                          .code = {},
                                          .made_before = {},
                                          .made_after = {},
                                          .after_id = after_,
                                          .limit = kRetriedAtOnce,
                                          .reason = asked_.reason,
                                          .goal = asked_.goal,
                                          .tried_before = asked_.tried_before,
                                          .tried_after = asked_.tried_after});
      if (some.empty()) continue;
      after_ = some.back().id;
      return some;
    }
    return {};
  }

  std::vector<StoredUpload> page_of_ids(Tx& tx) {
    std::vector<StoredUpload> out;
    for (; next_ < asked_.ids.size() && out.size() < kRetriedAtOnce; ++next_) {
      if (!named_.insert(asked_.ids[next_]).second) continue;
      auto row = rows::upload(tx, asked_.ids[next_]);
      StoredUpload unknown;
      unknown.id = asked_.ids[next_];
      if (row) out.push_back(std::move(*row));
      if (!row) note(unknown, left("no_such_row"));
    }
    return out;
  }

  /// As the reconciler would, were this row not there.
  RetryVerdict judge_anew(Tx& tx, const StoredUpload& row, const DestinationPlan& plan) {
    const auto conversion = rows::conversion(tx, row.conversion_id);
    auto subject = conversion ? load_subject(tx, conversion->record_id) : std::nullopt;
    if (!subject) return left("gone");
    frame_.taken_back = {row.id};
    for (const ConversionWork& c : assess(tx, frame_, *subject, conversions_after_merges(tx, *subject))) {
      if (c.conversion.id != row.conversion_id) continue;
      for (const Work& w : c.work)
        if (w.plan->destination == plan.destination) return verdict_on(row, w, plan);
    }
    return left("not_wanted");
  }

  RetryVerdict verdict_on(const StoredUpload& row, const Work& w, const DestinationPlan& plan) {
    const bool refused = row.state == UploadState::rejected;
    const std::string& reason = w.standing.reason;
    if (w.shadow || !w.make) {
      if (refused && !w.shadow && passes_by_itself(reason)) return {true, reason};
      return left(reason.empty() ? w.standing.state : reason);
    }
    if (refused && w.lowering) {
      Lowered& sum = lowered_[{row.destination, w.standing.b_currency}];
      ++sum.n;
      sum.micros += w.lowering_micros;
    }
    if (refused) return {true, w.make->state == UploadState::pending ? "" : kRestored};
    // An uncertain row's own item goes again, and must still be what is wanted.
    if (!tells_the_same(*w.make, row)) return left("another_value_is_wanted");
    const bool counts_once = ledger::may_resend(row, plan.contract_of(row), now_);
    return {true, counts_once ? "" : "dedup_window_closed"};
  }

  static constexpr const char* kStates[] = {"rejected", "uncertain"};

  const settings::Settings& settings_;
  const settings::Connectors& connectors_;
  const RetryAsked& asked_;
  const Timestamp now_;
  Frame frame_;
  std::size_t state_ = 0, next_ = 0;  ///< of kStates; of asked_.ids
  std::int64_t after_ = 0;
  std::set<std::int64_t> named_;  ///< of asked_.ids, those that were met
  std::map<std::tuple<std::string, bool, std::string, std::string>, Retried> sums_;
  std::map<std::pair<std::string, std::string>, Lowered> lowered_;  ///< by what goes again; destination, currency
  std::set<std::string> braked_;                                    ///< destinations whose lowerings wait from one on
};

json micros_or_null(const std::optional<Timestamp>& t) { return t ? json(to_micros(*t)) : json(); }

std::optional<Timestamp> time_from(const json& j, const char* key) {
  return j.contains(key) && j[key].is_number_integer() ? std::optional(from_micros(j[key].get<std::int64_t>()))
                                                       : std::nullopt;
}

Error unreadable_retry() { return {Action::reject_row, "retry", "the request for a retry is unreadable", {}, false}; }

}  // namespace

Result<std::vector<Retried>> try_retry(const settings::Settings& settings, const settings::Connectors& connectors,
                                       store::Db& db, const Clock& clock, const RetryAsked& asked) {
  return db.read([&](Tx& tx) -> Result<std::vector<Retried>> {
    Retry r(settings, connectors, asked, clock.system_now());
    r.read_frame(tx);
    for (auto some = r.page(tx); !some.empty(); some = r.page(tx))
      for (const StoredUpload& row : some) r.note(row, r.judge(tx, row));
    return r.all();
  });
}

Result<std::optional<std::vector<Retried>>> retry(const settings::Settings& settings,
                                                  const settings::Connectors& connectors, store::Db& db,
                                                  const Clock& clock, const RetryAsked& asked, const std::string& actor,
                                                  const std::function<bool()>& go_on, const RetryProgress& progress) {
  Retry r(settings, connectors, asked, clock.system_now());
  r.resume(progress.so_far);
  for (bool more = true; more;) {
    if (!go_on()) return std::optional<std::vector<Retried>>();
    const Status done = db.transact(store::Durability::ledger, [&](Tx& tx) -> Status {
      r.read_frame(tx);
      const auto some = r.page(tx);
      more = !some.empty();
      for (const StoredUpload& row : some) {
        const RetryVerdict v = r.judge(tx, row);
        r.note(row, v);
        if (v.again) r.release(tx, row, actor);
      }
      if (progress.keep) progress.keep(tx, r.so_far());
      return {};
    });
    if (!done) return done.error();
  }
  return std::optional(r.all());
}

std::string to_text(const RetryAsked& a) {
  return json{{"ids", a.ids},
              {"destination", a.destination},
              {"goal", a.goal},
              {"reason", a.reason},
              {"tried_after", micros_or_null(a.tried_after)},
              {"tried_before", micros_or_null(a.tried_before)},
              {"uncertain", a.uncertain}}
      .dump();
}

Result<RetryAsked> retry_from(std::string_view text) {
  const json j = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool whole = j.is_object() && j.contains("ids") && j["ids"].is_array() &&
                     std::all_of(j["ids"].begin(), j["ids"].end(), [](const json& n) { return n.is_number_integer(); });
  if (!whole) return unreadable_retry();
  RetryAsked a;
  for (const json& id : j["ids"]) a.ids.push_back(id.get<std::int64_t>());
  for (const auto& [key, field] : {std::pair{"destination", &a.destination}, {"goal", &a.goal}, {"reason", &a.reason}})
    if (j.contains(key) && j[key].is_string()) *field = j[key].get<std::string>();
  a.tried_after = time_from(j, "tried_after");
  a.tried_before = time_from(j, "tried_before");
  a.uncertain = j.contains("uncertain") && j["uncertain"] == true;
  return a;
}

std::string to_text(const std::vector<Retried>& done) {
  json out = json::array();
  for (const Retried& r : done)
    out.push_back({{"destination", r.destination},
                   {"again", r.again},
                   {"why", r.why},
                   {"currency", r.currency},
                   {"n", r.n},
                   {"micros", r.micros},
                   {"ids", r.ids}});
  return out.dump();
}

Result<std::vector<Retried>> retried_from(std::string_view text) {
  const json j = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!j.is_array()) return unreadable_retry();
  std::vector<Retried> out;
  try {
    for (const json& r : j)
      out.push_back({.destination = r.at("destination").get<std::string>(),
                     .again = r.at("again").get<bool>(),
                     .why = r.at("why").get<std::string>(),
                     .currency = r.at("currency").get<std::string>(),
                     .n = r.at("n").get<std::int64_t>(),
                     .micros = r.at("micros").get<std::int64_t>(),
                     .ids = r.at("ids").get<std::vector<std::int64_t>>()});
  } catch (const json::exception&) {
    return unreadable_retry();
  }
  return out;
}

}  // namespace hw::reconcile
