// A program that parses with Boost.Program_options, for tests/parsers.cpp.

#include <usage_stats/boost_program_options.hpp>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace po = boost::program_options;

namespace {

std::string option_of(const std::string& variable) { return variable == "PARSER_THREADS" ? "threads" : ""; }

}  // namespace

int main(int argc, char** argv) {
  usage_stats::Options choices("parser", "1.0");
  choices.argument_values = {"zoom"};
  usage_stats::TelemetrySession session(choices, argc, argv);
  po::options_description description("Options");
  description.add_options()("threads,p", po::value<int>(), "how many threads")  //
      ("verbose,v", po::bool_switch(), "say more")                              //
      ("zoom", po::value<int>(), "which resolution")                            //
      ("my_token", po::value<std::string>(), "a token")                         //
      ("point", po::value<std::vector<int>>()->multitoken(), "two numbers")     //
      ("plugin-*", po::value<std::string>(), "for a plugin")                    //
      ("level", po::value<int>()->default_value(3), "has a default")            //
      ("config", po::value<std::string>(), "a file of options")                 //
      ("input", po::value<std::string>(), "from where")                         //
      ("output", po::value<std::string>(), "to where")                          //
      ("help,h", "this text");
  usage_stats::describe_in_help(description);
  usage_stats::describe_in_help(description);  // twice: harmless
  po::positional_options_description positionals;
  positionals.add("input", 1).add("output", 1);
  po::variables_map variables;

  const auto parsed = po::command_line_parser(argc, argv).options(description).positional(positionals).run();
  po::store(parsed, variables);
  usage_stats::record_arguments(session, parsed);
  if (variables.count("config") > 0) {
    std::ifstream file(variables["config"].as<std::string>());
    const auto in_file = po::parse_config_file(file, description, true);
    po::store(in_file, variables);
    usage_stats::record_arguments(session, in_file, usage_stats::ArgumentSource::config_file);
  }
  const auto in_environment = po::parse_environment(description, option_of);
  po::store(in_environment, variables);
  usage_stats::record_arguments(session, in_environment, usage_stats::ArgumentSource::environment);
  if (variables.count("help") > 0) std::cout << description;
  return session.exit_code(0);
}
