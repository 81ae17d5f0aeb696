#pragma once
#include <deque>
#include <limits>

#include "identity/graph.h"

/// One change of the link graph and all that follows from it. Room-internal.
namespace hw::identity {

/// Links are added and withdrawn first; finish() then brings quarantines, followed touches, superfluous links and
/// labels to the one state that the records and touches imply, save touches beyond the budget, which it leaves noted.
class Pass {
 public:
  Pass(store::Tx& tx, const ResolverOptions& options, Timestamp now)
      : tx_(tx), now_(now), graph_(tx, options), budget_(options.max_touches) {}

  /// A link that a record states.
  void state(const store::StoredIdentifier& a, const store::StoredIdentifier& b, const std::string& evidence,
             Timestamp true_from);
  /// The record that goes by `n` appeared or vanished.
  void backing_changed(const store::StoredIdentifier& n);
  void withdraw(const store::StoredLink& link);
  /// Links what the touch carries, if any of it spreads; returns whether it does.
  bool link_touch(std::int64_t touch_id, const Touch& touch);
  /// Lets another touch stand for a link of a touch that no longer says so.
  void replace_touch(const store::StoredLink& link, std::int64_t touch_id);
  /// The records of these identifiers' persons count as changed.
  void mark(const store::StoredIdentifier& n) { dirty_.insert(n.id); }
  /// Follows an identifier from where an earlier pass left off.
  void go_on(const store::identities::Unfollowed& left) { follow_.push_back(left); }
  Changes finish();

 private:
  struct End {
    store::StoredIdentifier identifier;
    bool spread;   ///< before the touch was linked
    bool spreads;  ///< now
  };
  std::vector<End> ends_of(const Touch& touch, bool& any_spreads);
  void join(End& a, End& b, std::int64_t touch_id, Timestamp at);
  void backing_changed(const store::StoredIdentifier& n, bool spread, bool was_anchor);
  void mark_component(const store::StoredIdentifier& n);
  void recheck(std::int64_t id);
  void begin_to_follow(std::int64_t id) { follow_.push_back({id, kNone}); }
  void follow(const store::identities::Unfollowed& from);
  void prune();
  void prune(const store::StoredIdentifier& n);
  void relabel(Changes& out);
  store::StoredIdentifier fresh(std::int64_t id);

  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();  ///< before every touch

  store::Tx& tx_;
  Timestamp now_;
  Graph graph_;
  std::size_t budget_;
  bool truncated_ = false;
  std::set<std::int64_t> records_;  ///< changed beside those of the dirty components
  std::set<std::int64_t> dirty_;    ///< labels to be computed again
  std::set<std::int64_t> recheck_;  ///< quarantines to be computed again
  std::set<std::int64_t> toggled_;  ///< quarantine or anchor lost: touch links may have lost their ground
  std::deque<store::identities::Unfollowed> follow_;  ///< identifiers that began to spread
};

}  // namespace hw::identity
