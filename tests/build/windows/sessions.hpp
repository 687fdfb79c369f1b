#pragma once
// Whole sessions, from a program that starts itself as the uploader.
#include "checks.hpp"

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace {

void try_local_session(const fs::path& place) {
  auto options = options_for(place / fs::u8path("J\xc3\xbcrgen"));
  options.delivery = usage_stats::Delivery::local;
  fs::path report;
  {
    // As main gets it: what SMOKE_NAME says, in the code page.
    const std::string name = "--name=" + os::windows::in_code_page(L"J\u00fcrgen"), clean = "--name=Hans";
    const char* const arguments[] = {"smoke", "--threads=8", "C:\\secret\\file", name.c_str(), clean.c_str()};
    options.argument_values = {"name"};
    usage_stats::TelemetrySession session(options, 5, arguments);
    check(session.enabled() && session.problem().empty(), "a local session: " + session.decision().why);
    report = session.report_path();
    session.exit_code(3);
  }
  const std::string text = text_of(report);
  check(text.find("\"windows\"") != std::string::npos && text.find("\"failed\"") != std::string::npos, "its report");
  check(text.find("rgen") == std::string::npos && text.find("--name=Hans") != std::string::npos,
        "what the environment says is no value to be recorded, in the code page neither: " + text);
  check(text.find("secret") == std::string::npos, "no path in the report");
  check(fs::is_empty(options.directory / "active"), "no envelope stays");
}

void try_detached_session(const fs::path& place) {
  const auto options = options_for(place / "detached");
  _putenv_s("SMOKE_USAGE_STATS_ENABLED", "1");
  _putenv_s("USAGE_STATS_DEBUG", "1");
  std::string id;
  const auto began = std::chrono::steady_clock::now();
  {
    usage_stats::TelemetrySession session(options, 0, nullptr);
    check(session.decision().verdict == usage_stats::Verdict::on, "on: " + session.decision().why);
    check(session.problem().empty(), "no problem: " + std::string(session.problem()));
    id = session.session_id();
    check(fs::exists(options.directory / "active" / id), "an envelope while it runs");
  }
  check(std::chrono::steady_clock::now() - began < 10s, "nobody waits");
  std::error_code error;
  const fs::path log = options.directory / "uploader.log";
  check(wait_for([&] { return text_of(log).find("127.0.0.1") != std::string::npos; }),
        "the uploader tries, and says so");
  const Folder folder = Folder::open(options.directory, false, error);
  check(wait_for([&] { return !LockedFile::is_locked(folder, "uploader.lock"); }), "the uploader ends");
  check(fs::exists(options.directory / "pending" / id), "the envelope waits");
  check(fs::is_empty(options.directory / "active"), "and runs no more");
  if (failures > 0) std::printf("uploader.log:\n%s", text_of(log).c_str());
}

/// As a program that has its own idea of Ctrl-C, which it had before there was a session.
BOOL WINAPI survive(DWORD) { return TRUE; }

/// The other program of try_ends: a session that ends in another way.
int end_as(const std::string& how, const fs::path& place) {
  if (how == "survivor") ::SetConsoleCtrlHandler(&survive, TRUE);
  auto options = options_for(place);
  options.observed_signals = usage_stats::Signals::all;
  const usage_stats::TelemetrySession session(options, 0, nullptr);
  if (how == "exit") std::exit(5);
  if (how == "throw") throw std::runtime_error("nobody catches this");
  if (how == "abort") std::abort();
  if (how == "survivor") {
    ::GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
    const fs::path envelope = place / "usage" / "active" / std::string(session.session_id());
    const auto noted = [&] { return text_of(envelope).find("SIGINT") != std::string::npos; };
    if (!wait_for(noted)) std::printf("no event\n");
  }
  ::RaiseException(EXCEPTION_ACCESS_VIOLATION, 0, 0, nullptr);
  return 0;
}

void try_ends(const fs::path& place) {
  for (const auto& [how, told] : {std::pair{"exit", "\"ok\""},
                                  {"throw", "\"exception\""},
                                  {"crash", "\"SIGSEGV\""},
                                  {"abort", "\"SIGABRT\""},
                                  {"survivor", "\"SIGSEGV\""}}) {
    const fs::path folder = place / how;
    const auto result = os::run_program({program, how, utf8(folder)}, "", 10000, 60s);
    check(result.output.find("no event") == std::string::npos, std::string(how) + ": no event came");
    const auto report = [&] {
      std::string all;
      std::error_code error;
      for (const auto& entry : fs::recursive_directory_iterator(folder, error))
        if (entry.path().filename() == "usage_stats.json") all += text_of(entry.path());
      return all;
    };
    check(wait_for([&] { return report().find(told) != std::string::npos; }), std::string("an end is told: ") + how);
  }
}

}  // namespace
