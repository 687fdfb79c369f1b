#pragma once
/// @file
/// What the author of the program decides. Plain data: nothing here reads, writes or decides anything.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// What applies until the user has decided. docs/consent.md lists all consent rules by number.
enum class ConsentMode {
  opt_out,  ///< on, once a notice has been shown; the run that shows it sends nothing (rules 13 and 14)
  ask,      ///< asks at the terminal, and sends nothing without a yes (rule 12), unless Unattended is `on`: then runs
            ///< that find nobody at a terminal send unasked (rule 15)
  opt_in,   ///< off, until the user switches statistics on (rule 11)
};

/// What applies where nobody can have seen a notice (rule 15): there is no terminal, or the input comes from a pipe, or
/// this is continuous integration. It applies only as long as no notice was shown in that home folder (from then on,
/// ConsentMode::opt_out reports there, too), and does not override what the user or an administrator has decided.
enum class Unattended {
  off,    ///< nothing is recorded
  local,  ///< the report is written on this machine and never sent
  on,     ///< the report is sent; the notice goes to standard error, once. With ConsentMode::ask, too, where that means
          ///< without a yes; but never from a user at a terminal whose typed-ahead input kept the question back (local)
};

/// How command-line arguments appear in a report. Names of options appear only if the program's own read-only data
/// contains them; other names become `<option>`.
enum class ArgumentDetail {
  none,    ///< not at all
  names,   ///< names of options, and the kind of each value: `--threads=<int>`, `<path>`
  values,  ///< values too, except those that look private (paths, URLs, e-mail addresses, keys, long numbers)
};

/// How much of an error is reported.
enum class ErrorDetail {
  type,      ///< its type only; the choice for programs that contain lists of names
  scrubbed,  ///< its type, and those words of its message that the program or its libraries contain
};

/// How long the random client id lives. It identifies an installation, not a person.
enum class ClientId {
  session,  ///< one run
  monthly,  ///< one calendar month (UTC); nobody but the user's machine can link the ids of two months
  install,  ///< until the user deletes or resets it
};

/// Who sends a report, and who waits for it.
enum class Delivery {
  detached,    ///< a separate process, which nobody waits for (in containers: see Options::container_wait)
  wait,        ///< the same, but the end of the run waits up to Options::wait_limit for it
  in_process,  ///< this process, at its end, for up to Options::wait_limit: for plugins and interpreters
  local,       ///< nobody: reports stay on this machine
};

/// The format that a server expects. docs/protocol.md describes all three.
enum class Protocol {
  json,       ///< the report as it is on disk: docs/report.schema.json
  otlp,       ///< OpenTelemetry's OTLP/HTTP, traces in JSON encoding
  amplitude,  ///< Amplitude's HTTP V2 API
};

/// Which deaths by signal are recorded while they happen. Death by any other signal is reported by a later run, with
/// the status "lost". Handlers are installed only where the disposition is the default one.
enum class Signals {
  none,     ///< none
  crashes,  ///< SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGSYS
  all,      ///< also SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE; not with ncurses, Python and others that install their
            ///< handlers only where there is none yet
};

/// A server that receives reports.
struct Endpoint {
  /// `https://...`, or `http://...` to a loopback address. For otlp, `/v1/traces` is appended unless the URL ends with
  /// it; for amplitude, `/2/httpapi` if the URL has no path.
  std::string url;

  /// The format that the server expects. Default: json.
  Protocol protocol = Protocol::json;

  /// Printable ASCII. amplitude: required, part of the body. Other protocols: sent as `Authorization: Bearer KEY` if
  /// not empty. A key that is shipped in a program is not a secret.
  std::string api_key{};

  /// Additional request headers (RFC 9110), sent unchanged. Names: letters, digits, `-` and `_`, 128 bytes at most.
  /// Values: printable ASCII, 4,096 bytes at most.
  std::map<std::string, std::string> headers{};

  /// Allows `http://` to hosts other than loopback. Default: false. Not needed for an address that a user or an
  /// administrator names.
  bool plain_http = false;
};

/// What the author of the program decides. An invalid value makes the session inert: nothing is recorded, and
/// TelemetrySession::problem() says what is wrong.
struct Options {
  /// The required options, and the URL of the first endpoint (protocol json). Without a URL reports stay on the
  /// machine.
  Options(std::string app_name, std::string app_version, std::string endpoint_url = {})
      : app(std::move(app_name)), version(std::move(app_version)) {
    if (!endpoint_url.empty()) endpoints.push_back(Endpoint{std::move(endpoint_url)});
  }

  /// The program's name, `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`. Its folders and environment variables are named after it;
  /// in variables it is in upper case, with `_` in place of every character other than A-Z and 0-9 and before a leading
  /// digit, because no shell can set a variable called `7TOOL_...`. So `my-tool` and `my_tool` share their variables.
  std::string app;

  /// The program's version, 1 to 64 printable ASCII characters.
  std::string version;

  /// The servers that get each report, at most 8. Default: the constructor's URL, if any. Without endpoints reports
  /// stay on the machine. Users and administrators may replace them or add to them (README, "Keep it yourself").
  std::vector<Endpoint> endpoints{};

  /// What applies until the user has decided. Default: opt_out.
  ConsentMode consent = ConsentMode::opt_out;

  /// What applies without a terminal and in continuous integration, as long as no notice was shown. Default: local.
  Unattended unattended = Unattended::local;

  /// False for forks and developers' builds: off, unless the policy file or the environment says on (rule 8).
  /// Default: true.
  bool official_build = true;

  /// One sentence on why the data is collected, shown by the notice, the question and `usage-stats status`. Default:
  /// empty. The notice shortens it if it would otherwise take more than 8 lines in all.
  std::string purpose{};

  /// The address of the privacy policy, shown in the same places. Default: empty.
  std::string policy_url{};

  /// Whom to write to, for instance about deletion; shown by `usage-stats status` and `usage-stats delete`.
  /// Default: empty.
  std::string contact{};

  /// The words that select the command, one argument each, at the beginning: a session created from main's argc and
  /// argv (and handle_command) answers them. Choose others if `mytool usage-stats` would mean something else to your
  /// program: `"-t usage-stats"`. At most 32 bytes: letters, digits, blanks and `._:/=+-`. Empty: there is no command,
  /// and no message mentions one. Default: "usage-stats".
  std::string command = "usage-stats";

  /// How arguments appear in a report. Default: names.
  ArgumentDetail arguments = ArgumentDetail::names;

  /// Names of options, without dashes, whose values may be recorded as they are: `{"threads", "format"}`. A value that
  /// looks private, or equals a value that may not be recorded, still appears as its kind. Default: none.
  std::vector<std::string> argument_values{};

  /// The program's subcommands, `{"cp", "sync"}`: the only positional arguments that are recorded as they are, and only
  /// where they cannot be the value of the option before them. Default: none.
  std::vector<std::string> subcommands{};

  /// How much of an error is reported. Default: scrubbed.
  ErrorDetail errors = ErrorDetail::scrubbed;

  /// How long the random client id lives. Default: install.
  ClientId client_id = ClientId::install;

  /// Reports the SHA-256 (FIPS 180-4) of the client id (64 hexadecimal digits) in place of the id (32). Receivers then
  /// do not know the salt of Field<Hashed> either, so they cannot find hashed values by guessing. Default: false.
  bool hash_client_id = false;

  /// Who sends, and who waits. Default: detached.
  Delivery delivery = Delivery::detached;

  /// Delivery::wait and Delivery::in_process: how long the end of the run may take at most. 0 to 60 s; default: 2 s.
  std::chrono::milliseconds wait_limit{2000};

  /// Delivery::detached where no process can outlive the program (it is the first process of a container, or a child of
  /// a first process that is not an init): how long the end may wait for the uploader at most. It does not wait for
  /// endpoints that have recently failed to answer. 0 to 60 s, 0: never; default: 1 s.
  std::chrono::milliseconds container_wait{1000};

  /// For long-running programs: the interval of interim reports, 10 ms to 30 days; 0: none, the default. Only this and
  /// Delivery::in_process start threads. The first interim report comes after a minute at the latest.
  /// Below a minute a report is written only if something has changed since the last one.
  std::chrono::milliseconds report_every{0};

  /// The share of runs that are sent, 0 to 1, chosen at random for each run; the others stay on the machine.
  /// Default: 1.
  double sample = 1.0;

  /// Which deaths by signal are recorded while they happen. Default: crashes.
  Signals observed_signals = Signals::crashes;

  /// Names and versions of libraries in the program, reported as they are: `{{"zlib", "1.2.13"}}`. At most 64; names
  /// must not be empty; 256 bytes of each are kept. Default: none.
  std::map<std::string, std::string> dependencies{};

  /// Receives the lines that `USAGE_STATS_DEBUG=1` asks for; called from any thread, and even at the end of the
  /// process. Exceptions that it throws are ignored. Default: empty, lines go to standard error.
  std::function<void(std::string_view)> log{};

  /// The usage folder: an absolute path, or one that begins with `~/`. The library creates it (mode 0700), or uses an
  /// empty folder that only its owner can enter, unless that folder is meant for other things (`~/.ssh`, `$TMPDIR`;
  /// directly in HOME, any that is not named after the app). Any other folder that it has not created for this app is
  /// refused and left untouched. Default: `$XDG_STATE_HOME/APP/usage` (`~/.local/state/APP/usage`, by the XDG Base
  /// Directory Specification); macOS: `~/Library/Application Support/APP/usage`; Windows: `%LOCALAPPDATA%\APP\usage`.
  std::filesystem::path directory{};

  /// The user's config file: JSON, may be the program's own, whose other keys and layout are kept; absolute, or
  /// beginning with `~/`. Default: `$XDG_CONFIG_HOME/APP/config.json` (`~/.config/APP/config.json`); macOS:
  /// `~/Library/Application Support/APP/config.json`; Windows: `%APPDATA%\APP\config.json`.
  std::filesystem::path config_file{};

  /// The administrator's file: JSON, only read; absolute, or beginning with `~/`. Default: `/etc/APP/usage_stats.json`;
  /// Windows: `%ProgramData%\APP\usage_stats.json`. On Windows it must belong to the administrators, and nobody else
  /// may write to it; otherwise statistics are off.
  std::filesystem::path policy_file{};
};

namespace detail {

/// Whether a std::map is moved without taking memory, as by all but Visual C++.
constexpr bool maps_move_quietly = std::is_nothrow_move_constructible_v<std::map<int, int>>;

/// Neither infinite nor NaN. Looks at the bits, because -ffast-math assumes that neither occurs.
bool is_finite(double) noexcept;

/// Describes the author's first mistake in the options; empty if there is none.
std::string problem_with(const Options&);

/// The prefix of the app's environment variables, as Options::app says.
std::string environment_prefix(std::string_view app);

}  // namespace detail

USAGE_STATS_END_NAMESPACE
