#pragma once
// What was read, or why nothing was.

#include <optional>
#include <system_error>
#include <utility>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// A transient failure: not of the file itself.
bool is_transient(std::error_code) noexcept;
inline bool succeeded(std::error_code error) noexcept { return !error; }

template <class T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(std::error_code why) noexcept : error_(why) {}
  /// It exists, but cannot be understood.
  static Result make_damaged() noexcept {
    Result result{std::error_code()};
    result.damaged_ = true;
    return result;
  }

  explicit operator bool() const noexcept { return value_.has_value(); }
  T& operator*() noexcept { return *value_; }
  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return &*value_; }
  T value_or(T other) const { return value_.value_or(std::move(other)); }

  std::error_code error() const noexcept { return error_; }
  /// It may exist, but cannot be read now.
  bool transient() const noexcept { return !value_ && is_transient(error_); }
  bool damaged() const noexcept { return damaged_; }
  /// It does not exist, or is not ours.
  bool missing() const noexcept { return !value_ && !damaged_ && !is_transient(error_); }

 private:
  std::optional<T> value_;
  std::error_code error_;
  bool damaged_ = false;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
