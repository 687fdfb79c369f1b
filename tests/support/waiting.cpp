#include "waiting.hpp"

#include <ctime>
#include <stdexcept>

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

fs::path state_file(const Sandbox& sandbox, const std::string& app) { return sandbox.usage_folder(app) / "state.json"; }

fs::path waiting_file(const Sandbox& sandbox) {
  const std::vector<std::string> names = sandbox.pending();
  if (names.size() != 1)
    throw std::runtime_error(std::to_string(names.size()) + " envelopes wait where one was expected");
  return sandbox.usage_folder() / "pending" / names.front();
}

json first_line(const fs::path& file) {
  const std::string text = read_file(file);
  return json::parse(text.substr(0, text.find('\n')));
}

/// A file and its folders, for their owner alone.
void write_private(const fs::path& file, const std::string& text) {
  for (fs::path folder = file.parent_path(); !fs::exists(folder); folder = folder.parent_path()) {
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms::owner_all);
  }
  write_file(file, text);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace

std::vector<std::string> sending_to(const std::string& url, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"--url", url, "--unattended", "on", "--delivery", "wait", "--wait-limit", "20000"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Result run_usage_stats(const Sandbox& sandbox, const std::vector<std::string>& words,
                       std::vector<std::string> options) {
  options.insert(options.end(), {"--as", "usage-stats"});
  options.insert(options.end(), words.begin(), words.end());
  return sandbox.run("reporter", options);
}

json state_of(const Sandbox& sandbox, const std::string& app) {
  const fs::path file = state_file(sandbox, app);
  return fs::exists(file) ? json::parse(read_file(file)) : json();
}

void set_state(const Sandbox& sandbox, const json& state, const std::string& app) {
  write_file(state_file(sandbox, app), state.dump());
}

json waiting_envelope(const Sandbox& sandbox) { return first_line(waiting_file(sandbox)); }

void set_waiting_envelope(const Sandbox& sandbox, const json& envelope) {
  write_file(waiting_file(sandbox), envelope.dump() + "\n");
}

void put_waiting(const Sandbox& sandbox, const std::string& session, const std::string& url, std::int64_t age) {
  const std::string client(32, 'c');
  const json report{{"app", {{"name", "reporter"}, {"version", "1.2.3"}}}, {"session_id", session}};
  write_private(sandbox.usage_folder() / client / session / "usage_stats.json", report.dump());
  const char* const nowhere = "/nonexistent/usage_stats.json";  // says neither yes nor no
  const json envelope{
      {"schema", "usage-stats-label/1"},
      {"app", "reporter"},
      {"version", "1.2.3"},
      {"client_id", client},
      {"session_id", session},
      {"created", std::time(nullptr) - age},
      {"config_file", nowhere},
      {"policy_file", nowhere},
      {"destinations", json::array({{{"url", url}, {"protocol", "json"}, {"attempts", 0}, {"not_before", 0}}})}};
  write_private(sandbox.usage_folder() / "pending" / session, envelope.dump() + "\n");
}

void make_due(const Sandbox& sandbox, const std::string& app) {
  for (const std::string& name : sandbox.pending(app)) {
    const fs::path file = sandbox.usage_folder(app) / "pending" / name;
    json envelope = first_line(file);
    for (json& destination : envelope["destinations"]) destination["not_before"] = 0;
    write_file(file, envelope.dump() + "\n");
  }
  json state = state_of(sandbox, app);
  for (json& wait : state["backoff"]) wait["not_before"] = 0;
  set_state(sandbox, state, app);
}

json destination_after(const Sandbox& sandbox, const Answer& answer) {
  Server server([answer](const ReceivedRequest&) { return answer; });
  sandbox.run("reporter", sending_to(server.url()));
  if (server.requests().size() != 1) throw std::runtime_error("one request was expected");
  return sandbox.pending().empty() ? json() : waiting_envelope(sandbox)["destinations"][0];
}

std::vector<json> deliveries(const Sandbox& sandbox) {
  std::vector<json> lines;
  for (const fs::path& report : sandbox.report_files()) {
    const fs::path file = report.parent_path() / "delivery.json";
    if (!fs::exists(file)) continue;
    const json all = json::parse(read_file(file));
    lines.insert(lines.end(), all["deliveries"].begin(), all["deliveries"].end());
  }
  return lines;
}
