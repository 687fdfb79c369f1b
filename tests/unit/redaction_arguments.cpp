#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <usage_stats.hpp>
#include <vector>

using namespace usage_stats::detail;
using usage_stats::ArgumentDetail;
using usage_stats::Options;

namespace {

using Strings = std::vector<std::string>;

Strings describe(const Options& options, const Strings& arguments, const SensitiveValues& ambient = {}) {
  std::size_t dropped = 0;
  return describe_arguments(options, arguments, ambient, 64, dropped);
}

Strings names(const Strings& arguments) { return describe(Options("tool", "1.0"), arguments); }

SensitiveValues ambient_of(const Strings& values) {
  SensitiveValues result;
  for (const std::string& value : values) result.add(value);
  return result;
}

}  // namespace

TEST_CASE("redaction arguments: names stay, values become their kind") {
  CHECK(names({"--verbose", "--token=hunter2", "--n=5", "--x=", "--url=https://a:b@c/d"}) ==
        Strings{"--verbose", "--token=<text>", "--n=<int>", "--x=<text>", "--url=<url>"});
  CHECK(names({"--token", "hunter2", "in.bam", "17", "2.5", "s3://bucket/key", ""}) ==
        Strings{"--token", "<text>", "<path>", "<int>", "<number>", "<url>", "<text>"});
  CHECK(names({}).empty());
}

TEST_CASE("redaction arguments: a long name that could be a value is <option>") {
  CHECK(names({"--my_secret", "--my_secret=5", "--pass word", "--=x", "---x", "--p\xC3\xA4ss=a.b"}) ==
        Strings{"<option>", "<option>=<int>", "<option>", "<option>=<text>", "<option>", "<option>=<path>"});
  CHECK(names({"--a-name-of-thirty-two-characters-x", "--a-name-of-thirty-three-characters"}) ==
        Strings{"<option>", "<option>"});
}

TEST_CASE("redaction arguments: of short options the first letter stays") {
  CHECK(names({"-v", "-psecret", "-p=secret", "-xvf", "-5x", "-?", "-=x", "-\xC3\xA4"}) ==
        Strings{"-v", "-p", "-p", "-x", "-5", "<option>", "<option>=<text>", "<option>"});
  CHECK(names({"-5", "-3.14", "-1e-5", "-.5", "-"}) == Strings{"<int>", "<number>", "<number>", "<number>", "<text>"});
}

TEST_CASE("redaction arguments: after -- there are no options") {
  CHECK(names({"--", "--token=x", "-p", "--", "a/b"}) == Strings{"--", "<text>", "<text>", "<text>", "<path>"});
}

TEST_CASE("redaction arguments: positionals in subcommands stay") {
  Options options("tool", "1.0");
  options.subcommands = {"cp", "sync"};
  CHECK(describe(options, {"cp", "sync", "copy", "CP"}) == Strings{"cp", "sync", "<text>", "<text>"});
}

TEST_CASE("redaction arguments: none") {
  Options options("tool", "1.0");
  options.arguments = ArgumentDetail::none;
  CHECK(describe(options, {"cp", "--x"}).empty());
}

TEST_CASE("redaction arguments: values of the options in argument_values") {
  Options options("tool", "1.0");
  options.argument_values = {"threads", "format", "t", "max_mem"};
  CHECK(describe(options, {"--threads=8", "--threads", "8", "--token", "8", "--format", "cool"}) ==
        Strings{"--threads=8", "--threads", "8", "--token", "<int>", "--format", "cool"});
  CHECK(describe(options, {"--threads", "-1", "--threads", "-x", "--threads", "--", "8"}) ==
        Strings{"--threads", "-1", "--threads", "-x", "--threads", "--", "<int>"});
  CHECK(describe(options, {"-t8", "-t", "8", "-t=8", "-tx/y", "-threads=8", "-threads", "9", "--max_mem=4"}) ==
        Strings{"-t8", "-t", "8", "-t=8", "-t<path>", "-threads=8", "-threads", "9", "--max_mem=4"});
  CHECK(describe(options, {"--format=/home/x/y", "--format=hunter2secret", "--format=123456", "--format=a b"}) ==
        Strings{"--format=<path>", "--format=<text>", "--format=<int>", "--format=a b"});
}

TEST_CASE("redaction arguments: a long name that the program does not contain is <option>") {
  // Made here, so that no literal has them.
  const std::string secret = std::string("password") + "hunter2", other = std::string("klmno") + "pqrst";
  CHECK(names({"--" + secret, "--" + other + "=5", "--no-" + other, "--threads"}) ==
        Strings{"<option>", "<option>=<int>", "<option>", "--threads"});
  CHECK(names({"--no-color", "--color"}) == Strings{"--no-color", "--color"});
  Options options("tool", "1.0");
  options.argument_values = {other};
  CHECK(describe(options, {"--" + other + "=5"}) == Strings{"--" + other + "=5"});
}

TEST_CASE("redaction arguments: what may be the value of an option is no subcommand") {
  Options options("tool", "1.0");
  options.subcommands = {"cp", "sync"};
  CHECK(describe(options, {"--password", "sync", "cp"}) == Strings{"--password", "<text>", "cp"});
  CHECK(describe(options, {"-p", "sync"}) == Strings{"-p", "<text>"});
  CHECK(describe(options, {"--level=3", "sync", "--", "cp"}) == Strings{"--level=<int>", "sync", "--", "cp"});
  CHECK(subcommand_of(options, {"--password", "sync", "cp"}) == "cp");
  CHECK(subcommand_of(options, {"--password", "sync"}).empty());
  CHECK(subcommand_of(options, {"x", "sync", "cp"}) == "sync");
}

TEST_CASE("redaction arguments: a recorded value is compared with everything but itself") {
  Options options("tool", "1.0");
  options.argument_values = {"format", "mode"};
  CHECK(describe(options, {"--format=cool", "--mode", "cool"}) == Strings{"--format=cool", "--mode", "cool"});
  CHECK(describe(options, {"--format=cool", "--user=cool"}) == Strings{"--format=<text>", "--user=<text>"});
  CHECK(describe(options, {"--format=release"}, ambient_of({"release"})) == Strings{"--format=<text>"});
}

TEST_CASE("redaction arguments: taken apart, a recorded value is still recorded") {
  Options options("tool", "1.0");
  options.argument_values = {"format", "t"};
  CHECK(describe(options, {"--format=zebracool,wombatcool", "-tquokka", "--key=numbat", "--format=numbat"}) ==
        Strings{"--format=zebracool,wombatcool", "-tquokka", "--key=<text>", "--format=<text>"});
}

TEST_CASE("redaction arguments: ArgumentDetail::values") {
  Options options("tool", "1.0");
  options.arguments = ArgumentDetail::values;
  CHECK(describe(options, {"cp", "--mode=fast", "-psecret", "/a/b", "a@b.org", "12", "--x_y=1"}) ==
        Strings{"cp", "--mode=fast", "-p", "<path>", "<text>", "12", "<option>=1"});
  CHECK(describe(options, {"--name=Alice"}, ambient_of({"alice"})) == Strings{"--name=<text>"});
}

TEST_CASE("redaction arguments: limits") {
  Options options("tool", "1.0");
  options.arguments = ArgumentDetail::values;
  std::size_t dropped = 99;
  CHECK(describe_arguments(options, Strings(70, "x"), {}, 64, dropped).size() == 64);
  CHECK(dropped == 6);
  CHECK(describe_arguments(options, Strings(3, "x"), {}, 64, dropped).size() == 3);
  CHECK(dropped == 0);
  std::string words;
  while (words.size() < 5000) words += "\xC3\xA4hnlich ";
  for (const std::string& argument : describe(options, {words, "--name=" + words, std::string(100000, 'a')}))
    CHECK(argument.size() <= 256);
}

TEST_CASE("redaction arguments: kinds of values") {
  for (const char* value : {"0", "-5", "+7", "123456789012345678901234567890"}) CHECK(kind_of_value(value) == "<int>");
  for (const char* value : {"1.5", "-.5", "5.", "1e9", "+1.5E-3"}) CHECK(kind_of_value(value) == "<number>");
  for (const char* value : {"http://x", "s3://b/k", "git+ssh://h/p"}) CHECK(kind_of_value(value) == "<url>");
  for (const char* value : {"/", "a/b", "C:\\x", "~", "~bob", ".", "..", ".bashrc", "in.bam", "my file.txt", "x.7z"})
    CHECK(kind_of_value(value) == "<path>");
  for (const char* value : {"", "-", "x", "1e", ".e5x y"}) CHECK(kind_of_value(value) != "<number>");
  for (const char* value : {"", "-", "word", "1.2.3", "10.0.0.1", "8G", "a@b.org", "Done. Next one", "1e", "++1"})
    CHECK(kind_of_value(value) == "<text>");
}
