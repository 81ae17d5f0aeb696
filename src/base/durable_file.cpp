#include "base/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace hw {
namespace {

Error trouble_with(const std::string& path) {
  return {Action::retry, "file", path + ": " + std::strerror(errno), {}, false};
}

}  // namespace

const FileCalls& FileCalls::system() {
  static const FileCalls calls{::fsync, ::rename};
  return calls;
}

Status replace_file(const std::string& path, std::string_view text, const std::function<bool(int fd)>& own,
                    const FileCalls& calls) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return trouble_with(beside);
  const bool whole = (!own || own(fd)) && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                     calls.sync(fd) == 0;
  const Error why_not = trouble_with(beside);
  ::close(fd);
  if (!whole) return why_not;
  if (calls.rename(beside.c_str(), path.c_str()) != 0) return trouble_with(path);
  return sync_directory_of(path, calls);
}

Status sync_directory_of(const std::string& path, const FileCalls& calls) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && calls.sync(fd) == 0;
  const Error why_not = trouble_with(folder);
  if (fd >= 0) ::close(fd);
  return synced ? Status() : why_not;
}

}  // namespace hw
