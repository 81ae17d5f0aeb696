#include "service/daemon.h"

#include <thread>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "report/status.h"
#include "service/in_force.h"
#include "service/notify.h"
#include "service/runner.h"
#include "store/service_rows.h"

namespace hw::service {

Daemon::Daemon(std::unique_ptr<App> app, const connect::Registry& registry)
    : registry_(registry), app_(std::move(app)) {}

void Daemon::reload() {
  const std::lock_guard lock(mu_);
  asked_ = true;
  changed_.notify_all();
}

Status Daemon::run(std::stop_token stop) {
  const std::shared_ptr<Vitals> vitals = app_->vitals;
  if (auto s = note_refused(""); !s) return s;
  if (auto s = note_taken(""); !s) log_event(Level::warn, "note_not_kept", {{"code", s.error().code}});
  if (auto s = listen(app_->settings.service); !s) return s;
  const notify::Watchdog watchdog(vitals->beats);
  const std::stop_callback on_stop(stop, [] { notify::stopping(); });
  for (;;) {
    std::unique_ptr<App> next;
    const Status ended = work(stop, next);
    if (!ended || !next || stop.stop_requested()) {
      log_event(Level::info, "stopped");
      return ended;
    }
    take_over(std::move(next));
  }
}

/// Until the crew has ended: by a stop, by a failure, or because `next` is to take over.
Status Daemon::work(std::stop_token stop, std::unique_ptr<App>& next) {
  std::stop_source crew;
  const std::stop_callback on_stop(stop, [&] { crew.request_stop(); });
  Status ended;
  crew_ended_ = false;
  const std::jthread working([&] {
    ended = service::run(*app_, crew.get_token());
    const std::lock_guard lock(mu_);
    crew_ended_ = true;
    changed_.notify_all();
  });
  while (!next && await_reload(stop)) next = prepare();
  crew.request_stop();
  std::unique_lock lock(mu_);
  changed_.wait(lock, [&] { return crew_ended_; });
  return ended;
}

bool Daemon::await_reload(std::stop_token stop) {
  std::unique_lock lock(mu_);
  changed_.wait(lock, stop, [&] { return asked_ || crew_ended_; });
  if (crew_ended_ || stop.stop_requested()) return false;
  asked_ = false;
  return true;
}

/// The App of the files as they are now; nothing when they are refused.
std::unique_ptr<App> Daemon::prepare() {
  notify::reloading();
  log_event(Level::info, "reloading");
  auto next = app_->successor(registry_);
  Status good = next ? listen((*next)->settings.service) : Status(next.error());
  if (good) return std::move(*next);
  refuse(good.error());
  notify::ready();
  return nullptr;
}

/// A new address is taken before the old one is left, so that one that is not free changes nothing.
Status Daemon::listen(const settings::Settings::Service& service) {
  const auto& now = app_->settings.service;
  const bool same = service.listen_host == now.listen_host && service.listen_port == now.listen_port;
  if (same && endpoint_) return {};
  std::unique_ptr<Endpoint> opened;
  if (!service.listen_host.empty()) {
    auto made = Endpoint::open(service, app_->db, app_->vitals, app_->clock);
    if (!made) return made.error();
    opened = std::move(*made);
    log_event(Level::info, "listening", {{"address", service.listen_host}, {"port", opened->port()}});
  }
  endpoint_ = std::move(opened);
  return {};
}

void Daemon::take_over(std::unique_ptr<App> next) {
  app_ = std::move(next);
  use_log_level(app_->settings);
  for (const auto& w : app_->warnings)
    log_event(Level::warn, "configuration_warning", {{"detail", connect::to_string(w)}});
  app_->vitals->metrics.reloaded(true);
  for (const Status& s : {note_refused(""), note_taken("")})
    if (!s) log_event(Level::warn, "note_not_kept", {{"code", s.error().code}});
  log_event(Level::info, "reloaded");
}

void Daemon::refuse(const Error& error) {
  app_->vitals->metrics.reloaded(false);
  log_event(Level::error, "reload_refused",
            {{"code", error.code}, {"detail", trim(error.detail)}, {"action", "the configuration from before stays"}});
  for (const Status& s : {note_refused(error.detail), note_taken(refused_files())})
    if (!s) log_event(Level::warn, "note_not_kept", {{"code", s.error().code}});
}

/// "" where they have errors: then everybody sees that.
std::string Daemon::refused_files() const {
  const auto loaded =
      settings::load(app_->options.config, registry_, {.credentials_directory = "", .resolve_secrets = false});
  const auto* good = std::get_if<settings::Loaded>(&loaded);
  const auto channels = good == nullptr ? Result<std::string>(std::string()) : read_channels(good->settings);
  return good == nullptr || !channels ? "" : files_fingerprint(good->documents, *channels);
}

/// For the commands beside this daemon.
Status Daemon::note_taken(const std::string& refused_since) {
  return note_in_force(*app_->lock, {.main_file = app_->settings.main_file,
                                     .documents = app_->documents,
                                     .channels = app_->channels_text,
                                     .refused = refused_since});
}

/// For `headwater status`, until a good configuration takes effect.
Status Daemon::note_refused(const std::string& what) {
  const Timestamp now = app_->clock->system_now();
  return app_->db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    report::note_refused_configuration(tx, what, now);
    return {};
  });
}

}  // namespace hw::service
