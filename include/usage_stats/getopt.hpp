#pragma once
// For programs that parse with getopt_long: reports show options as the table of long options does.
//
//   while ((option = getopt_long(argc, argv, "p:v", table, nullptr)) != -1) ...
//   usage_stats::record_arguments(session, argc, argv, "p:v", table);

#include <usage_stats.hpp>

#include <getopt.h>

#include <cstddef>
#include <string>
#include <vector>

namespace usage_stats {
namespace getopt_impl {

/// Parses once more, silently, and restores getopt's variables. A template, so that two copies of different versions in
/// one program have no function in common.
template <class Session>
class Reader {
 public:
  explicit Reader(Session& session) noexcept : session_(session) {
    opterr = 0;
    optind = 0;  // starts from the beginning
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
    optind = 1;
    optreset = 1;
#endif
  }
  ~Reader() {
    optarg = optarg_;
    optind = optind_;
    opterr = opterr_;
    optopt = optopt_;
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void record(std::vector<char*> argv, const char* letters, const struct option* table,
              decltype(&::getopt_long) parse) {
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);
    for (;;) {
      int index = -1;
      optarg = nullptr;
      const int option = parse(argc, argv.data(), letters, table, &index);
      if (option == -1) break;
      const std::string value = optarg == nullptr ? "" : optarg;
      if (option == 1 && letters[0] == '-')
        session_.argument({}, value);  // a non-option, in its position
      else if (option == '?' || option == ':')
        session_.argument("<option>");
      else
        session_.argument(name_of(option, index, table), value);
    }
    for (int i = optind; i < argc; ++i) session_.argument({}, argv[static_cast<std::size_t>(i)]);
  }

 private:
  /// The option's name in the table: one that was given by its letter has the long name of that letter.
  static std::string name_of(int option, int index, const struct option* table) {
    for (int i = 0; index < 0 && table != nullptr && table[i].name != nullptr; ++i)
      if (table[i].flag == nullptr && table[i].val == option) index = i;
    return index < 0 ? std::string("-") + static_cast<char>(option) : std::string("--") + table[index].name;
  }

  Session& session_;
  char* const optarg_ = optarg;
  const int optind_ = optind, opterr_ = opterr, optopt_ = optopt;
};

}  // namespace getopt_impl

/// Call it after the program's own loop, with the arguments that getopt_long got: the report then shows what getopt
/// knows, in place of what argv shows: each option under its long name, once for each time that it was given, however
/// it was spelled or abbreviated, and the kinds of the other arguments. Values are recorded as Options::arguments and
/// Options::argument_values say. Neither argv nor getopt's variables change; like getopt itself, it is for one thread
/// at a time. `parse`: getopt_long or getopt_long_only, whichever the program calls. getopt has no subcommands: call
/// TelemetrySession::command for them.
inline void record_arguments(TelemetrySession& session, int argc, char* const* argv, const char* letters,
                             const struct option* table, decltype(&::getopt_long) parse = ::getopt_long) noexcept {
  if (!session.enabled() || argv == nullptr || letters == nullptr) return;
  detail::without_throwing([&] {
    session.argument({});
    getopt_impl::Reader<TelemetrySession>(session).record({argv, argv + argc}, letters, table, parse);
  });
}

/// Two lines for the text that the program prints for --help.
inline std::string help_text(const HelpTexts& texts = {}) {
  std::string text = "  --" + texts.option + "  " + texts.option_description + "\n";
  if (!texts.command.empty()) text += "  " + texts.command + "  " + texts.command_description + "\n";
  return text;
}

}  // namespace usage_stats
