#pragma once

#include "send.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// Every id under which anything may have been sent; an error: there may be more.
USAGE_STATS_INLINE std::vector<std::string> sent_ids(const Plan& plan, std::error_code& error) {
  error.clear();
  std::vector<std::string> ids = plan.state->sent_ids;
  for (const Envelope& envelope : plan.storage->outbox.waiting())
    if (envelope.deletion && std::find(ids.begin(), ids.end(), envelope.client_id) == ids.end())
      ids.push_back(envelope.client_id);
  if (plan.state->damaged)  // it knew which; now each may be one
    for (const std::string& id : client_folders(*plan.storage, error))
      if (id != "local" && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  return ids;
}

/// Every endpoint that may have reports: the current ones, and those of earlier runs.
USAGE_STATS_INLINE std::vector<Endpoint> endpoints_ever(const Options& options, const Plan& plan) {
  std::vector<Endpoint> endpoints = plan.endpoints;
  const auto& withheld = plan.withheld.endpoints;  // who can have nothing yet; but the user asks for all
  endpoints.insert(endpoints.end(), withheld.begin(), withheld.end());
  for (const std::string& url : plan.state->sent_to) {
    if (std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) { return e.url == url; })) continue;
    endpoints.push_back(endpoint_at(options, plan, url));
  }
  return endpoints;
}

/// Puts the request into pending/, with an envelope for each id, before anything is deleted here.
USAGE_STATS_INLINE std::error_code ask_for_deletion(const Options& options, Storage& storage,
                                                    const std::vector<std::string>& ids,
                                                    const std::vector<Endpoint>& endpoints) {
  Envelope envelope;
  envelope.deletion = true;
  envelope.app = options.app;
  envelope.version = options.version;
  envelope.created = now_seconds();
  for (const Endpoint& endpoint : endpoints) envelope.destinations.push_back({endpoint, 0, 0});
  const std::vector<Envelope> before = storage.outbox.waiting();
  for (const std::string& id : ids) {
    const bool waits = std::any_of(before.begin(), before.end(),
                                   [&](const Envelope& old) { return old.deletion && old.client_id == id; });
    envelope.client_id = id;
    envelope.session_id = random_hex(16);
    if (envelope.session_id.empty()) return std::make_error_code(std::errc::io_error);
    if (waits) continue;
    if (const std::error_code error = storage.outbox.add(envelope, true)) return error;
  }
  return {};
}

/// Removes the reports of a client, and nothing else that somebody may have put there.
USAGE_STATS_INLINE std::error_code remove_sessions(Storage& storage, const std::string& client) {
  std::error_code error, first;
  const os::Folder folder = storage.folder().folder(client, false, error);
  if (!folder) return error;
  const auto entries = folder.list(storage_impl::most_entries, is_id, first);
  for (const auto& entry : entries) {
    const os::Folder session = entry.folder ? folder.folder(entry.name, false, error) : os::Folder();
    if (!session) {
      if (entry.folder && !first) first = error;
      continue;
    }
    for (const auto& file : session.list(storage_impl::most_entries, storage_impl::is_temporary))
      session.remove(file.name);
    for (const char* const name : {storage_impl::report_file, storage_impl::delivery_file})
      if (error = session.remove(name); error && error != std::errc::no_such_file_or_directory && !first) first = error;
    folder.remove_empty(entry.name);
  }
  storage.folder().remove_empty(client);
  return first;
}

/// Deletes reports, envelopes and what is stored about the user, but not what has been disclosed, nor what prevents
/// sending undisclosed data, asking again, or sending to a server that has answered 410. A running session finds its
/// envelope gone and is not sent. Ids under which an uploader has sent something in the meantime are added to those
/// that are `known`.
USAGE_STATS_INLINE std::error_code wipe(Storage& storage, bool by_request, std::vector<std::string>& known) {
  std::error_code error, first;
  const auto note = [&](std::error_code problem) {
    if (problem && problem != std::errc::no_such_file_or_directory && !first) first = problem;
  };
  for (const Envelope& envelope : storage.outbox.waiting())
    if (!envelope.deletion) note(storage.outbox.remove(envelope.session_id));
  const os::Folder active = storage.outbox.active(error);
  note(error);
  if (active)
    for (const auto wanted : {is_id, storage_impl::is_temporary}) {
      for (const auto& entry : active.list(storage_impl::most_entries, wanted, error)) note(active.remove(entry.name));
      note(error);
    }
  for (const std::string& client : client_folders(storage, error)) note(remove_sessions(storage, client));
  note(error);
  note(storage.folder().remove(uploader_impl::log_file));
  note(storage.update_state([&](State& state) {
    for (const std::string& id : state.sent_ids)
      if (std::find(known.begin(), known.end(), id) == known.end()) known.push_back(id);
    State left;
    left.deletion_due = by_request && !known.empty() ? 1 : 0;
    left.disclosed = std::move(state.disclosed);
    left.said_no = state.said_no;
    left.unanswered_prompts = state.unanswered_prompts;
    left.stopped = std::move(state.stopped);
    state = std::move(left);
  }));
  return first;
}

/// Whether something is still there, or there again: what could not be listed was not deleted.
USAGE_STATS_INLINE bool anything_left(const Storage& storage) {
  std::error_code error;
  const Outbox::Waiting waiting = storage.outbox.list_waiting();
  const os::Folder active = storage.outbox.active(error);
  if (waiting.incomplete || (error && error != std::errc::no_such_file_or_directory)) return true;
  if (active && (!active.list(1, is_id, error).empty() || error)) return true;
  const auto is_report = [](const Envelope& envelope) { return !envelope.deletion; };
  return std::any_of(waiting.envelopes.begin(), waiting.envelopes.end(), is_report) ||
         !client_folders(storage, error).empty() || error;
}

/// The endpoints whose protocol has no request for it: there, the user must write to a person.
USAGE_STATS_INLINE std::string whom_to_write(const Options& options, const std::vector<Endpoint>& asked_by_hand,
                                             const std::vector<std::string>& ids) {
  if (asked_by_hand.empty() || ids.empty()) return {};
  std::string text = "These servers cannot be asked to delete anything; write to a person instead:\n";
  for (const Endpoint& endpoint : asked_by_hand) text += row("server", endpoint.url);
  text += row("write to", options.contact.empty() ? "the author of " + options.app : options.contact);
  for (const std::string& id : ids) text += row("name the id", id);
  return text;
}

USAGE_STATS_INLINE void print_deletion_json(const Call& call, const std::vector<std::string>& ids,
                                            const std::vector<Endpoint>& by_hand, const Progress& progress,
                                            std::size_t waiting) {
  JsonWriter json(true);
  json.begin_object();
  put_list(json, "client_ids", ids);
  progress.write(json);
  json.key("still_waiting").positive(waiting);
  json.key("write_to").text(by_hand.empty() || ids.empty() ? std::string() : call.options.contact);
  json.key("servers_to_write_about").begin_list();
  for (const Endpoint& endpoint : by_hand)
    if (!ids.empty()) json.text(endpoint.url);
  json.end_list();
  json.end_object();
  print_json(json);
}

USAGE_STATS_INLINE int answer_deletion(const Call& call, const Storage& storage, const std::vector<std::string>& ids,
                                       const std::vector<Endpoint>& by_hand, const Progress& progress,
                                       Verdict verdict) {
  std::size_t waiting = 0;
  for (const Envelope& envelope : storage.outbox.waiting()) waiting += envelope.deletion ? 1 : 0;
  if (call.json) {
    print_deletion_json(call, ids, by_hand, progress, waiting);
  } else {
    print("The data on this machine is deleted.\n");
    if (ids.empty()) print("Nothing was ever sent, so there is nothing to delete elsewhere.\n");
    print(whom_to_write(call.options, by_hand, ids));
  }
  if (waiting == 0) return done;
  const std::string send_command = "`" + call.typed + " send`";
  remark(call,
         std::to_string(waiting) + (waiting == 1 ? " deletion waits" : " deletions wait") +
             " for a server to confirm it; " +
             (verdict == Verdict::off ? "usage statistics are off, so no run asks again: " + send_command + " does"
                                      : "later runs ask again, as does " + send_command));
  return failed;
}

USAGE_STATS_INLINE int delete_all(const Call& call) {
  Plan plan = plan_of(call.options);
  const bool nothing_there = plan.folder_missing && !plan.folder_problem.empty();  // nor can it be made
  if (!plan.folder_problem.empty() && !nothing_there)  // state.json knows which ids to ask which servers about
    return fail(call, plan.folder_problem + "; nothing is deleted here, and no server can be asked");
  if (!plan.storage) {
    if (!plan.problems.empty() && !nothing_there) return fail(call, plan.problems.front());
    if (!call.json) return print("There is nothing to delete.\n"), done;
    JsonWriter json(true);
    json.begin_object();
    put_list(json, "client_ids", {});
    Progress().write(json);
    json.key("still_waiting").integer(0);
    json.end_object();
    return print_json(json), done;
  }
  Storage& storage = *plan.storage;
  std::error_code error;
  std::vector<std::string> ids = sent_ids(plan, error);
  std::vector<Endpoint> by_request, by_hand;
  for (const Endpoint& endpoint : endpoints_ever(call.options, plan))
    (deletion_request(endpoint, call.options.app, call.options.version, "0") ? by_request : by_hand)
        .push_back(endpoint);
  std::size_t asked = 0;
  const auto ask = [&] {
    if (!by_request.empty() && asked < ids.size()) error = ask_for_deletion(call.options, storage, ids, by_request);
    asked = ids.size();
  };
  if (!error) ask();
  for (int round = 0; !error && (round == 0 || anything_left(storage)); ++round) {
    error = round < 2 ? wipe(storage, !by_request.empty(), ids) : std::make_error_code(std::errc::io_error);
    if (!error) ask();
  }
  if (error) return fail(call, os::path_bytes(plan.folder) + ": " + error.message());
  Progress progress;
  if (const std::string problem = upload_now(call, storage, true, progress); !problem.empty()) remark(call, problem);
  return answer_deletion(call, storage, ids, by_hand, progress, plan.decision.verdict);
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
