#pragma once
// A program on a real pseudo-terminal, as a person sits before it.

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "process.hpp"

struct TerminalSetup {
  unsigned short columns = 80;
  std::string typed_ahead{};  // lies in the terminal before the program starts
  bool background = false;    // a job started with `&`: another process group has the terminal
  bool piped_input = false, piped_output = false, piped_errors = false;  // the others are the terminal
};

/// A running program whose streams are a terminal of its own. Of Command: program, arguments, environment, folder,
/// name, time_limit; the input of a piped standard input is empty. The destructor kills it if it has not ended.
class Terminal {
 public:
  explicit Terminal(const Command&, TerminalSetup = {});
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// As from the keyboard: "\r" or "\n" is Enter, "\x03" Ctrl-C, "\x04" Ctrl-D.
  void type(std::string_view keys);
  /// Waits until the screen shows the text; throws if the program ends or the time limit comes before.
  void wait_for(std::string_view text) { wait_for_any({text}); }
  /// The same for the first of several; returns its number.
  std::size_t wait_for_any(std::initializer_list<std::string_view> texts);
  /// Waits for the end of the program. Result::out and ::err are what came through pipes.
  Result wait();
  /// All that was shown so far, with "\n" for line ends; what was typed is shown too.
  std::string screen() const;
  /// The terminal's settings, as bytes to compare.
  std::string settings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
