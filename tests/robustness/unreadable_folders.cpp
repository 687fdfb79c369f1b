// A folder that cannot be listed completely, and a file in it that cannot be examined, as happens on 32-bit systems
// where an inode needs more: what was not seen is not treated as missing. The faults are injected by strace.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

using nlohmann::json;

namespace {

/// A report that waits.
struct OneWaits {
  SilentPort nobody{SilentPort::Behaviour::refuses};
  Sandbox sandbox{};

  OneWaits() {
    sandbox.run("reporter", sending_to(nobody.url()));
    sandbox.end_uploaders();
    REQUIRE(sandbox.pending().size() == 1);
  }
  Command command(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--url", nobody.url(), "--as", "usage-stats"});
    return sandbox.command("reporter", words);
  }
  Result without_listing(const std::vector<std::string>& words) const {
    return run(under_strace(command(words), {"-f", "-qq", "-o", "/dev/null", "-e", "inject=getdents64:error=EIO"}));
  }
};

}  // namespace

TEST_CASE("unreadable folders: where no folder can be listed, no command says that there is nothing") {
  if (!can_trace()) return;
  const OneWaits one;
  CHECK(one.without_listing({"status"}).out.find("unknown") != std::string::npos);
  CHECK(json::parse(one.without_listing({"status", "--json"}).out)["waiting"]["reports"].is_null());
  for (const char* const word : {"send", "show", "delete"}) {
    CAPTURE(word);
    const Result result = one.without_listing({word});
    CHECK(result.exit_code != 0);
    CHECK(result.out == "");
    CHECK(result.err.find(one.sandbox.usage_folder().string()) != std::string::npos);
  }
  CHECK(one.sandbox.report_files().size() == 1);
}

TEST_CASE("unreadable folders: a folder without state.json that cannot be listed is nobody's to write in") {
  if (!can_trace()) return;
  const OneWaits one;
  std::filesystem::remove(one.sandbox.usage_folder() / "state.json");
  const Command command = one.sandbox.command("reporter", sending_to(one.nobody.url(), {"--exit", "3"}));
  const Result result = run(under_strace(command, {"-qq", "-o", "/dev/null", "-e", "inject=getdents64:error=EIO"}));
  CHECK(result.exit_code == 3);
  CHECK_FALSE(std::filesystem::exists(one.sandbox.usage_folder() / "state.json"));
  CHECK(one.sandbox.report_files().size() == 1);
}

TEST_CASE("unreadable folders: a file that cannot be looked at is not left out of what waits") {
  if (!can_trace()) return;
  const OneWaits one;
  const json envelope = waiting_envelope(one.sandbox);
  std::size_t tried = 0;
  for (const SystemCall& call : system_calls_of(one.sandbox, one.command({"send"}))) {
    if (call.name != "newfstatat") continue;
    CAPTURE(call.number);
    const Result result = run(with_fault(one.command({"send"}), call, "error=EOVERFLOW"));
    CHECK(result.exit_code != 0);
    CHECK(result.out.find("Nothing is waiting") == std::string::npos);
    set_waiting_envelope(one.sandbox, envelope);  // it is given up after some tries
    ++tried;
  }
  CHECK(tried > 20);
  CHECK(one.sandbox.pending().size() == 1);
}
