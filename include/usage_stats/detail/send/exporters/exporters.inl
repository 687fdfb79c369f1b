#pragma once

#include "exporters.hpp"
#include "../../base/url.hpp"
#include "amplitude.inl"
#include "otlp.inl"
#include "../../base/json.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace exporters_impl {

/// "APP/VERSION usage_stats/VERSION" (RFC 9110 10.1.5); a version's blanks would end the product there.
USAGE_STATS_INLINE std::string user_agent(std::string_view app, std::string_view version) {
  std::string text = std::string(app) + "/" + std::string(version);
  for (char& c : text)
    if (c == ' ' || c == '(' || c == ')') c = '_';
  return text + " usage_stats/" + std::to_string(USAGE_STATS_VERSION_MAJOR) + "." +
         std::to_string(USAGE_STATS_VERSION_MINOR) + "." + std::to_string(USAGE_STATS_VERSION_PATCH);
}

/// Where reports go: the endpoint's address, its path completed with the protocol's own if missing. OTLP/HTTP puts it
/// after any path ("OTLP/HTTP Request"), HTTP V2 has only the one.
USAGE_STATS_INLINE std::string target_url(const Endpoint& endpoint) {
  std::string url = endpoint.url.substr(0, endpoint.url.find('#'));  // which never leaves
  if (endpoint.protocol == Protocol::json) return url;
  const std::size_t path_end = (std::min)(url.find('?'), url.size());
  const std::size_t path_begin = (std::min)(url.find('/', url.find("://") + 3), path_end);
  std::string path = url.substr(path_begin, path_end - path_begin);
  while (!path.empty() && path.back() == '/') path.pop_back();
  const bool otlp = endpoint.protocol == Protocol::otlp;
  const std::string wanted = otlp ? "/v1/traces" : "/2/httpapi";
  const bool complete =
      otlp ? path.size() >= wanted.size() && path.compare(path.size() - wanted.size(), wanted.size(), wanted) == 0
           : !path.empty();
  return complete ? url : url.substr(0, path_begin) + path + wanted + url.substr(path_end);
}

USAGE_STATS_INLINE Request request_to(const Endpoint& endpoint, std::string_view app, std::string_view version) {
  Request request;
  request.url = target_url(endpoint);
  request.headers = endpoint.headers;
  request.headers["User-Agent"] = user_agent(app, version);
  if (!endpoint.api_key.empty() && endpoint.protocol != Protocol::amplitude)
    request.headers["Authorization"] = "Bearer " + endpoint.api_key;
  return request;
}

}  // namespace exporters_impl

/// The same, for a text that has already been parsed.
USAGE_STATS_INLINE std::vector<Request> requests_for(const Endpoint& endpoint, std::string_view text,
                                                     const Json& report, std::size_t already) {
  const Json* const app = member(report, "app");
  if (app == nullptr) return {};
  Request request = exporters_impl::request_to(endpoint, string_member(*app, "name"), string_member(*app, "version"));
  request.headers["Content-Type"] = "application/json";
  const std::string key =
      string_member(report, "session_id") + "/" + std::to_string(integer_member(report, "sequence", 1));
  request.headers["Idempotency-Key"] = key;
  if (endpoint.protocol == Protocol::json) {
    request.body = text;
    return {std::move(request)};
  }
  std::vector<Request> requests;
  if (endpoint.protocol == Protocol::otlp) {
    if (!boolean_member(report, "final")) return {};  // a span is sent once, when it has ended
    request.body = otlp_body(report);
    requests.push_back(std::move(request));
    return requests;
  }
  for (AmplitudeBatch& batch : amplitude_batches(report, endpoint.api_key, already)) {
    request.body = std::move(batch.body);
    request.key_in_body = true;
    request.events = batch.behind;
    // The same key for the same content, wherever an earlier attempt ended.
    request.headers["Idempotency-Key"] = key + (batch.first > 0 ? "/" + std::to_string(batch.first) : "");
    requests.push_back(request);
  }
  return requests;
}

USAGE_STATS_INLINE std::vector<Request> requests_for(const Endpoint& endpoint, std::string_view text,
                                                     std::size_t already) {
  const auto report = parse_json(text);
  return report ? requests_for(endpoint, text, *report, already) : std::vector<Request>();
}

USAGE_STATS_INLINE bool refused_in_body(Protocol protocol, const Response& response) {
  return protocol == Protocol::otlp && otlp_refuses(response.body);
}

USAGE_STATS_INLINE std::optional<Request> deletion_request(const Endpoint& endpoint, std::string_view app,
                                                           std::string_view version, std::string_view client_id) {
  if (endpoint.protocol != Protocol::json) return std::nullopt;
  Request request = exporters_impl::request_to(endpoint, app, version);
  request.method = "DELETE";
  request.url += (request.url.find('?') == std::string::npos ? "?" : "&");
  request.url += "client_id=" + percent_encode(client_id);
  return request;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
