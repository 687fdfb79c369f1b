#pragma once

#include "enable_disable.inl"
#include "describe.inl"
#include "delete.inl"
#include "reset.inl"
#include "send.inl"
#include "show.inl"
#include "status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

struct Subcommand {
  const char* name;
  int (*run)(const Call&);
  bool touches_files;  // refused if the options are invalid or the process has more rights than its user
  const char* arguments;
  const char* help;
};

inline constexpr Subcommand subcommands[] = {
    {"status", status, false, "", "on or off and why, how to change it, what is waiting"},
    {"enable", enable, true, "", "switch usage statistics on"},
    {"disable", disable, true, "", "switch them off, and drop what is waiting to be sent"},
    {"show", show, true, "[--wire] [N]", "the N newest reports (default 1), what became of them"},
    {"preview", preview, true, "[--message M]", "what a run would send now"},
    {"describe", describe, false, "[--format F]", "what a report may contain; F: text, markdown or json"},
    {"send", send_now, true, "", "send now what is waiting"},
    {"delete", delete_all, true, "", "delete everything recorded, here and on the servers"},
    {"reset", reset, true, "", "report under a new id from now on"},
};

USAGE_STATS_INLINE std::string usage(const Options& options) {
  std::string text = "usage: " + typed_command(options) + " COMMAND [--json]\n\n";
  for (const Subcommand& subcommand : subcommands) {
    std::string head = std::string("  ") + subcommand.name + " " + subcommand.arguments;
    constexpr std::size_t indent = 26;
    head.resize((std::max)(head.size() + 2, indent), ' ');
    text += head + subcommand.help + "\n";
    if (subcommand.run == show)
      text += std::string(indent, ' ') + "with --wire: the bodies of the requests, byte for byte\n";
    if (subcommand.run == preview)
      text += std::string(indent, ' ') + "with --message: what it would send of that message\n";
  }
  return text + "\n--json: answer as JSON. Exit codes: 0 done, 1 failed, 2 usage.\n";
}

USAGE_STATS_INLINE int misused(const Call& call, const std::string& problem) {
  os::write_to_standard_error(call.typed + ": " + plain_text(problem) + "\n\n" + usage(call.options));
  return usage_error;
}

USAGE_STATS_INLINE bool is_count(const std::string& text) noexcept {
  return !text.empty() && text.size() < 7 && text.find_first_not_of("0123456789") == std::string::npos;
}

/// Takes one argument (and the next one, if it is its value); false if this subcommand has no such argument.
USAGE_STATS_INLINE bool take(Call& call, const std::vector<std::string>& arguments, std::size_t& at) {
  const std::string& argument = arguments[at];
  if (argument == "--json") return call.json = true;
  if (call.name == "show" && argument == "--wire") return call.wire = true;
  if (call.name == "show" && is_count(argument) && !call.count) {
    call.count = std::size_t{std::strtoul(argument.c_str(), nullptr, 10)};
    return call.count > 0U;
  }
  if (call.name == "preview" && argument.compare(0, 10, "--message=") == 0)
    return call.message = argument.substr(10), true;
  if (call.name == "preview" && argument == "--message" && at + 1 < arguments.size())
    return call.message = arguments[++at], true;
  if (call.name != "describe") return false;
  if (argument.compare(0, 9, "--format=") == 0)
    call.format = argument.substr(9);
  else if (argument == "--format" && at + 1 < arguments.size())
    call.format = arguments[++at];
  else
    return false;
  return call.format == "text" || call.format == "markdown" || call.format == "json";
}

/// `arguments`: what follows the words of Options::command.
USAGE_STATS_INLINE int answer(const Options& options, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments)
    if (argument == "--help" || argument == "-h") return print(usage(options)), done;
  if (arguments.empty() || arguments[0] == "help") return print(usage(options)), done;
  Call call{options, arguments[0], false, false, {}, {}, {}, Log(options.log)};
  for (const Subcommand& subcommand : subcommands) {
    if (call.name != subcommand.name) continue;
    for (std::size_t at = 1; at < arguments.size(); ++at)
      if (!take(call, arguments, at))
        return misused(call, call.name + (call.name == "preview" && arguments[at] == "--message"
                                              ? ": --message takes a text"
                                              : ": unexpected argument '" + arguments[at] + "'"));
    if (subcommand.touches_files)
      if (const std::string problem = plan_impl::obstacle(options); !problem.empty()) return fail(call, problem);
    return subcommand.run(call);
  }
  return misused(call, "unknown command '" + call.name + "'");
}

/// The same, and checks whether its output was written: otherwise it has failed, whatever it has done.
USAGE_STATS_INLINE int answer_heard(const Options& options, const std::vector<std::string>& arguments) {
  // The number of a closed stream may now be some other file, maybe ours.
  output_error() = os::is_open(1) ? 0 : EBADF;
  const int code = answer(options, arguments);
  if (output_error() == 0) return code;
  os::write_to_standard_error(typed_command(options) +
                              ": standard output: " + std::generic_category().message(output_error()) + "\n");
  return code == done ? failed : code;
}

}  // namespace command_impl
}  // namespace detail

USAGE_STATS_ENTRY_INLINE std::optional<int> handle_command(const Options& options, int argc,
                                                           const char* const* argv) noexcept {
  detail::remember_command(options, argc, argv);
  const std::size_t words = detail::command_words(options, argc, argv);
  if (words == 0) return std::nullopt;
  const detail::PublicCall call;
  const detail::os::ScopedCancelBlock no_cancel;
  USAGE_STATS_TRY {
    std::vector<std::string> arguments;
    for (int i = static_cast<int>(words) + 1; i < argc && argv[i] != nullptr; ++i) arguments.emplace_back(argv[i]);
    return detail::command_impl::answer_heard(options, arguments);
  }
  USAGE_STATS_CATCH_ALL {
    detail::os::write_to_standard_error("usage-stats: out of memory, or the file system is broken\n");
    return detail::command_impl::failed;
  }
}

USAGE_STATS_END_NAMESPACE
