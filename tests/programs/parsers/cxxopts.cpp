// A program that parses with cxxopts, for tests/parsers.cpp.

#include <usage_stats/cxxopts.hpp>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  usage_stats::Options choices("parser", "1.0");
  choices.argument_values = {"zoom"};
  usage_stats::TelemetrySession session(choices, argc, argv);
  cxxopts::Options options("parser", "copies files");
  options.add_options()("p,threads", "how many threads", cxxopts::value<int>())  //
      ("v,verbose", "say more")                                                  //
      ("c,color", "in color", cxxopts::value<bool>())                            //
      ("x", "has a letter only", cxxopts::value<int>())                          //
      ("zoom", "which resolution", cxxopts::value<int>())                        //
      ("my_token", "a token", cxxopts::value<std::string>())                     //
      ("level", "has a default", cxxopts::value<int>()->default_value("3"))      //
      ("input", "from where", cxxopts::value<std::string>())                     //
      ("output", "to where", cxxopts::value<std::string>())                      //
      ("h,help", "this text");
  options.parse_positional({"input", "output"});
  options.show_positional_help();  // they are options with names, which --help else leaves out
  usage_stats::describe_in_help(options);
  usage_stats::describe_in_help(options);  // twice: harmless
  const cxxopts::ParseResult parsed = options.parse(argc, argv);
  usage_stats::record_arguments(session, parsed);
  if (parsed.count("help") > 0) std::puts(options.help().c_str());
  return session.exit_code(0);
}
