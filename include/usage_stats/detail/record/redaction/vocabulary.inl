#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "vocabulary.hpp"
#include "../../base/characters.inl"
#include "vocabulary_memory.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace vocabulary_impl {

/// The text in which is searched for: each one between two NULs, as literals are; marks are nothing's text.
struct Haystack {
  std::string narrow;
  std::u16string wide;
  std::vector<std::size_t> narrow_of_wide;
  std::vector<Word> words;
  std::vector<std::size_t> first_word;  // that begins at this byte or after it
  std::vector<Own> own;

  explicit Haystack(const std::vector<std::string_view>& texts) : narrow(1, '\0') {
    for (const std::string_view text : texts) narrow.append(text).push_back('\0');
    words = words_of(narrow);
    for (const Word& word : words)
      if (word.mark) std::fill_n(narrow.begin() + static_cast<std::ptrdiff_t>(word.begin), value_mark.size(), '\1');
    words.erase(std::remove_if(words.begin(), words.end(), [](const Word& word) { return word.mark; }), words.end());
    for (std::size_t at = 0, word = 0; at <= narrow.size(); ++at) {
      while (word < words.size() && words[word].begin < at) ++word;
      first_word.push_back(word);
    }
    own.resize(narrow.size(), Own::no);
    for (std::size_t at = 0; at < narrow.size();) {
      std::uint32_t code = 0;
      const std::size_t length = characters::decode(narrow, at, code);
      if (code > 0xFFFF) {
        wide += static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10));
        narrow_of_wide.push_back(at);
        code = 0xDC00 + (code & 0x3FF);
      }
      wide += static_cast<char16_t>(code);
      narrow_of_wide.push_back(at);
      at += length;
    }
    narrow_of_wide.push_back(narrow.size());
  }
  std::size_t byte_of(std::size_t unit, char) const noexcept { return unit; }
  std::size_t byte_of(std::size_t unit, char16_t) const noexcept { return narrow_of_wide[unit]; }
  const std::string& text(char) const noexcept { return narrow; }
  const std::u16string& text(char16_t) const noexcept { return wide; }
};

/// Memory as characters of one or two bytes; beyond its ends there are NULs.
template <class Unit>
struct Units {
  const char* bytes;
  std::ptrdiff_t count;
  std::uint32_t operator[](std::ptrdiff_t i) const noexcept {
    if (i < 0 || i >= count) return 0;
    Unit unit{};
    std::memcpy(&unit, bytes + i * static_cast<std::ptrdiff_t>(sizeof unit), sizeof unit);
    return static_cast<std::make_unsigned_t<Unit>>(unit);
  }
  bool is_word(std::ptrdiff_t i) const noexcept {
    const std::uint32_t c = (*this)[i];
    if (c < 0x80) return characters::is_word(c);
    if (sizeof(Unit) > 1) return characters::is_word(c);
    std::ptrdiff_t lead = i;
    while (lead > i - 3 && ((*this)[lead] & 0xC0) == 0x80) --lead;
    std::string character;
    for (std::ptrdiff_t k = lead; k < lead + 4; ++k) character += static_cast<char>((*this)[k]);
    std::uint32_t code = 0;
    characters::decode(character, 0, code);
    return characters::is_word(code);
  }
  /// Whether a literal, or its part between two values, may begin at `i`: after NUL, `{}`, `%s`, `%5.2f`, `%1%`, `%1`.
  bool begins(std::ptrdiff_t i) const noexcept {
    const std::uint32_t c = (*this)[i - 1];
    if (c < 0x20 || c == 0x7F || c == '}' || c == '%') return true;
    if (c > 0x7F || std::strchr("diouxXeEfFgGaAcspn0123456789", static_cast<int>(c)) == nullptr) return false;
    for (std::ptrdiff_t k = i - 2; k > i - 10; --k) {
      const std::uint32_t before = (*this)[k];
      if (before == '%') return true;
      if (before == 0 || before > 0x7F || std::strchr("0123456789.*+-# hlzjtL$", static_cast<int>(before)) == nullptr)
        return false;
    }
    return false;
  }
  bool ends(std::ptrdiff_t i) const noexcept {
    const std::uint32_t c = (*this)[i];
    return c < 0x20 || c == 0x7F || c == '{' || c == '%';
  }
};

/// A name as no language has words: with `_`, `::` or dots in it, letters with digits, a capital after a small letter.
USAGE_STATS_INLINE bool is_identifier(std::string_view token) noexcept {
  if (token.size() < 6) return false;
  bool odd = false, digit = false, letter = false;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char c = token[i];
    digit = digit || (c >= '0' && c <= '9');
    letter = letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    odd = odd || c == '_' || c == '.' || c == ':' ||
          (i != 0 && c >= 'A' && c <= 'Z' && token[i - 1] >= 'a' && token[i - 1] <= 'z');
  }
  return letter && (odd || digit);
}

/// A run of characters that memory and a text have in common, from `begin` to `end` in the text.
template <class Unit>
class Common {
 public:
  Common(Haystack& all, Units<Unit> memory, std::ptrdiff_t in_memory, std::size_t in_text, bool library,
         std::size_t shortest)
      : all_(all),
        memory_(memory),
        library_(library),
        shortest_(shortest),
        shift_(in_memory - static_cast<std::ptrdiff_t>(in_text)),
        begin_(in_text) {
    const auto& text = all_.text(Unit{});
    const auto same = [&](std::size_t i) { return static_cast<std::make_unsigned_t<Unit>>(text[i]) == memory_[at(i)]; };
    while (begin_ > 0 && text[begin_] != 0 && at(begin_) > 0 && same(begin_ - 1)) --begin_;
    end_ = in_text;
    while (end_ < text.size() && at(end_) < memory_.count && same(end_) && (end_ < begin_ + 2 || text[end_ - 1] != 0))
      ++end_;
  }

  std::size_t size() const noexcept { return end_ - begin_; }

  /// Notes what of the text is the program's own; whether that is more than was known.
  bool note() {
    const std::size_t from = all_.byte_of(begin_, Unit{}), to = all_.byte_of(end_, Unit{});
    std::size_t first = all_.first_word[from], last = first, letters = 0;
    while (first < all_.words.size() && all_.words[first].end <= to && !stands_alone(all_.words[first], from, to))
      ++first;
    for (last = first; last < all_.words.size() && stands_alone(all_.words[last], from, to); ++last)
      letters += all_.words[last].letters && all_.words[last].end - all_.words[last].begin > 1;
    if (first == last) return false;
    if (is_phrase(letters, all_.words[first], all_.words[last - 1], from, to))
      return mark(first == all_.first_word[from] ? from : all_.words[first].begin,
                  all_.words[last - 1].end + separators(all_.words[last - 1].end, to), Own::phrase);
    return note_names(first, last, from, to);
  }

 private:
  std::ptrdiff_t at(std::size_t i) const noexcept { return static_cast<std::ptrdiff_t>(i) + shift_; }

  /// Whole in the run, and a whole word in memory, too.
  bool stands_alone(const Word& word, std::size_t from, std::size_t to) const noexcept {
    return word.begin >= from && word.end <= to && (word.begin > from || !memory_.is_word(at(begin_) - 1)) &&
           (word.end < to || !memory_.is_word(at(end_)));
  }
  /// Bytes from `from` on that belong to no word.
  std::size_t separators(std::size_t from, std::size_t to) const noexcept {
    const std::size_t word = all_.first_word[from];
    return std::min(to, word < all_.words.size() ? all_.words[word].begin : to) - from;
  }
  /// Whether punctuation parts the run from what stands before or after it: `: Is a directory [`. Not what a mark may
  /// swallow, nor a quote.
  bool parted(std::size_t from, std::size_t to) const noexcept {
    const std::string& text = all_.narrow;
    const auto is_dash = [&](std::size_t i) { return i != 0 && text.compare(i - 1, 3, " - ") == 0; };
    const std::size_t left = from == 0 ? 0 : text.find_last_not_of(' ', from - 1);
    const std::size_t right = std::min(text.find_first_not_of(' ', to), text.size() - 1);
    return std::string_view(":;([]").find(text[left]) != std::string_view::npos || is_dash(left) ||
           std::string_view(":;)]").find(text[right]) != std::string_view::npos || is_dash(right);
  }
  /// 3 of 7, but not Bank of England. A mark may have been a number.
  bool between_numbers(std::size_t from, std::size_t to) const noexcept {
    const auto may_be = [&](char c) { return c == '\1' || (c >= '0' && c <= '9'); };
    return may_be(all_.narrow[from - 1]) && may_be(all_.narrow[to]);
  }
  /// Whether the run is a piece of a template: words that begin and end where a literal does or its part between two
  /// values, at the side of the text where they stand. Words that touch one such end are few by chance, and others
  /// stand beside each other in some sentence of some library.
  bool is_phrase(std::size_t letters, const Word& first, const Word& last, std::size_t from,
                 std::size_t to) const noexcept {
    const bool at_begin = all_.narrow[from] == '\0', at_end = all_.narrow[to - 1] == '\0';
    const std::size_t next = all_.first_word[from];
    const bool from_first = all_.words[next].begin == first.begin && (next == 0 || all_.words[next - 1].end <= from);
    const bool to_last = separators(last.end, to) == to - last.end;
    const bool begins = at_begin || (from_first && memory_.begins(at(begin_))),
               ends = at_end || (to_last && memory_.ends(at(end_)));
    const bool left = at_begin || (begins && first.begin > from), right = at_end || (ends && last.end < to);
    if (at_begin && at_end) return !library_ || first.begin != last.begin;
    const std::size_t size = end_ - begin_ + (left && !at_begin) + (right && !at_end);
    if (size < shortest_ || (size < shortest_run && !at_begin && !at_end && !between_numbers(from, to))) return false;
    if (left && right) return letters != 0 || at_begin || at_end;
    if (begins && ends)  // glued to its neighbours: "unexpected " + "end of input"
      return letters > 1 ? left || right || parted(from, to)
                         : letters != 0 && !library_ && (left || right) && parted(from, to);
    if (!left && !right) return !library_ && letters > 3;
    const std::size_t open = left ? last.end : from, after = left ? to : first.begin;
    return letters > 2 || (letters == 2 && (!library_ || all_.narrow.find_first_not_of(' ', open) < after));
  }
  bool note_names(std::size_t first, std::size_t last, std::size_t from, std::size_t to) {
    bool more = false;
    for (std::size_t i = first, next = i; i < last; i = next) {
      const auto joint = [&](std::size_t a, std::size_t b) {  // `::`, `.`, not the `:` of a line's number
        const std::string_view between(all_.narrow.data() + a, b - a);
        return between == "." || between == "::" || (between == ":" && all_.words[next].letters);
      };
      for (next = i + 1; next < last && joint(all_.words[next - 1].end, all_.words[next].begin);) ++next;
      const std::size_t begin = all_.words[i].begin, end = all_.words[next - 1].end;
      if (begin >= from && end <= to && is_identifier(std::string_view(all_.narrow).substr(begin, end - begin)))
        more = mark(begin, end, Own::name) || more;
    }
    return more;
  }
  bool mark(std::size_t from, std::size_t to, Own how) {
    bool more = false;
    for (; from < to; ++from)
      if (all_.own[from] < how) all_.own[from] = how, more = true;
    return more;
  }

  Haystack& all_;
  Units<Unit> memory_;
  bool library_;
  std::size_t shortest_;
  std::ptrdiff_t shift_;
  std::size_t begin_, end_ = 0;
};

/// Whether a word that touches [begin, end) is not known to be a phrase's.
USAGE_STATS_INLINE bool is_open(const Haystack& all, std::size_t begin, std::size_t end) noexcept {
  for (std::size_t i = begin; i < std::min(end, all.own.size()); ++i)
    if (all.own[i] != Own::phrase && all.narrow[i] != '\0') return true;
  return false;
}

inline constexpr std::size_t is_wide = std::size_t{1} << 31, is_behind = std::size_t{1} << 30;

/// The blocks of every run that is still to be found. A short one is found with what may stand around it in memory.
USAGE_STATS_INLINE Blocks blocks_of(const Haystack& all) {
  constexpr std::string_view before("\0}sdufgxc%\n", 11), behind("\0{%\n", 4);
  Blocks blocks;
  for (std::size_t i = 0; i + 4 <= all.narrow.size(); ++i)
    if (all.narrow[i + 1] != '\0' && all.narrow[i + 2] != '\0' && is_open(all, i, i + 4))
      blocks.add(all.narrow.data() + i, i);
  for (std::size_t i = 0; i + 2 <= all.wide.size(); ++i)
    if (is_open(all, all.narrow_of_wide[i], all.narrow_of_wide[i + 2]))
      blocks.add(reinterpret_cast<const char*>(all.wide.data() + i), i | is_wide);
  for (std::size_t w = 0; w < all.words.size(); ++w) {
    const std::size_t from = w == 0 ? 0 : all.words[w - 1].end;
    const std::size_t nul = all.narrow.find('\0', all.words[w].end) + 1,
                      start = all.narrow.rfind('\0', all.words[w].begin);
    const std::size_t begin = std::max(from, start);
    const std::size_t end = std::min(nul, w + 1 < all.words.size() ? all.words[w + 1].begin : nul);
    if (end - begin >= shortest_run || end - begin < 3 || !is_open(all, begin, end)) continue;
    for (const char c : before) blocks.add((c + all.narrow.substr(begin, 3)).data(), begin | is_behind);
    for (const char c : behind) blocks.add((all.narrow.substr(end - 3, 3) + c).data(), end - 3);
  }
  blocks.sort();
  return blocks;
}

/// How far apart the looks may lie: 4 bytes, but where a whole text is shorter than what that finds.
USAGE_STATS_INLINE std::size_t step_for(std::size_t shortest) noexcept {
  return shortest >= shortest_run ? 4 : shortest >= 5 ? 2 : 1;
}

}  // namespace vocabulary_impl

USAGE_STATS_INLINE std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, value_mark.size(), value_mark) == 0) {
      words.push_back({at, at + value_mark.size(), true, true});
      at += value_mark.size();
      continue;
    }
    std::uint32_t code = 0;
    const std::size_t length = characters::decode(text, at, code);
    if (characters::is_word(code)) {
      if (words.empty() || words.back().end != at || words.back().mark) words.push_back({at, at, false, false});
      words.back().end = at + length;
      words.back().letters = words.back().letters || !characters::is_digit(code);
    }
    at += length;
  }
  return words;
}

USAGE_STATS_INLINE std::optional<std::vector<std::vector<Own>>> find_own_text(
    const std::vector<std::string_view>& texts, const std::vector<os::MemoryRange>& memory) {
  using namespace vocabulary_impl;
  Haystack all(texts);
  std::size_t shortest = shortest_run, size_of_program = 0;
  for (const std::string_view text : texts)
    if (!text.empty()) shortest = std::min(shortest, text.size() + 2);
  for (const os::MemoryRange& range : memory) size_of_program += range.library ? 0 : range.end - range.begin;
  Blocks blocks = blocks_of(all);
  std::size_t compared = 0;  // characters: text and memory that repeat themselves would take for ever
  const bool read = read_memory(memory, [&](const Piece& piece) {
    const std::size_t shortest_found =
        piece.library || size_of_program > most_in_detail ? shortest_run : shortest_run - 2;
    bool more = false;
    const auto look = [&](auto common) {
      compared += common.size();
      more = common.note() || more;
    };
    blocks.scan(
        piece.bytes, piece.first, piece.last, step_for(std::min(shortest, shortest_found)),
        [&](std::size_t at, std::size_t place) {
          const auto offset = static_cast<std::ptrdiff_t>(at + ((place & is_behind) != 0));
          const std::size_t begin = place & ~(is_wide | is_behind);
          const auto size = static_cast<std::ptrdiff_t>(piece.size);
          if (compared > most_compared) return;
          if ((place & is_wide) != 0)
            look(Common<char16_t>(all, {piece.bytes, size / 2}, offset / 2, begin, piece.library, shortest_found));
          else if (is_open(all, begin, begin + 4))
            look(Common<char>(all, {piece.bytes, size}, offset, begin, piece.library, shortest_found));
        });
    if (more) blocks = blocks_of(all);
    return compared <= most_compared && !blocks.empty();
  });
  if (!read || compared > most_compared) return std::nullopt;
  std::vector<std::vector<Own>> result;
  auto begin = all.own.begin() + 1;
  for (const std::string_view text : texts) {
    result.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(text.size()));
    begin += static_cast<std::ptrdiff_t>(text.size() + 1);
  }
  return result;
}

namespace vocabulary_impl {

/// What a name of two letters or more is found by: its own blocks, and of a short one those with what may stand around
/// it. `place`: of its first byte less one.
USAGE_STATS_INLINE void add_name(Blocks& blocks, const std::string& name, std::size_t place) {
  constexpr std::string_view around("\0 ,;:.=-|/\"'()[]{}<>\n\t*%+!?&@#", 30);
  for (std::size_t k = 0; k + 4 <= name.size(); ++k) blocks.add(name.data() + k, place | (k + 1));
  if (name.size() >= shortest_run) return;
  for (const char mark : around) {
    if (name.size() > 2) blocks.add((mark + name.substr(0, 3)).data(), place);
    if (name.size() > 2) blocks.add((name.substr(name.size() - 3) + mark).data(), place | (name.size() - 2));
    for (const char after : around)
      if (name.size() == 2) blocks.add((mark + name + after).data(), place);
  }
}

}  // namespace vocabulary_impl

USAGE_STATS_INLINE std::optional<std::vector<bool>> find_own_names(const std::vector<std::string_view>& names,
                                                                   bool libraries, bool endings) {
  using namespace vocabulary_impl;
  std::vector<bool> found(names.size(), false);
  std::size_t missing = names.size(), shortest = 5;  // bytes
  Blocks blocks;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name(names[i]);
    found[i] = name.size() < 2;  // nobody's secret
    missing -= found[i];
    shortest = found[i] ? shortest : std::min(shortest, name.size() - endings);
    if (!found[i]) add_name(blocks, name, i << 16);
  }
  blocks.sort();
  const auto look = [&](const Piece& piece) {
    const Units<char> memory{piece.bytes, static_cast<std::ptrdiff_t>(piece.size)};
    const std::size_t step = shortest > 4 ? 4 : shortest > 2 ? 2 : 1;
    blocks.scan(piece.bytes, piece.first, piece.last, step, [&](std::size_t at, std::size_t place) {
      const std::size_t name = place >> 16, offset = place & 0xFFFF, size = names[name].size();
      if (found[name] || at + 1 < offset || at + 1 - offset + size > piece.size) return;
      const auto begin = static_cast<std::ptrdiff_t>(at + 1 - offset), end = begin + static_cast<std::ptrdiff_t>(size);
      if (names[name].compare(0, size, piece.bytes + begin, size) != 0) return;
      const bool ends = endings && memory[end] == '\0';  // a linker lets a literal lie at the end of a longer one
      if ((memory.is_word(begin - 1) && !ends) || memory.is_word(end)) return;
      if (memory[end] == '-' && memory.is_word(end + 1)) return;
      found[name] = true;
      --missing;
    });
    return missing != 0;
  };
  for (const bool all : {false, true}) {
    if (missing == 0 || all > libraries) break;
    std::vector<os::MemoryRange> memory = os::read_only_memory(all);
    if (memory.empty()) return std::nullopt;
    const auto searched = [all](const os::MemoryRange& range) { return range.library != all; };
    memory.erase(std::remove_if(memory.begin(), memory.end(), searched), memory.end());
    if (!memory.empty() && !read_memory(memory, look)) return std::nullopt;
  }
  return found;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
