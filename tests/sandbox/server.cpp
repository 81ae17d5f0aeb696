#include "sandbox/server.h"

#include <httplib.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/zone.h"
#include "model/money.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;

HttpRequest translated(const httplib::Request& in, const std::string& prefix) {
  HttpRequest r{
      .method = in.method, .path = in.path.substr(prefix.size()), .query = {}, .headers = {}, .body = in.body};
  for (const auto& [k, v] : in.params) r.query.emplace(k, v);
  // A form body's members are not query parameters.
  if (in.get_header_value("Content-Type").starts_with("application/x-www-form-urlencoded")) {
    r.query.clear();
    const auto at = in.target.find('?');
    if (at != std::string::npos)
      for (auto pair : split(std::string_view(in.target).substr(at + 1), '&')) {
        const auto eq = pair.find('=');
        r.query.emplace(percent_decode(pair.substr(0, eq), true),
                        eq == pair.npos ? "" : percent_decode(pair.substr(eq + 1), true));
      }
  }
  for (const auto& [k, v] : in.headers) r.headers.emplace(to_lower_ascii(k), v);
  return r;
}

void answer(httplib::Response& out, const HttpResponse& r, Timestamp now) {
  out.status = r.status;
  std::string type = "application/json; charset=utf-8";
  for (const auto& [k, v] : r.headers) {
    if (equals_ci(k, "content-type")) {
      type = v;
    } else {
      out.set_header(k, v);
    }
  }
  if (!out.has_header("Date")) out.set_header("Date", http_date(now));
  out.set_content(r.body, type);
}

/// Announces more than it sends and closes.
void cut_off(httplib::Response& out, std::string body) {
  const std::size_t announced = body.size() + 1000;
  out.status = 200;
  out.set_content_provider(announced, "application/json",
                           [body = std::move(body)](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                             if (offset == 0) sink.write(body.data(), body.size() / 2);
                             return false;
                           });
}

}  // namespace

Server::Server(World& world, std::vector<std::unique_ptr<Peer>> peers, std::unique_ptr<Recorder> recorder)
    : world_(world),
      peers_(std::move(peers)),
      recorder_(std::move(recorder)),
      http_(std::make_unique<httplib::Server>()) {
  route();
}

Server::~Server() { stop(); }

void Server::route() {
  http_->set_keep_alive_max_count(100000);
  http_->set_tcp_nodelay(true);
  for (auto& peer : peers_) {
    Peer* p = peer.get();
    const std::string prefix = "/" + p->name();
    auto handler = [this, p, prefix](const httplib::Request& in, httplib::Response& out) {
      std::unique_lock lock(mu_);
      const HttpRequest request = translated(in, prefix);
      auto fault = faults_.take(p->name(), request.path, world_.now);
      HttpResponse r;
      const bool asks_peer =
          !fault || fault->kind == "reset_after" || fault->kind == "slow" || fault->kind == "truncated";
      if (asks_peer) r = p->handle(request);
      if (fault && fault->kind == "status") {
        r = {.status = fault->status, .headers = {}, .body = "{\"error\":{\"message\":\"a fault on demand\"}}"};
        if (!fault->retry_after.empty()) r.headers.emplace_back("Retry-After", fault->retry_after);
      }
      if (fault && fault->kind == "html")
        r = {
            .status = 200, .headers = {{"Content-Type", "text/html"}}, .body = "<html><body>maintenance</body></html>"};
      if (fault && fault->kind == "invalid_json") r = {.status = 200, .headers = {}, .body = "{\"requestId\": "};
      if (recorder_) recorder_->record(world_.now, p->name(), request, r.status);
      const bool cut =
          fault && (fault->kind == "reset_before" || fault->kind == "reset_after" || fault->kind == "truncated");
      const Timestamp now = world_.now;
      lock.unlock();
      if (fault && fault->kind == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(fault->delay_ms));
      if (cut) return cut_off(out, r.body);
      answer(out, r, now);
    };
    const std::string pattern = prefix + "/.*";
    http_->Get(pattern, handler)
        .Post(pattern, handler)
        .Put(pattern, handler)
        .Patch(pattern, handler)
        .Delete(pattern, handler);
  }
  http_->Get("/__sandbox/believed", [this](const httplib::Request&, httplib::Response& out) {
    std::lock_guard lock(mu_);
    out.set_content(believed_json(), "application/json");
  });
  http_->Get("/__sandbox/written", [this](const httplib::Request&, httplib::Response& out) {
    std::lock_guard lock(mu_);
    out.set_content(written_json(), "application/json");
  });
  http_->Get("/__sandbox/truth", [this](const httplib::Request&, httplib::Response& out) {
    std::lock_guard lock(mu_);
    out.set_content(truth_ ? truth_() : "{}", "application/json");
  });
  http_->Get("/__sandbox/now", [this](const httplib::Request&, httplib::Response& out) {
    std::lock_guard lock(mu_);
    out.set_content("{\"now\":\"" + rfc3339(world_.now) + "\"}", "application/json");
  });
  http_->Post("/__sandbox/faults", [this](const httplib::Request& in, httplib::Response& out) {
    const json j = json::parse(in.body, nullptr, false);
    if (!j.is_object() || !j.contains("kind")) {
      out.status = 400;
      out.set_content("{\"error\":\"an object with kind is wanted\"}", "application/json");
      return;
    }
    std::lock_guard lock(mu_);
    faults_.add({.peer = j.value("peer", ""),
                 .path = j.value("path", ""),
                 .kind = j.at("kind").get<std::string>(),
                 .status = j.value("status", 503),
                 .retry_after = j.value("retry_after", ""),
                 .times = j.value("times", 1),
                 .delay_ms = j.value("delay_ms", 0)});
    out.set_content("{}", "application/json");
  });
}

int Server::start(int port) {
  if (port == 0) {
    port = http_->bind_to_any_port("127.0.0.1");
  } else if (!http_->bind_to_port("127.0.0.1", port)) {
    return 0;
  }
  if (port <= 0) return 0;
  thread_ = std::jthread([this] { http_->listen_after_bind(); });
  while (!http_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return port;
}

void Server::stop() {
  http_->stop();
  if (thread_.joinable()) thread_.join();
}

void Server::locked(const std::function<void()>& body) {
  std::lock_guard lock(mu_);
  body();
}

void Server::advance(Timestamp now) {
  world_.now = now;
  for (auto& p : peers_) p->advance(now);
}

Timestamp Server::next_event() const {
  Timestamp next = Timestamp::max();
  for (const auto& p : peers_) next = std::min(next, p->next_event());
  return next;
}

std::string Server::written_json() const {
  json out = json::object();
  for (const auto& p : peers_)
    for (const WrittenField& f : p->written())
      out[p->name()].push_back({{"object", f.object},
                                {"id", f.id},
                                {"field", f.field},
                                {"value", f.value},
                                {"by_api", f.by_api},
                                {"writes", f.writes}});
  return out.dump(1);
}

std::vector<Belief> Server::believed() const {
  std::vector<Belief> out;
  for (const auto& p : peers_)
    for (Belief& b : p->believed()) out.push_back(std::move(b));
  return out;
}

std::string Server::believed_json() const {
  json out = json::object();
  for (const auto& p : peers_) {
    json keys = json::array();
    std::map<std::tuple<std::string, std::string, std::string>, std::pair<std::int64_t, std::int64_t>> sums;
    for (const Belief& b : p->believed()) {
      keys.push_back({{"account", b.account},
                      {"action", b.action},
                      {"key", b.key},
                      {"currency", b.currency},
                      {"value", decimal(b.micros, 2)},
                      {"count", b.count},
                      {"state", b.state}});
      auto& sum = sums[{b.account, b.action, b.currency}];
      sum.first += b.count;
      sum.second += b.micros;
    }
    json totals = json::array();
    for (const auto& [key, sum] : sums)
      totals.push_back({{"account", std::get<0>(key)},
                        {"action", std::get<1>(key)},
                        {"currency", std::get<2>(key)},
                        {"count", sum.first},
                        {"value", decimal(sum.second, 2)}});
    out[p->name()] = {{"keys", keys}, {"sums", totals}};
  }
  return out.dump(1);
}

}  // namespace hw::sandbox
