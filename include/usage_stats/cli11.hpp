#pragma once
// For programs that parse with CLI11 (2.1 and newer): reports show subcommands and options as --help does.
//
//   CLI::App app{"copies files", "mytool"};
//   ...
//   usage_stats::describe_in_help(app);
//   CLI11_PARSE(app, argc, argv);
//   usage_stats::record_arguments(session, app);

#include <usage_stats.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace usage_stats {
namespace cli11_impl {

/// Reads what a parse has left in an app, for its session. A template, so that two copies of different versions in
/// one program have no function in common.
template <class Session>
class Reader {
 public:
  Reader(Session& session, const CLI::App& root) : session_(session), root_(root) {}

  void record() {
    std::string chain;
    walk(root_, chain);
    if (!chain.empty()) session_.command(chain);
    for (const CLI::App* const app : apps_) record_options(*app);
  }

 private:
  using Values = std::vector<std::string>;
  struct Given {
    std::size_t parsed = 0, recorded = 0;
    std::vector<Values> occurrences{};
  };

  /// The app, its groups of options, which are apps without a name, and the subcommands that were called.
  void walk(const CLI::App& app, std::string& chain) {
    apps_.push_back(&app);
    for (const CLI::App* const group : app.get_subcommands([](const CLI::App* one) { return one->get_name().empty(); }))
      if (is_new(group)) walk(*group, chain);
    for (const CLI::App* const called : app.get_subcommands()) {
      if (!is_new(called)) continue;
      if (!called->get_name().empty()) chain += (chain.empty() ? "" : " ") + called->get_name();
      walk(*called, chain);
    }
  }
  bool is_new(const CLI::App* app) const { return std::find(apps_.begin(), apps_.end(), app) == apps_.end(); }

  void record_options(const CLI::App& app) {
    std::map<const CLI::Option*, Given> on_command_line;
    for (const CLI::Option* const option : app.parse_order()) ++on_command_line[option].parsed;
    for (auto& [option, given] : on_command_line) given.occurrences = occurrences(*option, given.parsed);
    for (const CLI::Option* const option : app.parse_order()) {
      Given& given = on_command_line[option];
      if (given.recorded < given.occurrences.size())
        record_value(*option, given.occurrences[given.recorded++], ArgumentSource::command_line);
    }
    for (const CLI::Option* const option : app.get_options()) {
      if (option->count() == 0 || on_command_line.count(option) > 0) continue;
      if (option == app.get_config_ptr()) continue;  // its default, which is not an argument
      const ArgumentSource source = source_of(*option);
      for (const Values& values : occurrences(*option, 0)) record_value(*option, values, source);
    }
    for (const std::string& unknown : app.remaining())
      if (unknown != "--") session_.argument({}, unknown);
  }

  /// The values of each time that the option was given, as far as CLI11 reports them: an option that takes one or more
  /// values (`--in a b`) counts once for each.
  static std::vector<Values> occurrences(const CLI::Option& option, std::size_t parsed) {
    const int least = option.get_items_expected_min(), most = option.get_items_expected_max();
    std::size_t group = least == most ? static_cast<std::size_t>((std::max)(least, 1)) : 1;  // `--point 1 2`
    if (parsed <= 1) group = (std::max)(option.results().size(), std::size_t{1});            // `--tags a,b`
    std::vector<Values> all;
    std::size_t room = 0;
    for (const std::string& value : option.results()) {
      if (value.empty() && option.results().size() > (std::max)(parsed, group)) continue;  // a mark between two times
      if (room == 0) {
        all.emplace_back();
        room = group;
      }
      all.back().push_back(value);
      --room;
    }
    return all;
  }

  void record_value(const CLI::Option& option, const Values& values, ArgumentSource source) {
    const std::string name = name_of(option);
    std::string text, choices;
    bool all_known = true;
    for (const std::string& value : values) {
      const std::string known = choice(option, value);
      all_known = all_known && !known.empty();
      if (&value != &values.front()) text += ',', choices += ',';
      text += value;
      choices += known;
    }
    if (option.get_items_expected_max() == 0) {  // a flag
      if (text == "true" || text == "1") return session_.argument(name, {}, source);
      if (text == "false" || text == "0") all_known = true, choices = "false";
    }
    if (all_known)
      session_.argument(name + "=" + choices, {}, source);
    else
      session_.argument(name, text, source);
  }

  static std::string name_of(const CLI::Option& option) {
    if (!option.get_lnames().empty()) return "--" + option.get_lnames().front();
    if (!option.get_snames().empty()) return "-" + option.get_snames().front();
    return option.get_name(true);  // of a positional
  }

  /// The choice that the value stands for, as --help lists it; empty if it is none of them. All that CLI11 keeps of
  /// CLI::IsMember is its text for --help, `{cool,hic}`; for a transformer, `{fast->0,best->1}`, and the value has
  /// already become the number.
  static std::string choice(const CLI::Option& option, const std::string& value) {
    const std::string help = value.empty() ? std::string() : option.get_type_name();
    for (std::size_t open = help.find('{'); open != std::string::npos; open = help.find('{', open + 1)) {
      const std::size_t end = help.find('}', open);
      if (end == std::string::npos) break;
      for (std::size_t at = open + 1; at < end;) {
        const std::size_t comma = (std::min)(help.find(',', at), end);
        const std::string word = help.substr(at, comma - at);
        const std::size_t arrow = word.find("->");
        const std::string key = word.substr(0, arrow);
        if (value == key || (arrow != std::string::npos && value == word.substr(arrow + 2))) return key;
        at = comma + 1;
      }
    }
    return {};
  }

  /// The source of an option that was not on the command line. CLI11 does not say; it reads its configuration file
  /// first.
  ArgumentSource source_of(const CLI::Option& option) const {
    const std::string variable = option.get_envname();
#ifdef _MSC_VER
#pragma warning(suppress : 4996)
#endif
    const char* const value = variable.empty() ? nullptr : std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') return ArgumentSource::config_file;
    if (root_.get_config_ptr() == nullptr || root_.get_config_ptr()->count() == 0) return ArgumentSource::environment;
    const std::string& first = option.results().front();
    const bool same = std::string_view(value).substr(0, first.size()) == first || choice(option, first) == value;
    return same ? ArgumentSource::environment : ArgumentSource::config_file;
  }

  Session& session_;
  const CLI::App& root_;
  std::vector<const CLI::App*> apps_;
};

}  // namespace cli11_impl

/// Call it once, after parsing: the report then shows what CLI11 knows, in place of what argv shows: the chain of
/// subcommands ("remote add"); each option under its first long name, once for each time that it was given, on the
/// command line, in a configuration file or by an environment variable; positionals by name. Values are recorded as
/// Options::arguments and Options::argument_values say, except that a choice of CLI::IsMember or of a transformer is
/// recorded as it is.
inline void record_arguments(TelemetrySession& session, const CLI::App& app) noexcept {
  if (!session.enabled()) return;
  detail::without_throwing([&] {
    session.argument({});
    cli11_impl::Reader<TelemetrySession>(session, app).record();
  });
}

/// Adds --disable-usage-stats to the app's options, and the command to the footer of its --help. Call it before parsing
/// and after the app's own footer().
inline void describe_in_help(CLI::App& app, const HelpTexts& texts = {}) noexcept {
  detail::without_throwing([&] {
    if (app.get_option_no_throw("--" + texts.option) == nullptr)
      app.add_flag("--" + texts.option, texts.option_description)->configurable(false);
    if (texts.command.empty()) return;
    const std::string own = app.get_footer();
    const auto footer = [&app, own, texts] {
      const std::string program = app.get_name().empty() ? "" : app.get_name() + " ";
      return own + (own.empty() ? "" : "\n\n") + "`" + program + texts.command + "`: " + texts.command_description +
             ".";
    };
    app.footer(std::function<std::string()>(footer));  // subcommands inherit only the other kind
    app.footer(std::string());
  });
}

}  // namespace usage_stats
