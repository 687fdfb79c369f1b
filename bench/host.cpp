// What calls the library as a host does, in functions named host_...: none of them may be taken for cold code because
// of what it calls, for its own loops would be made small instead of fast (counts.py).
#include <usage_stats.hpp>

using namespace usage_stats;

namespace {
const Field<double> field{"field", "a number"};
const Counter counter{"counter", "a count"};
const Event event{"event", "what happened"};
const Stage stage{"stage", "a part of the work"};
}  // namespace

double host_work(double value) {
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  return value;
}

double host_session(int argc, char** argv, double value) {
  TelemetrySession session({"bench", "1.0.0"}, argc, argv);
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  return value;
}

double host_run(double value) {
  TelemetrySession session({"bench", "1.0.0"});
  return session.run([&] {
    for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
    return value;
  });
}

double host_command(const Options& options, int argc, char** argv, double value) {
  const auto code = handle_command(options, argc, argv);
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  return code ? 0 : value;
}

double host_uploader(double value) {
  run_uploader();
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  return value;
}

double host_current(double value) {
  TelemetrySession* const session = TelemetrySession::current();
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  return session == nullptr ? 0 : value;
}

double host_record(TelemetrySession& session, double value) {
  for (int i = 0; i < 1000; ++i) {
    value = value * 1.01 + i;
    session.add(counter);
    session.set(field, value);
    session.record(event, {{field, value}});
    const StageScope scope = session.enter(stage);
  }
  return value;
}

double host_tell(TelemetrySession& session, double value) {
  session.command("command");
  session.argument("--option");
  session.fail("type", "message");
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  session.exit_code(1);
  session.finish();
  return value;
}

double host_ask(TelemetrySession& session, double value) {
  const auto path = session.report_path();
  for (int i = 0; i < 1000; ++i) value = value * 1.01 + i;
  return session.enabled() && session.problem().empty() ? value + session.decision().rule : 0;
}
