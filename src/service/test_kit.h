#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "conformance/fake_platform.h"
#include "conformance/fake_touches.h"
#include "connect/registry.h"
#include "service/app.h"
#include "store/service_rows.h"

/// A whole App on invented connectors: `shop_crm` gives pages that a test wrote, `ads_platform` believes what it is
/// told, `web_log` is asked for identifiers where a test configures it. Real store, settings and clock; nothing reaches
/// a network.
namespace hw::service {

inline std::unique_ptr<connect::Connector> make_crm(const connect::Options&,
                                                    const std::vector<std::pair<Object, std::string>>&, connect::Env,
                                                    std::vector<connect::OptionError>&) {
  auto made = std::make_unique<conformance::FakeConnector>();
  made->source = std::make_unique<conformance::FakeRecords>();
  return made;
}

inline std::unique_ptr<connect::Connector> make_platform(const connect::Options&,
                                                         const std::vector<std::pair<Object, std::string>>&,
                                                         connect::Env env, std::vector<connect::OptionError>&) {
  auto made = std::make_unique<conformance::FakeConnector>();
  made->sink = std::make_unique<conformance::FakeSink>(env.clock, conformance::generous());
  return made;
}

/// What the web_log of this process holds; it tells who asks for identifiers.
inline conformance::SeenWeb& web_log() {
  static conformance::SeenWeb seen;
  return seen;
}

inline std::unique_ptr<connect::Connector> make_web_log(const connect::Options&,
                                                        const std::vector<std::pair<Object, std::string>>&,
                                                        connect::Env, std::vector<connect::OptionError>&) {
  auto made = std::make_unique<conformance::FakeConnector>();
  made->touch_lookup = std::make_unique<conformance::FakeLookup>(web_log());
  return made;
}

inline connect::ConnectorType fake_type(const std::string& name, const std::string& role,
                                        decltype(connect::ConnectorType::make) make) {
  connect::ConnectorType t;
  t.name = name;
  t.title = name;
  t.roles = {role};
  t.make = make;
  return t;
}

inline connect::Registry fake_registry(decltype(connect::ConnectorType::make) platform = make_platform) {
  connect::ConnectorType ads = fake_type("ads_platform", "conversions", platform);
  connect::OptionDecl credential;
  credential.name = "credential";
  credential.type = connect::OptionType::credential;
  credential.help = "Sign-in.";
  ads.options = {credential};
  ads.vocabulary.identifiers = {{"gclid", connect::IdKind::click, "gclid", "", "", "A click"}};
  return connect::Registry(
      {fake_type("shop_crm", "records", make_crm), ads, fake_type("web_log", "touches", make_web_log)});
}

/// A directory with a configuration, a secret and a state; pages for the CRM to show.
class AppFixture : public testing::Test {
 protected:
  AppFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_app_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    write_secret();
    write("headwater.yaml", config("live"));
  }
  ~AppFixture() override { std::filesystem::remove_all(dir_); }

  /// Stage won of deals, told to `ads_won` in that mode since long ago.
  [[nodiscard]] static std::string config(const std::string& mode, const std::string& value = "amount") {
    return R"(reporting: {time_zone: UTC, currency: EUR}
state: {directory: state}
consent: {regions: [FR]}
gather: 0s
credentials:
  ads_login: {type: static_token, token: "${file:token}"}
stages:
  - {name: won, subject: deal, trigger: {stage: won}, flags: [won]}
goals:
  - {name: closed_won, subject: deal, stage: won, value: )" +
           value + R"(, revenue: true, go_live: 2020-01-01}
destinations:
  - {name: ads_won, goal: closed_won, upload_by: ads, account: "1", action: "2", go_live: 2020-01-01, mode: )" +
           mode + R"(}
connectors:
  crm: {type: shop_crm}
  ads: {type: ads_platform, credential: ads_login}
)";
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name, std::ios::binary) << text;
  }
  void write_secret() const {
    write("token", "a-token");
    std::filesystem::permissions(dir_ + "/token",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  /// `n` deals that were won two days ago, each with a contact who came by a click; numbered from `first`.
  [[nodiscard]] connect::Page<Record> won_deals(int first, int n) const {
    const Timestamp at =
        from_micros(to_micros(make_system_clock()->system_now()) / 1'000'000 * 1'000'000) - std::chrono::hours(48);
    connect::Page<Record> page;
    for (int i = first; i < first + n; ++i) {
      const std::string id = std::to_string(i);
      RecordState contact;
      contact.ref = {"crm", Object::contact, "C" + id};
      contact.created = contact.modified = at;
      contact.country = "DE";
      contact.identifiers = {{"gclid", "click" + id}};
      contact.click_times = {{"gclid", at - std::chrono::hours(1)}};
      RecordState deal;
      deal.ref = {"crm", Object::deal, "D" + id};
      deal.created = deal.modified = at;
      deal.fields = {{"stage", "won"}, {"amount", "100"}, {"currency", "EUR"}};
      Association tie;
      tie.from = deal.ref;
      tie.to = {{.id = contact.ref.id, .role = "primary", .primary = true}};
      tie.at = at;
      const FieldChange won{deal.ref, "stage", "won", at, Basis::crm_history};
      page.rows.insert(page.rows.end(), {contact, deal, won, tie});
    }
    return page;
  }

  /// A new process.
  std::unique_ptr<App> open(AppOptions::Access access = AppOptions::Access::work) {
    auto app = App::make({.config = dir_ + "/headwater.yaml",
                          .state_of = "",
                          .credentials_directory = "",
                          .follow_clock = "",
                          .access = access},
                         registry_);
    EXPECT_TRUE(app) << (app ? "" : app.error().detail);
    if (!app) return nullptr;
    auto* source = (*app)->connectors.at("crm")->records();
    static_cast<conformance::FakeRecords*>(source)->pages = pages_;
    return std::move(*app);
  }
  /// Flips bytes of a page of the store that no loop reads; nobody has the store open.
  void damage_store() const {
    const std::string path = dir_ + "/state/headwater.db";
    {
      auto db = store::Db::open({.path = path, .postgres = {}});
      const Status filled = (*db)->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
        for (int i = 0; i < 1000; ++i)
          store::service_rows::set_state(tx, "filler" + std::to_string(i), std::string(1000, 'x'));
        return {};
      });
      ASSERT_TRUE(filled);
    }
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) - 4096 * 10));
    file << std::string(4096, '\x7f');
  }
  static conformance::FakeSink& platform(App& app) {
    return *static_cast<conformance::FakeSink*>(app.connectors.at("ads")->conversions());
  }
  /// What of the ledger is in a state.
  static std::vector<store::StoredUpload> uploads(App& app, const std::string& state) {
    return app.db
        ->read([&](store::Tx& tx) -> Result<std::vector<store::StoredUpload>> {
          return store::ledger_rows::list_uploads(tx, {.destination = "ads_won",
                                                       .state = state,
                                                       .code = "",
                                                       .made_before = {},
                                                       .made_after = {},
                                                       .after_id = 0,
                                                       .limit = 1000});
        })
        .value();
  }

  std::string dir_;
  connect::Registry registry_ = fake_registry();
  std::vector<connect::Page<Record>> pages_;
};

}  // namespace hw::service
