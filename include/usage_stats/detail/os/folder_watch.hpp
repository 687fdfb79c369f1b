#pragma once

#include <chrono>
#include <filesystem>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// Notices files that are moved into a folder, so that a process waiting for them can sleep.
class FolderWatch {
 public:
  explicit FolderWatch(const std::filesystem::path&) noexcept;
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Discards what has arrived so far.
  void forget() noexcept;
  /// Waits until a file arrives, at most this long; at most 25 ms if the system does not notify us (not Linux, or too
  /// many watches).
  void wait(std::chrono::milliseconds limit) const noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
