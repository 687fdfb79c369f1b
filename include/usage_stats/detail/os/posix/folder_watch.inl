#pragma once

#include <algorithm>
#include <cstdint>

#include <poll.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/inotify.h>
#endif

#include "../folder_watch.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE FolderWatch::FolderWatch([[maybe_unused]] const std::filesystem::path& folder) noexcept {
#if defined(__linux__)
  descriptor_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor_ < 0) return;
  const std::uint32_t wanted = IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;
  if (::inotify_add_watch(descriptor_, folder.c_str(), wanted) >= 0) return;
  ::close(descriptor_);
  descriptor_ = -1;
#endif
}

USAGE_STATS_INLINE FolderWatch::~FolderWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

USAGE_STATS_INLINE void FolderWatch::forget() noexcept {
  char events[4096];
  while (descriptor_ >= 0 && ::read(descriptor_, events, sizeof events) > 0) {
  }
}

USAGE_STATS_INLINE void FolderWatch::wait(std::chrono::milliseconds limit) const noexcept {
  const auto most = std::clamp<std::chrono::milliseconds::rep>(limit.count(), 1, descriptor_ < 0 ? 25 : 60000);
  pollfd file{descriptor_, POLLIN, 0};  // a negative one is not looked at
  ::poll(&file, 1, static_cast<int>(most));
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
