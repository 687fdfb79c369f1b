#pragma once
// What really leaves: by httplib, from a home folder whose name no code page has.
#include "checks.hpp"

#include <httplib.h>

#include <mutex>

namespace {

/// A collector: what has been posted to it.
class Receiver {
 public:
  Receiver() {
    server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard<std::mutex> guard(mutex_);
      bodies_ += request.body + "\n";
      response.status = 200;
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Receiver() {
    server_.stop();
    thread_.join();
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  bool has(const std::string& text) {
    const std::lock_guard<std::mutex> guard(mutex_);
    return bodies_.find(text) != std::string::npos;
  }

 private:
  httplib::Server server_;
  std::mutex mutex_;
  std::string bodies_;
  int port_ = -1;
  std::thread thread_;
};

void try_delivery(const fs::path& place) {
  const fs::path home = place / fs::path(L"\u00dcbung \u2713"), local = home / "AppData" / "Local";
  fs::create_directories(local);
  ::SetEnvironmentVariableW(L"USERPROFILE", home.c_str());
  ::SetEnvironmentVariableW(L"LOCALAPPDATA", local.c_str());
  ::SetEnvironmentVariableW(L"APPDATA", (home / "AppData" / "Roaming").c_str());
  ::SetEnvironmentVariableW(L"SMOKE_USAGE_STATS_ENABLED", L"1");
  ::SetEnvironmentVariableW(L"USAGE_STATS_DEBUG", L"1");
  Receiver receiver;
  usage_stats::Options options("smoke", "1.0.0", receiver.url());  // all in the places that the environment tells
  const std::string notice = usage_stats::detail::notice_text(options, options.endpoints, true, 80);
  check(notice.find("~\\AppData\\Local\\smoke\\usage") != std::string::npos, "the notice shortens the home: " + notice);
  std::string id;
  fs::path report;
  {
    usage_stats::TelemetrySession session(options, 0, nullptr);
    check(session.problem().empty(), "no problem: " + std::string(session.problem()));
    id = session.session_id();
    report = session.report_path();
  }
  check(wait_for([&] { return receiver.has(id); }), "a report arrives by httplib, sent from " + utf8(home));
  std::error_code error;
  const fs::path delivery = report.parent_path() / "delivery.json";
  check(wait_for([&] { return text_of(delivery).find("\"delivered\"") != std::string::npos; }),
        "and is noted as delivered: " + text_of(delivery));
  check(report.native().compare(0, local.native().size(), local.native()) == 0 && fs::exists(report, error),
        "a copy stays in that home");
  if (failures > 0) std::printf("uploader.log:\n%s", text_of(local / "smoke" / "usage" / "uploader.log").c_str());
}

}  // namespace
