#pragma once
// Arguments and environment of a new program.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "../../platform.hpp"

extern "C" char** environ;

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

/// Strings in one block and pointers to them, as execve needs them.
class ExecStrings {
 public:
  void reserve(std::size_t count, std::size_t bytes) {
    begins_.reserve(count);
    bytes_.reserve(bytes + count);
  }
  void add(std::string_view text) {
    begins_.push_back(bytes_.size());
    bytes_.append(text);
    bytes_ += '\0';
  }
  /// No add() after this.
  void close() {
    pointers_.reserve(begins_.size() + 1);
    for (const std::size_t begin : begins_) pointers_.push_back(&bytes_[begin]);
    pointers_.push_back(nullptr);
  }
  char* const* pointers() const noexcept { return pointers_.data(); }
  char** pointers() noexcept { return pointers_.data(); }

 private:
  std::string bytes_;
  std::vector<std::size_t> begins_;
  std::vector<char*> pointers_;
};

/// What an entry of the environment is for a process in another folder: relative paths of the certificates that it is
/// to trust become absolute.
USAGE_STATS_INLINE std::string entry_elsewhere(std::string_view entry) {
  for (const std::string_view name : {"SSL_CERT_FILE=", "SSL_CERT_DIR=", "CURL_CA_BUNDLE=", "OPENSSL_CONF="}) {
    if (entry.compare(0, name.size(), name) != 0) continue;
    std::error_code error;
    std::string made(name), here;
    for (std::size_t begin = name.size(); !error && begin < entry.size();) {  // SSL_CERT_DIR may be a list
      const std::size_t end = name == "SSL_CERT_DIR=" ? std::min(entry.find(':', begin), entry.size()) : entry.size();
      if (entry[begin] != '/' && end > begin) {
        if (here.empty()) here = std::filesystem::current_path(error).string() + "/";
        made += here;
      }
      made.append(entry.substr(begin, end + 1 - begin));
      begin = end + 1;
    }
    if (!error) return made;
  }
  return {};
}

/// Whether it may be one of those; most are told by a letter or two.
inline bool may_be_changed(const char* entry) noexcept {
  return (entry[0] == 'S' && entry[1] == 'S' && entry[2] == 'L') || (entry[0] == 'C' && entry[1] == 'U') ||
         (entry[0] == 'O' && entry[1] == 'P');
}

USAGE_STATS_INLINE ExecStrings environment_with(const std::vector<std::pair<std::string, std::string>>& more) {
  ExecStrings all;
  std::size_t count = more.size(), bytes = 512;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry, ++count) bytes += std::strlen(*entry);
  all.reserve(count, bytes);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string changed = may_be_changed(*entry) ? entry_elsewhere(*entry) : std::string();
    all.add(changed.empty() ? std::string_view(*entry) : changed);
  }
  for (const auto& [name, value] : more) all.add(name + "=" + value);
  all.close();
  return all;
}

}  // namespace posix
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
