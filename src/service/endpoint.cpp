#include "service/endpoint.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "store/service_rows.h"

namespace hw::service {
namespace {

constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::size_t kThreads = 2;

/// Unlike the library's own choice, two daemons cannot share one port unseen.
void reuse_address_only(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

void answer(httplib::Response& out, const std::optional<std::string>& trouble) {
  out.status = trouble ? 503 : 200;
  out.set_content(trouble.value_or("ok") + "\n", kText);
}

}  // namespace

struct Endpoint::Impl {
  std::shared_ptr<store::Db> db;
  std::shared_ptr<Vitals> vitals;
  std::shared_ptr<Clock> clock;
  int port = 0;
  httplib::Server server;
  std::thread thread;
  std::atomic<bool> ended = false;

  [[nodiscard]] std::optional<std::string> sick() const {
    const auto stuck = vitals->beats.stuck();
    if (!stuck) return std::nullopt;
    return "the loop '" + stuck->loop + "' has not got on for " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(stuck->silent).count()) + " s";
  }

  [[nodiscard]] std::optional<std::string> unready() {
    if (auto trouble = sick()) return trouble;
    if (!vitals->swept) return "not every source has been read through yet: headwater status says how far it is";
    auto written = db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::service_rows::set_state(tx, "ready_probe", std::to_string(to_micros(clock->system_now())));
      return {};
    });
    if (!written) return "the store takes no write: " + written.error().code;
    return std::nullopt;
  }

  void metrics(httplib::Response& out) {
    auto families = vitals->metrics.collect();
    auto stored =
        store_metrics(*db, vitals->destinations(), vitals->lookups(), vitals->source_fields(), clock->system_now());
    if (!stored) {
      out.status = 503;
      out.set_content("the store cannot be read: " + stored.error().code + "\n", kText);
      return;
    }
    for (auto& f : *stored) families.push_back(std::move(f));
    out.set_content(exposition(families), kPrometheusText);
  }

  void route() {
    server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server.set_socket_options(reuse_address_only);
    server.set_read_timeout(5, 0);
    server.set_keep_alive_timeout(1);
    server.Get("/healthz", [this](const httplib::Request&, httplib::Response& out) { answer(out, sick()); });
    server.Get("/readyz", [this](const httplib::Request&, httplib::Response& out) { answer(out, unready()); });
    server.Get("/metrics", [this](const httplib::Request&, httplib::Response& out) { metrics(out); });
  }
};

Result<std::unique_ptr<Endpoint>> Endpoint::open(const settings::Settings::Service& where,
                                                 std::shared_ptr<store::Db> db, std::shared_ptr<Vitals> vitals,
                                                 std::shared_ptr<Clock> clock) {
  auto impl = std::make_unique<Impl>();
  impl->db = std::move(db);
  impl->vitals = std::move(vitals);
  impl->clock = std::move(clock);
  impl->route();
  if (where.listen_port == 0) {
    impl->port = impl->server.bind_to_any_port(where.listen_host);
  } else {
    impl->port = impl->server.bind_to_port(where.listen_host, where.listen_port) ? where.listen_port : -1;
  }
  if (impl->port <= 0)
    return Error{Action::pause,
                 "listen",
                 "service.listen: cannot listen on " + where.listen_host + " port " +
                     std::to_string(where.listen_port) + ": another program has it",
                 {},
                 false};
  impl->thread = std::thread([it = impl.get()] {
    it->server.listen_after_bind();
    it->ended = true;
  });
  return std::unique_ptr<Endpoint>(new Endpoint(std::move(impl)));
}

Endpoint::Endpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Endpoint::~Endpoint() {
  // A stop that comes before the server's loop began would be forgotten by it.
  while (!impl_->server.is_running() && !impl_->ended) std::this_thread::yield();
  impl_->server.stop();
  impl_->thread.join();
}

int Endpoint::port() const { return impl_->port; }

}  // namespace hw::service
