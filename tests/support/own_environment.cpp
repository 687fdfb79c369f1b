#include "own_environment.hpp"

#include <cstdlib>
#include <string_view>

extern char** environ;

namespace {

void replace_environment(const std::map<std::string, std::string>& variables) {
  ::clearenv();
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
}

}  // namespace

OwnEnvironment::OwnEnvironment(const std::map<std::string, std::string>& variables) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != text.npos) before_.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  replace_environment(variables);
}

OwnEnvironment::~OwnEnvironment() { replace_environment(before_); }
