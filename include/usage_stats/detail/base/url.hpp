#pragma once
// The parts of an http(s) URL that are needed for sending (RFC 3986, without user information).

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
/// What is wrong with a URL that parse_url() rejects.
const char* url_problem(std::string_view text);

/// Resolves a reference against `base` (RFC 3986, section 5.2); nothing if the result is not an http(s) URL.
std::optional<Url> resolve(const Url& base, std::string_view reference);

/// Whether the host is 127.0.0.0/8, ::1 or "localhost" (RFC 6761): an address that cannot leave this machine.
bool is_loopback(std::string_view host);

/// The 4 or 16 bytes of a host that is an address; an IPv4 address written as IPv6 has 4.
std::optional<std::string> address_bytes(std::string_view host);

/// `text` with each %XX decoded.
std::string percent_decode(std::string_view text);
/// `text` with every byte encoded as %XX, except RFC 3986's unreserved ones.
std::string percent_encode(std::string_view text);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
