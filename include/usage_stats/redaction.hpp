#pragma once
// What must never leave (section 5 of the design): the shape of arguments, and the two sieves for messages. Pure
// functions; all output is valid UTF-8.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The text as valid UTF-8 of at most `limit` bytes: what is not UTF-8 becomes U+FFFD, a character is never cut.
std::string clip_utf8(std::string_view text, std::size_t limit);

/// The kind of a value that is not recorded: "<int>", "<number>", "<path>", "<url>" or "<text>".
std::string_view kind_of_value(std::string_view value) noexcept;

/// The first sieve: exact values that must not occur in any text. Letters match in either case (ASCII). Cheap to fill,
/// as every run does it; the work is done by apply(), as few runs do.
class Taint {
 public:
  /// A value with the mark that replaces it; values shorter than `shortest` bytes are not taken. With `whole_word`, and
  /// for values under 3 bytes always, only where no letter or digit stands beside it.
  void add(std::string_view value, std::string_view mark, std::size_t shortest, bool whole_word = false);
  /// The value, and each of its parts between separators of paths; parts of under 6 letters as whole words only, lest a
  /// folder `app` should eat every "append".
  void add_path(std::string_view path, std::string_view mark, std::size_t shortest);
  /// Every value in a command line, whole (3 bytes and more) and in the parts that programs take it apart into before
  /// they complain: `user=alice,key=x`, `https://alice:x@host`, `alice.bam`.
  void add_arguments(std::vector<std::string> arguments);
  /// The same for values of the environment (6 bytes and more).
  void add_environment(std::vector<std::string> values);
  /// Takes back what was added to `other`, once for each time it was added there.
  void subtract(const Taint& other);
  /// Replaces every occurrence, also the base64 of one; occurrences that overlap become one mark, that of the longest.
  /// A mark that is already there ("<path>") is left alone. Only the first `keep` bytes of the text come out,
  /// and the whole of an occurrence that begins in them.
  std::string apply(std::string_view text, std::size_t keep = std::string_view::npos) const;
  /// The same, with arguments and environment taken apart and in order, as apply() needs it: to be kept where several
  /// texts are looked at.
  Taint expanded() const;

 private:
  struct Entry {
    std::string value, mark;
    std::uint64_t hash = 0;
    bool whole_word = false;
  };
  struct Search;  // one apply()
  friend std::string scrub(std::string_view, const Taint&, std::size_t);

  /// The order in which entries are searched.
  static bool before(const Entry& a, const Entry& b) noexcept;

  std::vector<Entry> entries_;
  std::vector<std::string> arguments_, environment_;
  bool expanded_ = false;
};

/// Everything that this process knows and that must not leave: argument values, environment values, names of user,
/// host and home, the working folder and its parts.
Taint ambient_taint(const std::vector<std::string>& arguments);

/// The second sieve: replaces what has the shape of a secret or a name by its kind. Applying it twice changes nothing.
/// A quote that is never closed reaches to the end of the text.
std::string replace_shapes(std::string_view text);

/// Both sieves, then at most `limit` bytes. scrub(scrub(x)) == scrub(x). Of a long text the first 16 KiB are looked at.
std::string scrub(std::string_view text, const Taint&, std::size_t limit);

/// The arguments (without the program's name) as a report shows them, at most `limit` of them; `dropped` counts the
/// rest. A value that may be recorded is held against the environment, the names and the arguments that may not be
/// recorded, and against its shape. `-t8` is shown as it is only where "t" is in Options::argument_values; in
/// ArgumentDetail::values it is `-t`, for it could be three options in one.
std::vector<std::string> describe_arguments(const Options&, const std::vector<std::string>& arguments, const Taint&,
                                            std::size_t limit, std::size_t& dropped);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
