#pragma once
// Windows' version as it reports it, and as people call it. Included by platform.inl after windows.h.

#include <cstdint>
#include <string>

#include "../../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace windows {

/// "Windows 11 10.0.22631", "Windows Server 2022 10.0.20348": all of them are 10.0, and only the build tells them
/// apart.
USAGE_STATS_INLINE std::string version_name(std::uint32_t major, std::uint32_t minor, std::uint32_t build,
                                            bool server) {
  struct Name {
    std::uint32_t major, minor, build;  // the first that is called so
    const char *workstation, *server;
  };
  constexpr Name names[] = {
      {10, 0, 26100, "11", "Server 2025"}, {10, 0, 22000, "11", "Server 2022"}, {10, 0, 20348, "10", "Server 2022"},
      {10, 0, 17763, "10", "Server 2019"}, {10, 0, 0, "10", "Server 2016"},     {6, 3, 0, "8.1", "Server 2012 R2"},
      {6, 2, 0, "8", "Server 2012"},       {6, 1, 0, "7", "Server 2008 R2"},    {6, 0, 0, "Vista", "Server 2008"}};
  const std::string numbers = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
  for (const Name& name : names)
    if (name.major == major && name.minor == minor && build >= name.build)
      return std::string("Windows ") + (server ? name.server : name.workstation) + " " + numbers;
  return "Windows " + numbers;
}

}  // namespace windows
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
