#include <iostream>

#include "../pages/publish.hpp"
#include "../store/schema.hpp"
#include "commands.hpp"

namespace collector {

int publish_site(const Arguments& arguments) {
  if (arguments.words().size() != 1) throw UsageError("publish takes the folder to write");
  Database database = open_for_reading(arguments.text("--database", default_database));
  const std::size_t count = publish(database, arguments.words()[0]);
  std::cout << count << (count == 1 ? " program" : " programs") << " in " << arguments.words()[0] << "/index.html\n";
  return 0;
}

}  // namespace collector
