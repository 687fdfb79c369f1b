#pragma once
// A file of one report a line (JSON Lines), which knows what it has. POSIX.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "report_v1.hpp"

namespace receiver {

/// An open file that ends with its scope.
class File {
 public:
  File(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    check(fd_ >= 0, "cannot open the file");
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  void swap(File& other) noexcept { std::swap(fd_, other.fd_); }
  /// All of it on the disk, or as before and an exception.
  void append(std::string_view text) const {
    const off_t before = ::lseek(fd_, 0, SEEK_END);
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) undo(before);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd_) != 0 && errno != EINVAL) undo(before);  // EINVAL: a pipe or a device, which has no disk
  }
  void lock() const {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
      throw std::runtime_error("another receiver keeps its reports in this file");
  }

  static void check(bool succeeded, const char* what) {
    if (!succeeded) throw std::system_error(errno, std::generic_category(), what);
  }

 private:
  [[noreturn]] void undo(off_t size) const {
    const int error = errno;
    if (::ftruncate(fd_, size) != 0) std::perror("receiver: a torn line stays in the file");
    throw std::system_error(error, std::generic_category(), "cannot write the file");
  }
  int fd_;
};

class Store {
 public:
  explicit Store(std::filesystem::path path) : path_(std::move(path)), file_(path_, O_RDWR | O_CREAT | O_APPEND) {
    file_.lock();
    ::unlink(fresh_path().c_str());  // of a receiver that was killed while it replaced the file
    for_each_line([this](const std::string& line) {
      if (std::string key = key_of(Json::parse(line, nullptr, false)); !key.empty()) known_.insert(std::move(key));
    });
    // A line that a power cut tore must not take the next one with it.
    const off_t size = ::lseek(file_.fd(), 0, SEEK_END);
    char last = '\n';
    if (size > 0 && ::pread(file_.fd(), &last, 1, size - 1) == 1 && last != '\n') file_.append("\n");
  }

  std::size_t size() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    return known_.size();
  }

  /// Keeps the report; false if it was here before. When this returns, the report is on the disk.
  bool add(const Json& report) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const std::string key = key_of(report);
    if (known_.count(key) > 0) return false;
    file_.append(report.dump() + '\n');
    known_.insert(key);
    return true;
  }

  /// Removes all reports of a client and returns how many there were. What was removed stays known until the next
  /// start: a report that arrives once more does not come back.
  std::size_t remove(const std::string& client_id) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const std::string mark = "\"client_id\":\"" + client_id + '"';
    const auto is_theirs = [&](const std::string& line) {
      if (line.find(mark) == std::string::npos) return false;
      const Json report = Json::parse(line, nullptr, false);
      return !report.is_object() || report.value("client_id", "") == client_id;  // or what is left of a torn line
    };
    std::size_t removed = 0;
    for_each_line([&](const std::string& line) { removed += is_theirs(line) ? 1 : 0; });
    if (removed > 0) replace_without(is_theirs);
    return removed;
  }

 private:
  /// "SESSION_ID/SEQUENCE", as in the Idempotency-Key; empty for what is no report.
  static std::string key_of(const Json& report) {
    if (!report.is_object() || !report.contains("sequence")) return {};
    return report.value("session_id", "") + '/' + report["sequence"].dump();
  }

  std::filesystem::path fresh_path() const { return path_.string() + ".new"; }

  template <class F>
  void for_each_line(F&& use) const {
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);)
      if (!line.empty()) use(line);
    if (in.bad()) throw std::runtime_error("cannot read the file");
  }

  template <class F>
  void replace_without(F&& is_theirs) {
    try {
      File fresh(fresh_path(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
      fresh.lock();
      std::string block;
      for_each_line([&](const std::string& line) {
        if (is_theirs(line)) return;
        block += line + '\n';
        if (block.size() > 1024 * 1024) fresh.append(std::exchange(block, {}));
      });
      fresh.append(block);
      std::filesystem::rename(fresh_path(), path_);
      file_.swap(fresh);
    } catch (...) {
      ::unlink(fresh_path().c_str());
      throw;
    }
  }

  const std::filesystem::path path_;
  mutable std::mutex mutex_;
  File file_;
  std::unordered_set<std::string> known_;  // some 100 bytes a report; move the file away and restart to begin anew
};

}  // namespace receiver
