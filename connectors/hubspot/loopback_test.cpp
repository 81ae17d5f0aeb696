#include <gtest/gtest.h>
#include <httplib.h>

#include <mutex>
#include <thread>

#include "base/random.h"
#include "base/text.h"
#include "conformance/fill_defaults.h"
#include "conformance/plain_normaliser.h"
#include "connectors/hubspot/connector.h"
#include "connectors/hubspot/peer.h"

/// The writer through the real HTTP client, against the peer on a port of its own.
namespace hw::connectors::hubspot {
namespace {

using connect::FieldValues;
using connect::Verdict;

class HubspotLoopbackTest : public ::testing::Test {
 protected:
  HubspotLoopbackTest() {
    world.now = clock.system_now();
    world.crm.custom_properties = {{.type = "contacts", .name = "first_source"}};
    server.Post(".*", [this](const httplib::Request& in, httplib::Response& out) { serve(in, out); });
    port = server.bind_to_any_port("127.0.0.1");
    thread = std::jthread([this] { server.listen_after_bind(); });
    http::ClientOptions options;
    options.credentials.push_back({.name = "portal",
                                   .type = http::CredentialType::static_token,
                                   .token = Secret(world.sign_in.static_token),
                                   .client_id = "",
                                   .client_secret = {},
                                   .refresh_token = {},
                                   .key_json = {}});
    client = http::make_client(options, clock, *random);
    std::vector<connect::OptionError> errors;
    const connect::ConnectorType type = hubspot_type();
    connector =
        type.make(conformance::fill_defaults(type.options, {{"credential", std::string("portal")},
                                                            {"base_url", "http://127.0.0.1:" + std::to_string(port)}}),
                  {}, connect::Env{*client, clock, normaliser, vocabulary, "crm"}, errors);
    EXPECT_TRUE(errors.empty());
  }
  ~HubspotLoopbackTest() override {
    server.stop();
    thread.join();
  }

  void serve(const httplib::Request& in, httplib::Response& out) {
    sandbox::HttpRequest request;
    request.method = in.method;
    request.path = in.path;
    for (const auto& [name, value] : in.headers) request.headers[to_lower_ascii(name)] = value;
    request.body = in.body;
    const std::lock_guard lock(mu);
    const sandbox::HttpResponse answer = peer->handle(request);
    out.status = answer.status;
    if (!cut_off) return out.set_content(answer.body, "application/json");
    cut_off = false;
    out.set_content_provider(answer.body.size(), "application/json",
                             [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
  }
  std::string held(const std::string& id) {
    const std::lock_guard lock(mu);
    return world.crm.find("contacts", id)->get("first_source");
  }

  FakeClock clock{Timestamp(std::chrono::seconds(1'790'000'000))};
  std::unique_ptr<Random> random = make_seeded_random(1);
  std::mutex mu;  // guards what the server's threads touch
  sandbox::World world;
  std::unique_ptr<sandbox::Peer> peer = sandbox::make_hubspot_peer(world);
  bool cut_off = false;
  httplib::Server server;
  int port = 0;
  std::jthread thread;
  conformance::PlainNormaliser normaliser;
  connect::Vocabulary vocabulary;
  std::unique_ptr<http::HttpClient> client;
  std::unique_ptr<connect::Connector> connector;
};

TEST_F(HubspotLoopbackTest, AnAnswerThatIsLostMayHaveBeenAppliedAndIsRepeatedWithoutHarm) {
  const std::string id = world.crm.create("contacts", {}, world.now);
  const std::vector<FieldValues> changes = {{{"crm", Object::contact, id}, {{"first_source", "zürich \"spring\""}}}};
  cut_off = true;
  const Result<connect::Answer> lost = connector->source_fields()->write(changes, {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().action, Action::retry);
  EXPECT_TRUE(lost.error().maybe_applied);
  EXPECT_EQ(held(id), "zürich \"spring\"");
  const Result<connect::Answer> again = connector->source_fields()->write(changes, {});
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->outcomes.at(0).verdict, Verdict::accepted);
  const std::vector<RecordRef> records = {changes[0].ref};
  const std::vector<std::string> fields = {"first_source"};
  const auto now = connector->source_fields()->current(records, fields, {});
  ASSERT_TRUE(now) << now.error().detail;
  EXPECT_EQ(now->at(0).values, changes[0].values);
}

}  // namespace
}  // namespace hw::connectors::hubspot
