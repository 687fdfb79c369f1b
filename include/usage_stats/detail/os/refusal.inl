#pragma once
// Why a folder is not used, in words that help the user.

#include <atomic>
#include <new>
#include <string>

#include "platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace refusal_impl {

USAGE_STATS_INLINE const char* words_of(Refusal why) noexcept {
  switch (why) {
    case Refusal::root:
      return "reports cannot be kept in the root of the file system";
    case Refusal::is_home:
      return "reports cannot be kept in the home folder itself";
    case Refusal::common_place:
      return "this program did not create it, and its name and place suggest that it is used for other things, too";
    case Refusal::no_home:
      return "the home folder does not exist, and this library does not create it";
    case Refusal::home_is_root:
      return "HOME is the root of the file system, in which this library creates nothing";
    case Refusal::anothers:
      return "it belongs to another user";
    case Refusal::others_may_write:
      return "other users can write there";
    case Refusal::not_private:
      return "this program did not create it, and other users can look into it (chmod 700, or remove it)";
    case Refusal::in_anothers_folder:
      return "the folder that it is in belongs to another user";
    case Refusal::in_shared_folder:
      return "any user can rename things in the folder above it";
    case Refusal::untrusted_link:
      return "another user could have made a link on the way to it";
    case Refusal::not_made_by_us:
      return "this program did not create it: it is not empty, and has no state.json of this program";
    case Refusal::newer_version:
      return "a newer version of this program has written its state.json, which is not changed";
    case Refusal::another_programs:
      return "it belongs to another program, as its state.json says";
    case Refusal::not_of_administrators:
      return "somebody other than the administrators owns it, or can write to it";
  }
  return "it is not used";
}

class Refusals : public std::error_category {
 public:
  const char* name() const noexcept override { return "usage folder"; }
  std::string message(int why) const override { return words_of(static_cast<Refusal>(why)); }
  std::error_condition default_error_condition(int why) const noexcept override {
    const auto refusal = static_cast<Refusal>(why);
    return std::make_error_condition(refusal == Refusal::no_home || refusal == Refusal::home_is_root
                                         ? std::errc::no_such_file_or_directory
                                         : std::errc::operation_not_permitted);
  }
};

/// What kept state.json from being read, with the system's own words.
class StateFileErrors : public std::error_category {
 public:
  const char* name() const noexcept override { return "state.json"; }
  std::string message(int error) const override {
    return "state.json cannot be read: " + std::generic_category().message(error);
  }
  std::error_condition default_error_condition(int error) const noexcept override {
    return {error, std::generic_category()};
  }
};

/// One object of each, without allocation and never destroyed: a session may end after static objects are gone. Null if
/// another thread, or code that a signal handler has interrupted, is just creating it: nobody waits.
template <class Category>
const std::error_category* category_of() noexcept {
  enum { none, begun, made };
  alignas(Category) static unsigned char place[sizeof(Category)];
  static std::atomic<int> state{none};
  int found = none;
  if (state.compare_exchange_strong(found, begun)) {
    new (place) Category;
    state = found = made;
  }
  return found == made ? std::launder(static_cast<const Category*>(static_cast<const void*>(place))) : nullptr;
}

}  // namespace refusal_impl

USAGE_STATS_INLINE std::error_code refused(Refusal why) noexcept {
  const std::error_category* const category = refusal_impl::category_of<refusal_impl::Refusals>();
  if (category == nullptr) return std::make_error_code(std::errc::operation_not_permitted);
  return {static_cast<int>(why), *category};
}

USAGE_STATS_INLINE std::error_code in_state_file(std::error_code error) noexcept {
  const std::error_condition kind = error.default_error_condition();
  const bool known = kind.category() == std::generic_category();
  const std::error_category* const category = refusal_impl::category_of<refusal_impl::StateFileErrors>();
  if (category == nullptr) return error;
  return {known ? kind.value() : static_cast<int>(std::errc::io_error), *category};
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
