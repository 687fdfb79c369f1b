#pragma once

#include <set>

#include "../send/exporters/exporters.hpp"
#include "../record/report.hpp"
#include "status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// A request as it was sent, or would be.
struct Outgoing {
  std::string session;
  Request request;
  std::set<std::string> secrets;  // headers whose values are the author's own
};

USAGE_STATS_INLINE void add_requests(std::vector<Outgoing>& list, const Endpoint& endpoint, const std::string& session,
                                     std::string_view report, std::size_t already = 0) {
  std::set<std::string> secrets{"Authorization"};
  for (const auto& header : endpoint.headers) secrets.insert(header.first);
  for (Request& request : requests_for(endpoint, report, already))
    list.push_back({session, std::move(request), secrets});
}

USAGE_STATS_INLINE std::string shown_header(const Outgoing& outgoing, const std::string& name,
                                            const std::string& value) {
  return outgoing.secrets.count(name) > 0 ? "***" : value;
}

USAGE_STATS_INLINE void write_requests(JsonWriter& json, const std::vector<Outgoing>& list) {
  json.key("requests").begin_list();
  for (const Outgoing& outgoing : list) {
    json.begin_object();
    put_text(json, "session_id", outgoing.session);
    json.key("method").text(outgoing.request.method);
    json.key("url").text(outgoing.request.url);
    json.key("headers").begin_object();
    for (const auto& [name, value] : outgoing.request.headers) json.key(name).text(shown_header(outgoing, name, value));
    json.end_object();
    json.key("body").text(outgoing.request.body);
    json.end_object();
  }
  json.end_list();
}

/// The bodies, byte for byte, on standard output, and everything else on standard error. Values of the author's own
/// headers are masked; a key in a body is part of what is sent. Bodies are separated by a line break.
USAGE_STATS_INLINE void print_requests(const std::vector<Outgoing>& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Request& request = list[i].request;
    std::string head = request.method + " " + plain_text(request.url) + "\n";
    for (const auto& [name, value] : request.headers)
      head += plain_text(name) + ": " + plain_text(shown_header(list[i], name, value)) + "\n";
    os::write_to_standard_error(head + "\n");
    print(request.body);
    if (i + 1 < list.size() && !request.body.empty() && request.body.back() != '\n') print("\n");
  }
}

/// The envelope of a session that waits, if it does.
USAGE_STATS_INLINE std::optional<Envelope> envelope_of(const Storage& storage, const KnownSession& session) {
  std::error_code error;
  const os::Folder pending = storage.outbox.pending(error);
  if (!pending) return std::nullopt;
  auto envelope = storage.outbox.read(pending, session.session);
  return envelope ? std::optional<Envelope>(std::move(*envelope)) : std::nullopt;
}

/// The endpoints that a report was sent to or waits for; if there are none, those that it would have been sent to.
USAGE_STATS_INLINE std::vector<Endpoint> endpoints_of(const Options& options, const Plan& plan,
                                                      const KnownSession& session, const Envelope* envelope) {
  std::vector<Endpoint> endpoints;
  const auto known = [&](const std::string& url) {
    return std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) { return e.url == url; });
  };
  if (envelope != nullptr)
    for (const Destination& destination : envelope->destinations) endpoints.push_back(destination.endpoint);
  for (const Json& line : session.deliveries) {
    const std::string url = string_member(line, "endpoint");
    if (!known(url)) endpoints.push_back(endpoint_at(options, plan, url));
  }
  return endpoints.empty() ? plan.endpoints : endpoints;
}

/// How many of the session's events the endpoint had before this report was sent to it.
USAGE_STATS_INLINE std::size_t events_before(const KnownSession& session, const Endpoint& endpoint) {
  return session.deliveries.events_at(endpoint.url, integer_member(session.report, "sequence", 1));
}

USAGE_STATS_INLINE void write_session(JsonWriter& json, const Plan& plan, const KnownSession& session,
                                      const Envelope* envelope) {
  json.begin_object();
  json.key("path").text(os::path_bytes(plan.storage->archive.report_path(session.client, session.session)));
  json.key("deliveries").begin_list();
  for (const Json& line : session.deliveries) write_json(json, line);
  json.end_list();
  json.key("waiting").begin_list();
  if (envelope != nullptr)
    for (const Destination& destination : envelope->destinations) {
      json.begin_object();
      json.key("endpoint").text(destination.endpoint.url);
      json.key("attempts").integer(destination.attempts);
      if (destination.not_before != 0) json.key("not_before").text(time_text(destination.not_before));
      json.end_object();
    }
  json.end_list();
  json.key("report");
  write_report(json, session.report);
  json.end_object();
}

/// What became of a report, as rows.
USAGE_STATS_INLINE std::string fate(const Plan& plan, const KnownSession& session, const Envelope* envelope) {
  std::string text = row("report", os::path_bytes(plan.storage->archive.report_path(session.client, session.session)));
  for (const Json& line : session.deliveries) {
    const std::int64_t status = integer_member(line, "http_status");
    const std::string detail = string_member(line, "detail");
    text += row(string_member(line, "result"), string_member(line, "endpoint") + ", " + string_member(line, "at") +
                                                   (status == 0 ? "" : ", status " + std::to_string(status)) +
                                                   (detail.empty() ? "" : ": " + detail));
  }
  if (envelope != nullptr)
    for (const Destination& destination : envelope->destinations)
      text += row("waits for",
                  destination.endpoint.url + (destination.not_before <= now_seconds()
                                                  ? std::string()
                                                  : "; next attempt after " + time_text(destination.not_before)));
  else if (session.deliveries.empty())
    text += row("not sent", "it stays on this machine");
  return text;
}

USAGE_STATS_INLINE int show(const Call& call) {
  const Plan plan = plan_of(call.options);
  std::vector<KnownSession> sessions;
  std::error_code error;
  if (plan.storage)
    sessions = newest_sessions(*plan.storage, call.count.value_or(1), error);
  else if (!plan.problems.empty())
    return fail(call, plan.problems.front());
  if (error) return fail(call, os::path_bytes(plan.folder) + ": " + error.message());
  if (sessions.empty() && !call.json) return remark(call, "there are no reports"), done;

  std::vector<Outgoing> requests;
  JsonWriter json(true);
  json.begin_object();
  if (!call.wire) json.key("reports").begin_list();
  for (const KnownSession& session : sessions) {
    const std::optional<Envelope> waiting = envelope_of(*plan.storage, session);
    const Envelope* const envelope = waiting ? &*waiting : nullptr;
    if (call.wire) {
      for (const Endpoint& endpoint : endpoints_of(call.options, plan, session, envelope))
        add_requests(requests, endpoint, session.session, session.text, events_before(session, endpoint));
      if (envelope == nullptr && session.deliveries.empty())
        remark(call, "session " + session.session + " was not sent; this is what would have been sent:");
    } else if (call.json) {
      write_session(json, plan, session, envelope);
    } else {
      print("session " + session.session + "\n" + fate(plan, session, envelope) + session.text + "\n");
    }
  }
  if (call.wire)
    write_requests(json, requests);
  else
    json.end_list();
  json.end_object();
  if (call.json)
    print_json(json);
  else if (call.wire)
    print_requests(requests);
  return done;
}

/// The report that a run would make now if it recorded nothing and ended well immediately. Nothing is written: where a
/// run would create an id, a random one is used.
USAGE_STATS_INLINE std::string preview_report(const Options& options, const Plan& plan) {
  const Options& reported = disclosed(options, plan);
  Report report = report_at_start(reported, random_hex(16), {}, SensitiveValues());
  count_deliveries(*plan.state, report);
  if (plan.decision.verdict == Verdict::on) {
    State state = *plan.state;
    make_client_id(reported, state);
    report.client_id = client_id_of(reported, state);
  }
  report.outcome.status = RunStatus::ok;
  report.final = true;
  report.duration_s = 0.0;
  report.ended_at = report.started_at;
  return to_json(report);
}

USAGE_STATS_INLINE bool say_whether_sent(const Call& call, const Plan& plan) {
  const bool sent = plan.decision.verdict == Verdict::on;
  if (!sent)
    remark(call, std::string("usage statistics are ") + verdict_name(plan.decision.verdict) +
                     ": nothing would be sent; this is what would be if they were on");
  return sent;
}

/// What a report would say about an error with this message.
USAGE_STATS_INLINE int preview_message(const Call& call) {
  Report report;
  report.outcome.error = {{"", *call.message}};
  scrub_report(report, call.options, ambient_values());
  const std::string& message = report.outcome.error[0].message;
  if (call.options.errors == ErrorDetail::type)
    remark(call, "this program reports only the type of an error");
  else if (message.empty() && !call.message->empty())
    remark(call, "the program's own words cannot be read here: only the type of an error is reported");
  else if (const Plan plan = plan_of(call.options);
           say_whether_sent(call, plan) && disclosed(call.options, plan).errors == ErrorDetail::type)
    remark(call, "error messages are withheld until a notice has named them; this is what would be sent then");
  if (!call.json) return print(message.empty() ? message : message + "\n"), done;
  JsonWriter json(true);
  json.begin_object();
  put_text(json, "message", message);
  json.end_object();
  return print_json(json), done;
}

USAGE_STATS_INLINE int preview(const Call& call) {
  if (call.message) return preview_message(call);
  const Plan plan = plan_of(call.options);
  const std::string report = preview_report(call.options, plan);
  const bool sent = say_whether_sent(call, plan);
  std::vector<Outgoing> requests;
  for (const Endpoint& endpoint : plan.endpoints) add_requests(requests, endpoint, {}, report);
  if (call.json) {
    const Json parsed = parse_json(report).value_or(Json());
    JsonWriter json(true);
    json.begin_object();
    json.key("would_be_sent").flag(sent);
    write_report(json.key("report"), parsed);
    write_requests(json, requests);
    json.end_object();
    return print_json(json), done;
  }
  if (requests.empty()) return print(report), done;  // nobody would get it: the local report
  print_requests(requests);
  return done;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
