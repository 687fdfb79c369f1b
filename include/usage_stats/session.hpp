#pragma once
// TelemetrySession: one run of the program, reported when it ends.

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

/// A stage that is going on; it ends with its scope, and has failed if an exception left it. From
/// TelemetrySession::enter.
class StageScope {
 public:
  StageScope(const StageScope&) = delete;
  StageScope& operator=(const StageScope&) = delete;
  ~StageScope();

  /// Adds a value to the stage, under the same rules as TelemetrySession::set.
  template <class T, class V>
  void set(const Field<T>& field, const V& value) noexcept {
    const detail::PublicCall call;  // to make the value may raise floating-point flags
    if (!call.nested()) put(FieldValue(field, value));
  }
  /// The stage has failed, whatever its scope is left by.
  void fail() noexcept { failed_ = true; }
  /// Ends the stage early; idempotent.
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

/// Captures one run: its start, arguments and outcome, and what the program records. Its end writes the local report
/// and has it sent, as far as the user allows (decision()). No function throws; none but the end touches a disk; set,
/// add, record and enter may be called from any thread, also after finish(), when they do nothing. errno and the
/// floating-point flags stay what they were. Called in a signal handler that has interrupted another of them in the
/// same thread, they do nothing (but add(), if the counter has been used before). A session that is never destroyed,
/// since the program calls std::exit, ends with the process, and its report has the exit code.
class TelemetrySession {
 public:
  /// For main's own argc and argv, first in main: answers `mytool usage-stats ...` (Options::command) on standard
  /// output and then ends the process by std::exit with the command's exit code, as other parsers do for --help; that
  /// run is not recorded. Takes `--disable-usage-stats` out of argc and argv, so that the program's own parser never
  /// meets it; behind a `--` it stays there, and switches this run off all the same. nullptr and 0 are fine.
  TelemetrySession(Options, int& argc, char** argv) noexcept;
  /// Reads only, answers nothing: for an argv that is constant, or a copy.
  TelemetrySession(Options, int argc, const char* const* argv) noexcept;
  /// A literal nullptr, which would fit both.
  template <class Null, class = std::enable_if_t<std::is_same_v<Null, std::nullptr_t>>>
  TelemetrySession(Options options, int, Null) noexcept : TelemetrySession(std::move(options)) {}
  /// Arguments without the program's name.
  explicit TelemetrySession(Options, std::vector<std::string> arguments = {}) noexcept;
  /// finish(); an exception that is leaving the session's scope makes the status "exception".
  ~TelemetrySession();
  TelemetrySession(const TelemetrySession&) = delete;
  TelemetrySession& operator=(const TelemetrySession&) = delete;

  /// Sets a field of the run; the last value holds. At most 64 fields, further ones are counted as truncated.
  template <class T, class V>
  void set(const Field<T>& field, V&& value) noexcept {
    const detail::PublicCall call;
    if (!call.nested()) put(FieldValue(field, static_cast<const std::remove_reference_t<V>&>(value)));
  }
  /// Adds n (0 or more; less is ignored) to a counter, up to the largest std::int64_t. At most 64 counters.
  void add(const Counter&, std::int64_t n = 1) noexcept;
  /// Records that something happened now, with values: record(send_model, {{model_size, 1048576}}). At most 1,000.
  void record(const Event&, std::initializer_list<FieldValue> = {}) noexcept;
  /// Begins a stage that ends with the returned object. At most 256.
  [[nodiscard]] StageScope enter(const Stage&) noexcept;

  /// The subcommand, where the program's own parser knows it, or a chain of up to four, "remote add": literals of the
  /// program, never the user's text. A word that is not the program's, or that is a name of user or host, is <value>.
  void command(std::string_view name) noexcept;
  /// An option or a positional that the program's own parser knows to be given; call it once for each time that it was,
  /// at most 64 times. The first call clears what argv gave. The name is the declared one, "--threads" or, of a
  /// positional, "input", and goes as it is; the value goes by the rules for values (Options::arguments and
  /// argument_values; the kind alone: --threads=<int>); empty: none. What stands behind a "=" in the name is a value,
  /// too; it stays if it is one of the program's own choices, a word that the program itself contains (or some, with
  /// commas between them): argument("--format=cool"). Without name and value nothing but the clearing happens.
  void argument(std::string_view name, std::string_view value = {},
                ArgumentSource = ArgumentSource::command_line) noexcept;
  /// The run has failed with this exception: its type, its message (scrubbed) and those nested in it.
  void fail(const std::exception&) noexcept;
  void fail(std::exception_ptr = std::current_exception()) noexcept;
  /// The same for programs without exceptions, where they report an error and exit: the kind of error, a literal of the
  /// program (256 bytes), and its message (scrubbed, 1,024 bytes); either may be empty. current() finds the session.
  void fail(std::string_view type, std::string_view message) noexcept;
  /// The code the program is about to end with; not 0 is a failure. Returns it.
  int exit_code(int code) noexcept;

  /// Calls body; keeps its result as the exit code if it is an int, and the exception that leaves it, which is thrown
  /// on. Returns what body returns.
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

  /// The destructor's work, early; idempotent.
  void finish() noexcept;

  /// Whether anything is recorded: the verdict is local or on.
  bool enabled() const noexcept;
  const Decision& decision() const noexcept;
  /// 32 hexadecimal digits; empty where nothing is recorded.
  std::string_view session_id() const noexcept;
  /// Where the local report is or will be; empty where nothing is recorded.
  std::filesystem::path report_path() const;
  /// The author's mistake, or what keeps the library from working here, in words; empty if there is none.
  std::string_view problem() const noexcept;
  /// The session that was made last among those alive, or nullptr.
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
