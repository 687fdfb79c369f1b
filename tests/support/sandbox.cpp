#include "sandbox.hpp"

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace fs = std::filesystem;

namespace {

/// Named after the test that it is of.
void collect_report(const fs::path& report, const fs::path& collection) {
  static std::atomic<int> number{0};
  const doctest::TestCaseData* const test = doctest::getContextOptions()->currentTest;
  const std::string name = (test == nullptr ? "unknown" : fs::path(test->m_file.c_str()).stem().string()) + "." +
                           (test == nullptr ? "0" : std::to_string(test->m_line)) + "." +
                           report.parent_path().filename().string() + "." + std::to_string(::getpid()) + "." +
                           std::to_string(number++);
  std::error_code ignored;
  // A test that is killed for taking too long leaves no half a report.
  if (fs::copy_file(report, collection / (name + ".part"), ignored))
    fs::rename(collection / (name + ".part"), collection / (name + ".json"), ignored);
}

/// Names that begin with a dot are temporary files.
std::vector<std::string> labels_in(const fs::path& folder) {
  std::vector<std::string> names = names_in(folder);
  names.erase(std::remove_if(names.begin(), names.end(), [](const std::string& name) { return name[0] == '.'; }),
              names.end());
  return names;
}

/// What a file of /proc says; as far as it could be read, since its process may end meanwhile.
std::string contents(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Whether the process is in the middle of exec: it has a program, and no place for its environment yet.
bool being_started(const fs::path& process) {
  const std::string stat = contents(process / "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  const std::vector<std::string> words(std::istream_iterator<std::string>{fields}, {});
  std::error_code error;
  // A zombie, or a thread of the kernel, has no program.
  return !fs::read_symlink(process / "exe", error).empty() && words.size() > 48 &&
         words[48] == "0";  // env_end; proc(5) counts from the process's number on
}

std::string environment_of_process(const fs::path& process) {
  std::string environment = contents(process / "environ");
  if (environment.empty() && being_started(process)) {
    wait_until([&] { return !being_started(process); }, std::chrono::seconds(2));
    environment = contents(process / "environ");
  }
  return environment;
}

/// The other process that has a lock of the file; 0: none. By /proc/locks, since to open and close the file would drop
/// those that this process itself may have.
pid_t lock_holder(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return 0;
  const std::string inode = ":" + std::to_string(status.st_ino), self = std::to_string(::getpid());
  std::istringstream locks(contents("/proc/locks"));
  for (std::string line; std::getline(locks, line);) {  // 1: POSIX  ADVISORY  WRITE 4711 08:01:815 0 EOF
    std::istringstream fields(line);
    const std::vector<std::string> words(std::istream_iterator<std::string>{fields}, {});
    if (words.size() < 6 || words[4] == self || words[5].size() < inode.size()) continue;
    if (words[5].compare(words[5].size() - inode.size(), inode.size(), inode) == 0) return std::stoi(words[4]);
  }
  return 0;
}

}  // namespace

Sandbox::Sandbox() {
  fs::create_directories(home());
  fs::create_directories(folder_ / "tmp");
  environment = {
      {"HOME", home().string()},
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"TMPDIR", (folder_ / "tmp").string()},
      {"XDG_CONFIG_HOME", (home() / "config").string()},
      {"XDG_STATE_HOME", (home() / "state").string()},
  };
  for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) environment[name] = value;
}

Sandbox::~Sandbox() {
  end_uploaders();
  const char* collection = std::getenv("USAGE_STATS_COLLECT");
  if (!collect || collection == nullptr || *collection == '\0') return;
  std::error_code error;
  auto options = fs::directory_options::skip_permission_denied;
  for (auto it = fs::recursive_directory_iterator(root(), options, error); !error && it != fs::end(it);
       it.increment(error))
    if (it->path().filename() == "usage_stats.json" && it->is_regular_file(error))
      collect_report(it->path(), collection);
}

fs::path Sandbox::usage_folder(const std::string& app) const { return home() / "state" / app / "usage"; }
fs::path Sandbox::config_file(const std::string& app) const { return home() / "config" / app / "config.json"; }

Command Sandbox::command(const std::string& name, std::vector<std::string> arguments) const {
  Command command{program(name), std::move(arguments)};
  command.environment = environment;
  // As one that is installed: a shell that looks its name up finds it.
  if (const auto path = command.environment.find("PATH"); path != command.environment.end())
    path->second = command.program.parent_path().string() + ":" + path->second;
  command.folder = home();
  return command;
}

Result Sandbox::run(const std::string& name, std::vector<std::string> arguments) const {
  return ::run(command(name, std::move(arguments)));
}

std::vector<fs::path> Sandbox::report_files(const std::string& app) const {
  std::vector<fs::path> files;
  std::error_code error;  // an uploader may be pruning
  for (auto it = fs::recursive_directory_iterator(usage_folder(app), error); !error && it != fs::end(it);
       it.increment(error))
    if (it->path().filename() == "usage_stats.json") files.push_back(it->path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<nlohmann::json> Sandbox::reports(const std::string& app) const {
  std::vector<nlohmann::json> all;
  for (const fs::path& file : report_files(app)) all.push_back(nlohmann::json::parse(read_file(file)));
  return all;
}

nlohmann::json Sandbox::report(const std::string& app) const {
  const std::vector<nlohmann::json> all = reports(app);
  if (all.size() != 1) throw std::runtime_error(std::to_string(all.size()) + " reports where one was expected");
  return all.front();
}

std::vector<std::string> Sandbox::active(const std::string& app) const {
  return labels_in(usage_folder(app) / "active");
}
std::vector<std::string> Sandbox::pending(const std::string& app) const {
  return labels_in(usage_folder(app) / "pending");
}

Command Sandbox::uploader(const std::string& name) const {
  Command uploader = command(name);
  uploader.environment["USAGE_STATS_UPLOADER"] = usage_folder(name).string();
  uploader.environment["USAGE_STATS_UPLOADER_STAY_MS"] = "0";
  return uploader;
}

std::vector<pid_t> Sandbox::uploaders() const {
  const std::string sign = "USAGE_STATS_UPLOADER=" + root().string() + "/";
  std::vector<pid_t> found;
  std::error_code error;
  for (auto it = fs::directory_iterator("/proc", error); !error && it != fs::end(it); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    if (environment_of_process(it->path()).find(sign) != std::string::npos) found.push_back(std::stoi(name));
  }
  return found;
}

pid_t Sandbox::has_lock(const std::string& app) const { return lock_holder(usage_folder(app) / "uploader.lock"); }

bool Sandbox::wait_for_no_uploader(std::chrono::milliseconds limit) const {
  // A process that ends has no environment any more while it still has its locks.
  const auto locked = [this] {
    const std::vector<std::string> apps = names_in(home() / "state");
    return std::any_of(apps.begin(), apps.end(), [this](const std::string& app) { return has_lock(app) != 0; });
  };
  return wait_until([&] { return uploaders().empty() && !locked(); }, limit);
}

void Sandbox::end_uploaders() const noexcept {
  const auto all_gone = [this] {
    std::vector<pid_t> left = uploaders();
    // One that is about to be an uploader has the lock, and not yet the environment.
    for (const std::string& app : names_in(home() / "state"))
      if (const pid_t holder = has_lock(app); holder > 0 && holder != ::getpid()) left.push_back(holder);
    for (pid_t id : left) ::kill(id, SIGKILL);
    return left.empty();
  };
  try {
    wait_until(all_gone);
  } catch (...) {  // nothing to be done about it at the end of a test
  }
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::end(it); it.increment(error))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
