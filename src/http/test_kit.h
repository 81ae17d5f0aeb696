#pragma once
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"

/// Loopback servers for the tests of this room: real TLS, real resets, no network.
namespace hw::http::test {

/// A certificate authority that lives as long as the test, its certificate in a file.
class TestCa {
 public:
  explicit TestCa(const std::string& name = "Headwater test CA");
  ~TestCa();
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;
  [[nodiscard]] const std::string& file() const { return file_; }
  struct Identity {
    std::shared_ptr<X509> certificate;
    std::shared_ptr<EVP_PKEY> key;
  };
  /// Good from so long after now (real time) until then.
  struct Span {
    std::chrono::seconds from = std::chrono::hours(-1), until = std::chrono::hours(24);
  };
  /// @param names  as in subjectAltName: "DNS:localhost,IP:127.0.0.1"
  [[nodiscard]] Identity issue(const std::string& names, Span span) const;
  [[nodiscard]] Identity issue(const std::string& names) const { return issue(names, Span()); }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
  std::string file_;
};

/// cpp-httplib on a free port of 127.0.0.1; every request goes to one handler and is recorded first.
class TestServer {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;
  explicit TestServer(Handler handler, std::optional<TestCa::Identity> identity = std::nullopt);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const;
  [[nodiscard]] std::vector<httplib::Request> seen() EXCLUDES(mu_);
  /// The protocols that the last TLS client offered: "h2,http/1.1".
  [[nodiscard]] std::string offered_protocols() EXCLUDES(mu_);

 private:
  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                     unsigned in_size, void* self);
  std::unique_ptr<httplib::Server> server_;
  bool tls_ = false;
  int port_ = 0;
  Mutex mu_;
  std::vector<httplib::Request> seen_ GUARDED_BY(mu_);
  std::string offered_ GUARDED_BY(mu_);
  std::jthread thread_;
};

/// Accepts connections and hands each socket to a function, which may do to it what no decent server does.
class RawServer {
 public:
  using Handler = std::function<void(int socket, int connection_number)>;
  explicit RawServer(Handler handler);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const;

 private:
  int port_ = 0;
  int listener_ = -1;  ///< after port_, which it sets
  std::atomic<bool> ending_{false};
  std::jthread thread_;
};

/// Reads until the header's end and then the body by its Content-Length; "" when the peer went away.
std::string read_request(int socket);
void write_all(int socket, std::string_view bytes);
/// Carries bytes between the socket and a server on loopback until either ends.
void join(int socket, int port);
/// Closes with RST instead of FIN.
void reset(int socket);
/// A port of 127.0.0.1 at which nobody listens.
int closed_port();

/// Keeps values in memory, with a log of what was done.
class MemoryState final : public StateStore {
 public:
  std::optional<std::string> load(const std::string& key) override EXCLUDES(mu_);
  Status save(const std::string& key, const std::string& value, bool secret) override EXCLUDES(mu_);
  Result<std::unique_ptr<Hold>> hold(const std::string& key) override EXCLUDES(mu_);
  std::map<std::string, std::string> values() EXCLUDES(mu_);
  int saves() EXCLUDES(mu_);
  bool is_held(const std::string& key) EXCLUDES(mu_);
  std::function<void(const std::string& key, const std::string& value, bool secret)> on_save;
  std::atomic<bool> full{false};  ///< saves fail

 private:
  Mutex mu_;
  std::map<std::string, std::string> values_ GUARDED_BY(mu_);
  std::set<std::string> held_ GUARDED_BY(mu_);
  int saves_ GUARDED_BY(mu_) = 0;
};

/// Sets an environment variable for a scope.
class ScopedEnv {
 public:
  ScopedEnv(std::string name, const std::string& value);
  ~ScopedEnv();
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

struct RsaKey {
  std::string private_pem;
  std::shared_ptr<EVP_PKEY> key;
};
const RsaKey& rsa_key();  ///< made once

}  // namespace hw::http::test
