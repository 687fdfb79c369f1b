#pragma once

#include <chrono>
#include <filesystem>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// Tells of files that are moved into a folder, so that whoever waits for them can sleep.
class FolderWatch {
 public:
  explicit FolderWatch(const std::filesystem::path&) noexcept;
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Forgets what has come so far.
  void forget() noexcept;
  /// Until a file comes, at most so long; at most 25 ms where the system tells nothing (it is not Linux, or has too
  /// many watches already).
  void wait(std::chrono::milliseconds limit) const noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
