#pragma once
// How a run ended: the `outcome` part of a report.

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

enum class RunStatus { running, ok, failed, exception, signal, lost };

/// "running", "ok", "failed", "exception", "signal" or "lost".
const char* status_name(RunStatus) noexcept;

/// An exception and what caused it, not yet scrubbed.
struct ErrorLink {
  std::string type;     // "std::runtime_error"; empty: unknown
  std::string message;  // what(); empty: none
  bool told = false;    // the type is a text like the message, not what the compiler calls it
};

struct Outcome {
  RunStatus status = RunStatus::running;
  std::optional<int> exit_code;
  std::string signal;            // "SIGINT"; empty: none
  std::vector<ErrorLink> error;  // the exception, then its causes (std::nested_exception), at most 8
};

/// What is known of an end when it comes.
struct End {
  bool unwinding = false;             // an exception is leaving the session's scope
  std::optional<int> exit_code{};     // of std::exit
  std::vector<ErrorLink> uncaught{};  // what std::terminate found
};

/// The type and message of the exception and of those nested in it.
std::vector<ErrorLink> describe_exception(std::exception_ptr);
std::vector<ErrorLink> describe_exception(const std::exception&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
