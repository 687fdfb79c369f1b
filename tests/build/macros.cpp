// What the include does to the source file that contains it.
#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "compiler.hpp"

namespace {

using Names = std::set<std::string>;

/// The macros that our own headers have defined and not undefined again, after a source file of this one include.
Names left_behind(std::vector<std::string> flags) {
  flags.insert(flags.end(), {"-E", "-dD"});
  const Result result = compile("#include <usage_stats.hpp>\n", flags);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  static const std::regex from("# [0-9]+ \"([^\"]*)\".*"), define("#define ([A-Za-z0-9_]+).*"),
      undef("#undef ([A-Za-z0-9_]+).*");
  std::istringstream lines(result.out);
  std::smatch match;
  Names left;
  bool ours = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] != '#') continue;
    if (std::regex_match(line, match, from))
      ours = match[1].str().find(USAGE_STATS_HEADERS) == 0;
    else if (std::regex_match(line, match, define) && ours)
      left.insert(match[1]);
    else if (std::regex_match(line, match, undef))
      left.erase(match[1]);
  }
  return left;
}

const Names documented{"USAGE_STATS_VERSION_MAJOR", "USAGE_STATS_VERSION_MINOR", "USAGE_STATS_VERSION_PATCH"};

}  // namespace

TEST_CASE("macros: only the version is left, in every form") {
  CHECK(left_behind({"-DUSAGE_STATS_COMPILED"}) == documented);
  CHECK(left_behind({"-DUSAGE_STATS_DISABLED"}) == documented);
  CHECK(left_behind({"-DUSAGE_STATS_NO_HTTPLIB"}) == documented);
  CHECK(left_behind({"-DUSAGE_STATS_NO_HTTPLIB", "-DUSAGE_STATS_NO_UPLOADER_HOOK"}) == documented);
  CHECK(left_behind({}) == documented);
}

TEST_CASE("macros: httplib's own are not touched, for another setting is another library") {
  const Result result = compile("#include <usage_stats.hpp>\n", {"-E", "-dD"});
  std::istringstream lines(result.out);
  bool ours = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 2, "# ") == 0) ours = line.find(USAGE_STATS_HEADERS) != std::string::npos;
    if (ours) CHECK(line.find("#define CPPHTTPLIB") == std::string::npos);
  }
}

TEST_CASE("macros: the declarations need the standard library alone") {
  const Result result = compile("#include <usage_stats.hpp>\n", {"-E", "-DUSAGE_STATS_COMPILED"});
  for (const char* const header : {"nlohmann", "httplib", "openssl", "sys/socket.h"}) {
    CAPTURE(std::string(header));
    CHECK(result.out.find(header) == std::string::npos);
  }
}

namespace {

/// As Qt and Xlib.h define them; of Xlib.h's 2,600 those that are words.
const char* const famous =
    "#define signals public\n#define slots\n#define emit\n#define foreach(a, b) for (a : b)\n#define forever for (;;)\n"
    "#define SIGNAL(a) #a\n#define SLOT(a) #a\n#define METHOD(a) #a\n"
    "#define Status int\n#define Bool int\n#define True 1\n#define False 0\n#define None 0L\n#define Success 0\n"
    "#define Always 2\n#define WhenMapped 1\n#define NotUseful 0\n#define Unsorted 0\n#define YSorted 1\n"
    "#define Above 0\n#define Below 1\n#define Complex 0\n#define Convex 2\n#define CurrentTime 0L\n#define Expose 12\n"
    "#define KeyPress 2\n#define FocusIn 9\n#define Opposite 4\n#define TopIf 2\n#define GrabSuccess 0\n"
    "#define GenericEvent 35\n#define DestroyAll 0\n#define AllValues 15\n#define NoValue 0\n#define Button1 1\n";

const char* const use =
    "int use() {\n"
    "  usage_stats::Options options(\"tool\", \"1.0\");\n"
    "  options.observed_signals = usage_stats::Signals::none;\n"
    "  options.delivery = usage_stats::Delivery::local;\n"
    "  usage_stats::TelemetrySession session(options);\n"
    "  return session.run([] { return 0; });\n"
    "}\n";

/// An object in the manner of Qt, and what Xlib.h's macros are for.
const char* const theirs =
    "struct Object { signals: void changed(); public slots: void change() { emit changed(); } };\n"
    "Status answer(Bool known) { return known == True ? Success : None + Always; }\n";

/// Compiled as programs of Qt are, where there is a Qt.
Result checked(const std::string& source, const std::string& form) {
  Command qt{"pkg-config", {"--cflags", "Qt5Core"}};
  qt.inherit_environment = true;
  std::istringstream words(run(qt).out);
  std::vector<std::string> flags{"-fsyntax-only", "-fPIC", form};
  for (std::string word; words >> word;) flags.push_back(word);
  return compile(source, flags);
}

void check_compiles(const std::string& source, const std::vector<std::string>& in_forms) {
  for (const std::string& form : in_forms) {
    CAPTURE(form);
    const Result result = checked(source, form);
    INFO(result.err.substr(0, 2000));
    CHECK(result.exit_code == 0);
  }
}

}  // namespace

TEST_CASE("macros: those of Qt, Xlib.h and windows.h may come before the include, and are there after it") {
  const std::string source = std::string(
                                 "#include <algorithm>\n#include <string>\n"
                                 "#define min(a, b) ((a) < (b) ? (a) : (b))\n"
                                 "#define max(a, b) ((a) > (b) ? (a) : (b))\n") +
                             famous + "#include <usage_stats.hpp>\n" + use + theirs +
                             "static_assert(min(1, 2) + max(1, 2) == 3, \"\");\n";
  check_compiles(source, {"-DUSAGE_STATS_DISABLED", "-DNOTHING"});  // all of it, with httplib.h
}

TEST_CASE("macros: those of Qt and Xlib.h may come after it, and every name of the interface can be written") {
  check_compiles(std::string("#include <usage_stats.hpp>\n") + famous + use + theirs,
                 {"-DUSAGE_STATS_COMPILED", "-DUSAGE_STATS_DISABLED"});
}

TEST_CASE("macros: Xlib.h and Qt's QObject themselves, before and after, in every form") {
  const std::string ours = "#define USAGE_STATS_NO_HTTPLIB\n#include <usage_stats.hpp>\n",
                    xlib = "#include <X11/Xlib.h>\n#include <X11/Xutil.h>\nStatus answer(Bool known);\n",
                    qt =
                        "#include <QObject>\nclass Thing : public QObject {\n  Q_OBJECT\n signals:\n  void changed();\n"
                        " public slots:\n  void change() { emit changed(); }\n};\n";
  const std::vector<std::string> forms{"-DUSAGE_STATS_COMPILED", "-DNOTHING",
                                       "-I" USAGE_STATS_SOURCE_FOLDER "/single_include"};
  for (const auto& [package, theirs] : {std::pair("libx11-dev", xlib), {"qtbase5-dev", qt}}) {
    if (checked(theirs, "-DNOTHING").exit_code != 0) {
      MESSAGE("skipped: these headers are not here; .ci/run macros installs them (Debian: ", package, ")");
      continue;
    }
    CAPTURE(theirs);
    check_compiles(theirs + ours + use, forms);
    check_compiles(ours + theirs + use, forms);
  }
}
