#include "http/test_kit.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "base/hash.h"
#include "base/text.h"

namespace hw::http::test {
namespace {

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("test kit: ") + what);
}

std::shared_ptr<EVP_PKEY> new_ec_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  must(extension != nullptr, "certificate extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> new_certificate(EVP_PKEY* key, const char* name, long serial) {
  std::shared_ptr<X509> x(X509_new(), X509_free);
  X509_set_version(x.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(x.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x.get()), 86400);
  X509_set_pubkey(x.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return x;
}

int listen_on_loopback(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  must(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  must(::listen(fd, 16) == 0, "listen");
  must(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port = ntohs(address.sin_port);
  return fd;
}

std::size_t content_length(const std::string& header) {
  const std::string lower = to_lower_ascii(header);
  const auto at = lower.find("content-length:");
  if (at == std::string::npos) return 0;
  const std::string_view text = trim(std::string_view(lower).substr(at + 15, lower.find("\r\n", at) - at - 15));
  std::size_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

}  // namespace

TestCa::TestCa(const std::string& name)
    : key_(new_ec_key()), certificate_(new_certificate(key_.get(), name.c_str(), 1)) {
  X509* x = certificate_.get();
  X509_set_issuer_name(x, X509_get_subject_name(x));
  add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
  must(X509_sign(x, key_.get(), EVP_sha256()) != 0, "sign CA");
  file_ = (std::filesystem::temp_directory_path() / ("hw_ca_" + random_token() + ".pem")).string();
  FILE* out = std::fopen(file_.c_str(), "w");
  must(out != nullptr && PEM_write_X509(out, x) == 1, "write CA file");
  std::fclose(out);
}

TestCa::~TestCa() { std::filesystem::remove(file_); }

TestCa::Identity TestCa::issue(const std::string& names, Span span) const {
  Identity id;
  id.key = new_ec_key();
  id.certificate = new_certificate(id.key.get(), "test server", 2);
  X509_gmtime_adj(X509_getm_notBefore(id.certificate.get()), span.from.count());
  X509_gmtime_adj(X509_getm_notAfter(id.certificate.get()), span.until.count());
  X509_set_issuer_name(id.certificate.get(), X509_get_subject_name(certificate_.get()));
  add_extension(id.certificate.get(), certificate_.get(), NID_subject_alt_name, names);
  must(X509_sign(id.certificate.get(), key_.get(), EVP_sha256()) != 0, "sign certificate");
  return id;
}

TestServer::TestServer(Handler handler, std::optional<TestCa::Identity> identity) : tls_(identity.has_value()) {
  if (identity) {
    server_ = std::make_unique<httplib::SSLServer>([&](SSL_CTX& context) {
      SSL_CTX_set_alpn_select_cb(&context, &TestServer::on_alpn, this);
      return SSL_CTX_use_certificate(&context, identity->certificate.get()) == 1 &&
             SSL_CTX_use_PrivateKey(&context, identity->key.get()) == 1;
    });
  } else {
    server_ = std::make_unique<httplib::Server>();
  }
  server_->set_keep_alive_timeout(1);
  server_->set_tcp_nodelay(true);
  const auto record = [this, handler = std::move(handler)](const httplib::Request& request,
                                                           httplib::Response& response) {
    {
      MutexLock lock(mu_);
      seen_.push_back(request);
    }
    handler(request, response);
  };
  server_->Get(".*", record).Post(".*", record).Put(".*", record).Patch(".*", record).Delete(".*", record);
  port_ = server_->bind_to_any_port("127.0.0.1");
  must(port_ > 0, "bind test server");
  thread_ = std::jthread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::yield();
}

TestServer::~TestServer() { server_->stop(); }

std::string TestServer::url(const std::string& path) const {
  return fmt::format("{}://{}:{}{}", tls_ ? "https" : "http", tls_ ? "localhost" : "127.0.0.1", port_, path);
}

std::vector<httplib::Request> TestServer::seen() {
  MutexLock lock(mu_);
  return seen_;
}

std::string TestServer::offered_protocols() {
  MutexLock lock(mu_);
  return offered_;
}

int TestServer::on_alpn(SSL*, const unsigned char**, unsigned char*, const unsigned char* in, unsigned in_size,
                        void* self) {
  std::string names;
  for (unsigned i = 0; i < in_size; i += 1U + in[i]) {
    names += (names.empty() ? "" : ",") + std::string(reinterpret_cast<const char*>(in + i + 1), in[i]);
  }
  auto& server = *static_cast<TestServer*>(self);
  MutexLock lock(server.mu_);
  server.offered_ = names;
  return SSL_TLSEXT_ERR_NOACK;
}

RawServer::RawServer(Handler handler) : listener_(listen_on_loopback(port_)) {
  thread_ = std::jthread([this, handler = std::move(handler)] {
    std::vector<std::jthread> connections;
    for (int n = 0; !ending_; ++n) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      connections.emplace_back([=] { handler(socket, n); });
    }
  });
}

RawServer::~RawServer() {
  ending_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string RawServer::url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }

std::string read_request(int socket) {
  std::string text;
  char buffer[4096];
  while (true) {
    const auto end = text.find("\r\n\r\n");
    if (end != std::string::npos && text.size() >= end + 4 + content_length(text.substr(0, end + 2))) return text;
    const auto n = ::recv(socket, buffer, sizeof buffer, 0);
    if (n <= 0) return {};
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

void write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void join(int socket, int port) {
  const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  must(::connect(other, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
  pollfd ends[] = {{.fd = socket, .events = POLLIN, .revents = 0}, {.fd = other, .events = POLLIN, .revents = 0}};
  char buffer[4096];
  while (::poll(ends, 2, -1) > 0) {
    const int from = ends[0].revents != 0 ? 0 : 1;
    const auto n = ::recv(ends[from].fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    write_all(ends[1 - from].fd, std::string_view(buffer, static_cast<std::size_t>(n)));
  }
  ::close(other);
}

void reset(int socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket);
}

int closed_port() {
  int port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

std::optional<std::string> MemoryState::load(const std::string& key) {
  MutexLock lock(mu_);
  const auto it = values_.find(key);
  return it == values_.end() ? std::nullopt : std::optional(it->second);
}

Status MemoryState::save(const std::string& key, const std::string& value, bool secret) {
  if (full)
    return Error{.action = Action::retry, .code = "disk_full", .detail = "no space left in the state directory"};
  if (on_save) on_save(key, value, secret);
  MutexLock lock(mu_);
  values_[key] = value;
  ++saves_;
  return {};
}

Result<std::unique_ptr<StateStore::Hold>> MemoryState::hold(const std::string& key) {
  struct Held final : Hold {
    Held(MemoryState& state, std::string key) : state_(state), key_(std::move(key)) {}
    ~Held() override {
      MutexLock lock(state_.mu_);
      state_.held_.erase(key_);
    }
    MemoryState& state_;
    const std::string key_;
  };
  MutexLock lock(mu_);
  if (!held_.insert(key).second)
    return Error{.action = Action::retry, .code = "token_busy", .detail = "another process has it"};
  return std::unique_ptr<Hold>(new Held(*this, key));
}

bool MemoryState::is_held(const std::string& key) {
  MutexLock lock(mu_);
  return held_.contains(key);
}

std::map<std::string, std::string> MemoryState::values() {
  MutexLock lock(mu_);
  return values_;
}

int MemoryState::saves() {
  MutexLock lock(mu_);
  return saves_;
}

ScopedEnv::ScopedEnv(std::string name, const std::string& value) : name_(std::move(name)) {
  if (const char* before = std::getenv(name_.c_str())) before_ = before;
  ::setenv(name_.c_str(), value.c_str(), 1);
}

ScopedEnv::~ScopedEnv() {
  if (before_) {
    ::setenv(name_.c_str(), before_->c_str(), 1);
  } else {
    ::unsetenv(name_.c_str());
  }
}

const RsaKey& rsa_key() {
  static const RsaKey made = [] {
    RsaKey out;
    out.key = {EVP_RSA_gen(2048), EVP_PKEY_free};
    BIO* bio = BIO_new(BIO_s_mem());
    must(PEM_write_bio_PKCS8PrivateKey(bio, out.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "write RSA key");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    out.private_pem.assign(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
  }();
  return made;
}

}  // namespace hw::http::test
