#include <usage_stats.hpp>

#include <doctest/doctest.h>

#include <string>

using usage_stats::detail::is_loopback;
using usage_stats::detail::parse_url;
using usage_stats::detail::percent_encode;

namespace {

/// "scheme|host|port|target", or "none".
std::string parts(const std::string& text) {
  const auto url = parse_url(text);
  return url ? url->scheme + "|" + url->host + "|" + std::to_string(url->port) + "|" + url->target : "none";
}

}  // namespace

TEST_CASE("urls: their parts") {
  CHECK(parts("https://stats.example.org/v1/usage") == "https|stats.example.org|443|/v1/usage");
  CHECK(parts("http://localhost:8080") == "http|localhost|8080|/");
  CHECK(parts("https://example.org?key=1") == "https|example.org|443|/?key=1");
  CHECK(parts("https://example.org/a/b?c=d/e&f=%20#part") == "https|example.org|443|/a/b?c=d/e&f=%20");
  CHECK(parts("http://[::1]:80/x") == "http|::1|80|/x");
  CHECK(parts("https://[2001:DB8::7]/") == "https|2001:db8::7|443|/");
  CHECK(parts("HTTPS://Example.ORG/Path") == "https|example.org|443|/Path");
  CHECK(parts("https://example.org:/") == "https|example.org|443|/");
  CHECK(parts("https://example.org:65535/") == "https|example.org|65535|/");
  CHECK(parts("https://a_b-c.example.org/") == "https|a_b-c.example.org|443|/");
}

TEST_CASE("urls: what is none") {
  for (const char* const text : {"",
                                 "example.org",
                                 "/v1/usage",
                                 "ftp://example.org/",
                                 "file:///etc/passwd",
                                 "https:/example.org",
                                 "https://",
                                 "https:///path",
                                 "https://:443/",
                                 "https://user@example.org/",
                                 "https://user:password@example.org/",
                                 "https://example.org:0/",
                                 "https://example.org:65536/",
                                 "https://example.org:1e3/",
                                 "https://example.org:-1/",
                                 "https://example.org:000080/",
                                 "https://exam ple.org/",
                                 "https://example.org/a b",
                                 "https://example.org/\r\nX: y",
                                 "https://example.org/\\x",
                                 "https://ex\xC3\xA4mple.org/",
                                 "https://[::1",
                                 "https://[::1]x/",
                                 "https://[]/",
                                 "https://[example.org]/",
                                 "https://exa%6Dple.org/",
                                 "https://example.org;x/"}) {
    CAPTURE(std::string(text));
    CHECK(parts(text) == "none");
  }
  CHECK(parts(std::string("https://example.org/\0", 21)) == "none");
  CHECK(parts("https://example.org/" + std::string(2028, 'a')) != "none");
  CHECK(parts("https://example.org/" + std::string(2029, 'a')) == "none");
  CHECK(parts("https://" + std::string(254, 'a') + "/") == "none");
}

TEST_CASE("urls: the origin, as it comes before a path") {
  CHECK(parse_url("https://Example.org/x")->origin() == "https://example.org:443");
  CHECK(parse_url("http://[::1]/x")->origin() == "http://[::1]:80");
}

TEST_CASE("urls: a reference is resolved as RFC 3986 does it") {
  const auto meant = [](const char* reference) {
    const auto url = usage_stats::detail::resolve(*parse_url("http://a/b/c/d?q"), reference);
    return url ? url->origin() + url->target : std::string();
  };
  const std::string a = "http://a:80";
  const std::pair<const char*, std::string> cases[] = {// most of its section 5.4, ";p" left out
                                                       {"g", a + "/b/c/g"},
                                                       {"./g", a + "/b/c/g"},
                                                       {"g/", a + "/b/c/g/"},
                                                       {"/g", a + "/g"},
                                                       {"//g", "http://g:80/"},
                                                       {"?y", a + "/b/c/d?y"},
                                                       {"g?y", a + "/b/c/g?y"},
                                                       {"#s", a + "/b/c/d?q"},
                                                       {"g#s", a + "/b/c/g"},
                                                       {"g?y#s", a + "/b/c/g?y"},
                                                       {".", a + "/b/c/"},
                                                       {"./", a + "/b/c/"},
                                                       {"..", a + "/b/"},
                                                       {"../", a + "/b/"},
                                                       {"../g", a + "/b/g"},
                                                       {"../..", a + "/"},
                                                       {"../../", a + "/"},
                                                       {"../../g", a + "/g"},
                                                       {"../../../g", a + "/g"},
                                                       {"g.", a + "/b/c/g."},
                                                       {"..g", a + "/b/c/..g"},
                                                       {"./../g", a + "/b/g"},
                                                       {"./g/.", a + "/b/c/g/"},
                                                       {"g/./h", a + "/b/c/g/h"},
                                                       {"g/../h", a + "/b/c/h"},
                                                       {"g?y/../x", a + "/b/c/g?y/../x"},
                                                       {"https://h/x", "https://h:443/x"},
                                                       {"g:h", ""},
                                                       {"", ""},
                                                       {"mailto:x", ""}};
  for (const auto& item : cases) {
    CAPTURE(std::string(item.first));
    CHECK(meant(item.first) == item.second);
  }
}

TEST_CASE("urls: which hosts cannot leave this machine") {
  for (const char* const host : {"localhost", "127.0.0.1", "127.255.0.9", "::1"}) CHECK(is_loopback(host));
  for (const char* const host : {"", "example.org", "localhost.example.org", "127.example.org", "127.0.0.1.example.org",
                                 "128.0.0.1", "0.0.0.0", "::", "1.127.0.0", "127.0.0", "127.1.2.3.4", "127..."}) {
    CAPTURE(std::string(host));
    CHECK_FALSE(is_loopback(host));
  }
}

TEST_CASE("urls: percent encoding") {
  CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encode("a b/c?d=e&f+g%") == "a%20b%2Fc%3Fd%3De%26f%2Bg%25");
  CHECK(percent_encode(std::string("\0\xFF\n", 3)) == "%00%FF%0A");
}
