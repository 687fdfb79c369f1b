#include <iostream>

#include "../cluster/clickhouse_source.hpp"
#include "../pages/publish.hpp"
#include "../store/schema.hpp"
#include "commands.hpp"

namespace collector {

int publish_site(const Arguments& arguments) {
  if (arguments.words().size() != 1) throw UsageError("publish takes the folder to write");
  Database database = open_for_reading(arguments.text("--database", default_database));
  const auto source = make_source(arguments.text("--clickhouse"), database);
  const Published published = publish(*source, database, arguments.words()[0]);
  const std::size_t count = published.programs.size();
  std::cout << count << (count == 1 ? " program" : " programs") << " in " << arguments.words()[0] << "/index.html\n";
  for (const std::string& app : published.left_out)
    std::cout << "left out: " << app << ", as fewer than 5 installations or no finished week would show\n";
  return 0;
}

}  // namespace collector
