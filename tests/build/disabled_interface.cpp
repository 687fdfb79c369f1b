// disabled.hpp offers what session.hpp does: the public parts of the two, compared as text, so that neither can grow
// without the other, and no function but `run` may let an exception out.
#include <doctest/doctest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "sandbox.hpp"

namespace {

using Tokens = std::vector<std::string>;

bool is_name(const std::string& token) { return std::isalnum(static_cast<unsigned char>(token[0])) || token[0] == '_'; }

/// The header's tokens, without comments and preprocessor lines; "::" is one.
Tokens tokens_of(const std::string& header) {
  std::string text = read_file(std::filesystem::path(USAGE_STATS_HEADERS) / "usage_stats" / header);
  Tokens tokens;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const bool name = is_name(text.substr(at, 1));
    if (text.compare(at, 2, "//") == 0 || (text[at] == '#' && (at == 0 || text[at - 1] == '\n')))
      at = std::min(text.find('\n', at), text.size());
    else if (name)
      while (at < text.size() && is_name(text.substr(at, 1))) ++at;
    else if (text[at] == '"')
      at = text.find('"', at + 1) + 1;
    else
      at += text.compare(at, 2, "::") == 0 ? 2 : 1;
    const char first = text[from];
    if (first != '/' && first != '#' && std::isspace(static_cast<unsigned char>(first)) == 0)
      tokens.push_back(text.substr(from, at - from));
  }
  return tokens;
}

/// The position behind the bracket that closes the one at `at`.
std::size_t behind(const Tokens& tokens, std::size_t at) {
  int depth = 0;
  for (; at < tokens.size(); ++at) {
    if (tokens[at] == "(" || tokens[at] == "{") ++depth;
    if ((tokens[at] == ")" || tokens[at] == "}") && --depth == 0) return at + 1;
  }
  return at;
}

/// One declaration without the names of its parameters, which may be missing.
std::string normal(const Tokens& tokens) {
  std::string text;
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == "(") ++depth;
    if (tokens[i] == ")") --depth;
    const std::string next = i + 1 < tokens.size() ? tokens[i + 1] : "";
    const std::string before = i == 0 ? "" : tokens[i - 1];
    const bool ends = next == "," || next == ")" || next == "=";
    const bool parameter = depth > 0 && is_name(tokens[i]) && ends && before != "::" && before != "(" &&
                           before != "," && before != "const" && before != "=" && before != "<";
    if (!parameter) text += tokens[i] + " ";
  }
  return text;
}

/// The public declarations of a class, without bodies and initialisers.
std::set<std::string> interface_of(const std::string& header, const std::string& name) {
  const Tokens all = tokens_of(header);
  std::set<std::string> found;
  std::size_t at = 0;
  while (at + 2 < all.size() && !(all[at] == "class" && all[at + 1] == name && all[at + 2] == "{")) ++at;
  REQUIRE(at + 3 < all.size());
  const std::size_t end = behind(all, at + 2);
  bool is_public = false;
  for (at += 3; at + 1 < end;) {
    if (all[at + 1] == ":" && (all[at] == "public" || all[at] == "private")) {
      is_public = all[at] == "public";
      at += 2;
      continue;
    }
    Tokens declaration;
    bool initialisers = false;
    while (at < end && all[at] != ";" && all[at] != "{") {
      if (all[at] == "(") {  // whole, with what is in it
        const std::size_t close = behind(all, at);
        for (; at < close; ++at)
          if (!initialisers) declaration.push_back(all[at]);
        continue;
      }
      initialisers = initialisers || all[at] == ":";
      if (!initialisers) declaration.push_back(all[at]);
      ++at;
    }
    if (at < end && all[at] == "{") at = behind(all, at);
    while (at < end && all[at] == ";") ++at;
    if (is_public) found.insert(normal(declaration));
  }
  return found;
}

}  // namespace

TEST_CASE("disabled interface: each class offers what the real one does, and nothing else") {
  for (const char* const name : {"TelemetrySession", "StageScope"}) {
    CAPTURE(std::string(name));
    const std::set<std::string> real = interface_of("session.hpp", name), disabled = interface_of("disabled.hpp", name);
    CHECK(real.size() > 5);
    for (const std::string& declaration : real) CHECK_MESSAGE(disabled.count(declaration) == 1, declaration);
    for (const std::string& declaration : disabled) CHECK_MESSAGE(real.count(declaration) == 1, declaration);
  }
}

TEST_CASE("disabled interface: no public function throws, except run, which passes on what the program's own threw") {
  for (const char* const header : {"session.hpp", "disabled.hpp"})
    for (const char* const name : {"TelemetrySession", "StageScope"})
      for (const std::string& declaration : interface_of(header, name)) {
        const auto has = [&declaration](const char* part) { return declaration.find(part) != std::string::npos; };
        if (!has("(") || has("= delete") || has("~ ") || has(" run (") || has("begin ( )")) continue;
        CHECK_MESSAGE(has("noexcept"), std::string(header), ": ", declaration);
      }
}
