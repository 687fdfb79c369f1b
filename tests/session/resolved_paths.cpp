// The uploader judges by the very files that the run looked at, whatever the host does to its environment.
#include <doctest/doctest.h>

#include "sandbox.hpp"
#include "server.hpp"

namespace {

/// A run in whose middle the user says no in the config file, while the host changes what tells where that file is.
struct Host {
  Server server;
  Sandbox sandbox;

  void runs(const std::filesystem::path& config, std::vector<std::string> more, bool says_no) const {
    std::vector<std::string> arguments{"--url", server.url(), "--delivery", "wait", "--unattended", "on", "--read"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Command command = sandbox.command("versioned", arguments);
    command.open_input = true;
    command.environment.erase("XDG_CONFIG_HOME");
    Process running(command);
    running.wait_for_output("verdict=on");
    if (says_no) write_file(config, "{\"usage_stats\": false}");
    running.close_input();
    running.wait();
    CHECK(sandbox.wait_for_no_uploader());
  }
};

}  // namespace

TEST_CASE("resolved paths: a host that clears its environment, or moves its home, does not hide the user's no") {
  for (const bool says_no : {false, true}) {
    for (const bool clears : {false, true}) {
      CAPTURE(clears);
      CAPTURE(says_no);
      Host host;
      std::vector<std::string> deed{"--clear-environment"};
      if (!clears) deed = {"--set-home", (host.sandbox.root() / "elsewhere").string()};
      host.runs(host.sandbox.home() / ".config" / "versioned" / "config.json", deed, says_no);
      CHECK(host.server.requests().size() == (says_no ? 0 : 1));
      CHECK(host.sandbox.pending("versioned").empty());
    }
  }
}

TEST_CASE("resolved paths: bytes that are no UTF-8 stay what they are") {
  for (const bool says_no : {false, true}) {
    for (const bool below_home : {false, true}) {
      CAPTURE(says_no);
      CAPTURE(below_home);
      Host host;
      const std::string name = "con\xff\xfe\"\\fig.json";
      const auto file = host.sandbox.home() / name;
      host.runs(file, {"--config-file", below_home ? "~/" + name : file.string()}, says_no);
      CHECK(host.server.requests().size() == (says_no ? 0 : 1));
    }
  }
}

TEST_CASE("resolved paths: an envelope that does not say where to look waits, and status says so") {
  for (const std::string file : {"config", "policy"}) {
    CAPTURE(file);
    Host host;
    host.server.answer([](const ReceivedRequest&) { return Answer{503}; });
    host.runs({}, {}, false);
    REQUIRE(host.sandbox.pending("versioned").size() == 1);
    const auto path = host.sandbox.usage_folder("versioned") / "pending" / host.sandbox.pending("versioned")[0];
    const std::string text = read_file(path);
    nlohmann::json envelope = nlohmann::json::parse(text.substr(0, text.find('\n')));
    CHECK(envelope["config_file"] == (host.sandbox.home() / ".config" / "versioned" / "config.json").string());
    CHECK(envelope["policy_file"] == "/etc/versioned/usage_stats.json");
    envelope.erase(file + "_file");
    write_file(path, envelope.dump() + text.substr(text.find('\n')));
    const std::vector<std::string> unattended{"--url", host.server.url(), "--unattended", "on", "--as", "usage-stats"};
    const auto command = [&](const std::string& word) {
      std::vector<std::string> arguments = unattended;
      arguments.push_back(word);
      return host.sandbox.run("versioned", arguments);
    };
    const std::size_t before = host.server.requests().size();
    const Result sent = command("send");
    CHECK(sent.exit_code == 1);
    CHECK(sent.err.find("where its " + file + " file is") != std::string::npos);
    CHECK(host.server.requests().size() == before);
    CHECK(command("status").out.find("they wait,") != std::string::npos);
    CHECK(host.sandbox.pending("versioned").size() == 1);
  }
}
