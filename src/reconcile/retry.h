#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "reconcile/assess.h"

/// Rows that stand still and that a person wants tried again: `headwater uploads retry`.
///
/// A refused row was not applied. It becomes `superseded` (code "retried", its actor the person), and the reconciler
/// makes a new revision in its place, by the same judgement as for any other: consent, the platform's age window,
/// counting, the brake, and that no other revision of the conversion is unsettled. A row is left where that judgement
/// says no: nothing that the platform took, or may have taken, is ever said anew.
///
/// A row of unknown fate goes again only when a person names it and says so (`uncertain`): the frozen item, under its
/// key, where the same judgement still wants it. Within the platform's dedup window it counts once; after it the
/// person has decided that it does.
namespace hw::reconcile {

struct RetryAsked {
  std::vector<std::int64_t> ids;  ///< these rows; empty: every row that stands still and fits the rest
  std::string destination, goal;
  std::string reason;  ///< the platform's code, or the reason under which the conversion stands
  std::optional<Timestamp> tried_after, tried_before;
  bool uncertain = false;  ///< of `ids`: those of unknown fate too
};

/// What becomes of rows that are alike.
struct Retried {
  std::string destination;
  bool again = false;  ///< goes again
  /// Left: why. Goes again: "", the reason that must pass first ("waiting", "settling", "braked", ...),
  /// "dedup_window_closed" (it may be counted twice), or "restored" (it may have been taken since the backup: it stands
  /// as uncertain then).
  std::string why;
  std::string currency;
  std::int64_t n = 0, micros = 0;
  std::vector<std::int64_t> ids;  ///< the first ten
};

/// What would be done. Reads only.
Result<std::vector<Retried>> try_retry(const settings::Settings& settings, const settings::Connectors& connectors,
                                       store::Db& db, const Clock& clock, const RetryAsked& asked);
/// Makes it the same work for whoever goes on with it after a stop or a crash.
struct RetryProgress {
  std::string so_far{};                                        ///< what `keep` was last given; "": the beginning
  std::function<void(store::Tx&, const std::string&)> keep{};  ///< called in each commit
};
/// Does it, some rows a commit. Before each commit `go_on` is asked: where it says no, the other rows stay as they are
/// and nullopt is returned; the same asked again goes on with them, and with its `progress` answers for the whole.
Result<std::optional<std::vector<Retried>>> retry(const settings::Settings& settings,
                                                  const settings::Connectors& connectors, store::Db& db,
                                                  const Clock& clock, const RetryAsked& asked, const std::string& actor,
                                                  const std::function<bool()>& go_on,
                                                  const RetryProgress& progress = {});

/// The request row's text and its answer's, and back. Error code "retry".
std::string to_text(const RetryAsked& asked);
Result<RetryAsked> retry_from(std::string_view text);
std::string to_text(const std::vector<Retried>& done);
Result<std::vector<Retried>> retried_from(std::string_view text);

}  // namespace hw::reconcile
