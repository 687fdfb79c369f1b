#pragma once
// What the tests of faults at system calls have in common; the program is tests/programs/faults.cpp.

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"

inline const std::vector<std::string> errors{"EACCES", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "EIO", "EROFS"};

/// Every session that the server has, and that each came with one text.
inline std::map<std::string, std::string> sessions_of(const Server& server) {
  std::map<std::string, std::string> sessions;
  for (const ReceivedRequest& request : server.requests()) {
    const nlohmann::json report = nlohmann::json::parse(request.body);
    CHECK(report["schema"] == "usage-stats/1");
    const auto [known, fresh] = sessions.emplace(report["session_id"].get<std::string>(), request.body);
    CHECK((fresh || known->second == request.body));
  }
  return sessions;
}

/// The first run shows the notice; no later one may.
inline Command host(const Sandbox& sandbox, const std::string& url, const std::string& how = "detached") {
  return sandbox.command("faults", {url, how});
}

/// Folders as an earlier run has left them, so that calls have the same numbers in each run.
inline void prepare(const Sandbox& sandbox, const std::string& url) {
  run(host(sandbox, url));
  sandbox.end_uploaders();
}

/// Each call with each error would take a quarter of an hour. Of the errors each n-th, another one at the next call;
/// with USAGE_STATS_STRESS in the environment all.
inline bool is_chosen(std::size_t call, std::size_t error, std::size_t nth) {
  return std::getenv("USAGE_STATS_STRESS") != nullptr || (call + error) % nth == 0;
}

/// "error=EIO", as strace wants it.
inline std::string fault_of(const SystemCall& call, std::size_t error) {
  // The kernel tells no error of brk's, but an address too low; glibc would take an error for a high one.
  return call.name == "brk" ? "retval=0" : "error=" + errors[error];
}

/// What waits in a folder when a run has ended and its uploader could do nothing.
struct Waiting {
  Sandbox sandbox{};
  explicit Waiting(const std::string& url) {
    SilentPort nobody(SilentPort::Behaviour::refuses);
    prepare(sandbox, nobody.url());
    for (const std::string& name : sandbox.pending("faults")) {
      const std::filesystem::path file = folder() / "pending" / name;
      std::string text = read_file(file);
      nlohmann::json envelope = nlohmann::json::parse(text.substr(0, text.find('\n')));
      envelope["destinations"] = {{{"url", url}, {"protocol", "json"}, {"attempts", 0}, {"not_before", 0}}};
      write_file(file, envelope.dump() + "\n");
    }
    nlohmann::json state = nlohmann::json::parse(read_file(folder() / "state.json"));
    state["backoff"] = nlohmann::json::object();
    write_file(folder() / "state.json", state.dump());
  }
  std::filesystem::path folder() const { return sandbox.usage_folder("faults"); }
  Command uploader() const { return sandbox.uploader("faults"); }
};
