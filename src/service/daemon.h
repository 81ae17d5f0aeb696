#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>

#include "service/app.h"
#include "service/endpoint.h"

namespace hw::service {

/// `headwater run`: the crew (runner.h) of one App after another, and what the surroundings are told: systemd, its
/// watchdog, and whoever asks the endpoint.
///
/// A reload reads the files anew while the crew works. What is bad is refused: its errors are logged and shown by
/// `headwater status`, and nothing changes (invariant 10). What is good takes effect when the crew has ended as at a
/// stop: requests under way end and their answers are recorded.
class Daemon {
 public:
  Daemon(std::unique_ptr<App> app, const connect::Registry& registry);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Returns after a stop, or with the failure of store, crew or endpoint that ended it.
  Status run(std::stop_token stop);
  /// Asks for a reload. Any thread, at once; several asked for in a row may be one.
  void reload();

  /// What works or, when run() has returned, worked last. While it runs, that thread's.
  [[nodiscard]] App& app() { return *app_; }

 private:
  Status work(std::stop_token stop, std::unique_ptr<App>& next);
  bool await_reload(std::stop_token stop);
  std::unique_ptr<App> prepare();
  Status listen(const settings::Settings::Service& service);
  void take_over(std::unique_ptr<App> next);
  void refuse(const Error& error);
  Status note_refused(const std::string& what);
  Status note_taken(const std::string& refused_since);
  [[nodiscard]] std::string refused_files() const;

  const connect::Registry& registry_;
  std::unique_ptr<App> app_;
  std::unique_ptr<Endpoint> endpoint_;
  std::mutex mu_;
  std::condition_variable_any changed_;
  bool asked_ = false, crew_ended_ = false;
};

}  // namespace hw::service
