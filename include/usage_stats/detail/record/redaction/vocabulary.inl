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

/// The texts as characters of one or two bytes.
struct Form {
  std::size_t width;
  std::u16string units;
  std::vector<std::size_t> byte_of;  // of a unit, in UTF-8
};

/// The texts in which is searched for: each one between two NULs, as literals are; marks are nothing's text.
struct Haystack {
  bool names, endings;  // as find_own_names() says
  std::string text;
  std::vector<Word> words;              // but marks
  std::vector<std::size_t> first_word;  // that begins at this byte or after it
  std::vector<Own> own;
  Form narrow{1, {}, {}}, wide{2, {}, {}};
  std::size_t shortest = shortest_run;  // of what must be found, with what may stand around it

  explicit Haystack(const std::vector<std::string_view>& texts, bool are_names = false, bool may_end_a_word = false)
      : names(are_names), endings(may_end_a_word), text(1, '\0') {
    for (const std::string_view one : texts) {
      text.append(one).push_back('\0');
      if (!one.empty()) shortest = std::min(shortest, one.size() + 2 - endings);
    }
    for (const Word& word : words_of(text))
      if (!word.mark)
        words.push_back(word);
      else
        std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(word.begin), value_mark.size(), '\1');
    own.resize(text.size(), Own::no);
    for (std::size_t at = 0, next = 0, word = 0; at < text.size(); ++at) {
      while (word < words.size() && words[word].begin < at) ++word;
      first_word.push_back(word);
      add_unit(narrow, static_cast<unsigned char>(text[at]), at);
      if (at != next) continue;
      std::uint32_t code = 0;
      next += characters::decode(text, at, code);
      if (code > 0xFFFF) add_unit(wide, 0xD800 + ((code - 0x10000) >> 10), at);
      add_unit(wide, code > 0xFFFF ? 0xDC00 + (code & 0x3FF) : code, at);
    }
    first_word.push_back(words.size());
    for (Form* const form : {&narrow, &wide}) form->byte_of.push_back(text.size());
  }

  /// Whether a word that touches [begin, end) is not known to be the program's.
  bool is_open(std::size_t begin, std::size_t end) const noexcept {
    for (std::size_t i = begin; i < std::min(end, own.size()); ++i)
      if (own[i] != Own::phrase && text[i] != '\0') return true;
    return false;
  }

 private:
  static void add_unit(Form& form, std::uint32_t unit, std::size_t at) {
    form.units += static_cast<char16_t>(unit);
    form.byte_of.push_back(at);
  }
};

/// Memory as such characters; beyond its ends there are NULs.
struct Units {
  const char* bytes;
  std::ptrdiff_t count;
  std::size_t width;
  std::uint32_t operator[](std::ptrdiff_t i) const noexcept {
    if (i < 0 || i >= count) return 0;
    if (width == 1) return static_cast<unsigned char>(bytes[i]);
    char16_t unit = 0;
    std::memcpy(&unit, bytes + 2 * i, sizeof unit);
    return unit;
  }
  bool is_word(std::ptrdiff_t i) const noexcept {
    std::uint32_t code = (*this)[i];
    if (code < 0x80 || width > 1) return characters::is_word(code);
    std::ptrdiff_t lead = i;
    while (lead > i - 3 && ((*this)[lead] & 0xC0) == 0x80) --lead;
    std::string character;
    for (std::ptrdiff_t k = lead; k < lead + 4; ++k) character += static_cast<char>((*this)[k]);
    characters::decode(character, 0, code);
    return characters::is_word(code);
  }
  /// Whether a literal, or its part between two values, may begin at `i`: after NUL, `{}`, `%s`, `%5.2f`, `%1%`, `%1`.
  bool begins(std::ptrdiff_t i) const noexcept {
    constexpr std::string_view kinds = "diouxXeEfFgGaAcspn0123456789", flags = "0123456789.*+-# hlzjtL$";
    if (is_end((*this)[i - 1], '}')) return true;
    for (std::ptrdiff_t k = i - 1; k > i - 10; --k) {
      const std::uint32_t c = (*this)[k];
      if (c == '%') return true;
      if (c > 0x7F || (k == i - 1 ? kinds : flags).find(static_cast<char>(c)) == std::string_view::npos) return false;
    }
    return false;
  }
  bool ends(std::ptrdiff_t i) const noexcept { return is_end((*this)[i], '{'); }

 private:
  static bool is_end(std::uint32_t c, char brace) noexcept {
    return c < 0x20 || c == 0x7F || c == '%' || c == static_cast<unsigned char>(brace);
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

/// A run of characters that memory and a text have in common.
class Run {
 public:
  Run(Haystack& all, const Form& form, const Piece& piece, std::size_t in_memory, std::size_t in_text) noexcept
      : all_(all),
        form_(form),
        memory_{piece.bytes, static_cast<std::ptrdiff_t>(piece.size / form.width), form.width},
        library_(piece.library),
        shift_(static_cast<std::ptrdiff_t>(in_memory) - static_cast<std::ptrdiff_t>(in_text)),
        begin_(in_text),
        end_(in_text) {
    const auto same = [&](std::size_t i) {
      return at(i) >= 0 && at(i) < memory_.count && form_.units[i] == memory_[at(i)];
    };
    if (!same(in_text)) return;
    while (form_.units[begin_] != 0 && same(begin_ - 1)) --begin_;
    do ++end_;
    while (form_.units[end_ - 1] != 0 && same(end_));
    from_ = form_.byte_of[begin_];
    to_ = form_.byte_of[end_];
  }

  std::size_t size() const noexcept { return end_ - begin_; }

  /// Notes what of the text is the program's own; whether that is more than was known. `shortest`: of runs that are
  /// not all of a text.
  bool note(std::size_t shortest) {
    if (all_.names) return note_name();
    if (size() + 2 < shortest && all_.text[from_] != '\0' && all_.text[to_ - 1] != '\0') return false;
    std::size_t first = all_.first_word[from_], last = first, letters = 0;
    while (first < all_.words.size() && all_.words[first].end <= to_ && !stands_alone(all_.words[first])) ++first;
    for (last = first; last < all_.words.size() && stands_alone(all_.words[last]); ++last)
      letters += all_.words[last].letters && all_.words[last].end - all_.words[last].begin > 1;
    if (first == last) return false;
    if (!is_phrase(shortest, letters, all_.words[first], all_.words[last - 1])) return note_identifiers(first, last);
    return mark(first == all_.first_word[from_] ? from_ : all_.words[first].begin, part_end(all_.words[last - 1]),
                Own::phrase);
  }

 private:
  enum Side { none, glued, apart, whole };

  std::ptrdiff_t at(std::size_t i) const noexcept { return static_cast<std::ptrdiff_t>(i) + shift_; }

  /// Whole in the run, and a whole word in memory, too.
  bool stands_alone(const Word& word) const noexcept {
    return word.begin >= from_ && word.end <= to_ && (word.begin > from_ || !memory_.is_word(at(begin_) - 1)) &&
           (word.end < to_ || !memory_.is_word(at(end_)));
  }
  /// Where the run ends, or the next word begins.
  std::size_t part_end(const Word& last) const noexcept {
    const std::size_t next = all_.first_word[last.end];
    return std::min(to_, next < all_.words.size() ? all_.words[next].begin : to_);
  }
  /// What stands at an end of the run in memory: anything; the end of a literal, or of its part between two values,
  /// right at a word of it or with blanks between; the end of a literal at that of the text.
  Side left_of(const Word& first) const noexcept {
    const std::size_t next = all_.first_word[from_];
    if (all_.text[from_] == '\0') return whole;
    if (all_.words[next].begin != first.begin || (next != 0 && all_.words[next - 1].end > from_)) return none;
    return !memory_.begins(at(begin_)) ? none : first.begin > from_ ? apart : glued;
  }
  Side right_of(const Word& last) const noexcept {
    if (all_.text[to_ - 1] == '\0') return whole;
    return part_end(last) != to_ || !memory_.ends(at(end_)) ? none : last.end < to_ ? apart : glued;
  }
  /// Whether punctuation parts the run from what stands before or after it: `: Is a directory [`. Not what a mark may
  /// swallow, nor a quote.
  bool parted() const noexcept {
    const std::string& text = all_.text;
    const auto is_dash = [&](std::size_t i) { return i != 0 && text.compare(i - 1, 3, " - ") == 0; };
    const std::size_t left = from_ == 0 ? 0 : text.find_last_not_of(' ', from_ - 1);
    const std::size_t right = std::min(text.find_first_not_of(' ', to_), text.size() - 1);
    return std::string_view(":;([]").find(text[left]) != std::string_view::npos || is_dash(left) ||
           std::string_view(":;)]").find(text[right]) != std::string_view::npos || is_dash(right);
  }
  /// 3 of 7, but not Bank of England. A mark may have been a number.
  bool between_numbers() const noexcept {
    const auto may_be = [&](char c) { return c == '\1' || (c >= '0' && c <= '9'); };
    return may_be(all_.text[from_ - 1]) && may_be(all_.text[to_]);
  }
  /// Whether the run is a piece of a template. The less of its two ends is one of a literal, the more words it needs:
  /// few words touch such an end by chance, and others stand beside each other in some sentence of some library.
  bool is_phrase(std::size_t shortest, std::size_t letters, const Word& first, const Word& last) const noexcept {
    const auto [weak, strong] = std::minmax({left_of(first), right_of(last)});
    if (weak == whole) return !library_ || first.begin != last.begin;
    const std::size_t size = end_ - begin_ + (weak == apart) + (strong == apart);
    if (size < shortest || (size < shortest_run && strong != whole && !between_numbers())) return false;
    if (weak == apart) return letters > 0 || strong == whole;
    if (strong < apart) return weak == glued ? letters > 1 && parted() : letters > 3 && !library_;
    if (weak == glued) return letters > 1 || (letters > 0 && !library_ && parted());
    const bool left = left_of(first) == strong;
    const std::size_t open = left ? last.end : from_, after = left ? to_ : first.begin;
    return letters > 2 || (letters > 1 && (!library_ || all_.text.find_first_not_of(' ', open) < after));
  }
  bool note_identifiers(std::size_t first, std::size_t last) {
    bool more = false;
    for (std::size_t i = first, next = i; i < last; i = next) {
      const auto joint = [&](std::size_t a, std::size_t b) {  // `::`, `.`, not the `:` of a line's number
        const std::string_view between(all_.text.data() + a, b - a);
        return between == "." || between == "::" || (between == ":" && all_.words[next].letters);
      };
      for (next = i + 1; next < last && joint(all_.words[next - 1].end, all_.words[next].begin);) ++next;
      const std::size_t begin = all_.words[i].begin, end = all_.words[next - 1].end;
      if (is_identifier(std::string_view(all_.text).substr(begin, end - begin)))
        more = mark(begin, end, Own::name) || more;
    }
    return more;
  }
  /// The whole name, neither in a longer word nor before another one and a dash.
  bool note_name() {
    std::size_t begin = begin_ + (form_.units[begin_] == 0), end = end_ - (form_.units[end_ - 1] == 0);
    if (form_.units[begin - 1] != 0 || form_.units[end] != 0 || memory_.is_word(at(end))) return false;
    if (memory_.is_word(at(begin) - 1) && !(all_.endings && memory_[at(end)] == 0)) return false;
    if (memory_[at(end)] == '-' && memory_.is_word(at(end) + 1)) return false;
    return mark(form_.byte_of[begin], form_.byte_of[end], Own::phrase);
  }
  bool mark(std::size_t from, std::size_t to, Own how) {
    bool more = false;
    for (; from < to; ++from)
      if (all_.own[from] < how) all_.own[from] = how, more = true;
    return more;
  }

  Haystack& all_;
  const Form& form_;
  Units memory_;
  bool library_;
  std::ptrdiff_t shift_;
  std::size_t begin_, end_, from_ = 0, to_ = 0;  // in units; in bytes of the text
};

/// A unit of a text that a block has as its first or (is_second) second one.
inline constexpr std::size_t is_second = 1, is_wide = 2;

/// The blocks of every run that is still to be found. A short one is found with what may stand around it in memory.
USAGE_STATS_INLINE Blocks blocks_of(const Haystack& all) {
  constexpr std::string_view around("\0 ,;:.=-|/\"'()[]{}<>\n\t*%+!?&@#", 30);
  const std::string_view before = all.names ? around : std::string_view("\0}sdufgxc%\n", 11);
  const std::string_view behind = all.names ? around : std::string_view("\0{%\n", 4);
  const std::string& text = all.text;
  Blocks blocks;
  const auto add = [&](const std::string& bytes, std::size_t second) {
    blocks.add(bytes.data(), second << 2 | is_second);
  };
  for (std::size_t i = 0; i + 4 <= text.size(); ++i)
    if (text[i + 1] != '\0' && text[i + 2] != '\0' && all.is_open(i, i + 4)) add(text.substr(i, 4), i + 1);
  for (std::size_t i = 0; i + 2 <= all.wide.units.size() && !all.names; ++i)
    if (all.is_open(all.wide.byte_of[i], all.wide.byte_of[i + 2]))
      blocks.add(reinterpret_cast<const char*>(all.wide.units.data() + i),
                 all.wide.units[i] != 0 ? i << 2 | is_wide : (i + 1) << 2 | is_wide | is_second);
  for (std::size_t w = 0; w < all.words.size(); ++w) {
    const std::size_t start = text.rfind('\0', all.words[w].begin) + all.names;
    const std::size_t nul = text.find('\0', all.words[w].end) + !all.names;
    const bool last = all.names || w + 1 == all.words.size();
    const std::size_t begin = all.names || w == 0 ? start : std::max(all.words[w - 1].end, start);
    const std::size_t end = last ? nul : std::min(nul, all.words[w + 1].begin), size = end - begin;
    if (size >= shortest_run || size < 2 || !all.is_open(begin, end)) continue;
    for (const char c : before) {
      if (size > 2 && text[begin] != '\0') add(c + text.substr(begin, 3), begin);
      for (const char after : behind)
        if (size == 2 && all.names) add(c + text.substr(begin, 2) + after, begin);
    }
    for (const char c : behind)
      if (size > 2 && text[end - 1] != '\0') add(text.substr(end - 3, 3) + c, end - 2);
  }
  blocks.sort();
  return blocks;
}

/// Notes what of the texts the memory has. False where it cannot be read, or not in time.
USAGE_STATS_INLINE bool search(Haystack& all, const std::vector<os::MemoryRange>& memory) {
  std::size_t size_of_program = 0, compared = 0;  // text and memory that repeat themselves would take for ever
  for (const os::MemoryRange& range : memory) size_of_program += range.library ? 0 : range.end - range.begin;
  Blocks blocks = blocks_of(all);
  const bool read = read_memory(memory, [&](const Piece& piece) {
    const bool in_detail = !piece.library && !all.names && size_of_program <= most_in_detail;
    const std::size_t shortest = in_detail ? shortest_run - 2 : shortest_run;
    bool more = false;
    blocks.scan(piece, step_for(std::min(all.shortest, shortest)), [&](std::size_t at, std::size_t place) {
      const Form& form = (place & is_wide) != 0 ? all.wide : all.narrow;
      const std::size_t unit = place >> 2, byte = form.byte_of[unit];
      if (compared > most_compared || !all.is_open(byte - 1, byte + 3)) return;
      Run run(all, form, piece, at / form.width + (place & is_second), unit);
      compared += run.size();
      if (run.size() != 0) more = run.note(shortest) || more;
    });
    if (more) blocks = blocks_of(all);
    return compared <= most_compared && !blocks.empty();
  });
  return read && compared <= most_compared;
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
  vocabulary_impl::Haystack all(texts);
  if (!vocabulary_impl::search(all, memory)) return std::nullopt;
  std::vector<std::vector<Own>> result;
  auto begin = all.own.begin() + 1;
  for (const std::string_view text : texts) {
    result.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(text.size()));
    begin += static_cast<std::ptrdiff_t>(text.size() + 1);
  }
  return result;
}

USAGE_STATS_INLINE std::optional<std::vector<bool>> find_own_names(const std::vector<std::string_view>& names,
                                                                   bool libraries, bool endings) {
  vocabulary_impl::Haystack all(names, true, endings);
  std::vector<bool> found(names.size(), true);
  for (const bool in_libraries : {false, true}) {
    if (in_libraries > libraries || !all.is_open(0, all.own.size())) break;
    std::vector<os::MemoryRange> memory = os::read_only_memory(in_libraries);
    if (memory.empty()) return std::nullopt;
    const auto searched = [&](const os::MemoryRange& range) { return range.library != in_libraries; };
    memory.erase(std::remove_if(memory.begin(), memory.end(), searched), memory.end());
    if (!memory.empty() && !vocabulary_impl::search(all, memory)) return std::nullopt;
  }
  std::size_t at = 1;
  for (std::size_t i = 0; i < names.size(); at += names[i++].size() + 1)
    found[i] = names[i].size() < 2 || all.own[at] == Own::phrase;  // one letter is nobody's secret
  return found;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
