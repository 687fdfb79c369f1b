#pragma once

#include "layout.hpp"
#include "result.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE bool is_id(std::string_view text) noexcept {
  if (text.size() != 32 && text.size() != 64) return false;
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

USAGE_STATS_INLINE bool is_transient(std::error_code error) noexcept {
  for (const std::errc lasting :
       {std::errc::no_such_file_or_directory, std::errc::not_a_directory, std::errc::operation_not_permitted,
        std::errc::too_many_symbolic_link_levels, std::errc::file_too_large, std::errc::no_such_device_or_address})
    if (error == lasting) return false;
  return bool(error);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
