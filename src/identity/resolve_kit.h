#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "identity/crm_ids.h"
#include "identity/graph.h"
#include "identity/persons.h"
#include "identity/resolve.h"

/// A small world for the tests of the resolver: what a CRM and an analytics tool show, and who is who then.
namespace hw::identity::test {

namespace ids = store::identities;

inline Timestamp at(int minute) { return from_micros(1'700'000'000'000'000 + std::int64_t{60'000'000} * minute); }
inline Identifier email(const std::string& who) { return {"email_sha256", who}; }
inline Identifier client(const std::string& who) { return {"ga_client_id", who}; }
inline Identifier gclid(const std::string& click) { return {"gclid", click}; }

/// A real store in a folder that goes with it.
class Store {
 public:
  Store() : dir_(std::filesystem::temp_directory_path() / ("hw_resolve_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(dir_);
    auto opened =
        store::Db::open({.path = (dir_ / "store.db").string(), .postgres = "", .create = true, .read_only = false});
    if (!opened) throw std::runtime_error(opened.error().detail);
    db_ = std::move(*opened);
  }
  ~Store() {
    db_.reset();
    std::filesystem::remove_all(dir_);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  store::Db& db() { return *db_; }

 private:
  std::filesystem::path dir_;
  std::unique_ptr<store::Db> db_;
};

/// What a CRM and an analytics tool do to a store, said in one line each.
class World {
 public:
  World(store::Tx& tx, ResolverOptions options) : tx_(tx), resolver_(std::move(options)) {}

  /// The CRM shows a record with these identifiers.
  std::vector<std::string> record(Object object, const std::string& id, std::vector<Identifier> identifiers,
                                  const std::string& lead = "") {
    return in([&](store::Tx& tx) {
      RecordState state;
      state.ref = {"crm", object, id};
      state.modified = at(++minute_);
      state.identifiers = std::move(identifiers);
      if (!lead.empty()) state.converted_from = RecordRef{"crm", Object::lead, lead};
      store::records::upsert(tx, state, "crm", {}, at(minute_));
      return names(tx, resolver_.record_changed(tx, *store::records::find(tx, state.ref), at(minute_)));
    });
  }
  std::vector<std::string> contact(const std::string& id, std::vector<Identifier> identifiers,
                                   const std::string& lead = "") {
    return record(Object::contact, id, std::move(identifiers), lead);
  }
  std::vector<std::string> remove(Object object, const std::string& id) { return set_state(object, id, "deleted", {}); }
  std::vector<std::string> restore(Object object, const std::string& id) { return set_state(object, id, "live", {}); }
  std::vector<std::string> merge(const std::string& loser, const std::string& winner) {
    return set_state(Object::contact, loser, "merged", winner);
  }
  /// Analytics shows a touch at that minute; a key that comes again is the same touch.
  std::vector<std::string> touch(const std::string& key, int minute, std::vector<Identifier> identifiers) {
    return in([&](store::Tx& tx) {
      Touch t;
      t.key = key;
      t.at = at(minute);
      t.identifiers = std::move(identifiers);
      bool changed = false;
      std::int64_t id = store::touches::put(tx, t, "web", "Direct", "day", std::nullopt, at(++minute_), &changed);
      touches_[key] = id;
      return names(tx, resolver_.touch_seen(tx, id, t, at(minute_)));
    });
  }
  std::vector<std::string> withdraw_touch(const std::string& key) {
    return in([&](store::Tx& tx) {
      std::vector<std::int64_t> kept;
      for (const auto& [other, id] : touches_) {
        if (other != key) kept.push_back(id);
      }
      touches_.erase(key);
      std::vector<std::string> out;
      for (const auto& gone : store::touches::withdraw_missing(tx, "web", "day", kept, at(++minute_))) {
        out = names(tx, resolver_.touch_withdrawn(tx, gone.id, gone.touch, at(minute_)));
      }
      return out;
    });
  }

  bool has_more() {
    return in([&](store::Tx& tx) { return ids::any_unfollowed(tx); });
  }
  std::vector<std::string> go_on() {
    return in([&](store::Tx& tx) { return names(tx, resolver_.go_on(tx, at(++minute_))); });
  }

  bool known(const Identifier& identifier) {
    return in([&](store::Tx& tx) { return ids::find(tx, identifier).has_value(); });
  }
  bool same_person(const Identifier& a, const Identifier& b) {
    return in([&](store::Tx& tx) {
      auto x = ids::find(tx, a), y = ids::find(tx, b);
      return x && y && x->person == y->person;
    });
  }
  bool quarantined(const Identifier& identifier) {
    return in([&](store::Tx& tx) {
      auto found = ids::find(tx, identifier);
      return found && found->quarantined;
    });
  }
  std::vector<Identifier> person(Object object, const std::string& id) {
    return in([&](store::Tx& tx) {
      std::vector<Identifier> out;
      for (const auto& i : persons_of(tx, *store::records::find(tx, {"crm", object, id}))) out.push_back(i.identifier);
      return out;
    });
  }
  std::vector<EvidenceStep> chain(Object object, const std::string& id) {
    return in([&](store::Tx& tx) { return evidence(tx, *store::records::find(tx, {"crm", object, id})); });
  }
  /// A contact whose mailbox bears its own name, with the CRM's account and the domain of its address ("" = none).
  AccountRef account_of_contact(const std::string& id, const std::string& account_id, const std::string& domain) {
    return in([&](store::Tx& tx) {
      RecordState state;
      state.ref = {"crm", Object::contact, id};
      state.modified = at(++minute_);
      state.identifiers = {email(id)};
      if (!account_id.empty()) state.account = RecordRef{"crm", Object::account, account_id};
      if (!domain.empty()) state.fields["email_domain"] = domain;
      store::records::upsert(tx, state, "crm", {}, at(minute_));
      auto stored = *store::records::find(tx, state.ref);
      resolver_.record_changed(tx, stored, at(minute_));
      return account_of(tx, stored);
    });
  }
  AccountRef account(const std::string& contact_id) {
    return in([&](store::Tx& tx) {
      return account_of(tx, *store::records::find(tx, {"crm", Object::contact, contact_id}));
    });
  }

  /// All that identity holds of `universe`, without the store's own numbers: links, persons, quarantines.
  std::set<std::string> state(const std::vector<Identifier>& universe) {
    return in([&](store::Tx& tx) {
      std::set<std::string> out;
      std::map<std::int64_t, std::set<std::string>> persons;
      for (const Identifier& identifier : universe) {
        auto found = ids::find(tx, identifier);
        if (!found) continue;
        std::vector<store::StoredLink> links = ids::links_of(tx, found->id);
        if (links.empty()) continue;
        persons[found->person].insert(identifier.value);
        if (found->quarantined) out.insert("quarantined " + identifier.value);
        for (const auto& link : links) out.insert(text(tx, link));
      }
      for (const auto& [id, members] : persons) {
        std::string line = "person";
        for (const std::string& member : members) line += " " + member;
        out.insert(line);
      }
      return out;
    });
  }

 private:
  template <class F>
  auto in(F&& f) -> decltype(f(std::declval<store::Tx&>())) {
    return f(tx_);
  }
  std::vector<std::string> set_state(Object object, const std::string& id, const char* state, const std::string& into) {
    return in([&](store::Tx& tx) {
      auto record = *store::records::find(tx, {"crm", object, id});
      std::optional<std::int64_t> winner;
      if (!into.empty()) winner = store::records::find(tx, {"crm", object, into})->id;
      store::records::set_state(tx, record.id, state, winner, at(++minute_));
      return names(tx, resolver_.record_changed(tx, *store::records::get(tx, record.id), at(minute_)));
    });
  }
  static std::vector<std::string> names(store::Tx& tx, const Changes& changes) {
    std::vector<std::string> out;
    for (std::int64_t id : changes.records) out.push_back(store::records::get(tx, id)->ref.id);
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string text(store::Tx& tx, const store::StoredLink& link) {
    std::string a = ids::get(tx, link.a)->identifier.value, b = ids::get(tx, link.b)->identifier.value;
    if (b < a) std::swap(a, b);
    std::string evidence = link.evidence;
    if (auto record = record_behind(evidence)) evidence = "record " + store::records::get(tx, *record)->ref.id;
    return a + " - " + b + " by " + evidence;
  }

  store::Tx& tx_;
  Resolver resolver_;
  std::map<std::string, std::int64_t> touches_;
  int minute_ = 100'000;
};

/// Runs the story in one transaction that is rolled back, so that one store serves all.
inline void in_a_world(const ResolverOptions& options, const std::function<void(World&)>& story) {
  static Store store;
  Status done = store.db().transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    World world(tx, options);
    story(world);
    return Error{Action::reject_row, "rolled_back", "", {}, false};
  });
  ASSERT_EQ(done.error().code, "rolled_back") << done.error().detail;
}

}  // namespace hw::identity::test
