#pragma once
// The arguments as the program's own parser knows them, from the calls of TelemetrySession::argument to the report.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "../../arguments.hpp"
#include "../../options.hpp"
#include "redaction/scrub.hpp"
#include "report.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

class ParsedArguments {
 public:
  void add(const Options&, std::string_view name, std::string_view value, ArgumentSource);
  /// Replaces the report's arguments with them, if any were added: those of the command line first, in the order in
  /// which they came, then `<config_file>` and those of configuration files, `<environment>` and those of variables. A
  /// value that may be recorded becomes its kind if it has the shape of a secret or a path, or repeats something from
  /// `ambient` or a value that may not be recorded. `ambient` must not include argv, which may contain each of these
  /// values.
  void replace_in(Report&, const SensitiveValues& ambient) const;

 private:
  struct Entry {
    std::string shown;       // the name
    std::string_view kind;   // of the value; empty: none
    std::string value;       // if it may be recorded
    bool is_choice = false;  // the value was part of the name: it may be recorded if it is a plain word
    ArgumentSource source = ArgumentSource::command_line;
  };

  /// What a recordable value must not contain; nothing if there is none.
  SensitiveValues::Words others(const SensitiveValues& ambient) const;
  /// Whether the value itself may leave: a listed one, or one of the program's own choices ("cool", or "cool,hic").
  static bool may_show(const Entry&, const SensitiveValues::Words& sensitive);

  bool told_ = false;
  bool hidden_ = false;  // ArgumentDetail::none
  std::size_t dropped_ = 0;
  std::vector<std::string> sensitive_;  // the values that may not be recorded
  std::vector<Entry> entries_;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
