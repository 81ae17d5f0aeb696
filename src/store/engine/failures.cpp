#include "store/engine/failures.h"

#include <fmt/format.h>

namespace hw::store {
namespace {

Failure failure(Action action, const char* code, std::string detail) {
  return Failure{Error{.action = action, .code = code, .detail = std::move(detail)}};
}

}  // namespace

Failure store_full(std::string_view name, std::string_view cause) {
  return failure(Action::retry, "store_full",
                 fmt::format("{}: no space left for the store ({}). Free space or raise the quota; nothing that was "
                             "committed is lost, and the work goes on by itself.",
                             name, cause));
}

Failure store_busy(std::string_view name, std::string_view cause) {
  return failure(Action::retry, "store_busy",
                 fmt::format("{}: another process kept the store's write lock for too long ({}). Look for a second "
                             "headwater command or a backup tool that hangs on it.",
                             name, cause));
}

Failure store_corrupt(std::string_view name, std::string_view cause) {
  return failure(
      Action::pause, "store_corrupt",
      fmt::format(
          "{}: the store is damaged or no Headwater store ({}). Nothing more is sent. Put the last backup in its "
          "place with `headwater restore FILE` while no daemon runs: the damaged store is kept beside it, and "
          "what may have been sent since the backup is marked as uncertain. Do not start on an empty store "
          "instead: what was sent before would be sent again.",
          name, cause));
}

Failure store_io(std::string_view name, std::string_view cause) {
  return failure(
      Action::retry, "store_io",
      fmt::format("{}: the store cannot be read or written ({}). Check that its folder exists and is mounted, "
                  "and the kernel log for disk errors.",
                  name, cause));
}

Failure store_readonly(std::string_view name, std::string_view cause) {
  return failure(
      Action::pause, "store_readonly",
      fmt::format("{}: the store may not be written ({}). Make the user that runs Headwater the owner of the "
                  "file and of its folder, with mode 0600 and 0700, on a file system mounted for writing.",
                  name, cause));
}

Failure store_constraint(std::string_view cause) {
  return failure(
      Action::pause, "store_constraint",
      fmt::format("a row broke a rule of the store ({}). Nothing was written; please report this as a bug.", cause));
}

Failure store_sql(std::string_view cause) {
  return failure(
      Action::pause, "store_sql",
      fmt::format("the store refused a statement ({}). Nothing was written; please report this as a bug.", cause));
}

Failure store_missing(std::string_view name) {
  return failure(Action::pause, "store_missing",
                 fmt::format("{}: there is no store yet. `headwater run` or `headwater sync` makes it.", name));
}

Failure store_engine(std::string_view cause) { return failure(Action::pause, "store_engine", std::string(cause)); }

Failure store_newer(std::string_view name, int found, int known) {
  return failure(
      Action::pause, "store_newer",
      fmt::format("{}: the store has version {}, made by a newer Headwater; this one knows versions up to {}. "
                  "Install the newer Headwater again, or restore the backup made before its first start.",
                  name, found, known));
}

Failure store_older(std::string_view name, int found, int known) {
  return failure(
      Action::pause, "store_older",
      fmt::format(
          "{}: the store has version {}, and this Headwater works with version {}. Start its `headwater run` or "
          "`headwater sync` once: it brings the store forward.",
          name, found, known));
}

}  // namespace hw::store
