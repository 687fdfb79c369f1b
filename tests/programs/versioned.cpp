// A program whose declared fields and options are given by its arguments: for what changes from version to version,
// and for what the user sees and types. It sets each of its fields to 1.
//
//   versioned --version 2.0 --declare speed --declare size --read --as usage-stats status
//
// While its session lives it can do to its surroundings what a host may do: --clear-environment, --remove FILE.

#include <usage_stats.hpp>

#include <stdlib.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace us = usage_stats;

/// The options that its arguments stand for are the program's own, as a usage text makes them.
extern const char* const versioned_usage;
const char* const versioned_usage = "usage: versioned [--customer=NAME] [--threads=N] [--size=N] [--secret=TEXT]";

namespace {

struct Script {
  us::Options options{"versioned", "1.0"};
  std::vector<std::string> fields{}, texts{};
  std::map<std::string, std::string> descriptions{};  // of fields whose description is not "what NAME is"
  std::string choice, choices[2];                     // a Field<Choice> of two choices, set to the second one
  std::vector<std::function<void()>> deeds{};         // while the session lives
  std::string failure;                                // the message of what it fails with
  bool read = false;                                  // prints each line of its standard input
  std::vector<const char*> seen{"versioned"};
};

template <class T>
bool choose(const std::string& value, T& into, std::initializer_list<std::pair<const char*, T>> words) {
  for (const auto& [word, meaning] : words)
    if (value == word) return into = meaning, true;
  return false;
}

bool set_detail(Script& script, const std::string& name, const std::string& value) {
  us::Options& options = script.options;
  const std::size_t equals = value.find('='), comma = value.find(',');
  if (name == "--argument-value") return options.argument_values.push_back(value), true;
  if (name == "--config-file") return options.config_file = value, true;
  if (name == "--policy-file") return options.policy_file = value, true;
  if (name == "--text") return script.texts.push_back(value), true;
  if (name == "--description") return script.descriptions[value.substr(0, equals)] = value.substr(equals + 1), true;
  if (name == "--fail") return script.failure = value, true;
  if (name == "--remove") return script.deeds.push_back([value] { std::filesystem::remove(value); }), true;
  if (name == "--set-home") return script.deeds.push_back([value] { ::setenv("HOME", value.c_str(), 1); }), true;
  if (name == "--tell") {  // NAME=VALUE, as the program's own parser would
    const std::string option = "--" + value.substr(0, equals), given = value.substr(equals + 1);
    return script.deeds.push_back([=] { us::TelemetrySession::current()->argument(option, given); }), true;
  }
  if (name == "--choice") {  // NAME=old,new
    script.choice = value.substr(0, equals);
    script.choices[0] = value.substr(equals + 1, comma - equals - 1);
    script.choices[1] = value.substr(comma + 1);
    return true;
  }
  if (name == "--arguments")
    return choose(value, options.arguments,
                  {{"none", us::ArgumentDetail::none},
                   {"names", us::ArgumentDetail::names},
                   {"values", us::ArgumentDetail::values}});
  if (name == "--errors")
    return choose(value, options.errors, {{"type", us::ErrorDetail::type}, {"scrubbed", us::ErrorDetail::scrubbed}});
  return false;
}

bool set_option(Script& script, const std::string& name, const std::string& value) {
  us::Options& options = script.options;
  if (set_detail(script, name, value)) return true;
  if (name == "--version") return options.version = value, true;
  if (name == "--app") return options.app = value, true;
  if (name == "--own-file") return std::fopen(value.c_str(), "w") != nullptr;
  if (name == "--declare") return script.fields.push_back(value), true;
  if (name == "--url") return options.endpoints.emplace_back().url = value, true;
  if (name == "--api-key") return options.endpoints.back().api_key = value, true;
  if (name == "--header") return options.endpoints.back().headers["X-Key"] = value, true;
  if (name == "--purpose") return options.purpose = value, true;
  if (name == "--policy-url") return options.policy_url = value, true;
  if (name == "--contact") return options.contact = value, true;
  if (name == "--hash-client-id") return options.hash_client_id = value == "yes";
  if (name == "--delivery") return value == "wait" && (options.delivery = us::Delivery::wait, true);
  if (name == "--wait-limit") return options.wait_limit = std::chrono::milliseconds(std::stol(value)), true;
  if (name == "--protocol")
    return choose(value, options.endpoints.back().protocol,
                  {{"json", us::Protocol::json}, {"otlp", us::Protocol::otlp}, {"amplitude", us::Protocol::amplitude}});
  if (name == "--consent")
    return choose(
        value, options.consent,
        {{"opt_out", us::ConsentMode::opt_out}, {"ask", us::ConsentMode::ask}, {"opt_in", us::ConsentMode::opt_in}});
  if (name == "--unattended")
    return choose(value, options.unattended,
                  {{"off", us::Unattended::off}, {"local", us::Unattended::local}, {"on", us::Unattended::on}});
  if (name == "--client-id")
    return choose(
        value, options.client_id,
        {{"session", us::ClientId::session}, {"monthly", us::ClientId::monthly}, {"install", us::ClientId::install}});
  return false;
}

Script parse(int argc, char** argv) {
  Script script;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--read") {
      script.read = true;
    } else if (name == "--clear-environment") {
      script.deeds.push_back([] { ::clearenv(); });
    } else if (name == "--as") {
      script.seen.insert(script.seen.end(), argv + i + 1, argv + argc);
      break;
    } else if (i + 1 >= argc || !set_option(script, name, argv[++i])) {
      std::cerr << "versioned: what is " << name << "?\n";
      std::exit(99);
    }
  }
  return script;
}

}  // namespace

int main(int argc, char** argv) {
  const Script script = parse(argc, argv);
  std::map<std::string, std::string> descriptions = script.descriptions;
  const auto description = [&](const std::string& name) {
    return descriptions.emplace(name, "what " + name + " is").first->second.c_str();
  };
  std::vector<std::unique_ptr<us::Field<std::int64_t>>> fields;
  for (const std::string& name : script.fields)
    fields.push_back(std::make_unique<us::Field<std::int64_t>>(name.c_str(), description(name)));
  std::vector<std::unique_ptr<us::Field<us::Text>>> texts;
  for (const std::string& name : script.texts)
    texts.push_back(std::make_unique<us::Field<us::Text>>(name.c_str(), description(name)));
  std::unique_ptr<us::Field<us::Choice>> choice;
  if (!script.choice.empty())
    choice = std::make_unique<us::Field<us::Choice>>(
        script.choice.c_str(), description(script.choice),
        std::initializer_list<const char*>{script.choices[0].c_str(), script.choices[1].c_str()});

  const int count = static_cast<int>(script.seen.size());
  if (const auto code = us::handle_command(script.options, count, script.seen.data())) return *code;
  us::TelemetrySession session(script.options, count, script.seen.data());
  for (const auto& field : fields) session.set(*field, 1);
  for (const auto& field : texts) session.set(*field, "a word");
  if (choice) session.set(*choice, script.choices[1]);
  if (!script.failure.empty()) session.fail(std::runtime_error(script.failure));
  for (const auto& deed : script.deeds) deed();
  static const char* const verdicts[] = {"off", "local", "on"};
  std::cout << "verdict=" << verdicts[static_cast<int>(session.decision().verdict)]
            << " rule=" << session.decision().rule << std::endl;
  if (script.read)
    for (std::string line; std::getline(std::cin, line);) std::cout << "read:" << line << std::endl;
  return 0;
}
