#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

/// Value or classified error. Expected failures (network, refusals, bad data, full disk) return a Result; exceptions
/// are for start-up and bugs and cross no module. Member names are those of C++23's std::expected, which neither g++ 12
/// (in C++20 mode) nor clang 14 has.
namespace hw {

using Duration = std::chrono::microseconds;

/// What the caller must do. Delivery and ingest act on this alone.
enum class Action { retry, reject_row, reject_batch, pause };

/// A classified failure.
struct Error {
  Action action = Action::retry;
  std::string code;    ///< closed set, [a-z0-9_]+, fit for a metric label: "http_429", "click_too_old"
  std::string detail;  ///< for people: what failed, where, how to mend; never secrets, e-mails or bodies
  std::optional<Duration> retry_after{};  ///< the server's wish; the caller caps it
  bool maybe_applied = false;             ///< the request left, the answer was lost
};

/// "retry", "reject_row", ... as written in logs and tables.
const char* to_string(Action action);

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return v_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(v_); }
  const T& value() const& { return std::get<0>(v_); }
  T&& value() && { return std::get<0>(std::move(v_)); }
  T& operator*() & { return std::get<0>(v_); }
  const T& operator*() const& { return std::get<0>(v_); }
  T&& operator*() && { return std::get<0>(std::move(v_)); }
  T* operator->() { return &std::get<0>(v_); }
  const T* operator->() const { return &std::get<0>(v_); }
  [[nodiscard]] const Error& error() const { return std::get<1>(v_); }
  Error& error() { return std::get<1>(v_); }
  T value_or(T other) const { return has_value() ? std::get<0>(v_) : std::move(other); }

  template <class F>
  auto and_then(F&& f) && -> decltype(f(std::declval<T&&>())) {
    if (!has_value()) return std::move(error());
    return std::forward<F>(f)(std::get<0>(std::move(v_)));
  }

 private:
  std::variant<T, Error> v_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : e_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return !e_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void value() const {}
  [[nodiscard]] const Error& error() const { return *e_; }
  Error& error() { return *e_; }

 private:
  std::optional<Error> e_;
};

using Status = Result<void>;

}  // namespace hw
