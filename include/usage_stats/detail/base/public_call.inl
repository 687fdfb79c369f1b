#pragma once

#include <cerrno>
#include <cfenv>
#include <new>

#include "public_call.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace public_call_impl {

/// How many public functions this thread is in.
USAGE_STATS_INLINE int& calls() noexcept {
  static thread_local int count = 0;
  return count;
}

/// The same for functions without floating-point operations that are called so often that checking would cost too much.
class IntegerCall {
 public:
  IntegerCall() noexcept : nested_(calls()++ > 0) {}
  ~IntegerCall() {
    --calls();
    errno = errno_;
  }
  IntegerCall(const IntegerCall&) = delete;
  IntegerCall& operator=(const IntegerCall&) = delete;
  bool nested() const noexcept { return nested_; }

 private:
  int errno_ = errno;
  bool nested_;
};

}  // namespace public_call_impl

USAGE_STATS_INLINE PublicCall::PublicCall() noexcept
    : errno_(errno), flags_(std::fetestexcept(FE_ALL_EXCEPT)), nested_(public_call_impl::calls()++ > 0) {}

USAGE_STATS_INLINE PublicCall::~PublicCall() {
  --public_call_impl::calls();
  // Reading costs less than writing.
  if (const int raised = std::fetestexcept(FE_ALL_EXCEPT) & ~flags_) std::feclearexcept(raised);
  errno = errno_;
}

USAGE_STATS_INLINE bool PublicCall::going_on() noexcept { return public_call_impl::calls() > 0; }

USAGE_STATS_INLINE HostCode::HostCode() noexcept : calls_(public_call_impl::calls()) { public_call_impl::calls() = 0; }
USAGE_STATS_INLINE HostCode::~HostCode() { public_call_impl::calls() = calls_; }

USAGE_STATS_INLINE ScopedSigfpeBlock::ScopedSigfpeBlock() noexcept {
  static_assert(sizeof(std::fenv_t) <= sizeof before_, "a larger environment");
  held_ = std::feholdexcept(new (before_) std::fenv_t) == 0;
}
USAGE_STATS_INLINE ScopedSigfpeBlock::~ScopedSigfpeBlock() {
  if (held_) std::fesetenv(static_cast<const std::fenv_t*>(static_cast<const void*>(before_)));
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
