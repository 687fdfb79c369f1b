// A plugin that reports its runs: a shared library, loaded by somebody else's program with dlopen.

#include <usage_stats.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

namespace us = usage_stats;

static us::Options options_for(const char* url) {
  us::Options options("reporter", "1.2.3", url);
  options.unattended = us::Unattended::on;
  return options;
}

static void tell(const us::TelemetrySession& session) {
  std::printf("problem=%s\n", std::string(session.problem()).c_str());
  std::fflush(stdout);
}

/// HOW: detached and in_process, which end in here; kept, which ends when the plugin is unloaded; left, which nobody
/// destroys; logging, which ends while its thread is in the host's log function.
extern "C" int run_plugin(const char* url, const char* how_text, void (*log)(const char* line)) {
  static std::unique_ptr<us::TelemetrySession> kept;
  const std::string how = how_text;
  us::Options options = options_for(url);
  if (how == "in_process") options.delivery = us::Delivery::in_process;
  if (how == "logging") {
    options.report_every = std::chrono::milliseconds(10);
    options.log = [log](std::string_view line) { log(std::string(line).c_str()); };
  }
  auto session = std::make_unique<us::TelemetrySession>(options);
  tell(*session);
  if (how == "logging") log(nullptr);
  if (how == "kept") kept = std::move(session);
  if (how == "left") static_cast<void>(session.release());
  return 0;
}
