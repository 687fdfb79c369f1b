// The config file is the program's own: what we write keeps all that is not ours.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "sandbox.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace {

/// `usage-stats WORD` of a program whose config file is this.
Result command(const Sandbox& sandbox, const std::string& word) {
  return run_usage_stats(sandbox, {word}, {"--url", "http://127.0.0.1:9/"});
}

}  // namespace

TEST_CASE("consent files: other keys, their order and their formatting are kept") {
  Sandbox sandbox;
  const std::string before =
      "\n{\t\"theme\" : \"dark\",\n\n    \"list\": [1,2 , {\"usage_stats\": 5}],\n  \"usage_stats\"  :  true  ,"
      "\n  \"big\": 1e3, \"text\": \"a \\\"usage_stats\\\": false\"}\n\n";
  std::string after = before;
  after.replace(after.find("true"), 4, "false");
  write_file(sandbox.config_file(), before);
  CHECK(command(sandbox, "disable").exit_code == 0);
  CHECK(read_file(sandbox.config_file()) == after);
  CHECK(command(sandbox, "enable").exit_code == 0);
  CHECK(read_file(sandbox.config_file()) == before);
}

TEST_CASE("consent files: a file that has no such key gets one, and one that is missing is made") {
  Sandbox sandbox;
  CHECK(command(sandbox, "enable").exit_code == 0);
  CHECK(nlohmann::json::parse(read_file(sandbox.config_file())) == nlohmann::json({{"usage_stats", true}}));
  for (const char* text : {"{}", "{ \"a\": {\"b\": []} }", "{\n  \"a\": 1,\n  \"b\": \"}\"\n}\n"}) {
    write_file(sandbox.config_file(), text);
    nlohmann::json expected = nlohmann::json::parse(text);
    expected["usage_stats"] = false;
    CHECK(command(sandbox, "disable").exit_code == 0);
    CHECK(nlohmann::json::parse(read_file(sandbox.config_file())) == expected);
  }
}

TEST_CASE("consent files: a key that is written with escapes, or twice, is the key all the same") {
  for (const char* const text :
       {"{\"usage\\u005fstats\": true}", "{\"usage_stats\": false, \"usage_stat\\u0073\": true}",
        "{\"usage_stats\": true, \"usage_stats\": true}"}) {
    CAPTURE(std::string(text));
    Sandbox sandbox;
    write_file(sandbox.config_file(), text);
    CHECK(command(sandbox, "disable").exit_code == 0);
    CHECK(nlohmann::json::parse(read_file(sandbox.config_file())) == nlohmann::json({{"usage_stats", false}}));
  }
}

TEST_CASE("consent files: a file that is broken, or says what nobody understands, is left as it is") {
  for (const char* text : {"", "{", "[]", "{\"usage_stats\": 1}", "{\"usage_stats\": \"yes\"}", "{'usage_stats': true}",
                           "{\"usage_stats_endpoint\": 3}", "# comment\n{}"}) {
    Sandbox sandbox;
    write_file(sandbox.config_file(), text);
    for (const char* word : {"enable", "disable"}) {
      const Result result = command(sandbox, word);
      CHECK(result.exit_code == 1);
      CHECK(result.out == "");
      CHECK(result.err.find(sandbox.config_file().string()) != std::string::npos);
      CHECK(read_file(sandbox.config_file()) == text);
    }
  }
}

TEST_CASE("consent files: links and the file's mode stay") {
  Sandbox sandbox;
  const auto real = sandbox.home() / "dotfiles" / "settings.json";
  write_file(real, "{\"a\": 1}");
  ::chmod(real.c_str(), 0640);
  std::filesystem::create_directories(sandbox.config_file().parent_path());
  std::filesystem::create_symlink("../../dotfiles/settings.json", sandbox.config_file());
  CHECK(command(sandbox, "disable").exit_code == 0);
  CHECK(std::filesystem::is_symlink(sandbox.config_file()));
  CHECK(nlohmann::json::parse(read_file(real)) == nlohmann::json({{"usage_stats", false}, {"a", 1}}));
  struct stat status {};
  ::stat(real.c_str(), &status);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("consent files: two who write at once leave a whole file, and no temporary one") {
  Sandbox sandbox;
  write_file(sandbox.config_file(), "{\"keep\": \"this\"}");
  std::vector<std::thread> writers;
  std::atomic<int> writing{2};
  for (int writer = 0; writer < 2; ++writer)
    writers.emplace_back([&sandbox, &writing, writer] {
      for (int i = 0; i < 25; ++i) command(sandbox, (i + writer) % 2 == 0 ? "enable" : "disable");
      --writing;
    });
  do {
    const auto config = nlohmann::json::parse(read_file(sandbox.config_file()), nullptr, false);
    if (config.is_discarded()) FAIL_CHECK("a torn config file");
  } while (writing > 0);
  for (std::thread& writer : writers) writer.join();
  CHECK(nlohmann::json::parse(read_file(sandbox.config_file()))["keep"] == "this");
  CHECK(names_in(sandbox.config_file().parent_path()) == std::vector<std::string>{"config.json"});
}

TEST_CASE("consent files: a writer that is killed at any of its system calls leaves the old file or the new one") {
  if (!can_trace()) return;
  Sandbox sandbox;
  const std::string on = R"({"keep": "this", "usage_stats": true})", off = R"({"keep": "this", "usage_stats": false})";
  const auto writer = [&](bool enable) {
    write_file(sandbox.config_file(), enable ? off : on);
    return sandbox.command("reporter", {"--as", "usage-stats", enable ? "enable" : "disable"});
  };
  for (const bool enable : {true, false}) {
    const std::vector<SystemCall> calls = system_calls_of(sandbox, writer(enable));
    std::size_t killed = 0, changed = 0;
    for (const SystemCall& call : calls) {
      CAPTURE(call.name + " " + std::to_string(call.number));
      killed += run(with_fault(writer(enable), call, "signal=KILL")).signal == SIGKILL ? 1 : 0;
      const std::string config = read_file(sandbox.config_file());
      CHECK((config == on || config == off));
      changed += config == (enable ? on : off) ? 1 : 0;
    }
    CHECK(killed > 40);
    CHECK(changed > 0);
    CHECK(changed < calls.size());
  }
}

TEST_CASE("consent files: a folder that cannot be written is reported, and nothing else happens") {
  Sandbox sandbox;
  write_file(sandbox.home() / "config", "a file where a folder should be");
  for (const char* word : {"enable", "disable"}) {
    const Result result = command(sandbox, word);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("config") != std::string::npos);
  }
}
