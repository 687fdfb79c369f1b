#pragma once
// The command line: `usage-stats-collector COMMAND [--option VALUE]... [WORD]...`

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace collector {

/// Exit code 2, and the line of help for the command.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Arguments {
 public:
  /// `with_value` and `flags`: the options that the command knows, as "--port". Throws UsageError.
  Arguments(int argc, char** argv, const std::vector<std::string>& with_value, const std::vector<std::string>& flags);

  bool has(const std::string& option) const { return options_.count(option) > 0; }
  std::string text(const std::string& option, const std::string& otherwise) const;
  std::optional<std::string> text(const std::string& option) const;
  int number(const std::string& option, int otherwise, int most) const;
  /// "60d" or "60".
  int days(const std::string& option, int otherwise) const;
  const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string, std::string> options_;
  std::vector<std::string> words_;
};

}  // namespace collector
