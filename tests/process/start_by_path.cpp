// Programs that can be started again by no more than their path, as on macOS and the BSDs; reporter_by_path does so on
// Linux, too. The path may lead to another program by the time of the start.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

/// A program in a folder of its own, and one that notes that it was run.
struct Moved {
  Server server{};
  Sandbox sandbox{};
  fs::path program = sandbox.root() / "reporter", other = sandbox.root() / "other", trace = sandbox.root() / "was_run";

  Moved() {
    fs::copy_file(sandbox.command("reporter_by_path").program, program);
    write_file(other, "#!/bin/sh\necho run >>'" + trace.string() + "'\n");
    fs::permissions(other, fs::perms::owner_all);
  }
  Command command(std::vector<std::string> arguments) const {
    Command command = sandbox.command("reporter_by_path", std::move(arguments));
    command.program = program;
    return command;
  }
  /// A run in which this happens.
  void run_while(const std::function<void()>& change) const {
    Command command = this->command(sending_to(server.url(), {"--wait-for-input", "--exit", "3"}));
    command.open_input = true;
    Process process(command);
    process.wait_for_output("ready");
    change();
    process.close_input();
    CHECK(process.wait().exit_code == 3);
  }
};

}  // namespace

TEST_CASE("start by path: the program that is still there is the uploader, and says so in its lock") {
  const Moved moved;
  moved.run_while([] {});
  moved.server.wait_for(1);
  CHECK(moved.sandbox.wait_for_no_uploader());
  CHECK(moved.sandbox.pending().empty());
  CHECK(read_file(moved.sandbox.usage_folder() / "uploader.lock") == "at work\n");
}

TEST_CASE("start by path: another program in its place is not run; the report waits, and later it is sent") {
  const Moved moved;
  const fs::path aside = moved.sandbox.root() / "aside";
  const std::function<void()> changes[] = {[&] {
                                             fs::rename(moved.program, aside);
                                             fs::rename(moved.other, moved.program);
                                           },
                                           [&] {
                                             fs::rename(moved.program, aside);
                                             fs::create_symlink(moved.other, moved.program);
                                           },
                                           [&] { fs::rename(moved.program, aside); }};
  for (const auto& change : changes) {
    moved.run_while(change);
    CHECK(moved.sandbox.wait_for_no_uploader());
    CHECK_FALSE(fs::exists(moved.trace));
    CHECK(moved.server.requests().empty());
    if (fs::exists(moved.program) && !fs::is_symlink(moved.program)) fs::rename(moved.program, moved.other);
    fs::remove(moved.program);
    fs::rename(aside, moved.program);
  }
  CHECK(moved.sandbox.pending().size() == 3);
  CHECK(run(moved.command(sending_to(moved.server.url(), {"--exit", "3"}))).exit_code == 3);
  CHECK(moved.server.wait_for(4).size() == 4);
}

TEST_CASE("start by path: a program that was started and has done nothing leaves the lock's file empty") {
  const Moved moved;
  moved.run_while([] {});
  moved.server.wait_for(1);
  CHECK(moved.sandbox.wait_for_no_uploader());
  moved.run_while([&] { fs::permissions(moved.program, fs::perms::owner_read); });  // it cannot be executed
  CHECK(read_file(moved.sandbox.usage_folder() / "uploader.lock") == "");
}
