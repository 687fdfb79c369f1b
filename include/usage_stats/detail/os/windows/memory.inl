#pragma once
// Included by platform.inl after windows.h.

#include "../memory.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE MemoryReader::MemoryReader() noexcept = default;
USAGE_STATS_INLINE MemoryReader::~MemoryReader() { static_cast<void>(memory_), static_cast<void>(file_); }

USAGE_STATS_INLINE std::size_t MemoryReader::copy(std::uintptr_t from, char* to, std::size_t size) const noexcept {
  SIZE_T copied = 0;
  ::ReadProcessMemory(::GetCurrentProcess(), reinterpret_cast<const void*>(from), to, size, &copied);
  return copied;
}

USAGE_STATS_INLINE std::size_t MemoryReader::copy(const MemoryRange&, std::uintptr_t from, char* to,
                                                  std::size_t size) noexcept {
  return copy(from, to, size);
}

/// Images alone: a file that the program has mapped is none.
USAGE_STATS_INLINE std::vector<MemoryRange> read_only_memory(bool libraries) {
  std::vector<MemoryRange> ranges;
  const void* const program = ::GetModuleHandleW(nullptr);
  MEMORY_BASIC_INFORMATION region{};
  for (std::uintptr_t at = 0; ::VirtualQuery(reinterpret_cast<const void*>(at), &region, sizeof region) != 0;) {
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(region.BaseAddress), end = begin + region.RegionSize;
    const bool library = region.AllocationBase != program;
    if (library <= libraries && region.State == MEM_COMMIT && region.Type == MEM_IMAGE &&
        region.Protect == PAGE_READONLY)
      ranges.insert(library ? ranges.end() : ranges.begin(), {begin, end, library});
    if (end <= at) break;
    at = end;
  }
  return ranges;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
