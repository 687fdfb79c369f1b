#pragma once
// Facts about the machine, and the names on it that must never be sent.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

struct Machine {           // empty or 0: unknown
  std::string os;          // "Linux", "macos", "windows", "FreeBSD", ...
  std::string os_version;  // "Debian GNU/Linux 12", "macOS 14.5", "Windows 11 10.0.22631"
  std::string kernel;      // release, at most its first three numbers: "6.1.0"
  std::string arch;        // "x86_64", "aarch64", ...
  std::string libc;        // "glibc 2.36"; unknown for others that do not tell
  unsigned cpus = 0;       // that this process may use
  std::uint64_t memory_bytes = 0;
  bool container = false;
};
Machine machine();

/// Names that must never be sent: of the user, the host, the home folder. Reads no file and asks no name service.
struct PrivateNames {
  std::vector<std::string> users, hosts;
  std::string home, working_folder;
};
PrivateNames private_names();

/// The system's list of accounts as it is now; read later, and only if necessary, because it may be long.
class Accounts {
 public:
  static Accounts now() noexcept;
  /// Its entry for this process's user: name, full name, home folder. Nothing if it can no longer be read, or the list
  /// is too long.
  std::optional<std::vector<std::string>> names() const;

 private:
  std::uint64_t user_ = 0, device_ = 0, number_ = 0;  // 0, 0: there is no list
};

/// Distinguishes this machine from others that share its files. It is never sent, and stored only as a salted hash.
/// Empty: unknown.
std::string host_identity();

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
