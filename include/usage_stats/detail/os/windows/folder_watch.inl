#pragma once

#include <algorithm>
#include <thread>

#include "../folder_watch.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE FolderWatch::FolderWatch(const std::filesystem::path&) noexcept {}
USAGE_STATS_INLINE FolderWatch::~FolderWatch() = default;
USAGE_STATS_INLINE void FolderWatch::forget() noexcept {}
USAGE_STATS_INLINE void FolderWatch::wait(std::chrono::milliseconds limit) const noexcept {
  static_cast<void>(descriptor_);
  std::this_thread::sleep_for(std::clamp(limit, std::chrono::milliseconds(1), std::chrono::milliseconds(25)));
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
