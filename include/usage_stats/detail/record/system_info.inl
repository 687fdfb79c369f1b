#pragma once

#include "system_info.hpp"
#include "../base/text.hpp"
#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(System, true);

USAGE_STATS_INLINE bool in_ci() {
  if (const auto ci = os::variable("CI")) return !ci->empty() && *ci != "0" && *ci != "false" && *ci != "False";
  for (const char* const name : {"GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD", "TRAVIS",
                                 "CIRCLECI", "BUILDKITE", "DRONE", "APPVEYOR", "CODEBUILD_BUILD_ID", "CIRRUS_CI",
                                 "BITBUCKET_BUILD_NUMBER", "CONTINUOUS_INTEGRATION", "BUILD_NUMBER"})
    if (os::variable(name)) return true;
  return false;
}

USAGE_STATS_INLINE bool interactive() {
  return os::is_terminal(0) && os::is_terminal(2) && os::variable("TERM").value_or("") != "dumb" && !in_ci();
}

namespace environment_impl {

/// The nearest power of two, by ratio, in GiB; a machine with less than 1 GiB counts as 1.
USAGE_STATS_INLINE std::uint64_t rounded_gb(std::uint64_t bytes) {
  constexpr double gib = 1024.0 * 1024.0 * 1024.0;
  if (bytes == 0) return 0;
  std::uint64_t power = 1;
  while (power < (std::uint64_t{1} << 40) && static_cast<double>(bytes) / gib > static_cast<double>(power) * 1.4142135)
    power *= 2;
  return power;
}

}  // namespace environment_impl

USAGE_STATS_INLINE System this_system() {
  os::Machine machine = os::machine();
  System system;
  system.os = lower(machine.os);
  system.os_version = std::move(machine.os_version);
  system.kernel = std::move(machine.kernel);
  system.arch = lower(machine.arch);
  system.libc = std::move(machine.libc);
  system.cpus = machine.cpus;
  system.memory_gb = environment_impl::rounded_gb(machine.memory_bytes);
  system.ci = in_ci();
  system.container = machine.container;
  system.interactive = interactive();
  return system;
}

USAGE_STATS_INLINE Build this_build() {
  Build build;
#if defined(__clang__)
  build.compiler = "Clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
                   std::to_string(__clang_patchlevel__);
#elif defined(__GNUC__)
  build.compiler = "GCC " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
                   std::to_string(__GNUC_PATCHLEVEL__);
#elif defined(_MSC_VER)
  build.compiler = "MSVC " + std::to_string(_MSC_VER / 100) + "." + std::to_string(_MSC_VER % 100);
#endif
#if defined(_MSVC_LANG)
  constexpr long standard = _MSVC_LANG;
#else
  constexpr long standard = __cplusplus;
#endif
  build.cxx_standard = standard > 202002L ? 23 : standard > 201703L ? 20 : 17;
#if defined(NDEBUG)
  build.type = "release";
#else
  build.type = "debug";
#endif
  return build;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
