// What is typed before the question is the host's, byte for byte as it would be without us.
#include <doctest/doctest.h>

#include "pty.hpp"
#include "sandbox.hpp"

namespace {

constexpr const char* question = "Do you agree?";

/// The lines that the host has read, from what it prints of them.
std::string read_by(const std::string& screen) {
  std::string lines;
  for (std::size_t at = 0; (at = screen.find("read:", at)) != screen.npos; ++at) {
    const std::size_t end = screen.find('\n', at);
    lines += screen.substr(at + 5, end - at - 5) + "|";
  }
  return lines;
}

struct Heard {
  std::string lines, screen;
};

/// The host, with telemetry or without, at a terminal where somebody types.
Heard host(bool with_us, const std::string& ahead, const std::string& later) {
  Sandbox sandbox;
  Command command = sandbox.command("versioned", {"--consent", "ask", "--url", "http://127.0.0.1:9/", "--read"});
  command.environment["TERM"] = "xterm";
  if (!with_us) command.environment["DO_NOT_TRACK"] = "1";
  Terminal terminal(command, {80, ahead});
  terminal.wait_for("verdict=");
  terminal.type(later);
  terminal.type("\x04");
  CHECK(terminal.wait().exit_code == 0);
  return {read_by(terminal.screen()), terminal.screen()};
}

}  // namespace

TEST_CASE("typed ahead: half a line can still be rubbed out, and is read as it would be without us") {
  const std::pair<const char*, const char*> typed[] = {
      {"abc", "\x7f\x7fx\n"},      // rubbed out in part
      {"abc", "\x15xy\n"},         // the whole line (VKILL)
      {"one two", "\x17three\n"},  // a word (VWERASE)
      {"abc", "\n"},               // nothing more
      {"y", "\n"},                 // what might be taken for an answer
      {"a\x16\x7f"
       "b\x16\x03",
       "c\n"},  // keys that are quoted, and so no keys
      {"caf\xc3\xa9",
       "\x7f"
       "e\n"},                           // a character of two bytes
      {"\ttab", "\x7f\x7f\x7f\x7fx\n"},  // rubbed out to nothing
      {"whole\nhal", "\x7flf\n"},        // a line and a half
  };
  for (const auto& [ahead, later] : typed) {
    CAPTURE(std::string(ahead));
    CAPTURE(std::string(later));
    const Heard without = host(false, ahead, later), with = host(true, ahead, later);
    CHECK(!without.lines.empty());
    CHECK(with.lines == without.lines);
    CHECK(with.screen.find(question) == std::string::npos);
  }
}

TEST_CASE("typed ahead: half a line longer than a terminal's line is left as it is") {
  const std::string longest(3000, 'z');
  const Heard without = host(false, longest, "\x7f\n"), with = host(true, longest, "\x7f\n");
  CHECK(with.lines == without.lines);
}

TEST_CASE("typed ahead: the screen shows once what was typed once") {
  const Heard heard = host(true, "unmistakable", "\x7f\n");
  const std::size_t first = heard.screen.find("unmistakable");
  CHECK(first != std::string::npos);
  CHECK(heard.screen.find("unmistakable", first + 1) == std::string::npos);
}
