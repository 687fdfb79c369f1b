#pragma once
// What the author of the program decides. Plain data: nothing here reads, writes or decides anything.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// What holds until the user has decided: on after a notice, asked at the terminal, or off.
enum class ConsentMode { opt_out, ask, opt_in };

/// What holds where nobody can have seen a notice (no terminal, CI): nothing at all, a report that stays on this
/// machine, or a report that is sent (the notice then goes to standard error, once).
enum class Unattended { off, local, on };

/// How command line arguments appear in a report: not at all, as option names and kinds of value, or with scrubbed
/// values.
enum class ArgumentDetail { none, names, values };

/// How much of an exception is reported: its type, or its type and of its message the words that the program itself
/// contains. `type` is the choice for programs that contain lists of names.
enum class ErrorDetail { type, scrubbed };

/// How long the random client id lives.
enum class ClientId { session, monthly, install };

/// Who sends, and who waits for it: a process of its own that nobody waits for; the same, waited for up to
/// Options::wait_limit; this process (for plugins and interpreters, which cannot start themselves); nobody.
enum class Delivery { detached, wait, in_process, local };

/// The language of an endpoint: the report as it is, OTLP/HTTP with JSON encoding, Amplitude HTTP V2.
enum class Protocol { json, otlp, amplitude };

/// Which deaths by signal are seen while they happen: none; crashes (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU,
/// SIGSYS); or also what somebody sends to end the program (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE). Others are
/// "lost" in the report. Handlers are installed only where the disposition is the default one. Not `all` with ncurses,
/// Python and others that install theirs only where there is none.
enum class Signals { none, crashes, all };

/// A server that receives reports.
struct Endpoint {
  /// https://...; http:// to a loopback address only, unless plain_http. otlp completes it with /v1/traces, amplitude
  /// with /2/httpapi where it has no path.
  std::string url;
  Protocol protocol = Protocol::json;
  std::string api_key{};                         ///< amplitude: needed, part of the body; else "Authorization: Bearer"
  std::map<std::string, std::string> headers{};  ///< sent as they are; line breaks and control characters are refused
  bool plain_http = false;                       ///< allow http:// to any host
};

/// What the author decides. An invalid value makes the session inert and is told by TelemetrySession::problem().
struct Options {
  Options(std::string app_name, std::string app_version, std::string endpoint_url = {})
      : app(std::move(app_name)), version(std::move(app_version)) {
    if (!endpoint_url.empty()) endpoints.push_back(Endpoint{std::move(endpoint_url)});
  }

  /// [A-Za-z0-9][A-Za-z0-9._-]{0,63}; names the folders too, and the environment variables: in upper case, every other
  /// character than A-Z 0-9 as `_`, and `_` in front of a digit, since no shell can set 7TOOL_... (7tool: _7TOOL_...).
  /// So `my-tool` and `my_tool` share their variables.
  std::string app;
  std::string version;                ///< the program's version, 1 to 64 printable ASCII characters
  std::vector<Endpoint> endpoints{};  ///< at most 8; none: reports stay on this machine
  ConsentMode consent = ConsentMode::opt_out;
  Unattended unattended = Unattended::local;
  bool official_build = true;  ///< false (a fork, a developer's build): off unless the environment says on
  std::string purpose{};       ///< one sentence, shown by the notice and by `usage-stats status`
  std::string policy_url{};    ///< where the privacy policy stands; shown likewise
  std::string contact{};       ///< whom to write to, e.g. for deletion; shown likewise
  /// The words that the session made from main's argc and argv (and handle_command) answers, one argument each, where
  /// they are the first: "-t usage-stats" where `mytool usage-stats` would mean something else to the program. At most
  /// 32 letters, digits and ._:/=+- in all; empty: no command, and no text names one.
  std::string command = "usage-stats";
  ArgumentDetail arguments = ArgumentDetail::names;
  std::vector<std::string>
      argument_values{};                   ///< options whose (scrubbed) value may be recorded: {"threads", "format"}
  std::vector<std::string> subcommands{};  ///< {"cp", "sync"}: the only positionals recorded as they are
  ErrorDetail errors = ErrorDetail::scrubbed;
  ClientId client_id = ClientId::install;
  bool hash_client_id = false;  ///< report the SHA-256 of the id in place of the id
  Delivery delivery = Delivery::detached;
  std::chrono::milliseconds wait_limit{
      2000};  ///< Delivery::wait and in_process: the longest the end may take; 0 to 60 s
  /// Delivery::detached, where nothing outlives the program (it is the first process of a container, or a child of one
  /// that is no init): the longest the end may take so that the report gets away at all; 0 to 60 s, 0: never. An
  /// endpoint that has not answered lately is not waited for.
  std::chrono::milliseconds container_wait{1000};
  std::chrono::milliseconds report_every{0};  ///< long-running programs: an interim report each ...; 0: none
  double sample = 1.0;                        ///< share of runs that are sent, 0 to 1 (all are kept locally)
  Signals observed_signals = Signals::crashes;
  std::map<std::string, std::string> dependencies{};  ///< {"zlib", "1.2.13"}; at most 64
  /// Where USAGE_STATS_DEBUG lines go, from any thread; standard error if empty.
  std::function<void(std::string_view)> log{};
  /// The usage folder; empty: the platform's place; a leading ~ is home. The library makes it (0700), or takes
  /// an empty one that is its owner's alone, but for those where others keep things (~/.ssh, TMPDIR, what in HOME is
  /// not named after the app); any other folder that it has not made for this app is refused, untouched.
  std::filesystem::path directory{};
  std::filesystem::path config_file{};  ///< JSON, may be the program's own; empty: the platform's place; ~ as above
  std::filesystem::path policy_file{};  ///< JSON, the administrator's; empty: the platform's place; ~ as above
};

namespace detail {

/// Neither infinite nor NaN: by its bits, for -ffast-math takes them for something that does not occur.
bool is_finite(double) noexcept;

/// The author's first mistake in the options, in words; empty if there is none.
std::string problem_with(const Options&);

/// The prefix of the app's environment variables, as Options::app says.
std::string environment_prefix(std::string_view app);

}  // namespace detail

USAGE_STATS_END_NAMESPACE
