#pragma once
// The parts of an http(s) address that sending needs (RFC 3986, without user information).

#include <optional>
#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case; an IPv6 address without its brackets
  int port = 0;        ///< as given, else the scheme's
  std::string target;  ///< path and query, begins with '/'

  /// scheme://host:port, with the brackets that an IPv6 address needs.
  std::string origin() const;
};

/// Nothing for any other scheme, user information, an empty host, a bad port, or control characters and spaces.
std::optional<Url> parse_url(std::string_view text);
/// What is wrong with one that parse_url() does not take.
const char* url_problem(std::string_view text);

/// What a reference means where `base` was asked for (RFC 3986, section 5.2); nothing if that is no such address.
std::optional<Url> resolve(const Url& base, std::string_view reference);

/// Whether the host is 127.0.0.0/8, ::1 or "localhost" (RFC 6761): an address that cannot leave this machine.
bool is_loopback(std::string_view host);

/// The 4 or 16 bytes of a host that is an address; an IPv4 address that is written as an IPv6 one has 4.
std::optional<std::string> address_bytes(std::string_view host);

/// `text` with each %XX as the byte that it means.
std::string percent_decode(std::string_view text);
/// `text` with every byte but RFC 3986's unreserved ones as %XX.
std::string percent_encode(std::string_view text);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
