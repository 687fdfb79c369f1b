#pragma once
// Where the literals of the program and of its libraries are in memory.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// A file that the loader has mapped: its name, and where its first bytes lie in memory.
struct MappedFile {
  std::string name;
  std::uintptr_t header;
};

struct MemoryRange {
  std::uintptr_t begin, end;
  bool library = false;                              // not the program's own file
  std::shared_ptr<const MappedFile> file = nullptr;  // that has the same bytes, where that is known ...
  std::uintptr_t shift = 0;                          // ... so many bytes before where they are in memory
};

/// The memory that the program's file, and with `libraries` those of the libraries it has loaded, fill and nothing
/// writes to: no data, no heap, no file that the program has mapped, no names of symbols. Does nothing that takes the
/// loader's lock. The program comes first. Empty if unknown.
std::vector<MemoryRange> read_only_memory(bool libraries);

/// Reads memory of this process that may no longer exist, or whose file may have been truncated: from its file, if it
/// has one that begins as memory does, because the kernel copies memory twice, page by page. Uses only common system
/// calls: a filter that does not know others must not end the host.
class MemoryReader {
 public:
  MemoryReader() noexcept;
  ~MemoryReader();
  MemoryReader(const MemoryReader&) = delete;
  MemoryReader& operator=(const MemoryReader&) = delete;

  /// How many bytes there were; 0 also where the system does not allow it.
  std::size_t copy(std::uintptr_t from, char* to, std::size_t size) const noexcept;
  /// The same for a part of the range.
  std::size_t copy(const MemoryRange& range, std::uintptr_t from, char* to, std::size_t size) noexcept;

 private:
  int memory_ = -1, file_ = -1;
  std::shared_ptr<const MappedFile> tried_;  // whose file_ this is, if it can be used
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
