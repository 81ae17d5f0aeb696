// Commands about the store itself: backups, and the way back.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "base/zone.h"
#include "cli/command.h"
#include "cli/pasteable.h"
#include "service/act_as_owner.h"
#include "service/lock.h"
#include "service/sync.h"
#include "settings/settings.h"
#include "store/backup.h"
#include "store/ledger_rows.h"

namespace hw::cli {
namespace {

/// The settings alone: the store may be damaged or gone, and the secrets elsewhere.
Result<settings::Settings> settings_of(const Common& common) {
  auto loaded =
      settings::load(common.config, *common.registry, {.credentials_directory = {}, .resolve_secrets = false});
  if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded))
    return Error{Action::pause, "config", service::lines(*errors), {}, false};
  return std::get<settings::Loaded>(std::move(loaded)).settings;
}

Result<Timestamp> now_of(const Common& common) {
  auto followed = followed_clock(common);
  if (!followed) return followed.error();
  return (*followed ? std::move(*followed) : make_system_clock())->system_now();
}

/// A file that was opened by who may read it, for who may not. Closed at the end.
class Handed {
 public:
  explicit Handed(const std::string& file) : from_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Handed() {
    if (from_ >= 0) ::close(from_);
    if (!copy_.empty()) ::unlink(copy_.c_str());
  }
  Handed(const Handed&) = delete;
  Handed& operator=(const Handed&) = delete;

  /// The copy is there until this ends.
  Status copy_to(const std::string& copy) {
    ::unlink(copy.c_str());
    const int to = ::open(copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to >= 0) copy_ = copy;
    const bool copied = to >= 0 && all_to(to);
    const int why = errno;
    if (to >= 0) ::close(to);
    if (copied) return {};
    return Error{Action::pause, "store_io", copy + " cannot be written: " + std::strerror(why), {}, false};
  }

 private:
  [[nodiscard]] bool all_to(int to) const {
    std::array<char, 1 << 16> some{};
    for (ssize_t n = 1; n != 0;) {
      n = ::read(from_, some.data(), some.size());
      if (n < 0) return false;
      for (ssize_t done = 0, wrote = 0; done < n; done += wrote)
        if ((wrote = ::write(to, some.data() + done, static_cast<std::size_t>(n - done))) < 0) return false;
    }
    return true;
  }

  const int from_;
  std::string copy_;
};

bool may_read(const std::string& file) { return ::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0; }

/// Root's backups are for root alone, and it works in the state directory as the owner of that.
Result<store::Restored> put_back(const Common& common, const settings::Settings& settings, const std::string& file) {
  auto now = now_of(common);
  if (!now) return now.error();
  const bool was_seen = may_read(file);
  Handed handed(file);
  ::mkdir(settings.state_dir.c_str(), 0700);
  if (auto s = service::act_as_owner(settings.state_dir); !s) return s.error();
  auto lock = service::Lock::take(settings.state_dir, service::Lock::kPatience);
  if (!lock) return lock.error();
  if (!was_seen || may_read(file)) return store::restore(settings.state_dir, file, *now);
  const std::string copy = settings.state_dir + "/headwater.db.given";
  if (auto s = handed.copy_to(copy); !s) return s.error();
  auto restored = store::restore(settings.state_dir, copy, *now);
  if (restored) return restored;
  std::string& detail = restored.error().detail;
  if (const auto at = detail.find(copy); at != std::string::npos) detail.replace(at, copy.size(), file);
  return restored;
}

/// What the first start would do anyway is done now, so that its outcome can be told.
int mark_unknown(const Common& common) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::hold, code);
  if (!app) {
    std::cerr << "headwater: the backup is in place; what may have been sent since is marked at the next start\n";
    return code;
  }
  if (auto started = service::start(*app); !started) return fail(started.error());
  std::int64_t n = 0;
  auto counted = app->db->read([&](store::Tx& tx) -> Status {
    for (const auto& c : store::ledger_rows::upload_states(tx))
      if (c.state == "uncertain" && c.code == "restored") n += c.n;
    return {};
  });
  if (!counted) return fail(counted.error());
  std::cout << n << " rows may have been sent since and are uncertain ("
            << pasteable("headwater uploads list --state uncertain --reason restored)\n");
  return kOk;
}

}  // namespace

int backup(const Common& common, const std::string& file) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::ask, code);
  if (!app) return code;
  // A backup belongs to who makes it, in a directory that the state's owner need not know.
  if (auto s = service::act_as_root_again(); !s) return fail(s.error());
  auto made = store::back_up(*app->db, app->settings.state_dir, file, app->clock->system_now());
  if (!made) return fail(made.error());
  std::cout << file << "\n";
  return kOk;
}

int restore(const Common& common, const std::string& file) {
  const auto settings = settings_of(common);
  if (!settings) return fail(settings.error());
  auto restored = put_back(common, *settings, file);
  if (!restored) return fail(restored.error());
  std::cout << "restored the backup of " << format_local(restored->gap.from, settings->zone) << " as generation "
            << restored->generation << "\n";
  std::cout << "what people asked for since is forgotten with it: retries, backfills, imports, pauses, approvals; ask "
               "again\n";
  if (!restored->kept_as.empty()) std::cout << "the replaced store is kept as " << restored->kept_as << "\n";
  return mark_unknown(common);
}

}  // namespace hw::cli
