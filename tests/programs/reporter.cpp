// The program that the tests drive. Arguments up to --as make the options of the session and tell what to do; those
// behind --as are what the session is told to be the program's arguments (without --as: all of them).
//
// `--as usage-stats status` is the user's own command. 99: the arguments of this program itself are wrong.
//
//   reporter --url http://127.0.0.1:8080/ --unattended on --field --exit 3 --as cp --threads=8

#include <usage_stats.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace us = usage_stats;

namespace {

const us::Field<bool> verified{"verified", "whether the result was verified"};
const us::Field<std::int64_t> records{"records", "number of records read"};
const us::Field<double> throughput{"throughput_gbps", "average transfer speed, Gbit/s"};
const us::Field<us::Choice> format{"input_format", "format of the input file", {"cool", "mcool", "hic"}};
const us::Field<us::Hashed> project{"project", "which project, hashed"};
const us::Field<us::Text> note{"note", "a note, scrubbed"};
const us::Counter cache_hits{"cache_hits", "how often the cache had the answer"};
const us::Event sent_model{"send_model", "a model was sent"};
const us::Field<std::int64_t> model_size{"model_size", "size of a model, bytes"};
const us::Stage align{"align", "the alignment of reads"};

using Session = us::TelemetrySession;
using Action = std::function<int(Session&)>;  // what it returns is the exit code unless it is negative

us::Options default_options() {
  us::Options options("reporter", "1.2.3");
  options.observed_signals = us::Signals::all;
  return options;
}

struct Script {
  us::Options options = default_options();
  std::vector<Action> actions{};  // in the order of the arguments, all of them inside of session.run
  int sessions = 1;
  bool run = true;                                           // through session.run
  std::function<void(Session&)> after{};                     // outside of session.run
  std::optional<std::vector<std::string>> arguments_seen{};  // behind --as
  bool no_arguments = false;
  bool uncaught = false;  // main catches nothing; otherwise it prints what it caught and returns 70
};

template <class T>
T word(const std::string& text, const std::map<std::string, T>& words) {
  const auto found = words.find(text);
  if (found == words.end()) {
    std::fprintf(stderr, "reporter: what is %s?\n", text.c_str());
    std::exit(99);
  }
  return found->second;
}

us::Endpoint& endpoint(Script& script) {
  if (script.options.endpoints.empty()) script.options.endpoints.emplace_back();
  return script.options.endpoints.back();
}

std::pair<std::string, std::string> pair_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  return {text.substr(0, equals), equals == text.npos ? std::string() : text.substr(equals + 1)};
}

using Handlers = std::map<std::string, std::function<void(Script&, const std::string&)>>;

const Handlers& option_handlers() {
  static const Handlers handlers{
      {"--app", [](Script& s, const std::string& v) { s.options.app = v; }},
      {"--version", [](Script& s, const std::string& v) { s.options.version = v; }},
      {"--url", [](Script& s, const std::string& v) { s.options.endpoints.emplace_back().url = v; }},
      {"--protocol",
       [](Script& s, const std::string& v) {
         endpoint(s).protocol = word<us::Protocol>(
             v, {{"json", us::Protocol::json}, {"otlp", us::Protocol::otlp}, {"amplitude", us::Protocol::amplitude}});
       }},
      {"--api-key", [](Script& s, const std::string& v) { endpoint(s).api_key = v; }},
      {"--header", [](Script& s, const std::string& v) { endpoint(s).headers.insert(pair_of(v)); }},
      {"--plain-http", [](Script& s, const std::string& v) { endpoint(s).plain_http = v == "yes"; }},
      {"--consent",
       [](Script& s, const std::string& v) {
         s.options.consent = word<us::ConsentMode>(v, {{"opt_out", us::ConsentMode::opt_out},
                                                       {"ask", us::ConsentMode::ask},
                                                       {"opt_in", us::ConsentMode::opt_in}});
       }},
      {"--unattended",
       [](Script& s, const std::string& v) {
         s.options.unattended = word<us::Unattended>(
             v, {{"off", us::Unattended::off}, {"local", us::Unattended::local}, {"on", us::Unattended::on}});
       }},
      {"--official", [](Script& s, const std::string& v) { s.options.official_build = v == "yes"; }},
      {"--purpose", [](Script& s, const std::string& v) { s.options.purpose = v; }},
      {"--policy-url", [](Script& s, const std::string& v) { s.options.policy_url = v; }},
      {"--contact", [](Script& s, const std::string& v) { s.options.contact = v; }},
      {"--argument-detail",
       [](Script& s, const std::string& v) {
         s.options.arguments = word<us::ArgumentDetail>(v, {{"none", us::ArgumentDetail::none},
                                                            {"names", us::ArgumentDetail::names},
                                                            {"values", us::ArgumentDetail::values}});
       }},
      {"--argument-value", [](Script& s, const std::string& v) { s.options.argument_values.push_back(v); }},
      {"--subcommand", [](Script& s, const std::string& v) { s.options.subcommands.push_back(v); }},
      {"--errors",
       [](Script& s, const std::string& v) {
         s.options.errors =
             word<us::ErrorDetail>(v, {{"type", us::ErrorDetail::type}, {"scrubbed", us::ErrorDetail::scrubbed}});
       }},
  };
  return handlers;
}

const Handlers& more_option_handlers() {
  static const Handlers handlers{
      {"--client-id",
       [](Script& s, const std::string& v) {
         s.options.client_id = word<us::ClientId>(v, {{"session", us::ClientId::session},
                                                      {"monthly", us::ClientId::monthly},
                                                      {"install", us::ClientId::install}});
       }},
      {"--hash-client-id", [](Script& s, const std::string& v) { s.options.hash_client_id = v == "yes"; }},
      {"--delivery",
       [](Script& s, const std::string& v) {
         s.options.delivery = word<us::Delivery>(v, {{"detached", us::Delivery::detached},
                                                     {"wait", us::Delivery::wait},
                                                     {"in_process", us::Delivery::in_process},
                                                     {"local", us::Delivery::local}});
       }},
      {"--wait-limit",
       [](Script& s, const std::string& v) { s.options.wait_limit = std::chrono::milliseconds(std::stol(v)); }},
      {"--container-wait",
       [](Script& s, const std::string& v) { s.options.container_wait = std::chrono::milliseconds(std::stoi(v)); }},
      {"--report-every",
       [](Script& s, const std::string& v) { s.options.report_every = std::chrono::milliseconds(std::stol(v)); }},
      {"--sample", [](Script& s, const std::string& v) { s.options.sample = std::stod(v); }},
      {"--signals",
       [](Script& s, const std::string& v) {
         s.options.observed_signals = word<us::Signals>(
             v, {{"none", us::Signals::none}, {"crashes", us::Signals::crashes}, {"all", us::Signals::all}});
       }},
      {"--dependency", [](Script& s, const std::string& v) { s.options.dependencies.insert(pair_of(v)); }},
      {"--directory", [](Script& s, const std::string& v) { s.options.directory = v; }},
      {"--config-file", [](Script& s, const std::string& v) { s.options.config_file = v; }},
      {"--policy-file", [](Script& s, const std::string& v) { s.options.policy_file = v; }},
      {"--log-to-stdout",
       [](Script& s, const std::string& prefix) {
         s.options.log = [prefix](std::string_view line) { std::cout << prefix << line << std::endl; };
       }},
      {"--sessions", [](Script& s, const std::string& v) { s.sessions = std::stoi(v); }},
  };
  return handlers;
}

/// What the library says about itself, one value a line.
int print_session(Session& session) {
  static const char* const verdicts[] = {"off", "local", "on"};
  const us::Decision& decision = session.decision();
  std::cout << "verdict=" << verdicts[static_cast<int>(decision.verdict)] << "\nrule=" << decision.rule
            << "\nwhy=" << decision.why << "\nenabled=" << session.enabled() << "\nsession_id=" << session.session_id()
            << "\nreport_path=" << session.report_path().string() << "\nproblem=" << session.problem()
            << "\ncurrent=" << (Session::current() == &session) << std::endl;
  return -1;
}

int record_everything(Session& session) {
  session.set(verified, true);
  session.set(records, 42);
  session.set(throughput, 3.2);
  session.set(format, "mcool");
  session.set(project, "secret project");
  session.set(note, "a few plain words");
  session.add(cache_hits, 41);
  session.record(sent_model, {{model_size, 1048576}});
  us::StageScope stage = session.enter(align);
  stage.set(records, 7);
  return -1;
}

[[noreturn]] void throw_nested() {
  try {
    throw std::invalid_argument("the inner reason");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("the outer failure"));
  }
}

int count_in_threads(Session& session, int threads) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&session] {
      for (int n = 0; n < 1000; ++n) {
        session.add(cache_hits);
        session.set(records, n);
      }
      session.record(sent_model, {{model_size, 1}});
      const us::StageScope stage = session.enter(align);
    });
  }
  for (std::thread& thread : running) thread.join();
  return -1;
}

/// Says that it is there, and reads its standard input to the end.
/// As one that becomes a daemon does it.
int close_all(Session&) {
  for (int number = 3; number < 1024; ++number) ::close(number);
  return -1;
}

/// Reads each file that a line of its input names, as a backup does.
int wait_for_input(Session&) {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);)
    if (std::ifstream(line).get() != std::char_traits<char>::eof()) std::cout << "read" << std::endl;
  return -1;
}

/// Records an event for each line of its standard input.
int record_lines(Session& session) {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    session.record(sent_model, {{model_size, static_cast<std::int64_t>(line.size())}});
    std::cout << "recorded " << line << std::endl;
  }
  return -1;
}

int fork_child(Session&) {
  if (::fork() == 0) std::exit(0);  // as a careless program does it
  return -1;
}

const Handlers& action_handlers() {
  const auto act = [](Script& s, Action action) { s.actions.push_back(std::move(action)); };
  static const Handlers handlers{
      {"--exit", [act](Script& s, const std::string& v) { act(s, [v](Session&) { return std::stoi(v); }); }},
      {"--throw",
       [act](Script& s, const std::string& v) { act(s, [v](Session&) -> int { throw std::runtime_error(v); }); }},
      {"--std-exit",
       [act](Script& s, const std::string& v) { act(s, [v](Session&) -> int { std::exit(std::stoi(v)); }); }},
      {"--quick-exit",
       [act](Script& s, const std::string& v) { act(s, [v](Session&) -> int { std::quick_exit(std::stoi(v)); }); }},
      {"--_exit", [act](Script& s, const std::string& v) { act(s, [v](Session&) -> int { ::_exit(std::stoi(v)); }); }},
      {"--raise",
       [act](Script& s, const std::string& v) { act(s, [v](Session&) { return ::raise(std::stoi(v)), -1; }); }},
      {"--note",
       [act](Script& s, const std::string& v) { act(s, [v](Session& session) { return session.set(note, v), -1; }); }},
      {"--format",
       [act](Script& s, const std::string& v) {
         act(s, [v](Session& session) { return session.set(format, v), -1; });
       }},
      {"--command",
       [act](Script& s, const std::string& v) { act(s, [v](Session& session) { return session.command(v), -1; }); }},
      {"--fail",
       [act](Script& s, const std::string& v) {
         act(s, [v](Session& session) { return session.fail(std::runtime_error(v)), -1; });
       }},
      {"--events",
       [act](Script& s, const std::string& v) {
         act(s, [v](Session& session) {
           for (int i = 0; i < std::stoi(v); ++i) session.record(sent_model, {{model_size, i}});
           return -1;
         });
       }},
      {"--threads",
       [act](Script& s, const std::string& v) {
         act(s, [v](Session& session) { return count_in_threads(session, std::stoi(v)); });
       }},
      {"--umask",
       [act](Script& s, const std::string& v) {
         act(s, [v](Session&) { return ::umask(static_cast<mode_t>(std::stoi(v, nullptr, 8))), -1; });
       }},
      {"--print",
       [act](Script& s, const std::string& v) { act(s, [v](Session&) { return std::cout << v << '\n', -1; }); }},
      {"--print-errors",
       [act](Script& s, const std::string& v) { act(s, [v](Session&) { return std::cerr << v << '\n', -1; }); }},
  };
  return handlers;
}

using Flags = std::map<std::string, std::function<void(Script&)>>;

const Flags& flag_handlers() {
  const auto act = [](Script& s, Action action) { s.actions.push_back(std::move(action)); };
  static const Flags handlers{
      {"--field", [act](Script& s) { act(s, record_everything); }},
      {"--info", [act](Script& s) { act(s, print_session); }},
      {"--throw-int", [act](Script& s) { act(s, [](Session&) -> int { throw 42; }); }},
      {"--throw-nested", [act](Script& s) { act(s, [](Session&) -> int { throw_nested(); }); }},
      {"--abort", [act](Script& s) { act(s, [](Session&) -> int { std::abort(); }); }},
      {"--fork", [act](Script& s) { act(s, fork_child); }},
      {"--close-all", [act](Script& s) { act(s, close_all); }},
      {"--wait-for-input", [act](Script& s) { act(s, wait_for_input); }},
      {"--event-per-line", [act](Script& s) { act(s, record_lines); }},
      {"--finish", [act](Script& s) { act(s, [](Session& session) { return session.finish(), -1; }); }},
      {"--without-run", [](Script& s) { s.run = false; }},
      {"--uncaught", [](Script& s) { s.uncaught = true; }},
      {"--no-arguments", [](Script& s) { s.no_arguments = true; }},
      {"--info-at-the-end", [](Script& s) { s.after = [](Session& session) { print_session(session); }; }},
      {"--disable-usage-stats", [](Script&) {}},
  };
  return handlers;
}

Script parse(int argc, char** argv) {
  Script script;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--as") {
      script.arguments_seen.emplace(argv + i + 1, argv + argc);
      break;
    }
    if (const auto flag = flag_handlers().find(name); flag != flag_handlers().end()) {
      flag->second(script);
      continue;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    bool known = false;
    for (const Handlers* handlers : {&option_handlers(), &more_option_handlers(), &action_handlers()}) {
      const auto found = handlers->find(name);
      if (found == handlers->end()) continue;
      found->second(script, value);
      known = true;
    }
    if (!known) word<int>(name, {});
  }
  return script;
}

int act(Session& session, const Script& script) {
  int code = 0;
  for (const Action& action : script.actions) {
    const int result = action(session);
    if (result >= 0) code = result;
  }
  return code;
}

int one_session(const Script& script, const std::vector<const char*>& seen) {
  const int count = script.no_arguments ? 0 : static_cast<int>(seen.size()) - 1;
  Session session(script.options, count, script.no_arguments ? nullptr : seen.data());
  const int code =
      script.run ? session.run([&] { return act(session, script); }) : session.exit_code(act(session, script));
  if (script.after) script.after(session);
  return code;
}

int all_sessions(const Script& script, const std::vector<const char*>& seen) {
  int code = 0;
  for (int i = 0; i < script.sessions; ++i) code = one_session(script, seen);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const Script script = parse(argc, argv);
  std::vector<const char*> seen(argv, argv + argc);
  if (script.arguments_seen) {
    seen.resize(1);
    for (const std::string& text : *script.arguments_seen) seen.push_back(text.c_str());
  }
  seen.push_back(nullptr);
  if (const auto code = us::handle_command(script.options, static_cast<int>(seen.size()) - 1, seen.data()))
    return *code;
  if (script.uncaught) return all_sessions(script, seen);
  try {
    return all_sessions(script, seen);
  } catch (const std::exception& error) {
    std::cout << "caught " << error.what() << std::endl;
  } catch (...) {
    std::cout << "caught something" << std::endl;
  }
  return 70;
}
