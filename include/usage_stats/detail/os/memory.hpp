#pragma once
// Where the literals of the program and of its libraries are in memory.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

struct MemoryRange {
  std::uintptr_t begin, end;
  bool library = false;  // not the program's own file
};

/// The memory that the program's file, and with `libraries` those of the libraries it has loaded, fill and nothing
/// writes to: no data, no heap, no file that the program has mapped, no names of symbols. Does nothing that takes the
/// loader's lock. The program comes first. Empty if unknown.
std::vector<MemoryRange> read_only_memory(bool libraries);

/// Reads memory of this process that may no longer exist, or whose file may have been truncated. Uses only common
/// system calls: a filter that does not know others must not end the host.
class MemoryReader {
 public:
  MemoryReader() noexcept;
  ~MemoryReader();
  MemoryReader(const MemoryReader&) = delete;
  MemoryReader& operator=(const MemoryReader&) = delete;

  /// How many bytes there were; 0 also where the system does not allow it.
  std::size_t copy(std::uintptr_t from, char* to, std::size_t size) const noexcept;

 private:
  int file_ = -1;
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
