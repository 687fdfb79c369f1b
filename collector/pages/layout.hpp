#pragma once
// What all pages share: the frame, the style sheet, and how an answer is shown.

#include <string>
#include <string_view>

#include "questions.hpp"

namespace collector {

/// A whole page. `style` is the address of the style sheet as the page sees it; `body` is markup.
std::string page(const std::string& title, const std::string& style, const std::string& body);
/// The style sheet of all pages.
std::string style_sheet();

/// Where a question's files are, as its page sees them: what comes before its name, and after the ending.
struct Address {
  std::string before = "chart/", after{};
};
/// Title, picture, table, and links to the answer as SVG, CSV and JSON.
std::string figure(const Question&, const DrawnTable&, const Address&);
/// For file names and addresses of a question: percent-encoded.
std::string address_of(const Question&);

/// The few numbers that a reader looks for first.
std::string headline(const Reader&);
std::string section_title(Section);

}  // namespace collector
