// What the library needs from Windows, tested on Windows (or Wine): a plain program that exits with 0 or says what was
// wrong. It starts itself, as the uploader and in the roles listed in main.
#include "checks.hpp"
#if !defined(USAGE_STATS_NO_HTTPLIB)
#include "delivery.hpp"
#endif
#include "sessions.hpp"
#include "trust.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

void try_folders(const fs::path& place) {
  std::error_code error;
  check(!Folder::open(place / "none", false, error) && error == std::errc::no_such_file_or_directory, "missing folder");
  // Far beyond the 260 characters of old.
  const fs::path deep =
      place / fs::u8path("J\xc3\xbcrgen \xe2\x9c\x93") / std::string(120, 'a') / std::string(120, 'b');
  const Folder folder = Folder::open(deep, true, error);
  check(bool(folder), "a deep folder is made: " + error.message());
  if (!folder) return;
  check(!folder.write("file", "one", true) && !folder.write("file", "two"), "a file is written twice");
  check(folder.read("file", 100, error) == "two" && !error, "and read");
  check(!folder.read("file", 2, error) && error == std::errc::file_too_large, "too large");
  check(!folder.read("nothing", 2, error) && error == std::errc::no_such_file_or_directory, "missing file");
  check(folder.exists("file") && !folder.exists("nothing"), "exists");
  check(!folder.write(".hidden", ""), "a hidden file");
  const Folder inner = folder.folder("inner", true, error);
  check(inner && !folder.move("file", inner) && inner.exists("file") && !folder.exists("file"), "move");
  const auto any = [](std::string_view) { return true; };
  const auto visible = [](std::string_view name) { return name[0] != '.'; };
  check(folder.list(100, visible).size() == 1 && folder.list(100, any).size() == 2 && folder.list(1, any).size() == 1 &&
            folder.list(100, any, 1).size() == 1,
        "list");
  const auto files = inner.list(100, any);
  const auto age = files.empty() ? 1h : std::chrono::system_clock::now() - files[0].modified;
  check(
      files.size() == 1 && files[0].name == "file" && files[0].size == 3 && !files[0].folder && age > -5s && age < 60s,
      "what list tells of a file");
  const Folder other = folder.folder("other", true, error);
  check(!other.write("file", "") && bool(other.folder("in", true, error)), "a tree");
  check(bool(folder.remove("other")), "remove takes no folder");
  check(!Folder(std::move(const_cast<Folder&>(other))).remove("file"), "remove");
  check(!folder.remove_tree("other") && !folder.exists("other"), "remove_tree");
  check(!Folder::open("relative", true, error) && bool(error), "no relative folder");
}

void try_files(const fs::path& place) {
  std::error_code error;
  const fs::path file = place / "config" / "config.json";
  check(!os::replace_file(file, "first"), "replace_file makes folders");
  check(!os::replace_file(file, "second") && text_of(file) == "second", "replace_file replaces");
  std::ifstream reader(file);  // shares neither renaming nor deletion, as most programs
  check(os::read_file(file, 100, error) == "second", "a file that is open elsewhere is read");
  check(!os::read_file(place, 100, error) && bool(error), "a folder is no file");
  reader.close();
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(file.parent_path())) count += entry.exists() ? 1 : 0;
  check(count == 1, "no temporary file stays");
}

/// In a process of its own: 10 locked by another, 11 not.
int probe(const fs::path& place, const std::string& name) {
  std::error_code error;
  const Folder folder = Folder::open(place, false, error);
  if (!folder) return 1;
  LockedFile::Attempt outcome{};
  const bool held = LockedFile::is_locked(folder, name);
  const LockedFile lock = LockedFile::acquire(folder, name, false, outcome, error);
  if (held != (outcome == LockedFile::Attempt::locked_elsewhere)) return 2;
  return held ? 10 : lock ? 11 : 3;
}

int probe_elsewhere(const fs::path& place, const std::string& name) {
  return os::run_program({program, "probe", utf8(place), name}, "", 1000, 20s).exit_code;
}

void try_locks(const fs::path& place) {
  std::error_code error;
  LockedFile::Attempt outcome{};
  const Folder folder = Folder::open(place, true, error), other = folder.folder("other", true, error);
  LockedFile envelope = LockedFile::create(folder, "envelope", "text\n", error);
  check(envelope && envelope.still_named(folder, "envelope") && LockedFile::is_locked(folder, "envelope"),
        "a locked file is made");
  check(!LockedFile::acquire(folder, "envelope", false, outcome, error) &&
            outcome == LockedFile::Attempt::locked_elsewhere,
        "a file locked here is not locked twice");
  check(probe_elsewhere(place, "envelope") == 10, "another process sees the lock");
  check(!envelope.append("more\n") && folder.read("envelope", 100, error) == "text\nmore\n",
        "a locked file is added to, and read");
  check(!folder.move("envelope", other) && envelope.still_named(other, "envelope") &&
            !envelope.still_named(folder, "envelope"),
        "a locked file is moved");
  check(probe_elsewhere(place / "other", "envelope") == 10, "and is still locked");
  envelope.release();
  check(!envelope && probe_elsewhere(place / "other", "envelope") == 11, "released");

  LockedFile state = LockedFile::acquire(folder, "state", true, outcome, error);
  check(state && outcome == LockedFile::Attempt::locked, "a missing file is made and locked");
  check(!folder.write("state", "new") && folder.read("state", 10, error) == "new", "a locked file is replaced");
  check(!state.still_named(folder, "state"), "the lock is then on the old one");
  check(!LockedFile::is_locked(folder, "state"), "and the new one is free");
  check(!LockedFile::acquire(folder, "nothing", false, outcome, error) && outcome == LockedFile::Attempt::failed,
        "nothing to lock");

  const auto killed = os::run_program({program, "hold", utf8(place)}, "", 6, 20s);
  check(killed.output == "locked" && killed.exit_code == -1, "a program that holds a lock is ended in time");
  check(wait_for([&] { return !LockedFile::is_locked(folder, "held"); }) && folder.exists("held"),
        "its lock ends with it");
}

/// Of this process, by somebody else.
void wait_for_end() { ::WaitForSingleObject(::GetCurrentProcess(), 60000); }

int hold(const fs::path& place) {
  std::error_code error;
  LockedFile::Attempt outcome{};
  const LockedFile lock = LockedFile::acquire(Folder::open(place, false, error), "held", true, outcome, error);
  std::printf(lock ? "locked" : "free__");
  std::fflush(stdout);
  wait_for_end();
  return 0;
}

void try_programs(const fs::path& place) {
  const std::string input(300000, 'x'), argument = "a \"b\\\" c\\";
  const auto began = std::chrono::steady_clock::now();
  const auto echoed = os::run_program({program, "echo", argument}, input, 1 << 20, 30s);
  check(echoed.exit_code == 7 && echoed.output == argument + input, "a program is given arguments and much input");
  const auto cut = os::run_program({program, "echo", ""}, input, 1000, 2s);
  check(cut.output == input.substr(0, 1000), "no more output than wanted");
  const auto slow = os::run_program({program, "sleep"}, "", 1000, 300ms);
  check(slow.exit_code == -1 && std::chrono::steady_clock::now() - began < 30s, "a time limit");
  check(bool(os::run_program({"C:\\nothing.exe"}, "", 10, 1s).error), "no such program");
  const fs::path found = os::find_program("cmd");
  check(found.is_absolute() && fs::exists(found), "find_program");
  check(os::find_program("no-such-program").empty(), "find_program: none");

  std::error_code error;
  const fs::path told = place / fs::u8path("told \xc3\xbc");
  os::Child child = os::start_self({"smoke", {{"SMOKE_TELL", utf8(told)}}}, error);
  check(child && !error, "it starts itself: " + error.message());
  check(wait_for([&] { return child.ended(); }), "and sees the end");
  check(text_of(told) == "arguments 1, terminal 0 0 0, in the main executable 1",
        "the other one says: " + text_of(told));
}

int tell(const std::string& file, int argc) {
  const bool inside = os::in_main_executable(reinterpret_cast<const void*>(&tell));
  write_text(fs::u8path(file), "arguments " + std::to_string(argc) + ", terminal " +
                                   std::to_string(os::is_terminal(0)) + " " + std::to_string(os::is_terminal(1)) + " " +
                                   std::to_string(os::is_terminal(2)) + ", in the main executable " +
                                   std::to_string(inside));
  return 0;
}

void try_machine() {
  check(_putenv_s("SMOKE_VARIABLE", "a value") == 0 && os::variable("SMOKE_VARIABLE") == "a value", "variable");
  os::remove_variable("SMOKE_VARIABLE");
  check(!os::variable("SMOKE_VARIABLE"), "remove_variable");
  check(os::variable("SMOKE_LONG").value_or("") == std::string(3000, 'y'), "a long variable");
  check(os::variable("SMOKE_NAME") == "J\xc3\xbcrgen", "a variable in UTF-8");
  const std::string values = os::variable_values();
  check(std::count(values.begin(), values.end(), '\0') > 3, "variable_values");
  const os::Machine facts = os::machine();
  check(facts.os == "windows" && facts.os_version.compare(0, 8, "Windows ") == 0 && !facts.kernel.empty() &&
            facts.arch == "x86_64" && facts.cpus > 0 && facts.memory_bytes > 1 << 20,
        "facts");
  std::printf("smoke: %s, kernel %s, %u cpus\n", facts.os_version.c_str(), facts.kernel.c_str(), facts.cpus);
  const os::PrivateNames names = os::private_names();
  check(!names.users.empty() && !names.hosts.empty() && !names.home.empty() && !names.working_folder.empty(), "names");
  for (const fs::path& root : {os::home(), os::state_root(), os::config_root(), os::policy_root()})
    check(root.is_absolute(), "places");
  unsigned char a[16] = {}, b[16] = {};
  check(os::random_bytes(a, 16) && os::random_bytes(b, 16) && std::memcmp(a, b, 16) != 0, "random_bytes");
  check(!os::elevated() && os::process_id() > 0 && os::has_spare_descriptors(), "the process");
  check(os::write_to_standard_error("smoke: a line on standard error\n"), "write_to_standard_error");
}

/// Messages: what the sections of this image hold is the program's own, in UTF-16 too, and a value is not.
void try_words() {
  namespace detail = usage_stats::detail;
  const std::string value = std::string("zeb") + "rawombat";  // no literal
  const char* volatile narrow = "no bird of the name %s is known to smoke";
  const wchar_t* volatile wide = L"the window of %s cannot be smoked";
  for (std::string message : {std::string(narrow), os::windows::utf8(std::wstring(wide))}) {
    const std::size_t at = message.find("%s");
    std::string expected = message;
    const auto clean = detail::scrub({message.replace(at, 2, value)}, {}, 1024, os::read_only_memory(true));
    check(clean && clean->front() == expected.replace(at, 2, "<value>"),
          "of a message the value goes: " + (clean ? clean->front() : "nothing is known"));
  }
  const auto names = detail::find_own_names({"bird", value});
  check(names && (*names)[0] && !(*names)[1], "names of the program's own");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  if (const auto file = os::variable("SMOKE_TELL")) return tell(*file, argc);
  if (role == "sleep") return wait_for_end(), 0;
  if (role == "probe") return probe(fs::u8path(argv[2]), argv[3]);
  if (role == "hold") return hold(fs::u8path(argv[2]));
  if (role == "exit" || role == "throw" || role == "crash" || role == "abort" || role == "survivor")
    return end_as(role, fs::u8path(argv[2]));
  if (role == "replaced") return be_replaced(fs::u8path(argv[2]));
  if (role == "echo") {
    std::printf("%s", argv[2]);
    for (int c = std::getchar(); c != EOF; c = std::getchar()) std::putchar(c);
    return 7;
  }
  program = utf8(fs::absolute(argv[0]));
  _wputenv_s(L"SMOKE_NAME", L"J\u00fcrgen");
  _putenv_s("SMOKE_LONG", std::string(3000, 'y').c_str());
  const fs::path place = fs::temp_directory_path() / ("usage_stats_smoke_" + std::to_string(os::process_id()));
  try_machine();
  try_words();
  try_folders(place / "folders");
  try_files(place / "files");
  try_locks(place / "locks");
  try_programs(place / "locks");
  try_local_session(place);
  try_detached_session(place);
  try_ends(place / "ends");
  try_access_lists();
  try_policy(place);
  try_version_names();
  try_terminals(place);
  try_replaced_program(place / fs::u8path("\xc3\x9c"
                                          "bung"));
  try_home_in_texts(place);
#if !defined(USAGE_STATS_NO_HTTPLIB)
  try_delivery(place);
#endif
  std::error_code error;
  fs::remove_all(place, error);
  std::printf("smoke: %s\n", failures == 0 ? "fine" : "failed");
  return failures == 0 ? 0 : 1;
}
