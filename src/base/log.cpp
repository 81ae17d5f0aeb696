#include "base/log.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/log_limiter.h"
#include "base/mutex.h"
#include "base/text.h"
#include "base/zone.h"

namespace hw {

bool LogLimiter::admit(const std::string& key, const std::string& line, Time now) {
  const auto [it, is_new] = entries_.try_emplace(key, Entry{now, {}});
  if (is_new) return true;
  it->second.held = {line, it->second.held.count + 1};
  return false;
}

std::vector<LogLimiter::Held> LogLimiter::overdue(Time now) {
  std::vector<Held> out;
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& e = it->second;
    if (now - e.written < kEvery) {
      ++it;
    } else if (e.held.count == 0) {
      it = entries_.erase(it);
    } else {
      out.push_back(std::move(e.held));
      e = {now, {}};
      ++it;
    }
  }
  return out;
}

namespace {

using Sink = void (*)(std::string_view line);

struct Logger {
  std::atomic<Level> level{Level::info};
  Mutex mu;
  Sink sink GUARDED_BY(mu) = nullptr;
  LogLimiter limiter GUARDED_BY(mu);
};

void write_line(Sink sink, const std::string& line);

void tell_overdue(Logger& l, LogLimiter::Time now) REQUIRES(l.mu) {
  for (const LogLimiter::Held& held : l.limiter.overdue(now))
    write_line(l.sink, fmt::format("{} repeats={}", held.line, held.count));
}

/// Never destroyed: threads may log while the process ends. What is held back is told then.
Logger& logger() {
  static Logger* const instance = [] {
    std::atexit([] {
      Logger& l = logger();
      MutexLock lock(l.mu);
      tell_overdue(l, LogLimiter::Time::max());
    });
    return new Logger;
  }();
  return *instance;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "";
}

/// Syslog priorities, as journald reads them from the start of a line.
const char* priority_of(std::string_view line) {
  if (line.starts_with("level=error")) return "<3>";
  if (line.starts_with("level=warn")) return "<4>";
  if (line.starts_with("level=info")) return "<6>";
  return "<7>";
}

bool needs_quotes(std::string_view s) {
  for (const char c : s) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F) return true;
  }
  return s.empty() || !is_valid_utf8(s);
}

/// A line stays one line whatever a value holds.
std::string quoted(std::string_view s) {
  const bool valid = is_valid_utf8(s);
  std::string out = "\"";
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < ' ' || byte == 0x7F || (byte >= 0x80 && !valid)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string text_of(const Field& field) {
  return std::visit([](const auto& v) { return fmt::format("{}", v); }, field.value);
}

std::string line_of(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line = fmt::format("level={} event={}", name_of(level), event);
  for (const Field& f : fields) {
    const std::string value = text_of(f);
    line += fmt::format(" {}={}", f.key, needs_quotes(value) ? quoted(value) : value);
  }
  return line;
}

/// What counts as "the same": the event with whom it is about; one that is about nobody in particular, with all it
/// says.
std::string limit_key(std::string_view event, std::initializer_list<Field> fields) {
  std::string key(event);
  for (const Field& f : fields)
    for (const char* whom : {"connector", "destination", "source_fields", "credential"})
      if (f.key == whom) key += fmt::format(" {}={}", f.key, text_of(f));
  if (key.size() > event.size()) return key;
  for (const Field& f : fields) key += fmt::format(" {}={}", f.key, text_of(f));
  return key;
}

void write_line(Sink sink, const std::string& line) {
  if (sink != nullptr) return sink(line);
  static const bool under_journald = std::getenv("JOURNAL_STREAM") != nullptr;
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::string whole =
      under_journald ? fmt::format("{}{}\n", priority_of(line), line) : fmt::format("time={} {}\n", rfc3339(now), line);
  std::fwrite(whole.data(), 1, whole.size(), stderr);
}

}  // namespace

void log_event(Level level, std::string_view event, std::initializer_list<Field> fields) {
  Logger& l = logger();
  if (level < l.level.load(std::memory_order_relaxed)) return;
  const std::string line = line_of(level, event, fields);
  const std::string key = limit_key(event, fields);
  const LogLimiter::Time now = std::chrono::steady_clock::now();
  MutexLock lock(l.mu);
  tell_overdue(l, now);
  if (l.limiter.admit(key, line, now)) write_line(l.sink, line);
}

void tell_held_events() {
  Logger& l = logger();
  MutexLock lock(l.mu);
  tell_overdue(l, std::chrono::steady_clock::now());
}

void set_log_level(Level level) { logger().level = level; }

void set_log_sink_for_test(void (*sink)(std::string_view line)) {
  Logger& l = logger();
  MutexLock lock(l.mu);
  l.sink = sink;
  l.limiter = {};
}

}  // namespace hw
