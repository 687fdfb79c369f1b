#pragma once
// Narrow texts make no paths: on Windows they would be taken in a code page that lacks most names, or thrown at.
// Included before the library, this refuses each such conversion. (Literals and constants, which are ASCII, are char
// arrays and const char*.) The other way, path::string(), is refused by tools/check_layers.py.
#include <filesystem>
#include <string>
#include <string_view>

namespace std::filesystem {
template <>
path::path(const std::string&, format) = delete;
template <>
path::path(const std::string_view&, format) = delete;
template <>
path::path(char* const&, format) = delete;
}  // namespace std::filesystem
