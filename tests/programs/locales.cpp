// A program that speaks its user's language, in its numbers too: locales URL PROTOCOL DELIVERY
// [usage-stats WORD...]
#include <usage_stats.hpp>

#include <clocale>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <locale>
#include <stdexcept>
#include <string>

namespace us = usage_stats;

namespace {
const us::Field<double> throughput{"throughput", "a number with a fraction"};
const us::Field<std::int64_t> records{"records", "a number with thousands"};
const us::Counter hits{"hits", "a count with thousands"};
const us::Event sent{"sent", "something happened"};
}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 99;
  if (std::setlocale(LC_ALL, "") == nullptr) return 98;
  std::locale::global(std::locale(""));
  us::Options options("locales", "1.0.0");
  us::Endpoint endpoint;
  endpoint.url = argv[1];
  const std::string protocol = argv[2], delivery = argv[3];
  if (protocol == "otlp") endpoint.protocol = us::Protocol::otlp;
  if (protocol == "amplitude") endpoint.protocol = us::Protocol::amplitude;
  endpoint.api_key = "key";
  options.endpoints = {endpoint};
  options.delivery = delivery == "in_process" ? us::Delivery::in_process : us::Delivery::wait;
  options.wait_limit = std::chrono::seconds(30);
  if (const auto code = us::handle_command(options, argc - 3, argv + 3)) return *code;
  std::printf("%.2f\n", 1234567.25);
  us::TelemetrySession session(options, argc, argv);
  session.set(throughput, 1234567.25);
  session.set(records, 1234567);
  session.add(hits, 7654321);
  session.record(sent, {{throughput, 0.5}});
  return session.exit_code(0);
}
