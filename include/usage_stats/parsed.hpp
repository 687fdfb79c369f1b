#pragma once
// The arguments as the program's own parser knows them, from the calls of TelemetrySession::argument to the report.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "options.hpp"
#include "redaction.hpp"
#include "report.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Keeps no value that may not be recorded, but its kind.
class ParsedArguments {
 public:
  void add(const Options&, std::string_view name, std::string_view value, ArgumentSource);
  /// Puts them in the place of the report's arguments, if any was added: those of the command line first, in the order
  /// in which they came, then `<config_file>` and those of configuration files, `<environment>` and those of variables.
  void replace_in(Report&, const Taint&) const;

 private:
  struct Entry {
    std::string shown;  // the name, and the kind of the value
    std::string value;  // to be recorded, once scrubbed
    ArgumentSource source = ArgumentSource::command_line;
  };

  /// What values that are recorded are held against: what may be seen of them is no secret of theirs.
  Taint all_but_recorded(const Taint&) const;

  bool told_ = false;
  bool hidden_ = false;  // ArgumentDetail::none
  std::size_t dropped_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
