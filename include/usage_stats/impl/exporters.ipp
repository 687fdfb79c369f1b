#pragma once

#include "../exporters.hpp"
#include "../url.hpp"
#include "json.ipp"

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

USAGE_STATS_INLINE Request request_to(const Endpoint& endpoint, std::string_view app, std::string_view version) {
  Request request;
  request.url = endpoint.url;
  request.headers = endpoint.headers;
  request.headers["User-Agent"] = user_agent(app, version);
  if (!endpoint.api_key.empty() && endpoint.protocol != Protocol::amplitude)
    request.headers["Authorization"] = "Bearer " + endpoint.api_key;
  return request;
}

}  // namespace exporters_impl

USAGE_STATS_INLINE std::vector<Request> requests_for(const Endpoint& endpoint, std::string_view text) {
  const auto report = parse_json(text);
  if (!report) return {};
  const Json* const app = member(*report, "app");
  if (app == nullptr) return {};
  Request request = exporters_impl::request_to(endpoint, string_member(*app, "name"), string_member(*app, "version"));
  request.headers["Content-Type"] = "application/json";
  request.headers["Idempotency-Key"] =
      string_member(*report, "session_id") + "/" + std::to_string(integer_member(*report, "sequence", 1));
  request.body = text;
  return {std::move(request)};
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
