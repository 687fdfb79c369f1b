#pragma once
// The system's curl, for what httplib cannot send here.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "../../os/platform.hpp"
#include "../../base/url.hpp"
#include "answers.inl"
#include "../../base/sha256.hpp"
#include "proxy.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {

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

/// One request without its body.
USAGE_STATS_INLINE std::string curl_head(const Url& url, const Request& request, const std::string& proxy,
                                         std::chrono::milliseconds limit) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%lld.%03lld", static_cast<long long>(limit.count() / 1000),
                static_cast<long long>(limit.count() % 1000));
  std::string config =
      "url = " + curl_quoted(url.origin() + url.target) + "\nrequest = " + curl_quoted(request.method) +
      "\ngloboff\nsilent\ninclude\nsuppress-connect-headers\nproto = \"=http,https\"\nmax-time = " + seconds + "\n" +
      (proxy.empty() ? "noproxy = \"*\"" : "noproxy = \"\"\nproxy = " + curl_quoted(proxy)) + "\n";
  for (const auto& [name, value] : request.headers) config += "header = " + curl_quoted(name + ": " + value) + "\n";
  return config + "header = \"Expect:\"\n";
}

/// Everything curl needs, for its standard input: arguments can be seen by other users of the machine. The body is the
/// rest of that: curl reads it when it comes to the line that asks for it, which is the last one. In a line of the
/// config it could not be longer than some versions' limit of 100 KiB.
USAGE_STATS_INLINE std::string curl_config(const Url& url, const Request& request, const std::string& proxy,
                                           std::chrono::milliseconds limit) {
  std::string config = curl_head(url, request, proxy, limit);
  if (!request.body.empty()) config += "data-binary = \"@-\"\n" + request.body;
  return config;
}

/// What curl's exit code says (curl(1), "EXIT CODES"), in words.
USAGE_STATS_INLINE std::string curl_problem(int code, const Url& url) {
  const std::string number = " (curl ended with code " + std::to_string(code) + ")";
  switch (code) {
    case 5:
      return "the proxy's name leads nowhere" + number;
    case 6:
      return "the name " + url.host + " leads nowhere" + number;
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
      return "TLS: no connection that can be trusted" + number;
    case 1:
    case 8:
    case 52:
    case 55:
    case 56:
    case 97:
      return (code == 97               ? "the proxy does not connect"
              : code == 1 || code == 8 ? "what came is no answer in HTTP"
                                       : "the connection broke off, or the proxy does not connect") +
             number;
    default:
      return "curl cannot send it" + number;
  }
}

/// Whether it is curl itself that cannot do what it is asked for: nothing has been tried then.
USAGE_STATS_INLINE bool curl_is_unfit(int code) noexcept {
  return code == 2 || code == 3 || code == 4 || code == 26 || code == 27 || code == 41 || code == 48;
}

/// What an answer, or none, says of one request.
USAGE_STATS_INLINE Response curl_answer(std::string_view output, int code, const Url& url) {
  Response response;
  parse_answer(output, response);
  if (response.status != 0) return response;
  response.impossible = output.empty() && curl_is_unfit(code);
  response.error = code < 0          ? "curl took too long"
                   : code == 0       ? "what came is no answer in HTTP"
                   : !output.empty() ? "half an answer: " + curl_problem(code, url)
                                     : curl_problem(code, url);
  return response;
}

USAGE_STATS_INLINE Response by_curl(const Url& url, const Request& request, const std::string& proxy,
                                    Deadline deadline) {
  Response response;
  const std::filesystem::path curl = os::find_program("curl");
  if (curl.empty()) {
    response.impossible = true;
    response.error =
        url.scheme == "https" ? "no TLS here: httplib was built without it, and there is no curl" : "no curl";
    return response;
  }
  const auto limit = left_until(deadline);
  // -q comes first: without it ~/.curlrc would be read.
  const auto result = os::run_program({curl.string(), "-q", "--config", "-"}, curl_config(url, request, proxy, limit),
                                      largest_head + largest_body, limit + std::chrono::milliseconds(200));
  if (!result.error) return curl_answer(result.output, result.exit_code, url);
  response.impossible = true;
  response.error = "curl did not start: " + result.error.message();
  return response;
}

/// Many requests to one server by one curl, which makes them one after the other over one connection and stops behind
/// the first that is not answered with success.
class CurlInTurn {
 public:
  CurlInTurn(const Url& url, const std::vector<Request>& requests, std::chrono::milliseconds limit);
  /// Whether it can be said in lines that every curl takes.
  static bool fits(const Request& request) { return curl_quoted(request.body).size() < 90 * 1024; }

  /// How many were answered. `answered` is told of each answer as soon as it is complete; curl is ended where it says
  /// no. `begun` is how many may have left.
  std::size_t run(const std::function<bool(Response)>& answered, std::size_t& begun);

 private:
  bool hear(std::string_view output, const std::function<bool(Response)>& answered);

  const Url& url_;
  std::string config_, mark_;
  std::size_t count_, heard_ = 0, done_ = 0;
  std::chrono::milliseconds limit_;
  int last_code_ = 0;
  bool stopped_ = false;
};

USAGE_STATS_INLINE CurlInTurn::CurlInTurn(const Url& url, const std::vector<Request>& requests,
                                          std::chrono::milliseconds limit)
    // No server knows the mark, so that none can write it into its answer.
    : url_(url), mark_("\n" + random_hex(16) + " "), count_(requests.size()), limit_(limit) {
  const std::string proxy = proxy_for(url.scheme, url.host);
  for (const Request& request : requests) {
    if (!config_.empty()) config_ += "next\n";
    config_ += curl_head(url, request, proxy, std::min(limit, std::chrono::milliseconds(10000))) +
               "data-raw = " + curl_quoted(request.body) +
               "\nfail-with-body\nno-buffer\nwrite-out = " + curl_quoted("%{stderr}" + mark_ + "%{exitcode}\n") + "\n";
  }
  config_ = "fail-early\n" + config_;
}

USAGE_STATS_INLINE bool CurlInTurn::hear(std::string_view output, const std::function<bool(Response)>& answered) {
  while (!stopped_ && done_ < count_) {
    const std::size_t mark = output.find(mark_, heard_);
    const std::size_t line_end = mark == output.npos ? output.npos : output.find('\n', mark + mark_.size());
    if (line_end == output.npos) break;
    const std::string code(output.substr(mark + mark_.size(), line_end - mark - mark_.size()));
    last_code_ = static_cast<int>(std::strtol(code.c_str(), nullptr, 10));
    Response response = curl_answer(output.substr(heard_, mark - heard_), last_code_, url_);
    heard_ = line_end + 1;
    ++done_;
    stopped_ = !answered(std::move(response));
  }
  return !stopped_;
}

USAGE_STATS_INLINE std::size_t CurlInTurn::run(const std::function<bool(Response)>& answered, std::size_t& begun) {
  const std::filesystem::path curl = os::find_program("curl");
  begun = 0;
  if (curl.empty() || mark_.size() < 16) return 0;
  const auto result =
      os::run_program({curl.string(), "-q", "--config", "-"}, config_, count_ * (largest_head + largest_body), limit_,
                      [&](std::string_view output) { return hear(output, answered); });
  // An older one does not know all of these options, and has done nothing.
  const bool unfit = result.error || (done_ == 0 && curl_is_unfit(result.exit_code));
  // Behind a failure it begins nothing more; behind a success, whoever ended it there, the next one may have left.
  begun = unfit ? 0 : std::min(count_, done_ + (done_ > 0 && last_code_ != 0 ? 0 : 1));
  return done_;
}

}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
