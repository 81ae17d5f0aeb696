#include "service/act_as_owner.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hw::service {
namespace {

/// With the groups that systemd gives a service of that user; a user without an entry has none but the directory's.
bool become(const struct stat& owner) {
  const passwd* entry = ::getpwuid(owner.st_uid);
  const gid_t group = entry != nullptr ? entry->pw_gid : owner.st_gid;
  const bool grouped = entry != nullptr ? ::initgroups(entry->pw_name, group) == 0 : ::setgroups(0, nullptr) == 0;
  return grouped && ::setegid(group) == 0 && ::seteuid(owner.st_uid) == 0;
}

}  // namespace

Status act_as_owner(const std::string& state_dir) {
  struct stat owner {};
  if (::geteuid() != 0 || ::stat(state_dir.c_str(), &owner) != 0 || owner.st_uid == 0 || become(owner)) return {};
  return Error{Action::pause,
               "state_owner",
               fmt::format("cannot act as the owner of {} (user {}): {}; call it as that user", state_dir, owner.st_uid,
                           std::strerror(errno)),
               {},
               false};
}

Status act_as_root_again() {
  if (::getuid() != 0 || ::geteuid() == 0) return {};
  if (::seteuid(0) == 0 && ::setegid(0) == 0) return {};
  return Error{
      Action::pause, "state_owner", std::string("cannot act as root again: ") + std::strerror(errno), {}, false};
}

}  // namespace hw::service
