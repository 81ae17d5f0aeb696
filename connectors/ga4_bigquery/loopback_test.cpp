#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "base/text.h"
#include "connectors/ga4_bigquery/connector.h"
#include "connectors/ga4_bigquery/test_export.h"

/// The connector through the real HTTP client, signing in as a service account, against the peer on a port of its own.
namespace hw::connectors::ga4_bigquery {
namespace {

/// A service account's key, as the two sides have it.
struct ServiceKey {
  std::string private_pem, public_pem;

  ServiceKey() {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
    private_pem = pem([&](BIO* to) { PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    public_pem = pem([&](BIO* to) { PEM_write_bio_PUBKEY(to, key.get()); });
  }

 private:
  template <class Write>
  static std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char* data = nullptr;
    const long n = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(n)};
  }
};

class Ga4BigQueryLoopback : public ::testing::Test {
 protected:
  Ga4BigQueryLoopback() {
    export_.world.sign_in.service_account_public_key = key_.public_pem;
    server_.Get(".*", [this](const httplib::Request& in, httplib::Response& out) { serve(in, out); });
    server_.Post(".*", [this](const httplib::Request& in, httplib::Response& out) { serve(in, out); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    http::Credential account;
    account.name = "google";
    account.type = http::CredentialType::service_account;
    account.key_json = Secret(nlohmann::json{
        {"client_email", export_.world.sign_in.service_account_email},
        {"private_key_id", "k1"},
        {"private_key",
         key_.private_pem}}.dump());
    http::ClientOptions options;
    options.credentials.push_back(std::move(account));
    client_ = http::make_client(options, export_.clock, *random_);
  }
  ~Ga4BigQueryLoopback() override {
    server_.stop();
    thread_.join();
  }

  std::unique_ptr<connect::Connector> connector() {
    const std::string base = "http://127.0.0.1:" + std::to_string(port_);
    const connect::ConnectorType type = ga4_bigquery_type();
    connect::Options options = conformance::fill_defaults(
        type.options, with_base({{"token_url", base + "/token"}, {"page_rows", std::int64_t{2}}}));
    options.values["base_url"].value = base;
    std::vector<connect::OptionError> errors;
    auto made = type.make(options, {}, connect::Env{*client_, export_.clock, normaliser_, vocabulary_, "ga4"}, errors);
    EXPECT_TRUE(errors.empty());
    return made;
  }

  void serve(const httplib::Request& in, httplib::Response& out) {
    sandbox::HttpRequest request;
    request.method = in.method;
    request.path = in.path;
    for (const auto& [name, value] : in.params) request.query[name] = value;
    for (const auto& [name, value] : in.headers) request.headers[to_lower_ascii(name)] = value;
    request.body = in.body;
    const std::lock_guard lock(mu_);
    const sandbox::HttpResponse answer = peer_->handle(request);
    out.status = answer.status;
    out.set_content(answer.body, "application/json");
  }

  const ServiceKey key_;
  Property export_;  // its world and clock; the connector here is another
  std::unique_ptr<Random> random_ = make_seeded_random(1);
  std::mutex mu_;  // guards what the server's threads touch
  std::unique_ptr<sandbox::Peer> peer_ = sandbox::make_ga4_bigquery_peer(export_.world);
  httplib::Server server_;
  int port_ = 0;
  std::jthread thread_;
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_ = test_vocabulary();
  std::unique_ptr<http::HttpClient> client_;
};

TEST_F(Ga4BigQueryLoopback, AServiceAccountReadsTodayPageByPage) {
  for (int i = 0; i < 5; ++i)
    export_.visit("c." + std::to_string(i), std::chrono::minutes(20 + i),
                  "https://example.com/a?gclid=Cj%2B" + std::to_string(i));
  const auto reader = connector();
  std::vector<Touch> touches;
  connect::Cursor cursor;
  for (bool more = true; more;) {
    auto page = reader->touches()->pull("sessions", cursor, 1000, {});
    ASSERT_TRUE(page) << page.error().code << ": " << page.error().detail;
    touches.insert(touches.end(), page->rows.begin(), page->rows.end());
    cursor = page->next;
    more = page->more;
  }
  EXPECT_EQ(touches.size(), 5U);
  ASSERT_NE(find(touches, "c.3"), nullptr);
  EXPECT_EQ(value_of(*find(touches, "c.3"), "gclid"), "Cj+3");
}

TEST_F(Ga4BigQueryLoopback, ACheckFindsTheExport) {
  export_.visit("c.1", std::chrono::hours(48), "https://example.com/a");
  export_.visit("c.1", std::chrono::minutes(5), "https://example.com/a");
  auto findings = connector()->check_online({}, {});
  ASSERT_TRUE(findings) << findings.error().detail;
  for (const connect::Finding& f : *findings)
    EXPECT_EQ(f.severity, connect::Finding::Severity::ok) << f.subject << ": " << f.message;
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
