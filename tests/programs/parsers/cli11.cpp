// A program that parses with CLI11, for tests/parsers.cpp.

#include <usage_stats/cli11.hpp>

#include <map>
#include <string>
#include <vector>

namespace {

/// What the program knows, and where it keeps what it was given.
struct Tool {
  CLI::App app{"copies files and minds remotes", "parser"};
  int threads = 1, zoom = 0, level = 0;
  bool verbose = false, color = true;
  std::string format, token, input, output, remote, url;
  std::vector<std::string> tags, parts;
  std::vector<int> point;

  Tool() {
    app.set_config("--config");
    app.add_option("-p,--threads", threads, "how many threads")->envname("PARSER_THREADS");
    app.add_flag("-v,--verbose", verbose, "say more")->envname("PARSER_VERBOSE");
    app.add_flag("-c,--color,!--no-color", color, "in color");
    app.add_option("--format", format, "format")
        ->transform(CLI::IsMember({"cool", "mcool", "hic"}, CLI::ignore_case))
        ->envname("PARSER_FORMAT");
    app.add_option("--level", level, "how hard to try")
        ->transform(CLI::CheckedTransformer(std::map<std::string, int>{{"fast", 0}, {"best", 9}}));
    app.add_option("--zoom", zoom, "which resolution");
    app.add_option("--tag", tags, "a tag")->allow_extra_args(false);
    app.add_option("--parts", parts, "several")->delimiter(',');
    app.add_option("--point", point, "two numbers")->expected(2);
    CLI::Option_group* const secrets = app.add_option_group("secrets", "what nobody should see");
    secrets->add_option("--my_token", token, "a token");
    app.footer("The end.");

    CLI::App* const copy = app.add_subcommand("cp", "copies files")->alias("copy");
    copy->add_option("input", input, "from where")->required();
    copy->add_option("output", output, "to where");
    CLI::App* const remotes = app.add_subcommand("remote", "minds remotes");
    CLI::App* const add = remotes->add_subcommand("add", "adds one");
    add->add_option("name", remote, "its name")->required();
    add->add_option("-u,--url", url, "its address");
    app.add_subcommand("run", "runs something")->prefix_command();
  }
};

}  // namespace

int main(int argc, char** argv) {
  usage_stats::Options options("parser", "1.0");
  options.argument_values = {"zoom"};
  usage_stats::TelemetrySession session(options, argc, argv);
  Tool tool;
  usage_stats::describe_in_help(tool.app);
  CLI11_PARSE(tool.app, argc, argv);
  usage_stats::record_arguments(session, tool.app);
  return session.exit_code(0);
}
