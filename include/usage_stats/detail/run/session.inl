#pragma once

#include <cstdlib>

#include "../../command.hpp"
#include "../consent/command_line.hpp"
#include "run_registry.hpp"
#include "../../session.hpp"
#include "../base/public_call.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace session_impl {

USAGE_STATS_INLINE std::vector<std::string> vector_of(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; argv != nullptr && i < argc && argv[i] != nullptr; ++i) arguments.emplace_back(argv[i]);
  return arguments;
}

}  // namespace session_impl
}  // namespace detail

USAGE_STATS_INLINE TelemetrySession::TelemetrySession(Options options, int& argc, char** argv) noexcept {
  const bool off = detail::take_out_disable_flag(argc, argv);
  if (const auto code = handle_command(options, argc, argv)) std::exit(*code);
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (call.nested()) return;
    std::vector<std::string> arguments = detail::session_impl::vector_of(argc, argv);
    if (off) arguments.emplace_back(detail::disable_flag);  // for rule 5
    start(std::move(options), std::move(arguments));
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE TelemetrySession::TelemetrySession(Options options, int argc, const char* const* argv) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (!call.nested()) start(std::move(options), detail::session_impl::vector_of(argc, argv));
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE TelemetrySession::TelemetrySession(Options options, std::vector<std::string> arguments) noexcept {
  const detail::PublicCall call;
  if (!call.nested()) start(std::move(options), std::move(arguments));
}

USAGE_STATS_INLINE void TelemetrySession::start(Options&& options, std::vector<std::string>&& arguments) noexcept {
  const detail::os::ScopedCancelBlock no_cancel;
  const detail::ScopedSigfpeBlock held;
  USAGE_STATS_TRY {
    run_ = std::make_shared<detail::Run>(std::move(options));
    recorder_ = run_->begin(arguments);
    detail::Runs::instance().add(this, run_);
  }
  USAGE_STATS_CATCH_ALL { recorder_.reset(); }
}

USAGE_STATS_INLINE TelemetrySession::~TelemetrySession() {
  const detail::PublicCall call;
  // The run is lost, and its objects are left alone: the interrupted call may be using them.
  if (call.nested()) {
    detail::Runs::instance().forget(this);
    return;
  }
  // A static object is destroyed while the process ends, and its exit code is known only when the next handler runs.
  const bool at_exit =
      run_ && run_->recording() && detail::os::exit_code_is_told() && detail::os::in_main_executable(this);
  if (at_exit && detail::Runs::instance().leave_to_exit(this)) return;
  end();
  if (run_) detail::Runs::instance().remove(this);
}

USAGE_STATS_INLINE void TelemetrySession::finish() noexcept {
  const detail::PublicCall call;
  if (!call.nested()) end();
}

USAGE_STATS_INLINE void TelemetrySession::end() noexcept {
  if (!recorder_) return;
  const detail::os::ScopedCancelBlock no_cancel;
  const detail::ScopedSigfpeBlock held;
  detail::End end;
  end.unwinding = std::uncaught_exceptions() > exceptions_;
  run_->finish(end);
}

USAGE_STATS_INLINE void TelemetrySession::put(const FieldValue& value) noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->set(value);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::add(const Counter& counter, std::int64_t n) noexcept {
  if (recorder_ && recorder_->add_to_known(counter, n)) return;
  const detail::public_call_impl::IntegerCall call;
  USAGE_STATS_TRY {
    if (recorder_ && !call.nested()) recorder_->add(counter, n);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::record(const Event& event,
                                                 std::initializer_list<FieldValue> values) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (recorder_ && !call.nested()) recorder_->record(event, values.begin(), values.size());
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE StageScope TelemetrySession::enter(const Stage& stage) noexcept {
  const detail::PublicCall call;
  return StageScope(call.nested() ? nullptr : recorder_, stage);
}

USAGE_STATS_INLINE void TelemetrySession::command(std::string_view name) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (recorder_ && !call.nested()) recorder_->command(detail::clip_utf8(name, detail::limits::string_bytes));
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::argument(std::string_view name, std::string_view value,
                                                   ArgumentSource source) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (recorder_ && !call.nested()) recorder_->argument(run_->disclosed(), name, value, source);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::fail(const std::exception& exception) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (!recorder_ || call.nested()) return;
    recorder_->fail(detail::RunStatus::failed, detail::describe_exception(exception));
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::fail(std::exception_ptr exception) noexcept {
  fail_by(std::move(exception), false);
}

USAGE_STATS_INLINE void TelemetrySession::fail_by(std::exception_ptr exception, bool left) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (!recorder_ || call.nested()) return;
    recorder_->fail(left ? detail::RunStatus::exception : detail::RunStatus::failed,
                    detail::describe_exception(std::move(exception)));
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::fail(std::string_view type, std::string_view message) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (!recorder_ || call.nested()) return;
    // A type given as text is treated like the message, so that no value can be hidden in it.
    detail::ErrorLink error{std::string(type.substr(0, detail::limits::string_bytes)),
                            std::string(message.substr(0, detail::limits::report_bytes)), true};
    recorder_->fail(detail::RunStatus::failed, {std::move(error)});
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::left_by(std::exception_ptr exception) noexcept {
  fail_by(std::move(exception), true);
}

USAGE_STATS_INLINE int TelemetrySession::exit_code(int code) noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (recorder_ && !call.nested()) recorder_->exit_code(code);
  }
  USAGE_STATS_CATCH_ALL {}
  return code;
}

USAGE_STATS_INLINE bool TelemetrySession::enabled() const noexcept { return recorder_ != nullptr; }

USAGE_STATS_INLINE const Decision& TelemetrySession::decision() const noexcept {
  return run_ ? run_->decision() : undecided_;
}

USAGE_STATS_INLINE std::string_view TelemetrySession::session_id() const noexcept {
  return recorder_ ? std::string_view(run_->session_id()) : std::string_view();
}

USAGE_STATS_INLINE std::filesystem::path TelemetrySession::report_path() const noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY {
    if (recorder_ && !call.nested()) return run_->report_path();
  }
  USAGE_STATS_CATCH_ALL {}
  return {};
}

USAGE_STATS_INLINE std::string_view TelemetrySession::problem() const noexcept {
  return run_ ? std::string_view(run_->problem()) : std::string_view();
}

USAGE_STATS_INLINE TelemetrySession* TelemetrySession::current() noexcept {
  const detail::PublicCall call;
  USAGE_STATS_TRY { return detail::Runs::instance().youngest(); }
  USAGE_STATS_CATCH_ALL { return nullptr; }
}

USAGE_STATS_INLINE StageScope::StageScope(std::shared_ptr<detail::Recorder> recorder, const Stage& stage) noexcept
    : exceptions_(std::uncaught_exceptions()) {
  USAGE_STATS_TRY {
    const auto number = recorder ? recorder->enter(stage) : std::nullopt;
    if (!number) return;
    stage_ = *number;
    recorder_ = std::move(recorder);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE StageScope::~StageScope() { end(); }

USAGE_STATS_INLINE void StageScope::end() noexcept {
  const detail::PublicCall call;
  if (call.nested()) return;
  USAGE_STATS_TRY {
    if (recorder_) recorder_->leave(stage_, failed_ || std::uncaught_exceptions() > exceptions_);
  }
  USAGE_STATS_CATCH_ALL {}
  recorder_.reset();
}

USAGE_STATS_INLINE void StageScope::put(const FieldValue& value) noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->set(stage_, value);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_END_NAMESPACE
