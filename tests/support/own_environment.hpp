#pragma once
// The environment of the test's own process.

#include <map>
#include <string>

/// Replaces the whole environment of this process, for as long as it lives.
class OwnEnvironment {
 public:
  explicit OwnEnvironment(const std::map<std::string, std::string>& variables);
  ~OwnEnvironment();
  OwnEnvironment(const OwnEnvironment&) = delete;
  OwnEnvironment& operator=(const OwnEnvironment&) = delete;

 private:
  std::map<std::string, std::string> before_;
};
