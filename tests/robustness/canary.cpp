// Random marks in place of everything private; none may be seen in what real runs write or send.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "marks.hpp"
#include "sandbox.hpp"
#include "server.hpp"

namespace fs = std::filesystem;

TEST_CASE("canary: no mark in what real runs leave behind and send") {
  Server server;
  Random random(3);
  for (int run = 0; run < 8; ++run) {
    Sandbox sandbox;
    const std::string secret = mark(random), folder = mark(random), variable = mark(random), user = mark(random);
    Command command =
        sandbox.command("reporter", {"--url", server.url(), "--unattended", "on", "--delivery", "wait", "--throw",
                                     message_about(random, secret) + " in " + folder + " for " + user});
    fs::create_directories(sandbox.root() / folder);
    command.folder = sandbox.root() / folder;
    command.environment["USER"] = user;
    command.environment["API_KEY"] = variable;
    const std::size_t before = server.requests().size();
    ::run(command);
    const std::vector<ReceivedRequest> requests = server.wait_for(before + 1);
    std::string traces = requests.back().body + requests.back().target;
    for (const auto& [name, value] : requests.back().headers) traces += name + value;
    for (const auto& file : fs::recursive_directory_iterator(sandbox.usage_folder()))
      if (file.is_regular_file()) traces += file.path().filename().string() + read_file(file.path());
    for (const std::string& private_text : {secret, folder, variable, user}) {
      INFO(private_text);
      CHECK_FALSE(shows(traces, private_text));
    }
  }
}
