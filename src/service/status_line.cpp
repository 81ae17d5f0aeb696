#include "service/status_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "service/notify.h"
#include "store/counts.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

constexpr std::chrono::seconds kTellEvery(5);
constexpr std::int64_t kCountAtMost = 10'000;

std::string counted(std::size_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

}  // namespace

std::string status_line(App& app, bool gated) {
  std::int64_t due = 0;
  std::vector<std::string> paused, retrying;
  auto read = app.db->read([&](store::Tx& tx) -> Status {
    for (const auto& name : app.sender_names) due += store::count_due(tx, name, app.clock->system_now(), kCountAtMost);
    for (const auto& p : store::service_rows::pauses(tx))
      (store::needs_a_person(p, app.clock->system_now()) ? paused : retrying).push_back(p.name);
    return {};
  });
  if (!read) return "the store cannot be read: " + read.error().code;
  std::string line =
      fmt::format("{}, {}, {} due", counted(app.pullers.size(), "source"), counted(app.senders.size(), "destination"),
                  counted(static_cast<std::size_t>(due), "row"));
  if (gated) line += "; reading the sources first";
  if (!retrying.empty()) line += fmt::format("; retrying: {}", fmt::join(retrying, ", "));
  if (!paused.empty()) line += fmt::format("; paused: {}", fmt::join(paused, ", "));
  return line;
}

void StatusLine::tell(bool gated) {
  const SteadyTime now = app_.clock->steady_now();
  if (!notify::wanted() || (told_at_ && now - *told_at_ < kTellEvery)) return;
  told_at_ = now;
  std::string line = status_line(app_, gated);
  if (line == told_) return;
  notify::status(line);
  told_ = std::move(line);
}

}  // namespace hw::service
