#pragma once
// Numbers in as few bytes as they need.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace collector::varint {

inline void append(std::string& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  bytes += static_cast<char>(number);
}
inline std::uint64_t take(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) throw std::runtime_error("facts or figures are damaged");
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) == 0) break;
  }
  return number;
}
// Small numbers of either sign become small ones without.
inline std::uint64_t zigzag(std::int64_t n) { return (static_cast<std::uint64_t>(n) << 1) ^ (n < 0 ? ~0ULL : 0ULL); }
inline std::int64_t unzigzag(std::uint64_t n) {
  return static_cast<std::int64_t>((n >> 1) ^ ((n & 1) != 0 ? ~0ULL : 0ULL));
}

}  // namespace collector::varint
