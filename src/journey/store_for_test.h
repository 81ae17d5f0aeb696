#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "identity/resolve.h"
#include "store/records.h"
#include "store/touches.h"

/// A real store for the tests of this room, and what fills it, said in one line each.
namespace hw::journey {

inline Timestamp at_minute(int minute) {
  return from_micros(1'700'000'000'000'000 + std::int64_t{60'000'000} * minute);
}

class WorldForTest {
 public:
  explicit WorldForTest(store::Tx& t) : tx(t), resolver_({}) {}
  store::Tx& tx;

  store::StoredRecord record(RecordState state) {
    state.ref.crm = "crm";
    if (state.modified == Timestamp{}) state.modified = at_minute(100'000);
    store::records::upsert(tx, state, "crm", {}, at_minute(100'000));
    resolver_.record_changed(tx, *store::records::find(tx, state.ref), at_minute(100'000));
    return *store::records::find(tx, state.ref);
  }
  store::StoredRecord get(Object object, const std::string& id) {
    return *store::records::find(tx, {"crm", object, id});
  }
  void tie(const std::string& deal, const std::vector<std::string>& contacts) {
    Association association;
    association.from = {"crm", Object::deal, deal};
    association.at = at_minute(0);
    for (const std::string& id : contacts) association.to.push_back({id, "", id == contacts.front()});
    store::records::set_associations(tx, get(Object::deal, deal).id, association, "crm", at_minute(100'000));
  }
  std::int64_t touch(Touch touch, const std::string& channel = "Referral", std::optional<std::int64_t> record_id = {}) {
    bool changed = false;
    std::int64_t id =
        store::touches::put(tx, touch, "web", channel, std::nullopt, record_id, at_minute(100'000), &changed);
    resolver_.touch_seen(tx, id, touch, at_minute(100'000));
    return id;
  }
  void set_state(const store::StoredRecord& record, const char* state, std::optional<std::int64_t> into) {
    store::records::set_state(tx, record.id, state, into, at_minute(100'001));
    resolver_.record_changed(tx, *store::records::get(tx, record.id), at_minute(100'001));
  }

 private:
  identity::Resolver resolver_;
};

/// Runs the story in one transaction that is rolled back.
inline void in_a_world(const std::function<void(WorldForTest&)>& story) {
  struct Store {
    std::filesystem::path dir = std::filesystem::temp_directory_path() / ("hw_journey_" + std::to_string(::getpid()));
    std::unique_ptr<store::Db> db;
    Store() {
      std::filesystem::create_directories(dir);
      auto opened =
          store::Db::open({.path = (dir / "store.db").string(), .postgres = "", .create = true, .read_only = false});
      if (!opened) throw std::runtime_error(opened.error().detail);
      db = std::move(*opened);
    }
    ~Store() {
      db.reset();
      std::filesystem::remove_all(dir);
    }
  };
  static Store store;
  Status done = store.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    WorldForTest world(tx);
    story(world);
    return Error{Action::reject_row, "rolled_back", "", {}, false};
  });
  ASSERT_EQ(done.error().code, "rolled_back") << done.error().detail;
}

inline RecordState state_of(Object object, const std::string& id, std::vector<Identifier> identifiers,
                            int created = 0) {
  RecordState state;
  state.ref = {"crm", object, id};
  state.identifiers = std::move(identifiers);
  state.created = at_minute(created);
  return state;
}

inline Touch touch_of(const std::string& key, int minute, std::vector<Identifier> identifiers,
                      const std::string& source = "", const std::string& medium = "",
                      const std::string& campaign = "") {
  Touch touch;
  touch.key = key;
  touch.at = at_minute(minute);
  touch.identifiers = std::move(identifiers);
  touch.source = source;
  touch.medium = medium;
  touch.campaign = campaign;
  return touch;
}

}  // namespace hw::journey
