#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/loop.h"
#include "ingest/puller.h"
#include "store/service_rows.h"

/// What this room's tests pull from: pages that the test wrote, on a store and a clock of their own.
namespace hw::ingest::testing_kit {

inline RecordState contact(const std::string& id, const std::string& email_hash = "") {
  RecordState r;
  r.ref = {"crm", Object::contact, id};
  r.created = r.modified = conformance::kStart;
  r.identifiers = {{"gclid", "k" + id}};
  if (!email_hash.empty()) r.identifiers.push_back({"email_sha256", email_hash});
  return r;
}

inline RecordState deal(const std::string& id, const std::string& stage, Timestamp modified = conformance::kStart) {
  RecordState r;
  r.ref = {"crm", Object::deal, id};
  r.created = conformance::kStart;
  r.modified = modified;
  r.fields = {{"stage", stage}, {"amount", "100"}, {"currency", "EUR"}};
  return r;
}

inline connect::Page<Record> page_of(std::vector<Record> rows) {
  connect::Page<Record> p;
  p.rows = std::move(rows);
  return p;
}

/// A store, and a puller on pages that the test wrote.
struct Pulling {
  conformance::Loop loop;
  conformance::FakeConnector connector;
  settings::ConnectorInstance instance;
  identity::Resolver resolver{identity::ResolverOptions{}};
  std::unique_ptr<Take> take;
  std::unique_ptr<Puller> puller;

  Pulling() {
    instance.name = "crm";
    connector.source = std::make_unique<conformance::FakeRecords>();
    start();
  }
  conformance::FakeRecords& source() { return static_cast<conformance::FakeRecords&>(*connector.source); }
  /// A new process.
  void start() {
    take = std::make_unique<Take>(loop.settings, resolver, [](Touch&) { return std::string("Direct"); });
    puller = std::make_unique<Puller>(instance, connector, *take, *loop.db, loop.clock, *loop.random);
  }
  Puller::Pass pull() {
    auto pass = puller->step({});
    EXPECT_TRUE(pass) << (pass ? "" : pass.error().detail);
    return pass ? *pass : Puller::Pass{};
  }
  std::string cursor(const std::string& stream = "deals") {
    return loop.read([&](store::Tx& tx) {
      auto c = store::service_rows::cursor(tx, "crm", "records", stream);
      return c ? c->text : std::string("-");
    });
  }
  std::string state_of(Object object, const std::string& id) {
    return loop.read([&](store::Tx& tx) {
      auto r = store::records::find(tx, {"crm", object, id});
      return r ? r->state : std::string("-");
    });
  }
  /// Is its trouble of a kind that ends by itself?
  bool retries_alone() {
    const auto all = loop.read([](store::Tx& tx) { return store::service_rows::pauses(tx); });
    return !all.empty() && all[0].retrying;
  }
  std::size_t pauses() {
    return loop.read([](store::Tx& tx) { return store::service_rows::pauses(tx).size(); });
  }
  bool swept() {
    return loop.read([](store::Tx& tx) { return store::service_rows::is_swept(tx, "crm", "records"); });
  }
};

}  // namespace hw::ingest::testing_kit
