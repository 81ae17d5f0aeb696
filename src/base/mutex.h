#pragma once
#include <condition_variable>
#include <mutex>

/// std::mutex with clang's thread-safety annotations, which libstdc++'s own lacks: clang would warn on correct code.
#if defined(__clang__)
#define HW_TSA(x) __attribute__((x))
#else
#define HW_TSA(x)
#endif
#define CAPABILITY(x) HW_TSA(capability(x))
#define SCOPED_CAPABILITY HW_TSA(scoped_lockable)
#define GUARDED_BY(x) HW_TSA(guarded_by(x))
#define REQUIRES(...) HW_TSA(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) HW_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) HW_TSA(release_capability(__VA_ARGS__))
#define EXCLUDES(...) HW_TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS HW_TSA(no_thread_safety_analysis)

namespace hw {

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() ACQUIRE() { m_.lock(); }
  void unlock() RELEASE() { m_.unlock(); }

 private:
  std::mutex m_;
};

/// Holds a Mutex for a scope. No lock is held over I/O.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& m) ACQUIRE(m) : m_(m) { m_.lock(); }
  ~MutexLock() RELEASE() { m_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& m_;
};

}  // namespace hw
