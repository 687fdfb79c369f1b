#pragma once
// What the checks share: a plain program tells what was wrong, and goes on.
#include <usage_stats.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <thread>

namespace os = usage_stats::detail::os;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using os::Folder;
using os::LockedFile;

namespace {

int failures = 0;
std::string program;  // this one

void check(bool good, const std::string& what) {
  if (good) return;
  ++failures;
  std::printf("smoke: FAILED: %s\n", what.c_str());
}

bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds limit = 20s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

std::string text_of(const fs::path& file) {
  std::error_code error;
  return os::read_file(file, 1 << 20, error).value_or("");
}

void write_text(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::string utf8(const fs::path& path) { return path.u8string(); }

usage_stats::Options options_for(const fs::path& place) {
  usage_stats::Options options("smoke", "1.0.0", "http://127.0.0.1:9/");  // nobody listens there
  options.directory = place / "usage";
  options.config_file = place / "config.json";
  options.policy_file = place / "policy.json";
  return options;
}

}  // namespace
