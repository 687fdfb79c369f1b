#pragma once
// What the user is told at the terminal before anything leaves the machine: the notice, the question, and the short
// notice of new data. Only ever on standard error.

#include <string>
#include <string_view>
#include <vector>

#include "consent.hpp"
#include "fields.hpp"
#include "log.hpp"
#include "options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct State;
class Storage;

/// Text for a terminal: escape sequences and control characters are gone, white space is one blank, valid UTF-8.
std::string plain_text(std::string_view text);

/// The notice before data is sent `from_now_on` or only from the next run on, wrapped at `columns`: at most 8 lines
/// of 80 columns, each ended by a line break.
std::string notice_text(const Options&, const std::vector<Endpoint>&, bool from_now_on, int columns);

/// The question of ConsentMode::ask; it ends where the answer is typed. At most 8 lines of 80 columns.
std::string question_text(const Options&, const std::vector<Endpoint>&, int columns);

/// Names the new fields, as many as go into 8 lines of 80 columns; the others are taken out of `fields`. `rule`: that
/// by which it is on.
std::string new_data_text(const Options&, std::vector<DictionaryEntry>& fields, int rule, int columns);

/// The declared fields that no notice has covered.
std::vector<DictionaryEntry> unannounced(const State&);
/// Remembers that the user knows of all declared fields.
void announce_all(State&);

/// Shows what is due in this run (question, notice, short notice), remembers it, and puts the outcome into `decision`.
/// Returns the declared names that must not be recorded in this run.
std::vector<std::string> inform_user(const Options&, const Consent&, const Storage&, const State&, Decision& decision,
                                     const Log&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
