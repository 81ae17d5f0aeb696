// Figures of delivery, beside what the network and the store alone would give in the same run.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/at_once.h"
#include "bench/baseline.h"
#include "bench/ledger.h"
#include "delivery/sender.h"
#include "store/ledger_rows.h"

namespace {

using namespace hw::bench;
using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point began) { return std::chrono::duration<double>(Steady::now() - began).count(); }

/// A directory on the machine's own disk, removed at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::current_path() / "bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a directory here");
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string store(const std::string& name) const { return path_ + "/" + name + ".db"; }

 private:
  std::string path_;
};

/// "VmRSS" or "VmHWM" of this process, in MiB.
double memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(what + ":", 0) == 0) return std::stod(line.substr(what.size() + 1)) / 1024;
  return 0;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// Rows a second: delivery's, libcurl's, SQLite's, and of those two one after the other.
struct Rates {
  double ours = 0, curl = 0, sqlite = 0;
  [[nodiscard]] double both() const { return 1 / (1 / curl + 1 / sqlite); }
  [[nodiscard]] double ratio() const { return ours / both(); }
};

Rates measure(const Folder& folder, const AtOnce& sink, std::size_t rows_a_request, std::size_t rows) {
  // As many rows a commit as the Sender claims and records.
  const std::size_t rows_a_commit = std::max<std::size_t>(hw::delivery::Sender::kRecordRows, rows_a_request);
  const std::string ours = folder.store("ours"), bare = folder.store("bare");
  ledger_of(bare, rows).reset();
  auto db = ledger_of(ours, rows);
  Rates out;
  out.curl = curl_alone(sink.url(), rows, rows_a_request);
  out.sqlite = sqlite_alone(bare, rows, rows_a_commit);
  const auto began = Steady::now();
  const std::size_t sent = deliver(*db, sink.url(), rows_a_request, rows);
  out.ours = static_cast<double>(sent) / seconds_since(began);
  db.reset();
  std::filesystem::remove(ours);
  std::filesystem::remove(bare);
  return out;
}

/// A shared machine changes its pace by a factor of two within a minute, so each ratio is of one short round, and the
/// one in the middle stands for all.
void throughput(const Folder& folder, const AtOnce& sink, std::size_t rows_a_request, std::size_t rows,
                std::size_t rounds) {
  std::vector<Rates> all;
  for (std::size_t i = 0; i < rounds; ++i) all.push_back(measure(folder, sink, rows_a_request, rows));
  std::sort(all.begin(), all.end(), [](const Rates& x, const Rates& y) { return x.ratio() < y.ratio(); });
  const Rates& middle = all[all.size() / 2];
  std::printf(
      "%4zu rows a request: %8.0f rows/s; libcurl alone %8.0f, SQLite alone %8.0f, both %8.0f: ratio %.2f "
      "(%zu rounds: %.2f to %.2f)\n",
      rows_a_request, middle.ours, middle.curl, middle.sqlite, middle.both(), middle.ratio(), rounds,
      all.front().ratio(), all.back().ratio());
  std::fflush(stdout);
}

/// A process that is killed while it delivers, and how long the next one takes until it sends again.
void recovery_and_memory(const Folder& folder, const AtOnce& sink, std::size_t rows) {
  const std::string path = folder.store("big");
  ledger_of(path, rows).reset();
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    auto db = hw::store::Db::open({.path = path, .postgres = {}});
    if (db) deliver(**db, sink.url(), 50, rows);
    ::_exit(0);
  }
  ::usleep(2'000'000);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const auto began = Steady::now();
  auto db = hw::store::Db::open({.path = path, .postgres = {}});
  if (!db) throw std::runtime_error(db.error().detail);
  const std::size_t first = deliver(**db, sink.url(), 50, 1);
  std::printf("%zu rows: %.3f s from the start after SIGKILL until the first %zu were settled\n", rows,
              seconds_since(began), first);
  forget_peak();
  const double idle = memory("VmRSS");
  const auto delivering = Steady::now();
  const std::size_t sent = deliver(**db, sink.url(), 50, rows);
  std::printf("%zu rows in %.0f s: %.1f MiB above the %.1f MiB of before, at the peak\n", sent,
              seconds_since(delivering), memory("VmHWM") - idle, idle);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Figures of delivery beside a baseline of the same run"};
  std::size_t rows = 10'000, rounds = 7, big = 1'000'000;
  app.add_option("--rows", rows, "rows of each round of a throughput")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--rounds", rounds, "rounds of each throughput")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--big", big, "rows of the ledger that is recovered and delivered; 0: not")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    const Folder folder;
    const AtOnce sink;
    for (const std::size_t rows_a_request : {std::size_t{1}, std::size_t{50}, std::size_t{500}})
      throughput(folder, sink, rows_a_request, rows, rounds);
    if (big > 0) recovery_and_memory(folder, sink, big);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "headwater-bench: %s\n", e.what());
    return 70;
  }
  return 0;
}
