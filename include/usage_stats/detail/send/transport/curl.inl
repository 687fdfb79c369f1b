#pragma once
// Sends with the system's curl what httplib cannot send here.

#include <string>
#include <string_view>
#include <vector>

#include "../../os/platform.hpp"
#include "../../base/url.hpp"
#include "answers.inl"
#include "proxy.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {

/// curl's memory limit: it reads endless trailers into memory, and needs 2 MiB, or 10 with many certificates.
constexpr std::size_t most_of_curl = 48 * 1024 * 1024;
/// The limit for a curl that another program starts, such as snap's launcher, which reserves far more than it uses.
constexpr std::size_t most_of_started_curl = 1024 * 1024 * 1024;

/// A string as curl's config files write it.
USAGE_STATS_INLINE std::string curl_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\t':
        result += "\\t";
        break;
      default:
        result += c;
    }
  }
  return result + "\"";
}

/// Everything curl needs, for its standard input, because other users of the machine can see arguments. The body is the
/// rest of the input: curl reads it when it reaches the last line, which asks for it. In a config line, the body would
/// be subject to some versions' limit of 100 KiB.
USAGE_STATS_INLINE std::string curl_config(const Url& url, const Request& request, const std::string& proxy,
                                           std::chrono::milliseconds limit) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%lld.%03lld", static_cast<long long>(limit.count() / 1000),
                static_cast<long long>(limit.count() % 1000));
  std::string config =
      "url = " + curl_quoted(url.origin() + url.target) + "\nrequest = " + curl_quoted(request.method) +
      "\ngloboff\nsilent\nno-buffer\ninclude\nsuppress-connect-headers\nproto = \"=http,https\"\nmax-time = " +
      seconds + "\n" + (proxy.empty() ? "noproxy = \"*\"" : "noproxy = \"\"\nproxy = " + curl_quoted(proxy)) + "\n";
  for (const auto& [name, value] : request.headers) config += "header = " + curl_quoted(name + ": " + value) + "\n";
  config += "header = \"Expect:\"\n";
  if (!request.body.empty()) config += "data-binary = \"@-\"\n" + request.body;
  return config;
}

/// What curl's exit code says (curl(1), "EXIT CODES"), in words.
USAGE_STATS_INLINE std::string curl_problem(int code, const Url& url) {
  const std::string number = " (curl ended with code " + std::to_string(code) + ")";
  switch (code) {
    case 5:
      return "cannot resolve the proxy's name" + number;
    case 6:
      return "cannot resolve the name " + url.host + number;
    case 7:
      return "no connection" + number;
    case 28:
      return "no answer in time" + number;
    case 35:
    case 51:
    case 53:
    case 54:
    case 58:
    case 59:
    case 60:
    case 64:
    case 66:
    case 77:
    case 80:
    case 82:
    case 83:
    case 90:
    case 91:
    case 98:
      return no_trusted_tls + number;
    case 1:
    case 8:
    case 52:
    case 55:
    case 56:
    case 97:
      return (code == 97               ? "the proxy refused the connection"
              : code == 1 || code == 8 ? not_http
                                       : "the connection broke off, or the proxy refused it") +
             number;
    default:
      return "curl cannot send it" + number;
  }
}

/// Whether curl itself cannot do what it was asked to: nothing has been tried then.
USAGE_STATS_INLINE bool curl_is_unfit(int code) noexcept {
  return code == 2 || code == 3 || code == 4 || code == 26 || code == 27 || code == 41 || code == 48;
}

/// The result of one request, with or without an answer.
USAGE_STATS_INLINE Response curl_answer(std::string_view output, int code, const Url& url) {
  Response response;
  parse_answer(output, response);
  if (response.status != 0) return response;
  response.impossible = output.empty() && curl_is_unfit(code);
  response.error = code < 0          ? "curl took too long"
                   : code == 0       ? not_http
                   : !output.empty() ? "incomplete answer: " + curl_problem(code, url)
                                     : curl_problem(code, url);
  return response;
}

/// `why`: the reason why httplib cannot send it.
USAGE_STATS_INLINE Response by_curl(const Url& url, const Request& request, const std::string& proxy, Deadline deadline,
                                    const std::string& why) {
  Response response;
  const std::filesystem::path curl = os::find_program("curl");
  if (curl.empty()) {
    response.impossible = true;
    response.error = why.empty() ? "there is no curl" : why + ", and there is no curl";
    return response;
  }
  const auto run = [&](std::size_t memory) {
    const auto limit = left_until(deadline);
    // -q comes first: without it ~/.curlrc would be read.
    return os::run_program({os::path_bytes(curl), "-q", "--config", "-"}, curl_config(url, request, proxy, limit),
                           largest_head + largest_body, limit + std::chrono::milliseconds(200), memory,
                           EnoughOfAnAnswer());
  };
  auto result = run(most_of_curl);
  // As with curl's own "cannot start" (2), and the exit code of Go programs without memory: nothing has been sent.
  if (!result.error && result.exit_code == 2 && result.output.empty()) result = run(most_of_started_curl);
  if (!result.error) return curl_answer(result.output, result.exit_code, url);
  response.impossible = true;
  response.error = "curl did not start: " + result.error.message();
  return response;
}

}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
