#pragma once
// One pass over memory for many short pieces of text. Included by vocabulary.inl.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "../../os/memory.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace vocabulary_impl {

inline constexpr std::size_t piece_size = 128 * 1024, margin = 1024;
inline constexpr std::size_t shortest_run = 7;  // bytes: what every fourth byte of memory is enough to find
/// A program with more read-only data than this is looked through as its libraries are, for runs of 7 bytes.
inline constexpr std::size_t most_in_detail = 8 * 1024 * 1024;
inline constexpr std::size_t most_compared = 64 * 1024 * 1024;
inline constexpr std::chrono::milliseconds longest_search{1500};

/// Blocks of four bytes that are looked for: which hashes of them there are, and the blocks with what they stand for.
class Blocks {
 public:
  void add(const char* bytes, std::size_t place) { entries_.emplace_back(block_at(bytes), place); }
  bool empty() const noexcept { return entries_.empty(); }
  /// To be called between the last add() and the first scan().
  void sort() {
    std::sort(entries_.begin(), entries_.end());
    while (shift_ > 10 && entries_.size() << 6 >> (32 - shift_) != 0) --shift_;
    marks_.assign(std::size_t{1} << (32 - shift_), 0);
    for (const auto& entry : entries_) marks_[slot(entry.first)] = 1;
  }

  /// Calls `found(offset, place)` for each block that stands at one of the offsets first, first + step ...; `step`
  /// divides 4.
  template <class Found>
  void scan(const char* bytes, std::size_t first, std::size_t last, std::size_t step, Found found) const {
    for (std::size_t shift = 0; shift < 4; shift += step)
      for (std::size_t at = first + shift; (at = next_four(bytes, at, last)) + 4 <= last;)
        for (const std::size_t end = at + 16; at < end && at + 4 <= last; at += 4) {
          const std::uint32_t block = block_at(bytes + at);
          if (marks_[slot(block)] == 0) continue;
          auto it = std::lower_bound(entries_.begin(), entries_.end(), std::make_pair(block, std::size_t{0}));
          for (; it != entries_.end() && it->first == block; ++it) found(at, it->second);
        }
  }

 private:
  static std::uint32_t block_at(const char* bytes) noexcept {
    std::uint32_t block = 0;
    std::memcpy(&block, bytes, sizeof block);
    return block;
  }
  std::uint32_t slot(std::uint32_t block) const noexcept { return block * 0x9E3779B1U >> shift_; }

  /// Where the next four blocks stand of which one may be looked for. This is where the time goes: most of memory is
  /// passed by here.
  std::size_t next_four(const char* bytes, std::size_t at, std::size_t last) const noexcept {
    const unsigned char* const marks = marks_.data();
    for (; at + 16 <= last; at += 16)
      if ((marks[slot(block_at(bytes + at))] | marks[slot(block_at(bytes + at + 4))] |
           marks[slot(block_at(bytes + at + 8))] | marks[slot(block_at(bytes + at + 12))]) != 0)
        break;
    return at;
  }

  unsigned shift_ = 19;  // 8 KiB of marks, and more where there are many blocks
  std::vector<unsigned char> marks_;
  std::vector<std::pair<std::uint32_t, std::size_t>> entries_;
};

/// A part of memory with what lies around it.
struct Piece {
  const char* bytes;
  std::size_t size, first, last;  // what is new lies in [first, last)
  bool library;
};

/// Shows memory piece by piece until `look` returns false. False where it cannot be read, or not in time.
template <class Look>
bool read_memory(const std::vector<os::MemoryRange>& ranges, Look look) {
  const auto deadline = std::chrono::steady_clock::now() + longest_search;
  os::MemoryReader reader;
  std::vector<char> buffer(piece_size + 2 * margin);
  bool any = false;
  for (const os::MemoryRange& range : ranges) {
    for (std::uintptr_t at = range.begin & ~std::uintptr_t{3}; at < range.end; at += piece_size) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      const std::uintptr_t begin = at - range.begin > margin && at > range.begin ? at - margin : at;
      const std::size_t size = std::min<std::size_t>(range.end - begin, at - begin + piece_size + margin);
      const std::size_t copied = reader.copy(range, begin, buffer.data(), size);
      any = any || copied != 0;
      const std::size_t first = at - begin;
      if (copied > first &&
          !look(Piece{buffer.data(), copied, first, std::min(copied, first + piece_size), range.library}))
        return true;
      if (copied < size) break;
    }
  }
  return any;
}

}  // namespace vocabulary_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
