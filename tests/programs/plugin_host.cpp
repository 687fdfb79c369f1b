// A program that knows nothing of the library but loads a plugin, has it run, and unloads it, as often as told:
//   plugin_host PLUGIN URL HOW [TIMES [return|quick-exit|abort|SIGTERM|exception]]

#include <dlfcn.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

std::thread::id main_thread;
std::atomic<long> inside{0};  // the thread that is in here
std::atomic<bool> go_on{false};

/// Keeps every other thread until it may go on; without a line, waits until there is one.
void log(const char* line) {
  const bool own = std::this_thread::get_id() == main_thread;
  if (!own) inside = ::syscall(SYS_gettid);
  while (own ? line == nullptr && inside == 0 : !go_on) std::this_thread::yield();
}

bool is_mapped(const char* file) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(file) != line.npos) return true;
  return false;
}

bool lives(long thread) { return std::filesystem::exists("/proc/self/task/" + std::to_string(thread)); }

int run_and_unload(char** argv) {
  const bool apart = std::getenv("PLUGIN_APART") != nullptr;  // with C and C++ libraries of its own
  void* const plugin = apart ? ::dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW) : ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) return std::fprintf(stderr, "%s\n", ::dlerror()), 99;
  using Run = int (*)(const char*, const char*, void (*)(const char*));
  const auto run = reinterpret_cast<Run>(::dlsym(plugin, "run_plugin"));
  const int code = run == nullptr ? 99 : run(argv[2], argv[3], &log);
  ::dlclose(plugin);
  std::puts(is_mapped(argv[1]) ? "loaded" : "unloaded");
  std::fflush(stdout);
  return code;
}

/// What the library may have asked to be called by must not be called any more.
int end(const std::string& how) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) return 98;
  if (how == "quick-exit") std::quick_exit(5);
  if (how == "abort") std::abort();
  if (how == "SIGTERM") ::raise(SIGTERM);
  if (how == "exception") throw std::runtime_error("nobody catches this");
  return 5;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 99;
  main_thread = std::this_thread::get_id();
  const int times = argc > 4 ? std::atoi(argv[4]) : 1;
  for (int i = 0; i < times; ++i)
    if (const int code = run_and_unload(argv); code != 0) return code;
  go_on = true;
  while (inside != 0 && lives(inside)) std::this_thread::yield();  // until the one that was left behind has ended
  return argc > 5 ? end(argv[5]) : 0;
}
