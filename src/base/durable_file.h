#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

/// Small files that hold the state of the world: written whole or not at all. Thread-safe as far as callers do not
/// replace one file at a time from two threads.
namespace hw {

/// The calls whose order matters. Tests put theirs in place.
struct FileCalls {
  std::function<int(int fd)> sync;
  std::function<int(const char* from, const char* to)> rename;
  static const FileCalls& system();
};

/// Replaces a file, or creates it: a kill or a power loss leaves the old text or the new one, whole. It is written to
/// "PATH.new" (mode 0600), synced and renamed over; then the directory is synced, so that the new text outlives a power
/// loss once this returns. `own` is called first with the new file's descriptor, to give it to somebody; false (and
/// errno) when it cannot. What lies at "PATH.new" of a kill is removed; a link there is not followed.
/// Error: {retry, "file", "/var/lib/headwater/generation: No space left on device"}; unless the directory alone could
/// not be synced, the old text stands.
Status replace_file(const std::string& path, std::string_view text, const std::function<bool(int fd)>& own = {},
                    const FileCalls& calls = FileCalls::system());

/// What was created, renamed or removed beside `path` outlives a power loss once this returns. Error: as above.
Status sync_directory_of(const std::string& path, const FileCalls& calls = FileCalls::system());

}  // namespace hw
