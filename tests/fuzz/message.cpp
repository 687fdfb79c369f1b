// Messages of exceptions and Text fields. First line: the limit; second: arguments; third: values of the environment;
// the rest is the message. What comes out is UTF-8, within the limit, free of what is sensitive, and scrubbing it once
// more changes nothing.
#include "fuzz.hpp"

#include <algorithm>

namespace us = usage_stats::detail;

namespace {

/// All that the program says, as read-only data has it.
constexpr char literals[] =
    "cannot open %s\0port 8080 is in use\0{} not found\0kernels.cu\0the 'word' at line %d\0someuser is at work\0"
    "\xD0\xBD\xD0\xB5\xD1\x82 %s \xD0\xBD\xD0\xB5\xD1\x82\0[json.exception.type_error.302]";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view value) {
  return std::search(text.begin(), text.end(), value.begin(), value.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

/// A word that the program does not have.
bool must_go(const std::string& value) {
  return value.size() >= 8 && !contains({literals, sizeof literals}, value) &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::size_t limit = static_cast<std::size_t>(fuzz::number(fuzz::take(text))) % 1100;
  const auto arguments = fuzz::all_of(fuzz::take(text), ' '), environment = fuzz::all_of(fuzz::take(text), ' ');
  us::SensitiveValues sensitive;
  sensitive.add("someuser");
  sensitive.add("/home/someuser/work", 6);
  sensitive.add_arguments(arguments);
  for (const std::string& value : environment) sensitive.add(value, 6);
  const auto begin = reinterpret_cast<std::uintptr_t>(literals);
  const auto scrub = [&](std::string_view what) {
    return us::scrub({std::string(what)}, sensitive, limit, {{begin, begin + sizeof literals}}).value().front();
  };
  const std::string once = scrub(text);
  HOLDS(once.size() <= limit);
  HOLDS(fuzz::is_utf8(once));
  HOLDS(scrub(once) == once);
  for (const auto* const values : {&arguments, &environment})
    for (const std::string& value : *values) HOLDS(!must_go(value) || !contains(once, value));
  return 0;
}
