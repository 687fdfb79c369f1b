#include <doctest/doctest.h>
#include <usage_stats.hpp>

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "own_environment.hpp"
#include "sandbox.hpp"
#include "server.hpp"

// Random marks stand wherever a program meets something private; none may be seen in anything that is written or sent.

namespace fs = std::filesystem;
using namespace usage_stats;
using Random = std::mt19937_64;

namespace {

std::string pick(Random& random, const std::string& alphabet, std::size_t length) {
  std::string text;
  while (text.size() < length) text += alphabet[random() % alphabet.size()];
  return text;
}

/// A mark of at least 8 bytes that no ordinary word contains.
std::string mark(Random& random) {
  const std::string consonants = "bcdfghjkmpqrvwxz", letters = "abcdefghijklmnopqrstuvwxyz", digits = "0123456789";
  switch (random() % 7) {
    case 0:
      return pick(random, consonants, 8 + random() % 8);
    case 1:
      return pick(random, letters + digits, 11) + "7q";
    case 2:
      return pick(random, "0123456789abcdef", 16);
    case 3:
      return pick(random, consonants, 5) + "-" + pick(random, consonants, 5);
    case 4:
      return pick(random, consonants, 4) + "_" + pick(random, digits, 4);
    case 5:
      return "X" + pick(random, consonants, 9);
    default:
      return pick(random, consonants, 5) + "\xC3\xA9" + pick(random, consonants, 5);
  }
}

std::string base64(const std::string& bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {  // whole groups: the rest varies with what follows
    const auto byte = [&](std::size_t at) { return unsigned{static_cast<unsigned char>(bytes[at])}; };
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) text += digits[group >> shift & 63];
  }
  return text;
}

std::string every_byte_encoded(const std::string& bytes) {
  std::string text;
  char buffer[4];
  for (const char c : bytes) {
    std::snprintf(buffer, sizeof buffer, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += buffer;
  }
  return text;
}

/// Whether the text shows the mark: as it is, percent-encoded, or in base64 wherever it may stand in a longer secret.
bool shows(const std::string& text, const std::string& secret) {
  if (text.find(secret) != std::string::npos || text.find(detail::percent_encode(secret)) != std::string::npos ||
      text.find(every_byte_encoded(secret)) != std::string::npos)
    return true;
  for (std::size_t skipped = 0; skipped < 3; ++skipped)
    if (text.find(base64(secret.substr(skipped))) != std::string::npos) return true;
  return false;
}

/// What a program's exception may say of a secret.
std::string message_about(Random& random, const std::string& secret) {
  switch (random() % 14) {
    case 0:
      return "cannot open '" + secret + "'";
    case 1:
      return "cannot open " + secret + ": No such file or directory";
    case 2:
      return "/srv/data/" + secret + "/input.mcool: permission denied";
    case 3:
      return secret + ".txt is not a text file";
    case 4:
      return "GET https://example.org/v1?key=" + detail::percent_encode(secret) + " failed with 403";
    case 5:
      return "bad token " + base64(secret + "padding") + " in request";
    case 6:
      return "user " + secret + " is not allowed";
    case 7:
      return "option --name=" + secret + " makes no sense";
    case 8:
      return "name:" + secret;
    case 9:
      return "[" + secret + "] (" + secret + ")";
    case 10:
      return "host " + secret + ".example.internal does not answer";
    case 11:
      return "mail to " + secret + "@example.org bounced";
    case 12:
      return "value \"" + secret + "\" at line 12345";
    default:
      return "unexpected " + every_byte_encoded(secret) + " after " + secret;
  }
}

std::size_t generated_runs() {
  const char* const wanted = std::getenv("USAGE_STATS_CANARY_RUNS");
  return wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 1500;
}

/// Everything that one run writes or sends, with secrets in its arguments, its environment and its message.
std::string traces_of(const Options& options, const std::vector<std::string>& arguments, const std::string& message) {
  detail::SensitiveValues sensitive = detail::ambient_values();
  const std::string id(32, 'a');
  detail::Report report = detail::report_at_start(options, id, arguments, sensitive);
  report.client_id = id;
  detail::Envelope envelope;
  envelope.app = options.app;
  envelope.version = options.version;
  envelope.client_id = envelope.session_id = id;
  envelope.destinations.push_back({options.endpoints[0], 0, 0});
  envelope.running_report = detail::to_json(report);
  report.final = true;
  report.outcome.status = detail::RunStatus::exception;
  report.outcome.error = {{"std::runtime_error", message}};
  sensitive.add_arguments(arguments);
  detail::scrub_report(report, options, sensitive);
  std::string traces = detail::to_text(envelope);
  for (const auto protocol :
       {usage_stats::Protocol::json, usage_stats::Protocol::otlp, usage_stats::Protocol::amplitude}) {
    usage_stats::Endpoint endpoint = options.endpoints[0];
    endpoint.protocol = protocol;
    for (const detail::Request& request : detail::requests_for(endpoint, detail::to_json(report))) {
      traces += request.url + "\n" + request.body;
      for (const auto& [name, value] : request.headers) traces += name + ": " + value + "\n";
    }
  }
  return traces;
}

}  // namespace

TEST_CASE("canary: the test would see a mark") {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string secret = mark(random), other = mark(random);
    INFO(secret);
    CHECK(shows("a report with " + secret + " in it", secret));
    CHECK(shows("url?" + detail::percent_encode(secret), secret));
    CHECK(shows("x" + base64("ab" + secret + "yz") + "x", secret));
    CHECK_FALSE(shows("a report with " + other + " in it", secret));
  }
  // An author who asks for values gets values: what is hidden by default is there to be seen.
  Options options("reporter", "1.2.3", "https://stats.example.org/v1/usage");
  options.argument_values = {"name"};
  CHECK(shows(traces_of(options, {"--name=plain"}, ""), "plain"));
}

TEST_CASE("canary: no mark in any report, envelope or request of generated runs") {
  TemporaryFolder folder;
  const fs::path before = fs::current_path();
  const bool own_host_name = ::geteuid() == 0 && ::unshare(CLONE_NEWUTS) == 0;
  if (!own_host_name) MESSAGE("skipped: no marks as host names, which takes root");
  const Options options("reporter", "1.2.3", "https://stats.example.org/v1/usage");
  const std::size_t runs = generated_runs();
  Random random(2);
  std::vector<std::string> standing;  // marks that hold for many runs
  for (std::size_t run = 0; run < runs; ++run) {
    static std::map<std::string, std::string> variables;
    if (run % 100 == 0) {
      standing.clear();
      for (int i = 0; i < 4; ++i) standing.push_back(mark(random));
      const fs::path place = folder.path() / standing[0] / "inner";
      fs::create_directories(place);
      fs::current_path(place);
      variables = {{"HOME", "/home/" + standing[1]}, {"USER", standing[2]}, {"PATH", "/usr/bin:/opt/" + standing[3]}};
      if (own_host_name) {
        standing.push_back(pick(random, "bcdfghjkmpqrvwxz", 10));
        REQUIRE(::sethostname(standing.back().data(), standing.back().size()) == 0);
      }
    }
    std::vector<std::string> secrets = standing;
    for (int i = 0; i < 5; ++i) secrets.push_back(mark(random));
    const std::size_t fresh = secrets.size() - 5;
    variables["SECRET_TOKEN"] = secrets[fresh];
    variables["SERVICE_URL"] = "https://user:" + secrets[fresh + 1] + "@example.org/" + secrets[fresh];
    const OwnEnvironment environment(variables);
    const std::vector<std::string> arguments = {"--name=" + secrets[fresh + 2], "--password", secrets[fresh + 3],
                                                "-p" + secrets[fresh + 4], "/data/" + secrets[fresh + 2] + ".csv"};
    std::string message;
    for (std::size_t n = random() % 3 + 1; n > 0; --n)
      message += message_about(random, secrets[random() % secrets.size()]) + (random() % 2 ? "; " : "\n");
    const std::string traces = traces_of(options, arguments, message);
    for (const std::string& secret : secrets)
      if (shows(traces, secret)) FAIL_CHECK("run " << run << ": the mark " << secret << " of: " << message << traces);
  }
  fs::current_path(before);
}

TEST_CASE("canary: no mark in what real runs leave behind and send") {
  Server server;
  Random random(3);
  for (int run = 0; run < 8; ++run) {
    Sandbox sandbox;
    const std::string secret = mark(random), folder = mark(random), variable = mark(random), user = mark(random);
    Command command =
        sandbox.command("reporter", {"--url", server.url(), "--unattended", "on", "--delivery", "wait", "--throw",
                                     message_about(random, secret) + " in " + folder + " for " + user});
    fs::create_directories(sandbox.root() / folder);
    command.folder = sandbox.root() / folder;
    command.environment["USER"] = user;
    command.environment["API_KEY"] = variable;
    const std::size_t before = server.requests().size();
    ::run(command);
    const std::vector<ReceivedRequest> requests = server.wait_for(before + 1);
    std::string traces = requests.back().body + requests.back().target;
    for (const auto& [name, value] : requests.back().headers) traces += name + value;
    for (const auto& file : fs::recursive_directory_iterator(sandbox.usage_folder()))
      if (file.is_regular_file()) traces += file.path().filename().string() + read_file(file.path());
    for (const std::string& private_text : {secret, folder, variable, user}) {
      INFO(private_text);
      CHECK_FALSE(shows(traces, private_text));
    }
  }
}
