// pipeline: a service that executes delivery pipelines, each a line of its standard input. Its statistics are what
// Spinnaker's document promises; docs/systems.md says line by line how.
//
//   pipeline serve
//     ID APPLICATION TYPE TRIGGER STAGE/PROVIDER/STATUS...     e2f1 payments pipeline git bake/aws/succeeded
//   pipeline config stats enable|disable|status|...
#include <usage_stats.hpp>

#include <iostream>
#include <sstream>

#ifndef PIPELINE_VERSION
#define PIPELINE_VERSION "1.19.0"
#endif

using usage_stats::Choice;
using usage_stats::Field;
using usage_stats::Hashed;

// Anything that is not in these lists, such as a company's own kind of stage, is "other".
static const std::initializer_list<const char*> statuses = {"succeeded", "failed_continue", "terminal",
                                                            "canceled",  "stopped",         "skipped"};
static const Field<Hashed> application{"application", "name of the application, hashed"};
static const Field<Hashed> execution_id{"execution.id", "id of the execution, hashed"};
static const Field<Choice> execution_type{"execution.type", "kind of execution", {"pipeline", "orchestration"}};
static const Field<Choice> execution_status{"execution.status", "how the execution ended", statuses};
static const Field<Choice> trigger{"execution.trigger",
                                   "what started it",
                                   {"cron", "docker", "git", "jenkins", "manual", "pipeline", "pubsub", "webhook"}};
static const usage_stats::Stage stage{"stage", "one stage of an execution"};
static const Field<Choice> stage_type{
    "stage.type", "kind of stage", {"bake", "deploy", "destroyServerGroup", "manualJudgment", "script", "wait"}};
static const Field<Choice> stage_status{"stage.status", "how the stage ended", statuses};
static const Field<Choice> provider{
    "stage.cloud_provider",
    "the cloud it worked on",
    {"appengine", "aws", "azure", "cloudfoundry", "ecs", "gce", "kubernetes", "oracle"}};

static usage_stats::Options statistics() {
  usage_stats::Options options("pipeline", PIPELINE_VERSION, "https://stats.example.org/log");
  options.purpose = "Shows us which features have traction and which nobody would miss.";
  options.policy_url = "https://example.org/pipeline/stats";
  options.contact = "stats@example.org";
  options.command = "config stats";
  // 1.18 is for those who help to test it; from 1.19, statistics are on, with a notice, unless switched off.
  const bool testing = options.version.rfind("1.18.", 0) == 0;
  options.consent = testing ? usage_stats::ConsentMode::opt_in : usage_stats::ConsentMode::opt_out;
  options.unattended = usage_stats::Unattended::on;  // a service has no terminal
  options.hash_client_id = true;                     // the instance's id itself stays here
  options.arguments = usage_stats::ArgumentDetail::none;
  options.errors = usage_stats::ErrorDetail::type;
  return options;
}

/// A part of "bake/aws/succeeded", which is cut off.
static std::string next_part(std::string& text) {
  const std::size_t slash = text.find('/');
  std::string part = text.substr(0, slash);
  text.erase(0, slash == std::string::npos ? slash : slash + 1);
  return part;
}

/// An execution is a session: its report is sent when the execution is complete.
static void execute(const std::string& line) {
  std::istringstream words(line);
  std::string id, name, type, cause, status = "succeeded";
  words >> id >> name >> type >> cause;
  usage_stats::TelemetrySession session(statistics());
  session.set(execution_id, id);
  session.set(application, name);
  session.set(execution_type, type);
  session.set(trigger, cause);
  for (std::string text; status == "succeeded" && words >> text;) {
    auto scope = session.enter(stage);
    scope.set(stage_type, next_part(text));
    scope.set(provider, next_part(text));
    scope.set(stage_status, status = next_part(text));
    if (status != "succeeded") scope.fail();
  }
  session.set(execution_status, status);
  session.exit_code(status == "succeeded" ? 0 : 1);
  std::cout << name << " " << status << std::endl;
}

int main(int argc, char** argv) {
  // Sessions are created later and without argv, so the command is answered here.
  if (const auto exit_code = usage_stats::handle_command(statistics(), argc, argv)) return *exit_code;
  if (argc != 2 || std::string_view(argv[1]) != "serve") {
    std::cerr << "usage: pipeline serve | config stats enable|disable|status|...\n";
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) execute(line);
  return 0;
}
