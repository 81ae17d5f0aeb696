#include "identity/pass.h"

#include <algorithm>

namespace hw::identity {

namespace ids = store::identities;
using store::StoredIdentifier;
using store::StoredLink;
using store::StoredTouch;

namespace {

std::string touch_evidence(std::int64_t id) { return "touch:" + std::to_string(id); }

/// The standing touch link between two identifiers, read from the end that fewer links leave.
std::optional<StoredLink> touch_link(store::Tx& tx, const StoredIdentifier& a, const StoredIdentifier& b) {
  const StoredIdentifier& from = a.quarantined ? b : a;
  const StoredIdentifier& to = a.quarantined ? a : b;
  for (const StoredLink& link : ids::links_of(tx, from.id)) {
    if (other_end(link, from.id) == to.id && evidence_id(link.evidence, "touch:")) return link;
  }
  return std::nullopt;
}

bool carries(const Touch& touch, const Identifier& identifier) {
  return std::find(touch.identifiers.begin(), touch.identifiers.end(), identifier) != touch.identifiers.end();
}

}  // namespace

StoredIdentifier Pass::fresh(std::int64_t id) { return *ids::get(tx_, id); }

void Pass::mark_component(const StoredIdentifier& n) {
  dirty_.insert(n.id);
  for (const StoredIdentifier& member : ids::of_person(tx_, fresh(n.id).person)) dirty_.insert(member.id);
}

/// People behind an anchor count for what stood in a touch with it.
void Pass::backing_changed(const StoredIdentifier& n, bool spread, bool was_anchor) {
  dirty_.insert(n.id);
  recheck_.insert(n.id);
  bool is_anchor = graph_.is_anchor(n);
  if (is_anchor || was_anchor) {
    for (const StoredLink& link : ids::links_of(tx_, n.id)) {
      if (evidence_id(link.evidence, "touch:")) recheck_.insert(other_end(link, n.id));
    }
  }
  if (!is_anchor) toggled_.insert(n.id);
  if (!spread || (is_anchor && !was_anchor)) begin_to_follow(n.id);
}

void Pass::state(const StoredIdentifier& a, const StoredIdentifier& b, const std::string& evidence,
                 Timestamp true_from) {
  bool spread_a = graph_.spreads(a), spread_b = graph_.spreads(b);
  bool anchor_a = graph_.is_anchor(a), anchor_b = graph_.is_anchor(b);
  if (!ids::link(tx_, a.id, b.id, evidence, true_from, now_)) return;
  backing_changed(a, spread_a, anchor_a);
  backing_changed(b, spread_b, anchor_b);
}

void Pass::backing_changed(const StoredIdentifier& n) {
  mark_component(n);
  backing_changed(n, /*spread=*/false, /*was_anchor=*/true);
}

void Pass::withdraw(const StoredLink& link) {
  StoredIdentifier a = fresh(link.a), b = fresh(link.b);
  bool anchor_a = graph_.is_anchor(a), anchor_b = graph_.is_anchor(b);
  mark_component(a);
  mark_component(b);
  if (!ids::withdraw(tx_, link.a, link.b, link.evidence, now_)) return;
  backing_changed(a, /*spread=*/true, anchor_a);
  backing_changed(b, /*spread=*/true, anchor_b);
}

std::vector<Pass::End> Pass::ends_of(const Touch& touch, bool& any_spreads) {
  std::vector<const Identifier*> joining;
  std::vector<End> ends;
  for (const Identifier& identifier : touch.identifiers) {
    if (!graph_.joins(identifier)) continue;
    joining.push_back(&identifier);
    auto known = ids::find(tx_, identifier);
    if (known) any_spreads = graph_.spreads(*known) || any_spreads;
  }
  if (!any_spreads) return ends;
  for (const Identifier* identifier : joining) {
    StoredIdentifier stored = ids::ensure(tx_, *identifier);
    bool spreads = graph_.spreads(stored);
    ends.push_back({stored, spreads, spreads});
  }
  return ends;
}

void Pass::join(End& a, End& b, std::int64_t touch_id, Timestamp at) {
  if (a.identifier.id == b.identifier.id) return;
  if (is_passable(a.identifier) && is_passable(b.identifier)) a.spreads = b.spreads = true;
  if (auto standing = touch_link(tx_, a.identifier, b.identifier)) {
    if (*evidence_id(standing->evidence, "touch:") <= touch_id) return;
    ids::withdraw(tx_, standing->a, standing->b, standing->evidence, now_);
    ids::link(tx_, a.identifier.id, b.identifier.id, touch_evidence(touch_id), at, now_);
    return;
  }
  ids::link(tx_, a.identifier.id, b.identifier.id, touch_evidence(touch_id), at, now_);
  for (const End* end : {&a, &b}) {
    dirty_.insert(end->identifier.id);
    recheck_.insert(end->identifier.id);
    if (!end->spread) begin_to_follow(end->identifier.id);
  }
}

bool Pass::link_touch(std::int64_t touch_id, const Touch& touch) {
  bool any_spreads = false;
  std::vector<End> ends = ends_of(touch, any_spreads);
  for (End& end : ends) {
    if (end.spread) dirty_.insert(end.identifier.id);
  }
  // Twice: what the first round joins to a record may let the second round join it to others.
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < ends.size(); ++i) {
      for (std::size_t j = i + 1; j < ends.size(); ++j) {
        if (ends[i].spreads || ends[j].spreads) join(ends[i], ends[j], touch_id, touch.at);
      }
    }
  }
  return any_spreads;
}

void Pass::replace_touch(const StoredLink& link, std::int64_t touch_id) {
  StoredIdentifier a = fresh(link.a), b = fresh(link.b);
  mark_component(a);
  mark_component(b);
  ids::withdraw(tx_, link.a, link.b, link.evidence, now_);
  const StoredIdentifier& from = a.quarantined ? b : a;
  const StoredIdentifier& to = a.quarantined ? a : b;
  const StoredTouch* earliest = nullptr;
  std::vector<StoredTouch> touches = store::touches::with(tx_, from.identifier);
  for (const StoredTouch& touch : touches) {
    if (touch.id == touch_id || !carries(touch.touch, to.identifier)) continue;
    if (earliest == nullptr || touch.id < earliest->id) earliest = &touch;
  }
  if (earliest != nullptr) ids::link(tx_, a.id, b.id, touch_evidence(earliest->id), earliest->touch.at, now_);
  recheck_.insert({a.id, b.id});
}

void Pass::recheck(std::int64_t id) {
  StoredIdentifier n = fresh(id);
  bool crowded = graph_.is_crowded(n);
  if (crowded == n.quarantined) return;
  mark_component(n);
  bool spread = graph_.spreads(n);
  ids::set_quarantined(tx_, id, crowded);
  n.quarantined = crowded;
  toggled_.insert(id);
  if (!crowded && !spread && graph_.spreads(n)) begin_to_follow(id);
  for (const StoredLink& link : ids::links_of(tx_, id)) {
    if (auto record = record_behind(link.evidence)) records_.insert(*record);
    if (crowded) continue;
    // Neighbours of one that is let go may reach a record through it for the first time.
    dirty_.insert(other_end(link, id));
    begin_to_follow(other_end(link, id));
  }
}

void Pass::follow(const ids::Unfollowed& from) {
  StoredIdentifier n = fresh(from.identifier);
  if (!graph_.spreads(n)) return;
  ids::Unfollowed left = from;
  for (bool more = true; more;) {
    if (budget_ == 0) {
      truncated_ = true;
      return ids::put_unfollowed(tx_, left);
    }
    const std::size_t room = std::min<std::size_t>(budget_, 1000);
    const auto chunk = store::touches::perhaps_with(tx_, n.identifier, left.after, static_cast<std::int64_t>(room));
    for (const StoredTouch& touch : chunk) link_touch(touch.id, touch.touch);
    budget_ -= chunk.size();
    more = chunk.size() == room;
    if (more) left.after = chunk.back().id;
  }
}

/// A touch link stands while one of its ends spreads.
void Pass::prune(const StoredIdentifier& n) {
  if (graph_.spreads(n)) return;
  for (const StoredLink& link : ids::links_of(tx_, n.id)) {
    if (!evidence_id(link.evidence, "touch:") || graph_.spreads(fresh(other_end(link, n.id)))) continue;
    ids::withdraw(tx_, link.a, link.b, link.evidence, now_);
    dirty_.insert({link.a, link.b});
  }
}

void Pass::prune() {
  const std::set<std::int64_t> before = dirty_;
  for (std::int64_t id : before) {
    StoredIdentifier n = fresh(id);
    // A mailbox of thousands is quarantined already: its links need no second look with each new record.
    if (!n.quarantined || toggled_.contains(id)) prune(n);
  }
  for (std::int64_t id : toggled_) {
    if (!before.contains(id)) prune(fresh(id));
  }
}

void Pass::relabel(Changes& out) {
  std::set<std::int64_t> done, records = records_;
  for (std::int64_t id : dirty_) {
    if (done.contains(id)) continue;
    std::vector<StoredIdentifier> members = graph_.component(fresh(id), records);
    std::int64_t person = id;
    for (const StoredIdentifier& member : members) person = std::min(person, member.id);
    for (const StoredIdentifier& member : members) {
      done.insert(member.id);
      if (member.person != person) ids::set_person(tx_, member.id, person);
    }
  }
  out.records.assign(records.begin(), records.end());
}

Changes Pass::finish() {
  while (!recheck_.empty() || !follow_.empty()) {
    if (!recheck_.empty()) {
      std::int64_t id = *recheck_.begin();
      recheck_.erase(recheck_.begin());
      recheck(id);
    } else {
      const ids::Unfollowed next = follow_.front();
      follow_.pop_front();
      follow(next);
    }
  }
  Changes out;
  out.truncated = truncated_;
  prune();
  relabel(out);
  return out;
}

}  // namespace hw::identity
