// Messages of exceptions and Text fields. First line: the limit; second: arguments; third: values of the environment;
// the rest is the message. What comes out is UTF-8, within the limit, free of what was tainted, and scrubbing it once
// more changes nothing.
#include "fuzz.hpp"

#include <algorithm>

namespace us = usage_stats::detail;

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view value) {
  return std::search(text.begin(), text.end(), value.begin(), value.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

/// A word longer than any mark, which nobody takes apart.
bool must_go(const std::string& value) {
  return value.size() >= 9 && std::all_of(value.begin(), value.end(), [](char c) {
           return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
         });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::size_t limit = static_cast<std::size_t>(fuzz::number(fuzz::take(text))) % 1100;
  const auto arguments = fuzz::all_of(fuzz::take(text), ' '), environment = fuzz::all_of(fuzz::take(text), ' ');
  us::Taint taint;
  taint.add("someuser", "<user>", 2);
  taint.add_path("/home/someuser/work", "<path>", 3);
  taint.add_arguments(arguments);
  taint.add_environment(environment);
  const std::string once = us::scrub(text, taint, limit);
  HOLDS(once.size() <= limit);
  HOLDS(fuzz::is_utf8(once));
  HOLDS(us::scrub(once, taint, limit) == once);
  for (const auto* const values : {&arguments, &environment})
    for (const std::string& value : *values) HOLDS(!must_go(value) || !contains(once, value));
  const std::string shapes = us::replace_shapes(text);
  HOLDS(fuzz::is_utf8(shapes));
  HOLDS(us::replace_shapes(shapes) == shapes);
  return 0;
}
