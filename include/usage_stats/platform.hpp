#pragma once
// The operating system: declarations only. platform_posix.ipp and platform_windows.ipp define them; no other file
// includes a header of an operating system. Nothing here throws but std::bad_alloc; failures are std::error_codes.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {

// ---- the process and its machine

/// The value of an environment variable; nothing if it is not set.
std::optional<std::string> variable(const char* name);
/// The values of all environment variables.
std::vector<std::string> variable_values();
void remove_variable(const char* name) noexcept;

/// While one lives, this thread reads numbers with a point where the host's locale has a mark of several bytes for it
/// (ps_AF): nlohmann/json reads only the first byte of that, and ends a program with assertions.
class PlainNumbers {
 public:
  PlainNumbers() noexcept;
  ~PlainNumbers();
  PlainNumbers(const PlainNumbers&) = delete;
  PlainNumbers& operator=(const PlainNumbers&) = delete;

 private:
  void *plain_ = nullptr, *before_ = nullptr;
};

/// While one lives, nobody's pthread_cancel() ends this thread: what unwinds it at any system call would end the
/// process in a function that throws nothing.
class Uncancelled {
 public:
  Uncancelled() noexcept;
  ~Uncancelled();
  Uncancelled(const Uncancelled&) = delete;
  Uncancelled& operator=(const Uncancelled&) = delete;

 private:
  int before_ = 0;
};

/// setuid, setgid, file capabilities (AT_SECURE): a process that may do more than its user.
bool elevated() noexcept;
/// An id of this process that a fork changes.
std::int64_t process_id() noexcept;
/// How many forks lie between this process and the one that first called this: costs next to nothing.
unsigned forks() noexcept;

/// One T for each process, never destroyed. A child that was forked without exec gets a fresh one: in its copy of the
/// parent's, a mutex may be locked for ever.
template <class T>
T& per_process() {
  struct Owned {
    unsigned forks;
    Owned* former;  // the parent's, kept in sight of leak checkers
    T value{};
  };
  static std::atomic<Owned*> current{nullptr};
  Owned* found = current.load();
  while (found == nullptr || found->forks != forks()) {
    auto* const fresh = new Owned{forks(), found};
    if (current.compare_exchange_strong(found, fresh)) return fresh->value;
    delete fresh;
  }
  return found->value;
}
/// Whether the standard stream (0, 1, 2) is open.
bool is_open(int stream) noexcept;
/// Whether the standard stream (0, 1, 2) is a terminal.
bool is_terminal(int stream) noexcept;
/// While it lives, this thread and those that it starts get no SIGPIPE (nobody reads) and no SIGTTOU (a background job
/// that writes to its terminal); one that arose goes with it.
class NoBrokenPipe {
 public:
  NoBrokenPipe() noexcept;
  ~NoBrokenPipe();
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
  bool blocked() const noexcept { return blocked_; }

 private:
  alignas(8) unsigned char before_[128] = {};  // a set of signals
  bool was_pending_ = false, blocked_ = false;
};

/// Before main: looks whether there is a standard error. Where there is none, what has its number later is no place for
/// words.
void note_standard_error() noexcept;
/// Writes to standard error in one piece; false if it did not take all of it. SIGPIPE cannot arise from it.
bool write_to_standard_error(std::string_view text) noexcept;
/// The same for words that nobody waits for: where standard error takes nothing now (a full pipe, a stopped terminal)
/// it is false at once; where it takes a part, within 100 ms.
bool offer_to_standard_error(std::string_view text) noexcept;
/// Whether all three are open: else a socket would get the number of one, and what the host prints.
bool has_standard_streams() noexcept;
/// Whether a file more can be held open without the host noticing (the descriptor limit is not near).
bool has_spare_descriptors() noexcept;
bool random_bytes(unsigned char* into, std::size_t count) noexcept;

// ---- the terminal that is standard input
/// Whether this process is the one that its terminal talks to; a background job is not.
bool in_foreground() noexcept;
/// Whether a question would get an answer that was not meant for it: something is typed ahead, be it half a line, or
/// the terminal is not in line mode. Reads nothing.
bool input_waiting() noexcept;
/// One line without its line break, and not a byte more; nothing at its end, after `limit`, or when a signal handler of
/// the host ran. Changes neither the terminal nor what signals do: Ctrl-C kills as ever.
std::optional<std::string> read_line(std::chrono::milliseconds limit);
/// Columns of the terminal that is standard error; 0: unknown.
int terminal_columns() noexcept;

struct Facts {             // empty or 0: unknown
  std::string os;          // "linux", "macos", "windows", "freebsd", ...
  std::string os_version;  // "Debian GNU/Linux 12", "macOS 14.5", "Windows 11 10.0.22631"
  std::string kernel;      // release, at most its first three numbers: "6.1.0"
  std::string arch;        // "x86_64", "aarch64", ...
  std::string libc;        // "glibc 2.36"; unknown for others that do not tell
  unsigned cpus = 0;       // that this process may use
  std::uint64_t memory_bytes = 0;
  bool container = false;
};
Facts facts();

/// Names that must never leave: of the user, the host, the home folder. Never asks a name service.
struct PrivateNames {
  std::vector<std::string> users, hosts;
  std::string home, working_folder;
};
PrivateNames private_names();

/// What tells this machine from others that see the same files. Never leaves the machine, and is in none of its files
/// but as a salted hash. Empty: unknown.
std::string host_identity();

// ---- places; empty where the environment does not tell them
std::filesystem::path home();
/// The first of HOME, XDG_STATE_HOME and XDG_CONFIG_HOME that belongs to another user, as under sudo with HOME kept:
/// what the run would read there is not its user's decision, and what it wrote would be in the other's way. Empty if
/// there is none. Root's are another user's too, but for "/" (a service's HOME) and for folders of XDG that root keeps.
std::filesystem::path foreign_home();
std::filesystem::path state_root();   // $XDG_STATE_HOME, ~/Library/Application Support, %LOCALAPPDATA%
std::filesystem::path config_root();  // $XDG_CONFIG_HOME, ~/Library/Application Support, %APPDATA%
std::filesystem::path policy_root();  // /etc, %ProgramData%

/// A path as bytes and back: on POSIX its very bytes, be they text or not; on Windows UTF-8.
std::string path_bytes(const std::filesystem::path&);
std::filesystem::path path_of_bytes(std::string_view bytes);

// ---- files

/// Why a folder is not used; its kind is std::errc::operation_not_permitted (no_home: no_such_file_or_directory).
enum class Refusal {
  root = 1,
  is_home,
  no_home,
  anothers,
  others_may_write,
  not_private,
  in_anothers_folder,
  in_shared_folder,
  untrusted_link,
  not_made_by_us,
  newer_version,
  another_programs
};
std::error_code refused(Refusal) noexcept;
/// The same error, of state.json: message() names the file.
std::error_code in_state_file(std::error_code) noexcept;

/// An open folder that is ours: not a link, owned by the effective user, not writable by others. Names are plain
/// names without separators. Every file is opened without following links and must be a regular file, owned by us.
/// Movable.
class Folder {
 public:
  struct Entry {
    std::string name;
    std::chrono::system_clock::time_point modified;
    std::uint64_t size = 0;
    bool folder = false;
    bool linked = false;  // a file that has other names, too
    std::chrono::system_clock::time_point changed{};  // modified, or moved there
  };

  Folder() noexcept;
  ~Folder();
  Folder(Folder&&) noexcept;
  Folder& operator=(Folder&&) noexcept;

  /// Opens `path`. On the way links are followed that only we or root can have put there; the folder itself is none.
  /// With `create` what is missing is made (0700, whatever the umask), but neither HOME nor what is above it; `made` is
  /// told whether this call has made the folder. Nothing changes a folder that was there.
  static Folder open(const std::filesystem::path& path, bool create, std::error_code&, bool* made = nullptr);
  Folder folder(const std::string& name, bool create, std::error_code&) const;

  explicit operator bool() const noexcept;
  const std::filesystem::path& path() const noexcept;
  bool is_private() const noexcept;  // nobody else may look into it

  /// The whole file, or an error; std::errc::file_too_large beyond `limit` bytes, no_such_file_or_directory if missing.
  std::optional<std::string> read(const std::string& name, std::size_t limit, std::error_code&) const;
  /// Replaces or makes the file (0600): a temporary file, then a rename, if it is still `wanted` by then. `durable`
  /// also waits for the disk.
  std::error_code write(const std::string& name, std::string_view bytes, bool durable = false,
                        const std::function<bool()>& wanted = {}) const;
  std::error_code move(const std::string& name, const Folder& to) const;
  std::error_code remove(const std::string& name) const;        // a file
  std::error_code remove_tree(const std::string& name) const;   // a folder; never follows a link
  std::error_code remove_empty(const std::string& name) const;  // a folder, if there is nothing in it
  bool exists(const std::string& name) const noexcept;          // also if that cannot be told
  /// Whether it no longer stands under its path: somebody has removed it, or moved it away.
  bool is_gone() const noexcept;
  /// At most `limit` entries of those whose names are wanted, in no order. Others cost next to nothing, and no more
  /// than `looks` names are read at all.
  std::vector<Entry> list(std::size_t limit, bool (*wanted)(std::string_view name),
                          std::size_t looks = std::numeric_limits<std::size_t>::max()) const;

 private:
  friend class LockedFile;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A file with an exclusive lock that ends with the process however it ends, and that no child inherits (but see
/// posix::ClosedInChildren). One that the host's own code has closed under us is noticed: release() then touches
/// nothing. Movable.
class LockedFile {
 public:
  enum class Outcome { locked, held_by_another, failed };

  LockedFile() noexcept;
  ~LockedFile();  // release()
  LockedFile(LockedFile&&) noexcept;
  LockedFile& operator=(LockedFile&&) noexcept;

  /// A new file with `bytes` in it that is locked before it can be seen under its name. On Linux the lock stays also
  /// where the host opens and closes the file.
  static LockedFile create(const Folder&, const std::string& name, std::string_view bytes, std::error_code&);
  /// Locks a file without waiting; with `create` a missing one is made. A file that this process has locked already is
  /// held by another.
  static LockedFile acquire(const Folder&, const std::string& name, bool create, Outcome&, std::error_code&);
  /// Whether another process holds the lock, without taking it.
  static bool held(const Folder&, const std::string& name) noexcept;

  explicit operator bool() const noexcept;
  /// Whether nobody on this machine can have had the lock since; false where the host has closed the file under us.
  bool was_kept() const noexcept;
  /// Whether the locked file still stands under that name, and not another that has been moved there.
  bool stands_as(const Folder&, const std::string& name) const noexcept;
  /// Adds bytes at the end, in one write; an error where the host has closed the file under us.
  std::error_code append(std::string_view bytes) const noexcept;
  void release() noexcept;

 private:
  friend class SignalWatch;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Replaces a file anywhere (for the program's own config): keeps its mode, follows links that only we or root can have
/// put there. What is missing is made (folders 0700, the file 0600), but neither HOME nor what is above it.
std::error_code replace_file(const std::filesystem::path&, std::string_view bytes);
/// Reads a file anywhere, at most `limit` bytes; must be a regular file. Links as above.
std::optional<std::string> read_file(const std::filesystem::path&, std::size_t limit, std::error_code&);

// ---- threads

/// A thread whose start cannot throw: std::thread does where none is to be had, which ends a program that is built with
/// -fno-exceptions. Its handle's destructor detaches it. Movable.
class Thread {
 public:
  Thread() noexcept;
  /// `work` must not throw. Not joinable if there is no thread to be had.
  /// `stack`: its bytes, which are reserved and not used before they are needed; 0: the system's choice.
  explicit Thread(std::function<void()> work, std::size_t stack = 0) noexcept;
  ~Thread();
  Thread(Thread&&) noexcept;
  Thread& operator=(Thread&&) noexcept;

  bool joinable() const noexcept;
  /// Whether this is called by the thread itself.
  bool is_this() const noexcept;
  void join() noexcept;
  void detach() noexcept;
  /// In a fork's child, where it is the parent's: touches nothing.
  void forget() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---- processes

/// Whether this code address belongs to the main executable, so that starting it again starts this library.
bool in_main_executable(const void* code) noexcept;
/// Whether the dynamic linker was told to run the program (`ld.so program`): to start this process's executable again
/// would start that.
bool started_by_loader() noexcept;
/// Keeps this library in memory to the end of the process, also where it is part of a plugin that is unloaded: for a
/// thread that may have to be left behind.
void keep_loaded() noexcept;
/// Before main, or when a plugin is loaded: what keep_loaded() needs of the dynamic linker, whose lock a fork's child
/// may not get.
void note_own_file() noexcept;

/// How the program that is running is started once more.
struct SelfStart {
  std::string argument0;
  std::vector<std::pair<std::string, std::string>> variables;  // added to this process's environment
  std::string lock{};             // the path of a file that only one such process may have locked
  std::chrono::seconds life{60};  // Linux: an alarm ends it after so long, whatever keeps it from its work
};

/// A child process. Destroying the handle neither waits for it nor ends it.
class Child {
 public:
  explicit operator bool() const noexcept { return id_ != 0; }
  /// Whether it has ended; takes its exit status (POSIX: reaps it). Never blocks.
  bool ended() noexcept;

 private:
  friend Child start_self(const SelfStart&, std::error_code&);
  std::intptr_t id_ = 0;
};

/// Starts the program once more, in this process's folder: a new session, the null device as its three streams and no
/// other descriptor but that of its lock. On Linux it has that before it is the program, and where another process
/// holds it, nothing is started (std::errc::device_or_resource_busy); elsewhere the program has to take it. On Linux it
/// is no child of this process, whose wait() must not find it, and the Child is none; but where this process gets the
/// children of those that have ended (the first one of a container) it is one, and must be reaped.
Child start_self(const SelfStart&, std::error_code&);

/// Whether nothing that this process starts lives longer than it: it is process 1 of a container, or a child of a
/// process 1 that ends with it, as all but real inits do. False where that cannot be told (no /proc).
bool ends_with_its_container() noexcept;
/// Whether the file of the program that is running is found, to be started again.
bool finds_own_executable() noexcept;

/// What the uploader does first of all: new session, folder "/", no stray descriptors but that of the `lock` it was
/// started with, the lowest priority whatever the host's, all processors, and death by alarm after `limit`.
void become_background_process(std::chrono::seconds limit, const std::string& lock) noexcept;

/// Lets this process take so many bytes more than it has, and no more (Linux; not under a sanitizer).
void limit_memory(std::size_t more) noexcept;

/// No signal will be handled by this thread; a SIGPIPE that it causes is lost.
void block_signals_in_this_thread() noexcept;

/// Runs the program whose absolute path comes first, gives it `input`, and returns the first `output_limit` bytes
/// of its standard output; its standard error is the null device. It is ended at `limit`.
struct ProgramResult {
  int exit_code = -1;  // -1: not started, or killed
  std::string output;
  std::error_code error;
};
ProgramResult run_program(const std::vector<std::string>& command, std::string_view input, std::size_t output_limit,
                          std::chrono::milliseconds limit);
/// The absolute path of a program in PATH; empty if there is none.
std::filesystem::path find_program(std::string_view name);

/// What a shell sees of an exit code: on POSIX its lowest byte.
int exit_status(int code) noexcept;

/// Ends the process at once: no destructors, no handlers.
[[noreturn]] void exit_now(int code) noexcept;

// ---- connections (not there with USAGE_STATS_NO_HTTPLIB)

/// A TCP connection that never blocks, that no child inherits, and that raises no SIGPIPE. Movable.
class Socket {
 public:
  /// What read() and write() return instead of a number of bytes; 0 is the end.
  static constexpr int nothing_now = -1, broken = -2;
  struct Wish {
    const Socket* socket = nullptr;
    bool to_read = false, to_write = false;
    bool ready = false;  // set by wait(), also for what is broken
  };

  Socket() noexcept = default;
  ~Socket();
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;

  /// Tries the host's addresses of both families, each a quarter of a second after the one before, until one of them
  /// answers. Only the name server may take longer than the deadline.
  static Socket connect(const std::string& host, int port, std::chrono::steady_clock::time_point deadline,
                        std::string& problem);
  /// Takes connections at a free port of 127.0.0.1.
  static Socket listen(int& port);
  Socket accept(int& peer_port) const;

  explicit operator bool() const noexcept { return handle_ != -1; }
  int read(char* into, std::size_t size) const noexcept;
  int write(const char* bytes, std::size_t size) const noexcept;
  void close() noexcept;
  /// Until one of them is ready; false if none is within the limit.
  static bool wait(std::vector<Wish>&, std::chrono::milliseconds limit);
  /// The port at this end of somebody else's IPv4 socket; 0: it has none.
  static int port_of(std::intptr_t handle) noexcept;

 private:
  static Socket begin(const void* address_info, int& error);
  int failure() const noexcept;
  void send_at_once() const noexcept;

  std::intptr_t handle_ = -1;
};

// ---- ends that run no destructor (section 7 of the design)

/// Calls `function` when the process ends by std::exit or a return from main (with the exit code where the C library
/// tells it: glibc), or by std::quick_exit (without). From code that is not part of the main executable: without the
/// code, and also when that code is unloaded. May be called again with the same function, also while the process is
/// ending: it is called once more then. False if there is no room.
bool at_exit(void (*function)(std::optional<int>) noexcept) noexcept;
/// Whether at_exit() tells the exit code.
bool exit_code_is_told() noexcept;

/// Notes a signal that ends the process (SEGV, BUS, FPE, ILL, ABRT, XCPU, SYS; with `requests` also INT, TERM, HUP,
/// QUIT, PIPE; on Windows unhandled exceptions, and console events) at the end of a label, starts the uploader, and
/// lets the process die of it as it would have done, at most 100 ms later. Only where the disposition is the default
/// one; the former ones come back with the end of the last watch. At most 64 at a time, others see nothing. Movable.
class SignalWatch {
 public:
  SignalWatch() noexcept = default;
  /// `uploader`: nothing is started if it is empty (and on systems where a handler cannot).
  SignalWatch(const LockedFile& label, const std::optional<SelfStart>& uploader, bool requests);
  ~SignalWatch();
  SignalWatch(SignalWatch&&) noexcept;
  SignalWatch& operator=(SignalWatch&&) noexcept;

 private:
  struct Slot;
  static constexpr int count = 64;
  static Slot* table() noexcept;
  int slot_ = -1;
};

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
