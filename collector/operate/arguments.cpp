#include "arguments.hpp"

#include <algorithm>
#include <charconv>

namespace collector {

Arguments::Arguments(int argc, char** argv, const std::vector<std::string>& with_value,
                     const std::vector<std::string>& flags) {
  const auto knows = [](const std::vector<std::string>& list, const std::string& name) {
    return std::count(list.begin(), list.end(), name) > 0;
  };
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.size() < 2 || word[0] != '-') {
      words_.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (knows(flags, name) && equals == std::string::npos) {
      options_[name] = "";
    } else if (knows(with_value, name)) {
      if (equals == std::string::npos && i + 1 == argc) throw UsageError(name + " needs a value");
      const std::string value = equals == std::string::npos ? argv[++i] : word.substr(equals + 1);
      if (value.empty()) throw UsageError(name + " needs a value");
      if (!options_.emplace(name, value).second) throw UsageError(name + " is there twice");
    } else {
      throw UsageError("unknown option " + name);
    }
  }
}

std::optional<std::string> Arguments::text(const std::string& option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::nullopt : std::optional<std::string>(found->second);
}

std::string Arguments::text(const std::string& option, const std::string& otherwise) const {
  return text(option).value_or(otherwise);
}

int Arguments::number(const std::string& option, int otherwise, int most) const {
  const auto given = text(option);
  if (!given) return otherwise;
  int result = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), result);
  if (error != std::errc() || end != given->data() + given->size() || result < 0 || result > most)
    throw UsageError(option + " takes a number from 0 to " + std::to_string(most));
  return result;
}

int Arguments::days(const std::string& option, int otherwise) const {
  auto given = text(option);
  if (!given) return otherwise;
  if (given->back() == 'd') given->pop_back();
  int result = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), result);
  if (error != std::errc() || end != given->data() + given->size() || result < 1 || result > 36500)
    throw UsageError(option + " takes a number of days, as in 60d");
  return result;
}

}  // namespace collector
