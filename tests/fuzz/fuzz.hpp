#pragma once
// What the targets share. Their input is text, so that seeds can be read and written by hand: the first lines are
// settings, the rest is what is looked at.

// Not <usage_stats.hpp>, which takes back the macros for declarations: some targets look at what no header declares.
#include <usage_stats/detail/send/exporters/exporters.hpp>
#include <usage_stats/detail/record/redaction/scrub.hpp>
#include <usage_stats/detail/record/report.hpp>
#include <usage_stats/detail/consent/settings.hpp>
#include <usage_stats/detail/store/storage.hpp>
#include <usage_stats/detail/send/transport/send.hpp>
#include <usage_stats/detail/base/url.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// An invariant. One that does not hold ends the process, and libFuzzer keeps the input.
#define HOLDS(condition) ((condition) ? static_cast<void>(0) : fuzz::broken(#condition, __FILE__, __LINE__))

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

using nlohmann::ordered_json;

[[noreturn]] inline void broken(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d does not hold: %s\n", file, line, condition);
  __builtin_trap();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes what stands before the mark (all of it if there is none) off the text's begin.
inline std::string_view take(std::string_view& text, char mark = '\n') {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

inline std::vector<std::string> all_of(std::string_view text, char mark) {
  std::vector<std::string> parts;
  while (!text.empty()) parts.emplace_back(take(text, mark));
  return parts;
}

inline std::int64_t number(std::string_view text) { return std::strtoll(std::string(text).c_str(), nullptr, 10); }

/// RFC 3629, written another way than the library's.
inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) -> unsigned {
      return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    };
    const unsigned lead = byte(at);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
      if (byte(at + i) >> 6 != 2) return false;
      code = code << 6 | (byte(at + i) & 0x3F);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    at += length;
  }
  return true;
}

/// The text as JSON; discarded if it is none.
inline ordered_json parse(std::string_view text) { return ordered_json::parse(text, nullptr, false); }

}  // namespace fuzz
