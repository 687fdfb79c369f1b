#pragma once
// Real processes, as tests need them: every detail of their environment is set, and every way they end is reported.

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct Command {
  std::filesystem::path program;       // found in PATH if it has no slash
  std::vector<std::string> arguments;  // without the program's name
  std::map<std::string, std::string> environment{};
  bool inherit_environment = false;              // the test's own environment first, `environment` over it
  std::optional<std::string> name{};             // argv[0]; empty: the program's path
  std::optional<std::string> input{};            // standard input; nothing: /dev/null
  bool open_input = false;                       // standard input is a pipe for Process::write
  std::filesystem::path folder{};                // working folder; empty: the test's own
  std::vector<int> closed_streams{};             // of 0, 1, 2
  std::vector<std::pair<int, rlim_t>> limits{};  // {RLIMIT_NOFILE, 5}
  std::vector<int> ignored_signals{};            // their disposition is SIG_IGN, as under nohup
  std::chrono::milliseconds time_limit{60000};   // then its process group is killed and the test fails
};

struct Result {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;
  bool core_dumped = false;
  std::string out, err;
  bool streams_held = false;  // something else still has its standard output or error open
};

/// A running program, in a process group of its own, which its destructor kills if it has not ended.
class Process {
 public:
  explicit Process(const Command&);  // throws if the program cannot be started
  ~Process();
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;

  pid_t id() const noexcept;
  bool running();
  void write(std::string_view bytes);  // with Command::open_input
  void close_input();
  void signal(int number);
  /// Waits until its output, standard output and error together, holds the text.
  void wait_for_output(std::string_view text);
  /// Whether something still has its standard output or error open.
  bool streams_held();
  /// Waits for its end; throws with all that it printed if it does not come in time.
  Result wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Runs a program to its end.
Result run(const Command&);

/// Waits until the condition holds; false if it does not within the limit.
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(20));
