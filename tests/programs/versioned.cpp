// A program whose declared fields and options are given by its arguments: for what changes from version to version,
// and for what the user sees and types. It sets each of its fields to 1.
//
//   versioned --version 2.0 --declare speed --declare size --read --as usage-stats status

#include <usage_stats.hpp>

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace us = usage_stats;

namespace {

struct Script {
  us::Options options{"versioned", "1.0"};
  std::vector<std::string> fields{};
  bool read = false;  // prints each line of its standard input
  std::vector<const char*> seen{"versioned"};
};

template <class T>
bool choose(const std::string& value, T& into, std::initializer_list<std::pair<const char*, T>> words) {
  for (const auto& [word, meaning] : words)
    if (value == word) return into = meaning, true;
  return false;
}

bool set_option(Script& script, const std::string& name, const std::string& value) {
  us::Options& options = script.options;
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
  std::vector<std::string> descriptions;
  for (const std::string& name : script.fields) descriptions.push_back("what " + name + " is");
  std::vector<std::unique_ptr<us::Field<std::int64_t>>> fields;
  for (std::size_t i = 0; i < script.fields.size(); ++i)
    fields.push_back(std::make_unique<us::Field<std::int64_t>>(script.fields[i].c_str(), descriptions[i].c_str()));

  const int count = static_cast<int>(script.seen.size());
  if (const auto code = us::handle_command(script.options, count, script.seen.data())) return *code;
  us::TelemetrySession session(script.options, count, script.seen.data());
  for (const auto& field : fields) session.set(*field, 1);
  static const char* const verdicts[] = {"off", "local", "on"};
  std::cout << "verdict=" << verdicts[static_cast<int>(session.decision().verdict)]
            << " rule=" << session.decision().rule << std::endl;
  if (script.read)
    for (std::string line; std::getline(std::cin, line);) std::cout << "read:" << line << std::endl;
  return 0;
}
