#include "http/transfer.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/url.h"

namespace hw::http {
namespace {

constexpr std::size_t kMostHeaderBytes = 256U << 10;
constexpr std::size_t kMostIdleHandles = 8;
constexpr long kMostKeptConnections = 4;  // per handle
constexpr int kPollMs = 30000;            // libcurl wakes for its own timers, and a stop wakes it

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

bool is_safe(const Request& r) { return r.method == "GET" || r.method == "HEAD"; }

bool has_body(const Request& r) {
  return !r.body.empty() || r.method == "POST" || r.method == "PUT" || r.method == "PATCH";
}

/// What libcurl's callbacks fill during one transfer.
struct Exchange {
  explicit Exchange(const Request& r) : request(r) {}
  const Request& request;
  Response response;
  std::size_t sent = 0;  ///< bytes of the body that libcurl has taken
  std::size_t header_bytes = 0;
  bool headers_ended = false;
  bool too_large = false;
  std::array<char, CURL_ERROR_SIZE> message{};
};

std::size_t on_send(char* out, std::size_t size, std::size_t count, void* self) {
  auto& x = *static_cast<Exchange*>(self);
  const std::size_t n = std::min(size * count, x.request.body.size() - x.sent);
  std::copy_n(x.request.body.data() + x.sent, n, out);
  x.sent += n;
  return n;
}

// libcurl rewinds to send a request again when a kept connection died without an answer. The server may have done the
// work by then, so the caller must decide on that repeat.
int refuse_rewind(void*, curl_off_t, int) { return CURL_SEEKFUNC_FAIL; }

std::size_t on_body(char* data, std::size_t, std::size_t n, void* self) {
  auto& x = *static_cast<Exchange*>(self);
  if (x.response.body.size() + n > x.request.max_response_bytes) {
    x.too_large = true;
    return 0;
  }
  x.response.body.append(data, n);
  return n;
}

std::size_t on_header(char* data, std::size_t, std::size_t n, void* self) {
  auto& x = *static_cast<Exchange*>(self);
  x.header_bytes += n;
  x.too_large = x.header_bytes > kMostHeaderBytes;
  if (x.too_large) return 0;
  const std::string_view line(data, n);
  if (line.substr(0, 5) == "HTTP/") {
    x.response.headers.clear();  // what came before was the proxy's or an interim answer
    x.headers_ended = false;
  }
  x.headers_ended = x.headers_ended || trim(line).empty();
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return n;
  x.response.headers.emplace_back(to_lower_ascii(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  return n;
}

bool fits_one_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos; }

Status check_headers(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (!name.empty() && fits_one_line(name) && fits_one_line(value)) continue;
    return Error{.action = Action::pause,
                 .code = "header",
                 .detail = fmt::format("{} {}: a header has no name or holds a line break", request.method,
                                       place_of(request.url))};
  }
  return {};
}

void append(List& list, const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); }

List header_lines(const Request& request, const Secret& bearer) {
  List list;
  bool typed = false;
  for (const auto& [name, value] : request.headers) {
    typed = typed || equals_ci(name, "content-type");
    append(list, value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  if (!bearer.empty()) append(list, "Authorization: Bearer " + bearer.reveal());
  if (!typed) append(list, "Content-Type:");  // libcurl would claim a form
  append(list, "Expect:");                    // libcurl would wait a second for "100 Continue"
  return list;
}

long in_milliseconds(Duration d) {
  return std::max(1L, static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()));
}

void set_method(CURL* easy, Exchange& x) {
  const Request& r = x.request;
  if (has_body(r)) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(easy, CURLOPT_READDATA, &x);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
  } else if (r.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  }
  if (r.method != "HEAD") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r.method.c_str());
  // Without a body there is nothing to rewind, so only a new connection keeps libcurl from repeating.
  if (r.body.empty() && !is_safe(r)) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

void set_tls(CURL* easy, const std::string& ca_file) {
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  if (ca_file.empty()) return;
  curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // the file alone, not the system's folder beside it
  curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, nullptr);
}

void set_route(CURL* easy, const Request& r) {
  curl_easy_setopt(easy, CURLOPT_URL, r.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, in_milliseconds(r.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, in_milliseconds(r.timeout));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a name look-up that hangs holds back neither a stop nor a deadline
  // Plain http is for loopback alone; through a proxy its token would leave the machine unprotected.
  if (starts_with_ci(r.url, "http:")) curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

void set_answer(CURL* easy, Exchange& x) {
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &x);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &x);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x.message.data());
}

long info(CURL* easy, CURLINFO what) {
  long value = 0;
  curl_easy_getinfo(easy, what, &value);
  return value;
}

// With a body: libcurl took some of it to send. Without: the connection stood, so the request may have gone.
bool request_left(CURL* easy, const Exchange& x) {
  if (is_safe(x.request)) return false;
  if (!x.request.body.empty()) return x.sent > 0;
  curl_off_t ready_after = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_after);
  return ready_after > 0;
}

struct Kind {
  Action action = Action::retry;
  const char* code = "reset";
};

Kind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Action::retry, "dns"};
    case CURLE_COULDNT_CONNECT:
      return {Action::retry, "connect"};
    case CURLE_OPERATION_TIMEDOUT:
      return {Action::retry, "timeout"};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return {Action::pause, "tls_verify"};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_SHUTDOWN_FAILED:
      return {Action::retry, "tls"};
    default:
      return {};
  }
}

// libcurl's own message is quoted for TLS alone, where it names host and certificate; others may quote headers or a
// proxy's password.
std::string explain(CURLcode code, const Exchange& x) {
  const Kind kind = kind_of(code);
  if (kind.code == std::string_view("timeout")) {
    return fmt::format("no answer within {} ms (connect {} ms)", in_milliseconds(x.request.timeout),
                       in_milliseconds(x.request.connect_timeout));
  }
  const bool about_tls = starts_with_ci(kind.code, "tls") && x.message[0] != '\0';
  std::string why = about_tls ? x.message.data() : curl_easy_strerror(code);
  if (kind.code == std::string_view("tls_verify"))
    why += "; is this machine's clock right? Where a proxy of your own ends TLS, name its authority in ca_file";
  return why;
}

Error wire_error(CURL* easy, CURLcode code, const Exchange& x) {
  const Kind kind = kind_of(code);
  Error error{.action = kind.action, .code = kind.code, .detail = explain(code, x)};
  const long proxy_status = info(easy, CURLINFO_HTTP_CONNECTCODE);
  if (x.too_large) {
    error.code = "too_large";
    error.detail = fmt::format("the answer is larger than allowed ({} bytes)", x.request.max_response_bytes);
  } else if (proxy_status == 407) {
    error.action = Action::pause;
    error.code = "http_407";
    error.detail = "the proxy wants a password, put it into HTTPS_PROXY";
  } else if (proxy_status >= 300) {
    error.code = "connect";
    error.detail = fmt::format("the proxy answered {}", proxy_status);
  }
  return error;
}

Error cut_short() { return {.action = Action::retry, .code = "stopped", .detail = "stopped before the answer came"}; }

}  // namespace

struct Transfers::Handle {
  Handle() { curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kMostKeptConnections); }
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  /// nullopt after a stop. The multi interface is used for its wake-up, which a stop needs.
  std::optional<CURLcode> perform(const std::stop_token& stop) {
    curl_multi_add_handle(multi, easy);
    int running = 1;
    {
      std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi); });
      while (!stop.stop_requested()) {
        if (curl_multi_perform(multi, &running) != CURLM_OK || running == 0) break;
        curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
      }
    }
    std::optional<CURLcode> outcome;
    int left = 0;
    if (const CURLMsg* message = curl_multi_info_read(multi, &left)) outcome = message->data.result;
    if (!outcome && !stop.stop_requested()) outcome = CURLE_FAILED_INIT;
    curl_multi_remove_handle(multi, easy);
    return outcome;
  }

  CURLM* multi = curl_multi_init();
  CURL* easy = curl_easy_init();
};

Transfers::Transfers(std::string ca_file, std::string user_agent)
    : ca_file_(std::move(ca_file)), user_agent_(std::move(user_agent)) {
  [[maybe_unused]] static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
}

Transfers::~Transfers() = default;

std::unique_ptr<Transfers::Handle> Transfers::borrow() {
  MutexLock lock(mu_);
  if (idle_.empty()) return std::make_unique<Handle>();
  auto handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void Transfers::give_back(std::unique_ptr<Handle> handle) {
  curl_easy_reset(handle->easy);  // it still points into the finished exchange
  MutexLock lock(mu_);
  if (idle_.size() < kMostIdleHandles) idle_.push_back(std::move(handle));
}

Result<Response> Transfers::run(const Request& request, const Secret& bearer, const std::stop_token& stop) {
  if (auto ok = check_headers(request); !ok) return ok.error();
  Exchange x(request);
  const List lines = header_lines(request, bearer);
  auto handle = borrow();
  CURL* easy = handle->easy;
  set_method(easy, x);
  set_tls(easy, ca_file_);
  set_route(easy, request);
  set_answer(easy, x);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines.get());
  auto code = handle->perform(stop);
  // libcurl calls an answer complete whose connection closed within the headers.
  if (code == CURLE_OK && !x.headers_ended) code = CURLE_PARTIAL_FILE;
  x.response.status = static_cast<int>(info(easy, CURLINFO_RESPONSE_CODE));
  Error error = code ? wire_error(easy, *code, x) : cut_short();
  error.maybe_applied = request_left(easy, x);
  error.detail = fmt::format("{} {}: {}", request.method, place_of(request.url), error.detail);
  give_back(std::move(handle));
  if (code != CURLE_OK) return error;
  return std::move(x.response);
}

}  // namespace hw::http
