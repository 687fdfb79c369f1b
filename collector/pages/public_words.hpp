#pragma once
// The part of a table that everyone may see: no word that fewer than five installations share, and no number from fewer
// than five runs that could be that of a single one.

#include "questions.hpp"

namespace collector {

/// False while fewer than five installations have reported: everything on a site would be about them.
bool may_be_published(const Reader&);

/// The answer to the question without all that. Words that are too rare are added up as "(others)".
Table public_table(const Question&, const Reader&);

}  // namespace collector
