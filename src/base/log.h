#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

/// One event per line: logfmt on standard error (with a <N> priority prefix under journald). Event names are
/// snake_case, past tense; keys carry their unit. Never e-mails, tokens, bodies or full URLs.
namespace hw {

enum class Level { debug, info, warn, error };

struct Field {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class I, std::enable_if_t<std::is_integral_v<I> && !std::is_same_v<I, bool>, int> = 0>
  Field(std::string_view k, I v) : key(k), value(static_cast<std::int64_t>(v)) {}
};

/// error = data lost or a person must act; warn = odd but recovering; info = started, stopped, reloaded, up, down;
/// debug = per batch. The same event with the same `connector`/`destination` is written once per 10 s; the latest of
/// those held back follows with `repeats=COUNT` at the next event after that, at tell_held_events() or at the end.
void log_event(Level level, std::string_view event, std::initializer_list<Field> fields = {});
/// For who calls it every few seconds: what was held back for 10 s is told though nothing else happens.
void tell_held_events();

void set_log_level(Level level);
/// Tests: hand lines to `sink` instead of writing them (nullptr: write again), and forget which were repeated.
void set_log_sink_for_test(void (*sink)(std::string_view line));

}  // namespace hw
