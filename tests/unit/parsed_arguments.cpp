// What a program's own parser passes to TelemetrySession::argument, up to the report.
#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <usage_stats.hpp>
#include <vector>

using namespace usage_stats::detail;
using usage_stats::ArgumentDetail;
using usage_stats::ArgumentSource;
using usage_stats::Options;

namespace {

using Strings = std::vector<std::string>;

struct Parsed {
  Options options{"tool", "1.0"};
  ParsedArguments parsed{};
  Strings argv{"raw", "--as", "argv"};

  Parsed& operator()(const std::string& name, const std::string& value = {},
                     ArgumentSource source = ArgumentSource::command_line) {
    parsed.add(options, name, value, source);
    return *this;
  }
  Report report(const SensitiveValues& ambient = {}) const {
    Report report;
    if (options.arguments != ArgumentDetail::none) report.arguments = argv;
    report.truncated["arguments"] = 7;
    parsed.replace_in(report, ambient);
    return report;
  }
  Strings shown(const SensitiveValues& ambient = {}) const {
    return report(ambient).arguments.value_or(Strings{"none"});
  }
};

constexpr auto in_file = ArgumentSource::config_file, in_environment = ArgumentSource::environment,
               by_default = ArgumentSource::default_value;

}  // namespace

TEST_CASE("parsed arguments: the first one takes the place of what argv gave") {
  Parsed parsed;
  CHECK(parsed.shown() == parsed.argv);
  CHECK(parsed.report().truncated.at("arguments") == 7);
  parsed("");
  CHECK(parsed.shown().empty());
  CHECK(parsed.report().truncated.count("arguments") == 0);
  parsed("--threads", "8")("-v")("input", "/a/b")("--token", "hunter2")("", "a.bam")("--threads", "9");
  CHECK(parsed.shown() ==
        Strings{"--threads=<int>", "-v", "input=<path>", "--token=<text>", "<path>", "--threads=<int>"});
}

TEST_CASE("parsed arguments: names go as they were declared, others are <option>") {
  CHECK(Parsed()("--my_option")("--format=cool")("--gr\xC3\xB6\xC3\x9F"
                                                 "e")
            .shown() == Strings{"--my_option", "--format=cool",
                                "--gr\xC3\xB6\xC3\x9F"
                                "e"});
  CHECK(Parsed()("--a b")("--a\nb", "1")("\x7F").shown() == Strings{"<option>", "<option>=<int>", "<option>"});
  CHECK(Parsed()("--\xFF").shown() == Strings{"--\xEF\xBF\xBD"});
}

TEST_CASE(
    "parsed arguments: what follows = is not part of the name, and stays only if it is words that nobody has to hide") {
  const std::string word = std::string("klmno") + "pqrst";  // in one piece it would be a literal, which others look for
  CHECK(Parsed()("--token=a b")("--mode=" + word + ",cool").shown() ==
        Strings{"--token=<text>", "--mode=" + word + ",cool"});
  CHECK(Parsed()("--format=cool")("--formats=cool,hic")("--color=false")("--n=5")("--in=/a/b").shown() ==
        Strings{"--format=cool", "--formats=cool,hic", "--color=false", "--n=5", "--in=<path>"});
  CHECK(Parsed()("--x=")("=cool")("--mode=cool", "fast").shown() == Strings{"--x", "<text>", "--mode=<text>"});
  Parsed listed;
  listed.options.argument_values = {"mode"};
  CHECK(listed("--mode=" + word).shown() == Strings{"--mode=" + word});
  SensitiveValues ambient;
  ambient.add("cool");
  CHECK(Parsed()("--format=cool").shown(ambient) == Strings{"--format=<text>"});
  CHECK(Parsed()("--format=cool")("--user", "cool").shown() == Strings{"--format=<text>", "--user=<text>"});
}

TEST_CASE("parsed arguments: where they were given") {
  CHECK(Parsed()("--b", "", in_environment)("--a")("--c", "1", in_file)("--d")("--e", "", in_environment).shown() ==
        Strings{"--a", "--d", "<config_file>", "--c=<int>", "<environment>", "--b", "--e"});
  CHECK(Parsed()("--level", "3", by_default).shown().empty());
}

TEST_CASE("parsed arguments: values of the options in argument_values") {
  Parsed parsed;
  parsed.options.argument_values = {"threads", "t", "input", "max_mem"};
  parsed("--threads", "8")("-t", "9")("input", "quokka")("--max_mem", "4")("--thread", "8");
  CHECK(parsed.shown() == Strings{"--threads=8", "-t=9", "input=quokka", "--max_mem=4", "--thread=<int>"});
  Parsed all;
  all.options.arguments = ArgumentDetail::values;
  CHECK(all("--mode", "fast")("", "word")("--mode", "slow", in_file).shown() ==
        Strings{"--mode=fast", "word", "<config_file>", "--mode=slow"});
  Parsed none;
  none.options.arguments = ArgumentDetail::none;
  CHECK(none("--mode", "fast").shown() == Strings{"none"});
}

TEST_CASE("parsed arguments: a value with the shape of a secret or a path is its kind, whoever lists it") {
  Parsed parsed;
  parsed.options.arguments = ArgumentDetail::values;
  const Strings given{"/a/b",
                      "a.bam",
                      "https://x.org",
                      "a@b.org",
                      "ghp16C7e42F292c69",
                      "4012888888881881",
                      std::string(300, 'v'),
                      std::string(100000, ' ') + ".bam"};
  for (const std::string& value : given) parsed("--v", value);
  CHECK(parsed.shown() == Strings{"--v=<path>", "--v=<path>", "--v=<url>", "--v=<text>", "--v=<text>", "--v=<int>",
                                  "--v=<text>", "--v=<path>"});
}

TEST_CASE("parsed arguments: a value that may be recorded is compared with all that may not") {
  const auto shown = [](const std::string& user, const Strings& environment = {}, std::size_t others = 0) {
    SensitiveValues ambient;
    for (const std::string& value : environment) ambient.add(value, 6);
    Parsed parsed;
    parsed.options.argument_values = {"format", "mode"};
    parsed("--format", "zebracool,wombat")("--mode", "wombat", in_environment);
    for (std::size_t i = 0; i < others; ++i) parsed("--other", "word");
    return parsed("--user", user).shown(ambient);
  };
  CHECK(shown("quokka") == Strings{"--format=zebracool,wombat", "--user=<text>", "<environment>", "--mode=wombat"});
  CHECK(shown("WOMBAT") == Strings{"--format=<text>", "--user=<text>", "<environment>", "--mode=<text>"});
  CHECK(shown("/home/zebracool/x") == Strings{"--format=<text>", "--user=<path>", "<environment>", "--mode=wombat"});
  // What a variable says is not recorded, also where it is an option's: it may be another's as well.
  CHECK(shown("quokka", {"wombat"}) == Strings{"--format=<text>", "--user=<text>", "<environment>", "--mode=<text>"});
  // ... also where there was no room for who says it.
  CHECK(shown("wombat", {}, 80).front() == "--format=<text>");
  CHECK(shown("quokka", {}, 80).front() == "--format=zebracool,wombat");
}

TEST_CASE("parsed arguments: what a parser did not take from the user hides nothing") {
  Parsed parsed;
  parsed.options.argument_values = {"mode"};
  CHECK(parsed("--mode", "fast")("--speed", "fast", by_default).shown() == Strings{"--mode=fast"});
}

TEST_CASE("parsed arguments: at most 64, marks among them, of at most 256 bytes; the rest is counted") {
  Parsed parsed;
  parsed.options.arguments = ArgumentDetail::values;
  for (int i = 0; i < 70; ++i) parsed("--x");
  CHECK(parsed.shown().size() == 64);
  CHECK(parsed.report().truncated.at("arguments") == 6);

  Parsed mixed;
  for (int i = 0; i < 61; ++i) mixed("--x");
  mixed("--f", "", in_file)("--e", "", in_environment)("--e", "", in_environment)("--e", "", in_environment);
  CHECK(mixed.shown().size() == 63);  // no mark stands alone at the end
  CHECK(mixed.shown().back() == "--f");
  CHECK(mixed.report().truncated.at("arguments") == 3);

  Parsed large;
  large.options.arguments = ArgumentDetail::values;
  large(std::string(1000, 'n'), "v")("--v", std::string(100000, 'v'))("--w", std::string(100000, ' '));
  for (const std::string& argument : large.shown()) CHECK(argument.size() <= 256);
}
