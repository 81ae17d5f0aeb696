#pragma once
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

/// HTTP for connectors: libcurl with deadlines on connect and transfer, TLS always verified, proxies by the usual
/// environment variables, no redirect followed; rate lanes, tokens and the one repeat after a 401.
namespace hw::http {

/// How a request signs in. The token is cached by (credential, token_url, scope) and refreshed 60 s before its end, by
/// one thread at a time.
struct Auth {
  std::string credential;  ///< name under `credentials:`; "" = none
  std::string token_url;   ///< where OAuth credentials get their tokens (the connector's option)
  std::string scope;       ///< OAuth scope; "" = none
};

/// Where a person lets Headwater in by a browser, and so gives a refresh_token credential its token (http/login.h).
struct LoginPlace {
  std::string auth_url;   ///< the page; may carry query parameters of the vendor's own
  std::string token_url;  ///< where the page's code is exchanged
  std::string scope;      ///< what is asked for, separated by blanks; "" = nothing in particular
};

/// A share of a vendor's limit. Lanes are keyed by `key` (credential and the vendor's own counting unit), shared by
/// every request that names it. In no span of `per` do more than `requests` go.
struct Lane {
  std::string key;   ///< "crm_main/search"
  int requests = 0;  ///< so many
  Duration per{};    ///< in this time
  int per_day = 0;   ///< 0 = no daily limit
  /// per_day is the user's own budget, not a vendor's limit: no share of it is left to others
  /// (Credential::quota_share).
  bool own_budget = false;
};

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Auth auth;
  std::vector<Lane> lanes;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(60);
  std::size_t max_response_bytes = 64U << 20;
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower-cased
  std::string body;
  [[nodiscard]] std::string header(std::string_view name) const;  ///< "" if absent
  /// From Retry-After, nullopt if absent or unreadable: seconds, or an HTTP date against the answer's own Date, `now`
  /// if it has none.
  [[nodiscard]] std::optional<Duration> retry_after(SystemTime now) const;
  /// The server's clock from the Date header.
  [[nodiscard]] std::optional<SystemTime> date() const;
};

/// Code of an error by our own rate lanes: nothing was sent, and retry_after is exact.
inline constexpr const char* kLaneFull = "lane_full";

/// Thread-safe. One connection pool.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Any HTTP answer is a Response, also 4xx and 5xx (401 only after the token was refreshed and the request repeated
  /// once). Errors: retry "dns", "connect", "timeout", "reset", "tls" (a certificate that does not verify is pause
  /// "tls_verify"), "too_large" (max_response_bytes), with maybe_applied when the body had left; retry "lane_full" with
  /// the exact retry_after, since a full lane never blocks; pause "credential" when signing in is refused; retry
  /// "token_answer" when the token endpoint's answer is unreadable; pause "credential" too for a token that fits into
  /// no header; pause "url" (check_url), "header" (a line break in one) and "http_407" (the proxy wants a password);
  /// retry "stopped" after a stop. A 429 with Retry-After closes the request's lanes until then.
  virtual Result<Response> send(const Request& request, std::stop_token stop) = 0;
  /// Signs in without sending anything, for check --online.
  virtual Status sign_in(const Auth& auth, std::stop_token stop) = 0;
};

/// The usual classification of a status that the connector's own table says nothing about: 408/425/429/5xx retry (with
/// the server's wish), 401, 403 and 407 pause, 404 and 3xx pause "http_404" (a wrong base_url), other 4xx reject_row.
/// A 5xx may have been applied (a gateway speaks for a server that did the work), so maybe_applied is true for it.
Error classify_status(const Response& response, SystemTime now);

/// True for http(s)://127.0.0.1, [::1] and localhost: where plain http is allowed. Plain http never goes through a
/// proxy.
bool is_loopback_url(std::string_view url);
/// Pause "url": not https (and not loopback), no host, a user name inside.
Status check_url(std::string_view url);

enum class CredentialType : std::uint8_t { static_token, refresh_token, service_account };

/// Of a vendor's daily limits so much per cent is used, the rest is left to the company's other tools.
inline constexpr int kQuotaShare = 80;

/// A named credential from the configuration. Secrets are resolved values, never printed.
struct Credential {
  std::string name;
  CredentialType type = CredentialType::static_token;
  Secret token;                            ///< static_token
  std::string client_id;                   ///< refresh_token
  Secret client_secret, refresh_token;     ///< refresh_token
  Secret key_json;                         ///< service_account: the JSON key file's contents
  std::optional<SystemTime> expires_at{};  ///< when its secret ends, as the configuration says
  int quota_share = kQuotaShare;           ///< per cent of a vendor's daily limits that Headwater may use
  bool has_seed = false;  ///< refresh_token: the configuration holds one; known also where secrets are not resolved
};

/// Keeps what must survive a restart: daily lane use and rotated refresh tokens. Implemented above http.
class StateStore {
 public:
  virtual ~StateStore() = default;
  virtual std::optional<std::string> load(const std::string& key) = 0;
  /// Durable when it returns.
  virtual Status save(const std::string& key, const std::string& value, bool secret) = 0;
  /// Given back when destroyed, or when the process ends, however it ends.
  class Hold {
   public:
    virtual ~Hold() = default;
  };
  /// Makes the caller the one who works on `key` among all processes that share this state. Retry "token_busy" at once
  /// when another does.
  virtual Result<std::unique_ptr<Hold>> hold(const std::string& /*key*/) { return std::make_unique<Hold>(); }
};

struct ClientOptions {
  std::vector<Credential> credentials;
  std::string ca_file;          ///< "" = the system's
  std::string user_agent;       ///< "headwater/0.1"
  StateStore* state = nullptr;  ///< may be null (tests, check); outlives the client, which saves once more when it ends
  bool keeps_lanes = true;      ///< false beside a daemon, whose own account of its lanes is the one that is kept
  bool may_sleep = true;        ///< a wait of at most 300 ms in a lane is slept for real; false under a followed clock
};

std::unique_ptr<HttpClient> make_client(ClientOptions options, const Clock& clock, Random& random);

}  // namespace hw::http
