#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

extern char** environ;

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

void close_descriptor(int& descriptor) noexcept {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

struct Pipe {
  int reader = -1, writer = -1;
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    // Above the standard streams, so that each can be put in its place whatever this process has closed.
    reader = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 3);
    writer = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Pipe() {
    close_descriptor(reader);
    close_descriptor(writer);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

std::vector<std::string> environment_of(const Command& command) {
  std::map<std::string, std::string> all;
  if (command.inherit_environment) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      const std::size_t equals = text.find('=');
      if (equals != text.npos) all[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  for (const auto& [name, value] : command.environment) all[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// What the child does between fork and exec; everything it needs has been made before.
struct Child {
  const Command& command;
  int streams[3];
  char* const* arguments;
  char* const* environment;
  const char* folder;

  /// Returns only on failure.
  void become() const {
    ::setpgid(0, 0);
    for (int stream = 0; stream < 3; ++stream) ::dup2(streams[stream], stream);
    for (int other = 3; other < 1024; ++other)
      ::fcntl(other, F_SETFD, FD_CLOEXEC);  // whatever the test was started with
    if (folder != nullptr && ::chdir(folder) != 0) return;
    for (int stream : command.closed_streams) ::close(stream);
    for (int number : {SIGINT, SIGQUIT, SIGPIPE, SIGHUP, SIGTERM}) ::signal(number, SIG_DFL);
    for (int number : command.ignored_signals) ::signal(number, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    for (const auto& [resource, value] : command.limits) {
      const rlimit limit{value, value};
      if (::setrlimit(static_cast<decltype(RLIMIT_NOFILE)>(resource), &limit) != 0) return;
    }
    ::execvpe(command.program.c_str(), arguments, environment);
  }
};

}  // namespace

struct Process::Impl {
  pid_t id = 0;
  bool ended = false;
  int status = 0;
  int input = -1;
  int output[2] = {-1, -1};
  std::string pending_input;
  bool keep_input_open = false;
  std::string text[2];
  Clock::time_point deadline;
  milliseconds time_limit{};
  std::string program;

  ~Impl() {
    close_descriptor(input);
    close_descriptor(output[0]);
    close_descriptor(output[1]);
    if (id > 0 && !ended) {
      ::kill(-id, SIGKILL);
      ::waitpid(id, &status, 0);
    }
  }

  void start(const Command& command);
  bool reap() {
    if (!ended) ended = ::waitpid(id, &status, WNOHANG) == id;
    return ended;
  }
  /// Reads what there is from one stream; closes it at its end.
  void read_some(int which) {
    char buffer[65536];
    for (;;) {
      const ssize_t count = ::read(output[which], buffer, sizeof buffer);
      if (count > 0) {
        text[which].append(buffer, static_cast<std::size_t>(count));
        continue;
      }
      if (count == 0) close_descriptor(output[which]);
      if (count < 0 && errno == EINTR) continue;
      return;
    }
  }
  void write_some() {
    const ssize_t count = ::write(input, pending_input.data(), pending_input.size());
    if (count > 0) pending_input.erase(0, static_cast<std::size_t>(count));
    if (count < 0 && errno != EAGAIN && errno != EINTR) pending_input.clear();  // it has closed its end
    if (pending_input.empty() && !keep_input_open) close_descriptor(input);
  }
  /// Moves bytes for a moment; returns early when something has moved.
  void pump(milliseconds moment) {
    pollfd polled[3];
    nfds_t count = 0;
    for (int descriptor : {output[0], output[1]})
      if (descriptor >= 0) polled[count++] = {descriptor, POLLIN, 0};
    if (input >= 0 && !pending_input.empty()) polled[count++] = {input, POLLOUT, 0};
    ::poll(polled, count, static_cast<int>(moment.count()));
    for (int which : {0, 1})
      if (output[which] >= 0) read_some(which);
    if (input >= 0 && !pending_input.empty()) write_some();
  }
  void check_time() {
    if (Clock::now() < deadline) return;
    ::kill(-id, SIGKILL);
    ::waitpid(id, &status, 0);
    ended = true;
    throw std::runtime_error(program + " took longer than " + std::to_string(time_limit.count()) +
                             " ms; output: " + text[0] + "\nerrors: " + text[1]);
  }
};

void Process::Impl::start(const Command& command) {
  ::signal(SIGPIPE, SIG_IGN);
  program = command.program.string();
  time_limit = command.time_limit;
  deadline = Clock::now() + time_limit;
  std::vector<std::string> arguments{command.name.value_or(program)};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = environment_of(command);
  const std::vector<char*> argument_pointers = pointers(arguments), environment_pointers = pointers(environment);

  Pipe in, out, err, failure;
  const bool piped_input = command.input.has_value() || command.open_input;
  int null_device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const Child child{command,
                    {piped_input ? in.reader : null_device, out.writer, err.writer},
                    argument_pointers.data(),
                    environment_pointers.data(),
                    command.folder.empty() ? nullptr : command.folder.c_str()};
  id = ::fork();
  if (id == 0) {
    child.become();
    const int reason = errno;
    [[maybe_unused]] const ssize_t told = ::write(failure.writer, &reason, sizeof reason);
    ::_exit(127);
  }
  const int fork_error = errno;
  close_descriptor(null_device);
  if (id < 0) throw std::system_error(fork_error, std::generic_category(), "fork");
  ::setpgid(id, id);
  close_descriptor(failure.writer);
  int reason = 0;
  if (::read(failure.reader, &reason, sizeof reason) == sizeof reason)
    throw std::system_error(reason, std::generic_category(), program);
  std::swap(output[0], out.reader);
  std::swap(output[1], err.reader);
  for (int descriptor : output) ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  if (piped_input) {
    std::swap(input, in.writer);
    ::fcntl(input, F_SETFL, O_NONBLOCK);
    pending_input = command.input.value_or("");
    keep_input_open = command.open_input;
    if (pending_input.empty() && !keep_input_open) close_descriptor(input);
  }
}

Process::Process(const Command& command) : impl_(std::make_unique<Impl>()) { impl_->start(command); }
Process::~Process() = default;
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;

pid_t Process::id() const noexcept { return impl_->id; }
bool Process::running() { return !impl_->reap(); }
void Process::write(std::string_view bytes) {
  impl_->pending_input += bytes;
  while (impl_->input >= 0 && !impl_->pending_input.empty()) {
    impl_->pump(milliseconds(20));
    impl_->check_time();
  }
}
void Process::close_input() { close_descriptor(impl_->input); }
void Process::signal(int number) { ::kill(impl_->id, number); }

void Process::wait_for_output(std::string_view text) {
  while ((impl_->text[0] + impl_->text[1]).find(text) == std::string::npos) {
    const bool ended = impl_->reap();
    impl_->pump(milliseconds(5));
    if (ended && (impl_->text[0] + impl_->text[1]).find(text) == std::string::npos)
      throw std::runtime_error(impl_->program + " ended without printing " + std::string(text) +
                               "; output: " + impl_->text[0] + "\nerrors: " + impl_->text[1]);
    impl_->check_time();
  }
}

bool Process::streams_held() {
  impl_->pump(milliseconds(0));
  return impl_->output[0] >= 0 || impl_->output[1] >= 0;
}

Result Process::wait() {
  while (!impl_->reap()) {
    impl_->pump(milliseconds(2));
    impl_->check_time();
  }
  impl_->pump(milliseconds(0));  // what it left in the pipes
  Result result;
  result.exit_code = WIFEXITED(impl_->status) ? WEXITSTATUS(impl_->status) : -1;
  result.signal = WIFSIGNALED(impl_->status) ? WTERMSIG(impl_->status) : 0;
  result.core_dumped = WIFSIGNALED(impl_->status) && WCOREDUMP(impl_->status);
  result.out = impl_->text[0];
  result.err = impl_->text[1];
  // On a loaded machine what a signal has started gets to it a moment later; an uploader that held them would stay 1 s.
  result.streams_held = !wait_until([&] { return !streams_held(); }, milliseconds(500));
  return result;
}

Result run(const Command& command) { return Process(command).wait(); }

bool wait_until(const std::function<bool()>& condition, milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline) return condition();
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}
