#include "sandbox/clock_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace hw::sandbox {
namespace {

constexpr std::size_t kSize = 2 * sizeof(std::int64_t);

std::atomic_ref<std::int64_t> word(void* map, int i) {
  return std::atomic_ref<std::int64_t>(static_cast<std::int64_t*>(map)[i]);
}

}  // namespace

std::unique_ptr<ClockFile> ClockFile::create(const std::string& path, Timestamp start) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* map =
      ::ftruncate(fd, kSize) == 0 ? ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (map == MAP_FAILED) return nullptr;
  std::unique_ptr<ClockFile> clock(new ClockFile(map));
  clock->set_now(start);
  return clock;
}

ClockFile::~ClockFile() { ::munmap(map_, kSize); }

Timestamp ClockFile::now() const { return from_micros(word(map_, 0).load(std::memory_order_acquire)) - ahead_; }
void ClockFile::set_now(Timestamp t) { word(map_, 0).store(to_micros(t + ahead_), std::memory_order_release); }
void ClockFile::set_ahead(Duration by) {
  const Timestamp world = now();
  ahead_ = by;
  set_now(world);
  clear_idle();
}
Timestamp ClockFile::idle_until() const {
  const Timestamp by_its_clock = from_micros(word(map_, 1).load(std::memory_order_acquire));
  return by_its_clock == Timestamp::max() ? by_its_clock : by_its_clock - ahead_;
}
void ClockFile::clear_idle() { word(map_, 1).store(0, std::memory_order_release); }

}  // namespace hw::sandbox
