#include "schema.hpp"

#include "process.hpp"
#include "programs.hpp"

std::string schema_problem(const std::string& report) {
  Command command{USAGE_STATS_PYTHON, {source_file("tests/support/validate_reports.py").string(), "-"}};
  command.input = report;
  const Result result = run(command);
  if (result.exit_code == 0) return "";
  return result.out + result.err;
}
