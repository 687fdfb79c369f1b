#pragma once
// Searches memory in one pass for many short pieces of text. Included by vocabulary.inl.

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

/// A part of memory with what lies around it.
struct Piece {
  const char* bytes;
  std::size_t size, first, last;  // what is new lies in [first, last)
  bool library;
};

/// How far apart the looks may lie: 4 bytes, but where something is shorter than what that finds.
USAGE_STATS_INLINE std::size_t step_for(std::size_t shortest) noexcept {
  return shortest >= shortest_run ? 4 : shortest >= 5 ? 2 : 1;
}

/// Blocks of four bytes that are looked for, by their hashes, each of which stands for one block.
class Blocks {
 public:
  void add(const char* bytes, std::size_t place) {
    std::uint32_t block = 0;
    std::memcpy(&block, bytes, sizeof block);
    entries_.emplace_back(block * factor, place);
  }
  bool empty() const noexcept { return entries_.empty(); }
  /// To be called between the last add() and the first scan().
  void sort() {
    std::sort(entries_.begin(), entries_.end());
    while (shift_ > 12 && entries_.size() << 6 >> (32 - shift_) != 0) --shift_;
    marks_.assign(std::size_t{1} << (32 - shift_), 0);
    first_.assign(marks_.size(), 0);
    for (std::size_t i = entries_.size(); i-- > 0;) {
      marks_[entries_[i].first >> shift_] = 1;
      first_[entries_[i].first >> shift_] = static_cast<std::uint32_t>(i);
    }
  }

  /// Calls `found(offset, place)` for each block that stands at one of the offsets first, first + step ...; `step`
  /// divides 4.
  template <class Found>
  void scan(const Piece& piece, std::size_t step, Found found) const {
    std::uint32_t hash = 0;
    for (std::size_t shift = 0; shift < 4; shift += step)
      for (std::size_t at = piece.first + shift; (at = next(piece.bytes, at, piece.last, hash)) + 4 <= piece.last;
           at += 4) {
        const auto* entry = entries_.data() + first_[hash >> shift_];
        for (const auto* const end = entries_.data() + entries_.size(); entry != end && entry->first <= hash; ++entry)
          if (entry->first == hash) found(at, entry->second);
      }
  }

 private:
  static constexpr std::uint32_t factor = 0x9E3779B1U;  // odd: two blocks have two hashes

  /// The next block that may be looked for. This is where the time goes: most of memory is passed by here. It calls
  /// nothing, as a host that is not optimized does not optimize this either.
  std::size_t next(const char* bytes, std::size_t at, std::size_t last, std::uint32_t& hash) const noexcept {
    const unsigned char* const marks = marks_.data();
    const unsigned shift = shift_;
    std::uint32_t block[4];
    for (; at + 16 <= last; at += 16) {
      std::memcpy(block, bytes + at, sizeof block);
      if ((marks[block[0] * factor >> shift] | marks[block[1] * factor >> shift] | marks[block[2] * factor >> shift] |
           marks[block[3] * factor >> shift]) != 0)
        break;
    }
    for (; at + 4 <= last; at += 4) {
      std::memcpy(block, bytes + at, sizeof block[0]);
      hash = block[0] * factor;
      if (marks[hash >> shift] != 0) break;
    }
    return at;
  }

  unsigned shift_ = 19;  // 8 KiB of marks, and more where there are many blocks
  std::vector<unsigned char> marks_;
  std::vector<std::uint32_t> first_;
  std::vector<std::pair<std::uint32_t, std::size_t>> entries_;
};

/// Shows memory piece by piece until `look` returns false; small parts first, which may hold all that is looked for.
/// False where it cannot be read, or not in time.
template <class Look>
bool read_memory(std::vector<os::MemoryRange> ranges, Look look) {
  std::sort(ranges.begin(), ranges.end(),
            [](const os::MemoryRange& a, const os::MemoryRange& b) { return a.end - a.begin < b.end - b.begin; });
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
