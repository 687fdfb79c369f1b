// Command lines. First line: `DETAIL LIMIT`; second: names whose values may be recorded; third: subcommands; then one
// argument a line. Nobody's value gets through that was not named, whatever it looks like.
#include "fuzz.hpp"

namespace us = usage_stats::detail;

namespace {

constexpr const char* kinds[] = {"<int>", "<number>", "<path>", "<url>", "<text>"};

/// Of an option: `--name`, `--name=<kind>`, `-x`, `<option>`, `<option>=<kind>`; of a value: its kind.
bool is_kept_shape(const std::string& shown, const usage_stats::Options& options) {
  for (const std::string& subcommand : options.subcommands)
    if (shown == us::clip_utf8(subcommand, 256)) return true;
  const std::size_t equals = shown.find('=');
  const std::string name = shown.substr(0, equals), value = equals == std::string::npos ? "" : shown.substr(equals + 1);
  const auto is_kind = [](const std::string& text) {
    for (const char* const kind : kinds)
      if (text == kind) return true;
    return false;
  };
  if (equals == std::string::npos && is_kind(name)) return true;
  if (equals != std::string::npos && !is_kind(value)) return false;
  if (name == "<option>" || name == "--") return true;
  const bool word =
      name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
  return word && name[0] == '-' && (name.size() == 2 || (name[1] == '-' && name.size() <= 34));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  std::string_view settings = fuzz::take(text);
  usage_stats::Options options("app", "1");
  const std::string_view detail = fuzz::take(settings, ' ');
  options.arguments = detail == "values" ? usage_stats::ArgumentDetail::values : usage_stats::ArgumentDetail::names;
  const std::size_t limit = static_cast<std::size_t>(fuzz::number(settings)) % 70;
  options.argument_values = fuzz::all_of(fuzz::take(text), ' ');
  options.subcommands = fuzz::all_of(fuzz::take(text), ' ');
  const std::vector<std::string> arguments = fuzz::all_of(text, '\n');
  us::SensitiveValues ambient;
  ambient.add("someuser");
  std::size_t dropped = 0;
  const auto shown = us::describe_arguments(options, arguments, ambient, limit, dropped);
  HOLDS(shown.size() <= limit && shown.size() + dropped == arguments.size());
  const bool nothing_named = detail != "values" && options.argument_values.empty();
  for (const std::string& one : shown) {
    HOLDS(one.size() <= 256 && fuzz::is_utf8(one));
    HOLDS(!nothing_named || is_kept_shape(one, options));
  }
  return 0;
}
