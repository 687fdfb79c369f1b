#pragma once

#include <cstdlib>
#include <memory>
#include <typeinfo>
#if defined(__has_include)
#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#define USAGE_STATS_CXXABI
#endif
#endif

#include "exception_info.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE const char* status_name(RunStatus status) noexcept {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::ok:
      return "ok";
    case RunStatus::failed:
      return "failed";
    case RunStatus::exception:
      return "exception";
    case RunStatus::signal:
      return "signal";
    case RunStatus::lost:
      return "lost";
  }
  return "";
}

namespace outcome_impl {

USAGE_STATS_INLINE std::string readable(const char* name) {
#if defined(USAGE_STATS_CXXABI)
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  if (status == 0 && text) return text.get();
#endif
  const std::string plain = name;  // MSVC: "class std::runtime_error"
  return plain.compare(0, 6, "class ") == 0 ? plain.substr(6) : plain;
}

/// The type of the exception being handled; works even if this code is compiled without RTTI.
USAGE_STATS_INLINE std::string current_type() {
#if defined(USAGE_STATS_CXXABI)
  if (const std::type_info* const type = abi::__cxa_current_exception_type()) return readable(type->name());
#endif
  return {};
}

USAGE_STATS_INLINE std::string type_of(const std::exception& exception) {
#if defined(__cpp_rtti) || defined(__GXX_RTTI) || defined(_CPPRTTI)
  return readable(typeid(exception).name());
#else
  static_cast<void>(exception);
  return "std::exception";
#endif
}

/// Of a very long message only the beginning is used; nothing of the rest could be sent.
USAGE_STATS_INLINE std::string message_of(const std::exception& exception) {
  constexpr std::size_t most = 64 * 1024;
  const char* const text = exception.what();
  std::size_t size = 0;
  while (text != nullptr && size < most && text[size] != '\0') ++size;
  return text == nullptr ? std::string() : std::string(text, size);
}

#if USAGE_STATS_EXCEPTIONS
USAGE_STATS_INLINE void describe(std::exception_ptr pointer, std::vector<ErrorLink>& links) {
  while (pointer && links.size() < 8) {
    std::exception_ptr cause;
    try {
      std::rethrow_exception(std::exchange(pointer, nullptr));
    } catch (const std::exception& exception) {
      const std::string type = current_type();
      links.push_back({type.empty() ? type_of(exception) : type, message_of(exception)});
#if defined(__cpp_rtti) || defined(__GXX_RTTI) || defined(_CPPRTTI)
      if (const auto* const nested = dynamic_cast<const std::nested_exception*>(&exception))
        cause = nested->nested_ptr();
#endif
    } catch (const std::nested_exception& nested) {
      links.push_back({current_type(), {}});
      cause = nested.nested_ptr();
    } catch (...) {
      links.push_back({current_type(), {}});
    }
    pointer = cause;
  }
}
#endif

/// "std::_Nested_exception<std::runtime_error>" is how libstdc++ writes what the program threw as std::runtime_error.
USAGE_STATS_INLINE void unwrap_nested_types(std::vector<ErrorLink>& links) {
  for (ErrorLink& link : links)
    for (const char* const wrapper : {"std::_Nested_exception<", "std::__nested<"}) {
      const std::string prefix = wrapper;
      if (link.type.compare(0, prefix.size(), prefix) == 0 && link.type.back() == '>')
        link.type = link.type.substr(prefix.size(), link.type.size() - prefix.size() - 1);
    }
}

}  // namespace outcome_impl

USAGE_STATS_INLINE std::vector<ErrorLink> describe_exception(std::exception_ptr pointer) {
  std::vector<ErrorLink> links;
#if USAGE_STATS_EXCEPTIONS
  outcome_impl::describe(std::move(pointer), links);
#else
  static_cast<void>(pointer);
#endif
  outcome_impl::unwrap_nested_types(links);
  return links;
}

USAGE_STATS_INLINE std::vector<ErrorLink> describe_exception(const std::exception& exception) {
  std::vector<ErrorLink> links{{outcome_impl::type_of(exception), outcome_impl::message_of(exception)}};
#if USAGE_STATS_EXCEPTIONS && (defined(__cpp_rtti) || defined(__GXX_RTTI) || defined(_CPPRTTI))
  if (const auto* const nested = dynamic_cast<const std::nested_exception*>(&exception))
    outcome_impl::describe(nested->nested_ptr(), links);
#endif
  outcome_impl::unwrap_nested_types(links);
  return links;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE

#undef USAGE_STATS_CXXABI
