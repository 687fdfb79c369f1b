#include "pty.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

using Clock = std::chrono::steady_clock;

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void close_descriptor(int& descriptor) noexcept {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

/// What the child does between fork and exec.
struct Child {
  const char* program;
  const char* folder;
  int terminal;
  int streams[3];  // -1: the terminal
  bool background;
  char* const* arguments;
  char* const* environment;

  void become() const {
    ::setsid();
    ::ioctl(terminal, TIOCSCTTY, 0);
    for (int number : {SIGINT, SIGQUIT, SIGPIPE, SIGHUP, SIGTERM, SIGTTIN, SIGTTOU, SIGTSTP}) ::signal(number, SIG_DFL);
    if (background) lead_a_job();
    for (int stream = 0; stream < 3; ++stream) ::dup2(streams[stream] < 0 ? terminal : streams[stream], stream);
    for (int other = 3; other < 1024; ++other) ::fcntl(other, F_SETFD, FD_CLOEXEC);
    if (folder != nullptr && ::chdir(folder) != 0) return;
    ::execvpe(program, arguments, environment);
  }

  /// The session's leader keeps the terminal, like a shell; the program is its job in the background.
  void lead_a_job() const {
    const pid_t job = ::fork();
    if (job == 0) {
      ::setpgid(0, 0);
      return;
    }
    ::setpgid(job, job);
    int status = 0;
    ::waitpid(job, &status, WUNTRACED);
    if (WIFSTOPPED(status)) ::kill(job, SIGKILL);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 200);
  }
};

}  // namespace

struct Terminal::Impl {
  int master = -1, slave = -1;
  int piped[2] = {-1, -1};  // the reading ends of standard output and error
  pid_t id = 0;
  bool ended = false;
  int status = 0;
  std::string shown, text[2];
  Clock::time_point deadline;
  std::string program;

  ~Impl() {
    if (id > 0 && !ended) {
      ::kill(-id, SIGKILL);
      ::kill(id, SIGKILL);
      ::waitpid(id, &status, 0);
    }
    for (int* descriptor : {&master, &slave, &piped[0], &piped[1]}) close_descriptor(*descriptor);
  }

  void open(const TerminalSetup& setup) {
    master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) fail("posix_openpt");
    slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) fail("ptsname");
    winsize size{};
    size.ws_col = setup.columns;
    size.ws_row = 24;
    ::ioctl(slave, TIOCSWINSZ, &size);
    ::fcntl(master, F_SETFL, O_NONBLOCK);
  }
  void start(const Command& command, const TerminalSetup& setup);

  void type(std::string_view keys) {
    while (!keys.empty()) {
      const ssize_t count = ::write(master, keys.data(), keys.size());
      if (count > 0) keys.remove_prefix(static_cast<std::size_t>(count));
      if (count < 0 && errno != EAGAIN && errno != EINTR) fail("typing");
    }
  }
  static void read_some(int& descriptor, std::string& into) {
    char buffer[4096];
    for (;;) {
      const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
      if (count > 0) {
        into.append(buffer, static_cast<std::size_t>(count));
        continue;
      }
      if (count == 0) close_descriptor(descriptor);
      return;
    }
  }
  void pump(int moment_ms) {
    pollfd polled[3] = {{master, POLLIN, 0}, {piped[0], POLLIN, 0}, {piped[1], POLLIN, 0}};
    ::poll(polled, 3, moment_ms);
    read_some(master, shown);
    for (int which : {0, 1})
      if (piped[which] >= 0) read_some(piped[which], text[which]);
  }
  bool reap() {
    if (!ended) ended = ::waitpid(id, &status, WNOHANG) == id;
    return ended;
  }
  void check_time() const {
    if (Clock::now() >= deadline) throw std::runtime_error(program + " takes too long; the screen: " + shown);
  }
};

void Terminal::Impl::start(const Command& command, const TerminalSetup& setup) {
  program = command.program.string();
  deadline = Clock::now() + command.time_limit;
  open(setup);
  type(setup.typed_ahead);
  std::vector<std::string> texts{command.name.value_or(program)}, variables;
  texts.insert(texts.end(), command.arguments.begin(), command.arguments.end());
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments, environment;
  for (std::string& argument : texts) arguments.push_back(argument.data());
  for (std::string& variable : variables) environment.push_back(variable.data());
  arguments.push_back(nullptr);
  environment.push_back(nullptr);

  Child child{program.c_str(),
              command.folder.empty() ? nullptr : command.folder.c_str(),
              slave,
              {-1, -1, -1},
              setup.background,
              arguments.data(),
              environment.data()};
  int null_device = ::open("/dev/null", O_RDONLY | O_CLOEXEC), writers[2] = {-1, -1};
  if (setup.piped_input) child.streams[0] = null_device;
  for (int which : {0, 1}) {
    if (!(which == 0 ? setup.piped_output : setup.piped_errors)) continue;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    piped[which] = ends[0];
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child.streams[which + 1] = writers[which] = ends[1];
  }
  id = ::fork();
  if (id == 0) {
    child.become();
    ::_exit(127);
  }
  for (int* descriptor : {&null_device, &writers[0], &writers[1]}) close_descriptor(*descriptor);
  if (id < 0) fail("fork");
}

Terminal::Terminal(const Command& command, TerminalSetup setup) : impl_(std::make_unique<Impl>()) {
  impl_->start(command, setup);
}
Terminal::~Terminal() = default;

void Terminal::type(std::string_view keys) { impl_->type(keys); }

std::size_t Terminal::wait_for_any(std::initializer_list<std::string_view> texts) {
  for (bool ended = false;; impl_->check_time()) {
    const std::string shown = screen();
    for (const std::string_view& text : texts)
      if (shown.find(text) != std::string::npos) return static_cast<std::size_t>(&text - texts.begin());
    if (ended)
      throw std::runtime_error(impl_->program + " ended without showing " + std::string(*texts.begin()) +
                               "; the screen: " + shown);
    ended = impl_->reap();
    impl_->pump(5);
  }
}

Result Terminal::wait() {
  while (!impl_->reap()) {
    impl_->pump(2);
    impl_->check_time();
  }
  impl_->pump(0);
  Result result;
  result.exit_code = WIFEXITED(impl_->status) ? WEXITSTATUS(impl_->status) : -1;
  result.signal = WIFSIGNALED(impl_->status) ? WTERMSIG(impl_->status) : 0;
  result.out = impl_->text[0];
  result.err = impl_->text[1];
  return result;
}

std::string Terminal::screen() const {
  std::string text;
  for (const char c : impl_->shown)
    if (c != '\r') text += c;
  return text;
}

std::string Terminal::settings() const {
  termios now{};
  ::tcgetattr(impl_->slave, &now);
  std::string bytes;
  for (const tcflag_t flags : {now.c_iflag, now.c_oflag, now.c_cflag, now.c_lflag})
    bytes += std::to_string(flags) + " ";
  return bytes.append(reinterpret_cast<const char*>(now.c_cc), sizeof now.c_cc);
}
