#pragma once
/// @file
/// TelemetrySession: one run of the program, reported when it ends.

#include <cstddef>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "decision.hpp"
#include "fields.hpp"
#include "options.hpp"
#include "detail/base/public_call.hpp"

USAGE_STATS_BEGIN_NAMESPACE

namespace detail {
class Recorder;
class Run;
}  // namespace detail

/// A stage in progress, created by TelemetrySession::enter. It ends with its scope, and counts as failed if an
/// exception left that scope.
class StageScope {
 public:
  StageScope(const StageScope&) = delete;
  StageScope& operator=(const StageScope&) = delete;
  /// Calls end() if that was not done; a stage that an exception leaves counts as failed.
  ~StageScope();

  /// Adds a value to the stage, under the same rules as TelemetrySession::set.
  template <class T, class V>
  void set(const Field<T>& field, const V& value) noexcept {
    const detail::PublicCall call;  // creating the value may raise floating-point flags
    if (!call.nested()) put(FieldValue(field, value));
  }
  /// Marks the stage as failed, however its scope is left.
  void fail() noexcept { failed_ = true; }
  /// Ends the stage early. Further calls do nothing.
  void end() noexcept;

 private:
  friend class TelemetrySession;
  StageScope(std::shared_ptr<detail::Recorder>, const Stage&) noexcept;
  void put(const FieldValue&) noexcept;

  std::shared_ptr<detail::Recorder> recorder_;  // none: nothing is recorded
  std::size_t stage_ = 0;
  int exceptions_ = 0;
  bool failed_ = false;
};

/// One run of the program: its start, arguments and outcome, and what the program records. At its end, the local report
/// is written and sent, as far as the user allows (see decision()).
///
/// No function throws (run() passes on what the program's own function threw), and only the constructors and the end
/// touch a disk. All functions may be called from any thread, and after finish(), when they do nothing. A process may
/// have several sessions, at once or in turn: each is a run with a report of its own. The functions do not change errno
/// or the floating-point flags. In a signal handler that has interrupted another of these functions in the same thread,
/// they do nothing (except add(), if the counter has been used before). A session that is never destroyed, because the
/// program calls std::exit, ends with the process; with glibc its report has the exit code.
class TelemetrySession {
 public:
  /// For main's own argc and argv; create it at the very start of main. Answers `mytool usage-stats ...`
  /// (Options::command) on standard output and then ends the process by calling std::exit with the command's exit code,
  /// as other parsers do for `--help`; that run is not recorded. Removes `--disable-usage-stats` from argc and argv, so
  /// that the program's own parser never sees it; after a `--` it stays there, but still switches statistics off for
  /// this run. nullptr and 0 are fine.
  TelemetrySession(Options, int& argc, char** argv) noexcept;
  /// For a constant argv, or a copy: only reads it, and does not answer the command. Notices then do not mention the
  /// command, unless handle_command() was called first.
  TelemetrySession(Options, int argc, const char* const* argv) noexcept;
  /// For a literal nullptr, which would be ambiguous.
  template <class Null, class = std::enable_if_t<std::is_same_v<Null, std::nullptr_t>>>
  TelemetrySession(Options options, int, Null) noexcept : TelemetrySession(std::move(options)) {}
  /// For arguments without the program's name. Does not answer the command.
  explicit TelemetrySession(Options, std::vector<std::string> arguments = {}) noexcept;
  /// finish(). An exception that is leaving the session's scope makes the status "exception".
  ~TelemetrySession();
  TelemetrySession(const TelemetrySession&) = delete;
  TelemetrySession& operator=(const TelemetrySession&) = delete;

  /// Sets a field of the run; the last value counts. At most 64 fields; further ones are counted as truncated.
  template <class T, class V>
  void set(const Field<T>& field, V&& value) noexcept {
    const detail::PublicCall call;
    if (!call.nested()) put(FieldValue(field, static_cast<const std::remove_reference_t<V>&>(value)));
  }
  /// Adds n to a counter, up to the largest std::int64_t. A negative n is ignored. At most 64 counters; further ones
  /// are counted as truncated.
  void add(const Counter&, std::int64_t n = 1) noexcept;
  /// Records that something has just happened, with values: `record(send_model, {{model_size, 1048576}})`. At most
  /// 1,000 events per run, with 64 fields each; further ones are counted as truncated.
  void record(const Event&, std::initializer_list<FieldValue> = {}) noexcept;
  /// Begins a stage that ends with the returned object. At most 256 per run; further ones are counted as truncated.
  [[nodiscard]] StageScope enter(const Stage&) noexcept;

  /// Sets the subcommand, if the program's own parser knows it, or a chain of up to four: "remote add". 256 bytes at
  /// most. Pass literals of the program, never the user's text: a word that the program does not contain, or that is
  /// the name of the user or the host, becomes `<value>`.
  void command(std::string_view name) noexcept;
  /// Records an option or a positional that the program's own parser has found; call it once for each time that it was
  /// given. The first call discards the arguments taken from argv. `name`: as the program declares it, "--threads", or
  /// "input" for a positional; it is sent unchanged. `value`: recorded as Options::arguments and
  /// Options::argument_values say, by default only its kind, `--threads=<int>`; empty: none. A value that is one of the
  /// program's own choices may be part of the name: `argument("--format=cool")`; it stays if it is a word, or words
  /// with commas between them. Without name and value, it only discards those. At most 64; further ones are counted as
  /// truncated.
  void argument(std::string_view name, std::string_view value = {},
                ArgumentSource = ArgumentSource::command_line) noexcept;
  /// Marks the run as failed with this exception: records its type, its message (as Options::errors says) and the
  /// exceptions nested in it.
  void fail(const std::exception&) noexcept;
  /// The same for an exception pointer; without an argument, for the exception that is being handled.
  void fail(std::exception_ptr = std::current_exception()) noexcept;
  /// The same for programs without exceptions, to be called where they report an error and exit: the type of the error,
  /// a literal in the program (256 bytes), and its message (1,024 bytes after scrubbing). Either may be empty.
  /// current() finds the session.
  void fail(std::string_view type, std::string_view message) noexcept;
  /// Records the code that the program is about to exit with, and returns it; a code other than 0 is a failure.
  int exit_code(int code) noexcept;

  /// Calls body and returns what it returns. Records its result as the exit code if it is an int, and an exception that
  /// leaves it, which is rethrown.
  template <class F>
  auto run(F&& body) -> std::invoke_result_t<F> {
    using Result = std::invoke_result_t<F>;
#if USAGE_STATS_EXCEPTIONS
    try {
#endif
      if constexpr (std::is_same_v<std::decay_t<Result>, int>) {
        Result code = std::forward<F>(body)();  // may be a reference
        exit_code(code);
        return static_cast<Result>(code);
      } else {
        return std::forward<F>(body)();
      }
#if USAGE_STATS_EXCEPTIONS
    } catch (...) {
      left_by(std::current_exception());
      throw;
    }
#endif
  }

  /// Does the destructor's work early: writes the report and starts sending it. Further calls do nothing.
  void finish() noexcept;

  /// Whether anything is recorded: the verdict is local or on.
  bool enabled() const noexcept;
  /// What was decided about this run, and why.
  const Decision& decision() const noexcept;
  /// The random id of the run, 32 hexadecimal digits; empty if nothing is recorded.
  std::string_view session_id() const noexcept;
  /// Where the local report is or will be; empty if nothing is recorded, or memory is used up.
  std::filesystem::path report_path() const noexcept;
  /// Describes the author's mistake, or what prevents the library from working here; empty if there is none.
  std::string_view problem() const noexcept;
  /// The most recently created session that still exists, or nullptr.
  static TelemetrySession* current() noexcept;

 private:
  void end() noexcept;
  void start(Options&&, std::vector<std::string>&&) noexcept;
  void put(const FieldValue&) noexcept;
  void left_by(std::exception_ptr) noexcept;
  void fail_by(std::exception_ptr, bool left) noexcept;

  std::shared_ptr<detail::Recorder> recorder_;  // none: nothing is recorded
  std::shared_ptr<detail::Run> run_;
  const int exceptions_ = std::uncaught_exceptions();
  const Decision undecided_{};
};

USAGE_STATS_END_NAMESPACE
