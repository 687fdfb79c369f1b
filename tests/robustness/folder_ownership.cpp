// Only a folder that this library has created for this program is used as its usage folder: whatever somebody else
// created is not changed, not even its mode, whoever asks for it to be used.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

using nlohmann::json;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

fs::path made(const fs::path& folder, unsigned mode) {
  fs::create_directories(folder);
  ::chmod(folder.c_str(), mode);
  return folder;
}

/// What a program keeps that names its results by their hashes, as deep as we nest ours.
void fill_cache(const fs::path& folder) {
  made(folder, 0700);
  for (char client = 'a'; client < 'f'; ++client)
    for (char session = 'a'; session < 'f'; ++session)
      write_file(folder / std::string(32, client) / std::string(32, session), "a result");
}

struct Somebodys {
  const char* what;
  std::function<void(const fs::path&)> make;
  const char* why;  // what is told of it
};

const Somebodys others[] = {
    {"an empty folder that others may look into", [](const fs::path& folder) { made(folder, 0755); }, "chmod 700"},
    {"an empty folder that its group may write", [](const fs::path& folder) { made(folder, 0770); }, "can write there"},
    {"a folder with a file", [](const fs::path& folder) { write_file(made(folder, 0700) / "notes", "text"); },
     "did not create it"},
    {"a cache of hashes", fill_cache, "did not create it"},
    {"a cache of hashes with files named as ours, too",
     [](const fs::path& folder) {
       fill_cache(folder);
       made(folder / "active", 0700);
       write_file(folder / "uploader.lock", "");
     },
     "did not create it"},
    {"a cache of folders in folders",
     [](const fs::path& folder) {
       made(folder / "active", 0700);
       write_file(made(folder, 0700) / std::string(32, 'a') / std::string(32, 'b') / "result.bin", "a result");
     },
     "did not create it"},
    {"another program's state.json",
     [](const fs::path& folder) { write_file(made(folder, 0700) / "state.json", "{\"window\": [800, 600]}"); },
     "did not create it"},
    {"another program's state.json that is no JSON",
     [](const fs::path& folder) { write_file(made(folder, 0700) / "state.json", "window=800x600"); },
     "did not create it"},
    {"another program's state.json that is empty so far",
     [](const fs::path& folder) {
       write_file(made(folder, 0700) / "state.json", "");
       ::chmod((folder / "state.json").c_str(), 0644);
     },
     "did not create it"},
    {"another program's state.json among folders that are named as ours",
     [](const fs::path& folder) {
       made(folder / "active", 0700);
       write_file(made(folder, 0700) / "state.json", "{\"window\": [800, 600]}");
     },
     "did not create it"},
    {"a usage folder of another program",
     [](const fs::path& folder) {
       write_file(made(folder, 0700) / "state.json", R"({"schema": "usage-stats-state/1", "app": "othertool"})");
     },
     "another program"},
    {"a usage folder that an earlier version made, in a place that is not named for this program",
     [](const fs::path& folder) {
       fill_cache(folder);
       write_file(folder / "state.json", R"({"schema": "usage-stats-state/1", "notice_shown": true})");
     },
     "did not create it"},
};

const std::vector<std::string> commands{"status", "show",   "preview", "send",         "delete",
                                        "reset",  "enable", "disable", "status --json"};

std::vector<std::string> words_of(const std::string& command) {
  return command == "status --json" ? std::vector<std::string>{"status", "--json"} : std::vector<std::string>{command};
}

/// Without the program's own config, which `enable` and `disable` write.
std::map<std::string, std::string> all_but_config(const Sandbox& sandbox) {
  auto all = tree(sandbox.root());
  for (auto entry = all.begin(); entry != all.end();)
    entry = entry->first.find((sandbox.home() / "config").string()) == 0 || entry->first == sandbox.home()
                ? all.erase(entry)
                : std::next(entry);
  return all;
}

void check_refused(const Sandbox& sandbox, const fs::path& folder, const std::string& why) {
  Server server;
  const std::string url = server.url();
  const auto before = all_but_config(sandbox);
  const unsigned mode = mode_of(folder);
  Command session = sandbox.command("reporter", sending_to(url, {"--directory", folder.string(), "--exit", "3"}));
  session.arguments.insert(session.arguments.end(), {"--info"});
  session.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  Result result = run(session);
  CHECK(result.exit_code == 3);
  CHECK(result.err == "");
  CHECK_MESSAGE(result.out.find("problem=" + folder.string() + ": ") != std::string::npos, result.out);
  CHECK_MESSAGE(result.out.find(why) != std::string::npos, result.out);

  Command uploader = sandbox.command("reporter", {"--print", "main"});
  uploader.environment["USAGE_STATS_UPLOADER"] = folder.string();
  uploader.environment["USAGE_STATS_UPLOADER_STAY_MS"] = "0";
  // An uploader knows no app but the one that the folder names: any usage folder of this user's is good for it.
  if (why != "another program") CHECK(run(uploader).out == "");

  for (const std::string& command : commands) {
    CAPTURE(command);
    result = run_usage_stats(sandbox, words_of(command), {"--url", url, "--directory", folder.string()});
    const bool of_config = command == "enable" || command == "disable" || command == "preview";
    CHECK(result.exit_code == (command.find("status") == 0 || of_config ? 0 : 1));
    std::string told = result.out + result.err;  // the text is wrapped
    for (std::size_t at = 0; (at = told.find("\n                ", at)) != std::string::npos;)
      told.replace(at, 17, " ");
    if (!of_config) CHECK_MESSAGE(told.find(why) != std::string::npos, told);
  }
  const auto after = all_but_config(sandbox);
  CHECK(after.size() == before.size());
  for (const auto& [path, text] : before) {
    CAPTURE(path);
    CHECK(after.count(path) == 1);
    if (after.count(path) == 1) CHECK(after.at(path) == text);
  }
  CHECK(mode_of(folder) == mode);
  CHECK(server.requests().empty());
}

}  // namespace

TEST_CASE("folder ownership: what somebody else made is refused by all, and stays as it is") {
  for (const Somebodys& theirs : others) {
    CAPTURE(std::string(theirs.what));
    Sandbox sandbox;
    sandbox.collect = false;
    const fs::path folder = sandbox.root() / "theirs";
    theirs.make(folder);
    check_refused(sandbox, folder, theirs.why);
  }
}

TEST_CASE("folder ownership: also in the place that is named for this program") {
  for (const char* const text : {"{\"window\": [800, 600]}", "window=800x600", "[]", "{}"}) {
    CAPTURE(text);
    const Sandbox sandbox;
    write_file(made(sandbox.usage_folder(), 0700) / "state.json", text);
    check_refused(sandbox, sandbox.usage_folder(), "did not create it");
  }
}

TEST_CASE("folder ownership: so are HOME and what has it inside, however they are written") {
  for (const char* const way : {"", "/.", "/x/.."}) {
    CAPTURE(way);
    const Sandbox sandbox;
    ::chmod(sandbox.home().c_str(), 0700);
    fs::create_directory(sandbox.home() / "config");
    check_refused(sandbox, fs::path(sandbox.home().string() + way), "");
    fs::remove_all(sandbox.home());
    made(sandbox.home(), 0700);  // even where it is empty
    if (*way == '\0') {
      const Result result =
          sandbox.run("reporter", {"--unattended", "local", "--directory", sandbox.home().string(), "--info"});
      CHECK(result.out.find("the home folder itself") != std::string::npos);
      CHECK(names_in(sandbox.home()).empty());
    }
  }
}

TEST_CASE("folder ownership: the root of the file system is refused, however it is written") {
  // That "/" stays as it is, main.cpp looks at.
  const Sandbox sandbox;
  for (const std::string root : {"/", "//", "/.", "/usr/.."}) {
    CAPTURE(root);
    const Result result = sandbox.run("reporter", {"--unattended", "local", "--directory", root, "--info"});
    CHECK(result.out.find("root of the file system") != std::string::npos);
    CHECK(names_in("/").size() > 1);
  }
}

TEST_CASE("folder ownership: an empty folder that is its owner's alone is taken, and its mode is left alone") {
  for (const unsigned mode : {0700U, 02700U}) {
    CAPTURE(mode);
    Server server;
    Sandbox sandbox;
    const fs::path folder = made(sandbox.root() / "mktemp -d", mode);
    CHECK(sandbox.run("reporter", sending_to(server.url(), {"--directory", folder.string()})).exit_code == 0);
    CHECK(server.requests().size() == 1);
    CHECK(mode_of(folder) == mode);
    const json state = json::parse(read_file(folder / "state.json"));
    CHECK(state["schema"] == "usage-stats-state/1");
    CHECK(state["app"] == "reporter");
  }
}

TEST_CASE("folder ownership: an empty folder in which others will keep things is not taken") {
  for (const char* const place : {".ssh", ".gnupg", ".config", ".local", ".local/share", "bin", "Documents", "state",
                                  ".reporters", "my reporter"}) {
    CAPTURE(place);
    const Sandbox sandbox;
    const fs::path folder = made(sandbox.home() / place, 0700);
    ::chmod(folder.parent_path().c_str(), 0700);
    check_refused(sandbox, folder, "for other things, too");
  }
  for (const char* const name : {"XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "TMPDIR"}) {
    CAPTURE(name);
    Sandbox sandbox;
    const fs::path folder = made(sandbox.root() / "elsewhere", 0700);
    sandbox.environment[name] = folder.string();
    check_refused(sandbox, folder, "for other things, too");
  }
  for (const char* const name : {"XDG_CONFIG_HOME", "XDG_STATE_HOME"}) {  // where `enable` writes
    CAPTURE(name);
    Sandbox sandbox;
    const fs::path folder = made(sandbox.root() / "elsewhere", 0700);
    sandbox.environment[name] = folder.string();
    const Result result = sandbox.run("reporter", {"--unattended", "local", "--directory", folder.string(), "--info"});
    CHECK_MESSAGE(result.out.find("for other things, too") != std::string::npos, result.out);
    CHECK(names_in(folder).empty());
  }
}

TEST_CASE("folder ownership: nor is one that another user has made, by root, who may write everywhere") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: others can look into no such folder, and so cannot use it");
    return;
  }
  const Sandbox sandbox;
  const fs::path folder = made(sandbox.root() / "usage", 0700);
  REQUIRE(::chown(folder.c_str(), 65534, 65534) == 0);
  check_refused(sandbox, folder, "it belongs to another user");
}

TEST_CASE("folder ownership: a folder in HOME with the program's name is used, and what is missing there is created") {
  for (const auto& [place, is_there] : {std::pair{".reporter", true},
                                        {".Reporter-usage", true},
                                        {"reporter_2", true},
                                        {".local/reporter", true},
                                        {".others", false},
                                        {"new/inner", false}}) {
    CAPTURE(place);
    Server server;
    Sandbox sandbox;
    const fs::path folder = sandbox.home() / place;
    if (is_there) made(folder, 0700);
    for (const std::size_t count : {1U, 2U}) {
      sandbox.run("reporter", sending_to(server.url(), {"--directory", folder.string()}));
      CHECK(server.requests().size() == count);
    }
  }
}

TEST_CASE("folder ownership: ours stays ours, whatever mode its owner gives it for others to look at") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  ::chmod(sandbox.usage_folder().c_str(), 0755);
  ::chmod((sandbox.usage_folder() / "pending").c_str(), 0755);
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(server.requests().size() == 2);
  CHECK(mode_of(sandbox.usage_folder()) == 0755);
  CHECK(mode_of(sandbox.usage_folder() / "pending") == 0755);
}

TEST_CASE("folder ownership: two programs that are given the same folder do not share it") {
  Server server;
  Sandbox sandbox;
  const std::string folder = (sandbox.root() / "usage").string();
  CHECK(sandbox.run("reporter", sending_to(server.url(), {"--directory", folder})).exit_code == 0);
  const auto before = tree(folder);
  const Result other =
      sandbox.run("reporter", sending_to(server.url(), {"--app", "othertool", "--directory", folder, "--info"}));
  CHECK(other.out.find("it belongs to another program") != std::string::npos);
  CHECK(tree(folder) == before);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("folder ownership: a folder of an earlier version, whose state.json names no program, is adopted") {
  for (const bool by_command : {false, true}) {
    CAPTURE(by_command);
    Server server;
    Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    json state = state_of(sandbox);
    const std::string id = state["client_id"];
    state.erase("app");
    set_state(sandbox, state);
    if (by_command) {
      CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url()}).exit_code == 0);
      CHECK(server.requests().back().target.find(id) != std::string::npos);
    } else {
      sandbox.run("reporter", sending_to(server.url()));
      CHECK(state_of(sandbox)["client_id"] == id);
    }
    CHECK(server.requests().size() == 2);
    CHECK(state_of(sandbox)["app"] == "reporter");
  }
}

TEST_CASE("folder ownership: a state.json that is lost or torn is made anew among our own reports, wherever they lie") {
  for (const char* const text : {"", "{\"schema\": \"usage-st", "none"})
    for (const bool anywhere : {false, true}) {
      CAPTURE(text);
      CAPTURE(anywhere);
      Server server;
      Sandbox sandbox;
      const fs::path folder = anywhere ? sandbox.root() / "elsewhere" : sandbox.usage_folder();
      const std::vector<std::string> arguments = sending_to(server.url(), {"--directory", folder.string()});
      sandbox.run("reporter", arguments);
      text == std::string("none") ? static_cast<void>(fs::remove(folder / "state.json"))
                                  : write_file(folder / "state.json", text);
      sandbox.run("reporter", arguments);
      CHECK(server.requests().size() == 2);
      CHECK(json::parse(read_file(folder / "state.json"))["app"] == "reporter");
      // ... for the program alone that those reports name.
      fs::remove(folder / "state.json");
      std::vector<std::string> others_arguments = arguments;
      others_arguments.insert(others_arguments.end(), {"--app", "othertool"});
      sandbox.run("reporter", others_arguments);
      CHECK(server.requests().size() == 2);
      CHECK_FALSE(fs::exists(folder / "state.json"));
    }
}

TEST_CASE("folder ownership: a first run that is killed at any of its system calls strands nobody") {
  if (!can_trace()) return;
  Server server;
  const auto first_run = [&](const Sandbox& sandbox) {
    return sandbox.command("reporter", {"--unattended", "local", "--url", server.url()});
  };
  std::vector<SystemCall> calls;
  {
    const Sandbox sandbox;
    calls = system_calls_of(sandbox, first_run(sandbox));
  }
  std::size_t killed = 0, made_something = 0, number = 0;
  const bool each = std::getenv("USAGE_STATS_STRESS") != nullptr;
  for (const SystemCall& call : calls) {
    if (!each && number++ % 4 != 0) continue;  // .ci/run stress kills at each
    CAPTURE(call.name + " " + std::to_string(call.number));
    Sandbox sandbox;
    sandbox.collect = false;
    killed += run(with_fault(first_run(sandbox), call, "signal=KILL")).signal != 0 ? 1 : 0;
    made_something += fs::exists(sandbox.usage_folder()) ? 1 : 0;
    CHECK(sandbox.run("reporter", sending_to(server.url(), {"--info"})).out.find("problem=\n") != std::string::npos);
    CHECK(state_of(sandbox)["app"] == "reporter");
  }
  CHECK(server.requests().size() >= calls.size() / (each ? 1 : 4));
  CHECK(killed > (each ? 40 : 10));
  CHECK(made_something > (each ? 10 : 2));
}

TEST_CASE("folder ownership: many first runs at once share one folder, with one id") {
  Server server;
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  std::vector<Process> processes;
  for (int i = 0; i < 20; ++i) processes.emplace_back(sandbox.command("reporter", {"--url", server.url(), "--info"}));
  for (Process& process : processes) CHECK(process.wait().out.find("problem=\n") != std::string::npos);
  CHECK(server.wait_for(20).size() == 20);
  const json id = state_of(sandbox)["client_id"];
  for (const ReceivedRequest& request : server.requests()) CHECK(json::parse(request.body)["client_id"] == id);
}
