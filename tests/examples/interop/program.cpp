// The program whose runs the collector is shown: program URL ok|fail|throw|nothing, or program URL usage-stats ...
#include <usage_stats.hpp>

#include <cstdint>
#include <cstring>
#include <stdexcept>

static const usage_stats::Field<bool> verified{"verified", "whether the result was verified"};
static const usage_stats::Field<std::int64_t> records{"records", "number of records read"};
static const usage_stats::Field<double> throughput{"throughput_gbps", "average transfer speed, Gbit/s"};
static const usage_stats::Field<usage_stats::Choice> format{"input_format", "format of the input", {"cool", "hic"}};
static const usage_stats::Counter cache_hits{"cache_hits", "blocks found in the cache"};
static const usage_stats::Event sent_model{"send_model", "a model was sent"};
static const usage_stats::Field<std::int64_t> model_size{"model_size", "size of a model, bytes"};
static const usage_stats::Stage align{"align", "reads are aligned"};
static const usage_stats::Stage sort{"sort", "records are sorted"};

static void work(usage_stats::TelemetrySession& session) {
  session.set(verified, true);
  session.set(records, std::int64_t{9007199254740993});  // one more than a double can tell from its neighbour
  session.set(throughput, 3.2);
  session.set(format, "hic");
  session.add(cache_hits, 41);
  session.record(sent_model, {{model_size, 1048576}});
  session.record(sent_model);
  {
    auto stage = session.enter(align);
    stage.set(records, 7);
  }
}

static int end(usage_stats::TelemetrySession& session, const char* how) {
  if (std::strcmp(how, "nothing") == 0) return 0;
  work(session);
  if (std::strcmp(how, "ok") == 0) return 0;
  const auto stage = session.enter(sort);
  if (std::strcmp(how, "fail") == 0) return 3;
  try {
    throw std::invalid_argument("no such \"thing\" \\ \xC3\xA4");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("the sort went wrong"));
  }
}

int main(int argc, char** argv) {
  if (argc < 3) return 99;
  usage_stats::Options options("interop", "1.2.3");
  options.endpoints.push_back({argv[1], usage_stats::Protocol::otlp});
  options.unattended = usage_stats::Unattended::on;
  options.subcommands = {"ok", "fail", "throw"};
  options.dependencies = {{"zlib", "1.2.13"}};
  options.delivery = usage_stats::Delivery::wait;
  options.wait_limit = std::chrono::seconds(30);
  const int count = argc - 1;
  if (const auto code = usage_stats::handle_command(options, count, argv + 1)) return *code;
  usage_stats::TelemetrySession session(options, count, argv + 1);
  try {
    return session.run([&] { return end(session, argv[2]); });
  } catch (const std::exception&) {
    return 70;
  }
}
