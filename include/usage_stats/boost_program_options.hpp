#pragma once
// For programs that parse with Boost.Program_options (1.74 and newer): reports show options as --help does.
//
//   usage_stats::describe_in_help(description);
//   const auto parsed = boost::program_options::command_line_parser(argc, argv).options(description).run();
//   boost::program_options::store(parsed, variables);
//   usage_stats::record_arguments(session, parsed);

#include <usage_stats.hpp>

#include <boost/program_options.hpp>

#include <string>

namespace usage_stats {
namespace boost_program_options_impl {

/// Records what one parser has found. A template, so that two copies of different versions in one program have no
/// function in common. `Char`: char or wchar_t.
template <class Session, class Char>
class Reader {
 public:
  Reader(Session& session, const boost::program_options::options_description* description, ArgumentSource source)
      : session_(session), description_(description), source_(source) {}

  void record(const boost::program_options::basic_option<Char>& given) const {
    if (given.unregistered) return record_unknown(given);
    std::string value;
    for (const auto& part : given.value) value += (value.empty() ? "" : ",") + narrow(part);
    const auto* const option =
        description_ == nullptr || given.string_key.empty()
            ? nullptr
            : description_->find_nothrow(given.string_key, false, given.case_insensitive, given.case_insensitive);
    // The name as declared: for "plugin-*" the key is what the user typed.
    std::string name = option == nullptr || option->long_name().empty() ? given.string_key : option->long_name();
    if (given.position_key < 0 && name.compare(0, 1, "-") != 0) name = "--" + name;
    const bool flag = option != nullptr && option->semantic()->max_tokens() == 0;
    session_.argument(name, flag ? std::string() : value, source_);
  }

 private:
  void record_unknown(const boost::program_options::basic_option<Char>& given) const {
    if (source_ != ArgumentSource::command_line)  // a pair of name and value
      return session_.argument("<option>", given.value.empty() ? std::string() : narrow(given.value.front()), source_);
    for (const auto& token : given.original_tokens)
      if (token.size() > 1 && token[0] == '-')
        session_.argument("<option>", {}, source_);
      else
        session_.argument({}, narrow(token), source_);
  }

  static std::string narrow(const std::basic_string<Char>& text) {
    std::string result;
    for (const Char c : text) result += sizeof(Char) == 1 || (c > 0 && c < 0x7F) ? static_cast<char>(c) : '?';
    return result;
  }

  Session& session_;
  const boost::program_options::options_description* const description_;
  const ArgumentSource source_;
};

}  // namespace boost_program_options_impl

/// Call it after parsing, once for each source that was parsed (the command line, ArgumentSource::config_file,
/// ArgumentSource::environment): the report then shows what the parser knows, in place of what argv shows: each option
/// under its first long name, once for each time that it was given, and positionals by name. Values are recorded as
/// Options::arguments and Options::argument_values say. Boost has no subcommands: call TelemetrySession::command for
/// them. The description that was parsed with must still exist.
template <class Char>
void record_arguments(TelemetrySession& session, const boost::program_options::basic_parsed_options<Char>& parsed,
                      ArgumentSource source = ArgumentSource::command_line) noexcept {
  if (!session.enabled()) return;
  detail::without_throwing([&] {
    session.argument({});
    const boost_program_options_impl::Reader<TelemetrySession, Char> reader(session, parsed.description, source);
    for (const auto& given : parsed.options) reader.record(given);
  });
}

/// Adds --disable-usage-stats to the program's options; its description also mentions the command, because Boost has no
/// other place for it. Call it before parsing.
inline void describe_in_help(boost::program_options::options_description& description,
                             const HelpTexts& texts = {}) noexcept {
  detail::without_throwing([&] {
    if (description.find_nothrow(texts.option, false) == nullptr)
      description.add_options()(texts.option.c_str(), texts.both_descriptions().c_str());
  });
}

}  // namespace usage_stats
