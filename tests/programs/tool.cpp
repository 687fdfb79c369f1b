// A program as its author writes it: its arguments are its own, and the variables TOOL_... configure it.
//
//   TOOL_SESSION=main|constant|vector|null|handled     from which arguments its session is made; handled:
//   handle_command
//                                                      first, then constant
//   TOOL_COMMAND="-t usage-stats"  TOOL_APP  TOOL_URL  TOOL_CONSENT  TOOL_UNATTENDED  TOOL_OFFICIAL  TOOL_CONFIG_FILE
//   TOOL_DECLARE="speed size"     declares these fields
//   TOOL_FATAL=here|thread         calls its fatal(), which ends it by exit(1), in a function of main's or in a thread
#include <usage_stats.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace us = usage_stats;

namespace {

std::string variable(const char* name, const char* otherwise = "") {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

struct Goodbye {
  ~Goodbye() {
    if (!variable("TOOL_GOODBYE").empty()) std::puts("goodbye");
  }
};
const Goodbye goodbye;

us::Options options() {
  us::Options chosen(variable("TOOL_APP", "tool"), "1.0", variable("TOOL_URL"));
  chosen.command = variable("TOOL_COMMAND", "usage-stats");
  chosen.delivery = us::Delivery::wait;
  chosen.wait_limit = std::chrono::seconds(20);
  chosen.official_build = variable("TOOL_OFFICIAL", "yes") == "yes";
  const std::string consent = variable("TOOL_CONSENT"), unattended = variable("TOOL_UNATTENDED");
  chosen.consent = consent == "ask"      ? us::ConsentMode::ask
                   : consent == "opt_in" ? us::ConsentMode::opt_in
                                         : us::ConsentMode::opt_out;
  chosen.unattended = unattended == "on"    ? us::Unattended::on
                      : unattended == "off" ? us::Unattended::off
                                            : us::Unattended::local;
  chosen.config_file = variable("TOOL_CONFIG_FILE");
  chosen.policy_file = variable("TOOL_POLICY_FILE", "/nonexistent/policy.json");
  return chosen;
}

/// What many tools have: the one place where they end for an error.
[[noreturn]] void fatal(const char* kind, const std::string& text) {
  std::fprintf(stderr, "tool: %s\n", text.c_str());
  if (us::TelemetrySession* const session = us::TelemetrySession::current()) session->fail(kind, text);
  std::exit(1);
}

void end_by(const std::string& place, const std::string& file) {
  if (place == "here") fatal("io_error", "cannot open " + file);
  if (place == "thread") std::thread([&] { fatal("io_error", "cannot open " + file); }).join();
}

int work(const us::TelemetrySession& session, int argc, char** argv) {
  static const char* const verdicts[] = {"off", "local", "on"};
  std::printf("verdict=%s rule=%d problem=%s\n", verdicts[static_cast<int>(session.decision().verdict)],
              session.decision().rule, std::string(session.problem()).c_str());
  for (int i = 1; argv != nullptr && i < argc; ++i) std::printf("argument %s\n", argv[i]);
  if (argv != nullptr && argv[argc] != nullptr) std::puts("argv has no end");
  if (argv != nullptr && argc > 1) end_by(variable("TOOL_FATAL"), argv[1]);
  return 7;
}

}  // namespace

int main(int argc, char** argv) {
  std::atexit([] {
    if (!variable("TOOL_GOODBYE").empty()) std::puts("at exit");
  });
  std::vector<std::unique_ptr<std::string>> names;
  std::vector<std::unique_ptr<us::Field<std::int64_t>>> fields;
  std::istringstream declared(variable("TOOL_DECLARE"));
  for (std::string name; declared >> name;) {
    names.push_back(std::make_unique<std::string>(name));
    fields.push_back(std::make_unique<us::Field<std::int64_t>>(names.back()->c_str(), "what the tool measures"));
  }
  const std::string kind = variable("TOOL_SESSION", "main");
  if (kind == "handled")
    if (const auto code = us::handle_command(options(), argc, argv)) return *code;
  if (kind == "main") {
    us::TelemetrySession session(options(), argc, argv);
    for (const auto& field : fields) session.set(*field, 1);
    return work(session, argc, argv);
  }
  if (kind == "null") {
    char** const none = nullptr;
    us::TelemetrySession session(options(), argc, none);
    return work(session, argc, none);
  }
  if (kind == "vector") {
    us::TelemetrySession session(options(), {argv + 1, argv + argc});
    return work(session, argc, argv);
  }
  const char* const* const constant = argv;
  us::TelemetrySession session(options(), argc, constant);
  for (const auto& field : fields) session.set(*field, 1);
  return work(session, argc, argv);
}
