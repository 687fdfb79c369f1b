#pragma once
// Removes what must never be sent (docs/privacy.md): the values of arguments, and everything in messages that the
// program itself does not contain. All output is valid UTF-8.

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../../options.hpp"
#include "../../base/text.hpp"
#include "../../os/machine.hpp"
#include "../../os/memory.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The kind of a value that is not recorded: "<int>", "<number>", "<path>", "<url>" or "<text>".
std::string_view kind_of_value(std::string_view value) noexcept;

/// What this process knows and what must not leave, also where the program has the same words. Cheap to fill, as every
/// run does it.
class SensitiveValues {
 public:
  /// A value and the words in it that have three letters or more; of several words or with a digit in it, and from
  /// `shortest` bytes on, it goes even where the program says the same.
  void add(std::string_view value, std::size_t shortest = 3) { add(value, shortest, false); }
  /// The same for a name of the user or the host.
  void add_name(std::string_view name) { add(name, 3, true); }
  /// Adds what the list of accounts says of the user, once something is compared with the values.
  void add_later(const os::Accounts& accounts) noexcept { accounts_ = accounts; }
  /// Adds the values of a command line.
  void add_arguments(const std::vector<std::string>& arguments);
  /// Whether this word, in whatever case, is a name of the user or the host.
  bool is_name(std::string_view word) const;

  /// The values, taken apart; letters of ASCII in lower case.
  struct Words {
    std::shared_ptr<const std::string> plain;  // that the others point into
    std::vector<std::string_view> words;       // sorted
    std::vector<std::string_view> values;      // sorted; that go everywhere, one blank between words
    bool complete = true;                      // else there are more, and nobody knows them

    /// The word, or a secret's first letters (eight and more).
    bool contains(std::string_view word) const;
    /// Begin and end of each value that goes everywhere, as whole words, whatever parts them.
    std::vector<std::pair<std::size_t, std::size_t>> occurrences(std::string_view text) const;
  };
  Words words() const;

 private:
  struct Value {
    std::size_t begin, size, shortest;
    bool name;  // of the user or the host
  };
  void add(std::string_view value, std::size_t shortest, bool name);

  /// With what was to be added later; nothing where that cannot be had.
  std::optional<SensitiveValues> completed() const;

  std::string text_;  // of all of them
  std::vector<Value> values_;
  std::optional<os::Accounts> accounts_;
};

/// Names of user, host and home, the working folder, the values of the environment.
SensitiveValues ambient_values();

/// Messages as they may leave: words that are not the program's own, sensitive values, numbers of three digits and more
/// that the template does not have, and quoted text unless all of it is the program's become `<value>`, one for a run
/// of them. `memory`: where the program's own words are. Each at most `limit` bytes; of a long text the first 4 KiB
/// are looked at. Scrubbing twice is scrubbing once. Nothing where the program's words cannot be found out. From the
/// text `first_of_user` on they are no messages, but somebody's own words: of those short numbers go, too, as soon as
/// they have three digits between them (12 34, 12:34).
std::optional<std::vector<std::string>> scrub(const std::vector<std::string>& texts, const SensitiveValues&,
                                              std::size_t limit, const std::vector<os::MemoryRange>& memory,
                                              std::size_t first_of_user = std::numeric_limits<std::size_t>::max());

/// The first of Options::subcommands among the arguments; not what may be the value of the option before it.
std::string subcommand_of(const Options&, const std::vector<std::string>& arguments);

/// The arguments (without the program's name) as a report shows them, at most `limit` of them; `dropped` counts the
/// rest. A long name that the program does not contain is `<option>`. A value that may be recorded becomes its kind if
/// it has the shape of a secret or a path, or says what `ambient` or another argument says. `-t8` is shown as it is
/// only where "t" is in Options::argument_values; in ArgumentDetail::values it is `-t`, for it could be three options
/// in one.
std::vector<std::string> describe_arguments(const Options&, const std::vector<std::string>& arguments,
                                            const SensitiveValues& ambient, std::size_t limit, std::size_t& dropped);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
