#pragma once
// USAGE_STATS_DISABLED: the same interface, empty. Programs compile unchanged, record nothing and need no other
// library. The types of values are still checked.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "decision.hpp"
#include "detail/base/command_line.hpp"
#include "fields.hpp"
#include "options.hpp"

USAGE_STATS_BEGIN_NAMESPACE

namespace detail {
// Nothing is registered: nobody would read the dictionary.
inline Declaration::Declaration(Kind kind, const char* name, const char* description,
                                std::initializer_list<const char*>) noexcept
    : kind_(kind), name_(name), description_(description) {}
inline Declaration::~Declaration() = default;
}  // namespace detail

/// Answers any `usage-stats` command by saying that there is nothing to see. Otherwise the program might take the words
/// as file names, and a script's `mytool usage-stats disable` would fail.
inline std::optional<int> handle_command(const Options& options, int argc, const char* const* argv) noexcept {
  if (detail::command_words(options, argc, argv) == 0) return std::nullopt;
  std::printf("%s was built without usage statistics: they were compiled out\n", options.app.c_str());
  return 0;
}

/// A stage that is not timed.
class StageScope {
 public:
  StageScope(const StageScope&) = delete;
  StageScope& operator=(const StageScope&) = delete;
  ~StageScope() {}  // not trivial, so that the compiler does not call it unused

  template <class T, class V>
  void set(const Field<T>& field, const V& value) noexcept {
    static_cast<void>(FieldValue(field, value));
  }
  void fail() noexcept {}
  void end() noexcept {}

 private:
  friend class TelemetrySession;
  StageScope() noexcept = default;
};

/// A session that records nothing.
class TelemetrySession {
 public:
  /// As in the enabled form: answers Options::command and ends the process, removes --disable-usage-stats from argc and
  /// argv.
  TelemetrySession(Options options, int& argc, char** argv) noexcept {
    detail::take_out_disable_flag(argc, argv);
    if (const auto code = handle_command(options, argc, argv)) std::exit(*code);
    begin();
  }
  TelemetrySession(Options, int, const char* const*) noexcept { begin(); }
  template <class Null, class = std::enable_if_t<std::is_same_v<Null, std::nullptr_t>>>
  TelemetrySession(Options options, int, Null) noexcept : TelemetrySession(std::move(options)) {}
  explicit TelemetrySession(Options, std::vector<std::string> = {}) noexcept { begin(); }
  ~TelemetrySession() {
    const Alive::Guard guard(alive());
    (younger_ != nullptr ? younger_->older_ : alive().youngest) = older_;
    if (older_ != nullptr) older_->younger_ = younger_;
  }
  TelemetrySession(const TelemetrySession&) = delete;
  TelemetrySession& operator=(const TelemetrySession&) = delete;

  template <class T, class V>
  void set(const Field<T>& field, V&& value) noexcept {
    static_cast<void>(FieldValue(field, static_cast<const std::remove_reference_t<V>&>(value)));
  }
  void add(const Counter&, std::int64_t = 1) noexcept {}
  void record(const Event&, std::initializer_list<FieldValue> = {}) noexcept {}
  [[nodiscard]] StageScope enter(const Stage&) noexcept { return {}; }

  void command(std::string_view) noexcept {}
  void argument(std::string_view, std::string_view = {}, ArgumentSource = ArgumentSource::command_line) noexcept {}
  void fail(const std::exception&) noexcept {}
  void fail(std::exception_ptr = std::current_exception()) noexcept {}
  void fail(std::string_view, std::string_view) noexcept {}
  int exit_code(int code) noexcept { return code; }
  template <class F>
  auto run(F&& body) -> std::invoke_result_t<F> {
    return std::forward<F>(body)();
  }
  void finish() noexcept {}

  bool enabled() const noexcept { return false; }
  const Decision& decision() const noexcept { return decision_; }
  std::string_view session_id() const noexcept { return {}; }
  std::filesystem::path report_path() const noexcept { return {}; }
  std::string_view problem() const noexcept { return {}; }
  /// As in the enabled form: a program may rely on the session that it has created.
  static TelemetrySession* current() noexcept {
    const Alive::Guard guard(alive());
    return alive().youngest;
  }

 private:
  /// Never destroyed, and has nothing to destroy: a session may be a static object.
  struct Alive {
    std::atomic<bool> busy{false};
    TelemetrySession* youngest = nullptr;

    /// Stops waiting after a while: a signal handler that calls std::exit may have interrupted the holder.
    struct Guard {
      Alive& held;
      explicit Guard(Alive& alive) noexcept : held(alive) {
        for (int i = 0; i < 10000 && held.busy.exchange(true); ++i) std::this_thread::yield();
      }
      ~Guard() { held.busy = false; }
      Guard(const Guard&) = delete;
      Guard& operator=(const Guard&) = delete;
    };
  };
  static Alive& alive() noexcept {
    static Alive alive;
    return alive;
  }
  void begin() noexcept {
    const Alive::Guard guard(alive());
    older_ = std::exchange(alive().youngest, this);
    if (older_ != nullptr) older_->younger_ = this;
  }

  const Decision decision_{Verdict::off, 1, "usage statistics were compiled out"};
  TelemetrySession* older_ = nullptr;
  TelemetrySession* younger_ = nullptr;
};

inline void run_uploader() noexcept {}

USAGE_STATS_END_NAMESPACE
