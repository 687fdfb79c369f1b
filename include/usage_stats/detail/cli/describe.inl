#pragma once

#include "output.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// A key of report v1.
struct BuiltIn {
  const char *key, *type, *description;
};

/// Every key of report v1 that is a value, in the order in which a report has them.
inline constexpr BuiltIn built_in[] = {
    {"schema", "text", "version of this format: usage-stats/1"},
    {"client_id", "id", "a random number for this installation, month or run; missing until reports are sent"},
    {"session_id", "id", "a random number for this run"},
    {"sequence", "integer",
     "1 for the first report of a run; a long run may send several, and the highest number counts"},
    {"final", "boolean", "whether the run has ended"},
    {"app.name", "text", "name of the program"},
    {"app.version", "text", "version of the program"},
    {"build.compiler", "text", "the compiler that built the program, and its version"},
    {"build.cxx_standard", "integer", "version of C++: 17, 20, 23"},
    {"build.type", "choice", "built for use (release) or for debugging (debug)"},
    {"build.dependencies", "names and versions", "libraries in the program, as named by its author"},
    {"system.os", "text", "kind of operating system: linux, macos, windows"},
    {"system.os_version", "text", "name and version of the operating system"},
    {"system.kernel", "text", "version of the kernel"},
    {"system.arch", "text", "kind of processor: x86_64, aarch64"},
    {"system.cpus", "integer", "how many processors the program could use"},
    {"system.memory_gb", "integer", "memory in GiB, rounded to a power of two"},
    {"system.libc", "text", "the C library and its version"},
    {"system.ci", "boolean", "whether the program ran under continuous integration"},
    {"system.container", "boolean", "whether the program ran in a container"},
    {"system.interactive", "boolean", "whether the program ran at a terminal"},
    {"command.name", "text", "the subcommand, one of those that the program knows"},
    {"command.arguments", "list of text",
     "names of the program's options, and the kind of each value: <int>, <path>, ...; those after <config_file> or "
     "<environment> were given there"},
    {"started_at", "time", "when the run began (UTC)"},
    {"ended_at", "time", "when the run ended (UTC)"},
    {"duration_s", "number", "how long the run took, seconds"},
    {"outcome.status", "choice", "how the run ended: ok, failed, exception, signal, lost (it vanished), running"},
    {"outcome.exit_code", "integer", "the exit code of the program"},
    {"outcome.signal", "text", "the signal that ended the program"},
    {"outcome.error.type", "text", "type of the error that ended the run, as the program's code names it"},
    {"outcome.error.message", "text",
     "its message: the words that the program or its libraries contain, <value> for everything else"},
    {"outcome.error.causes", "list", "types and messages of the errors that led to it"},
    {"fields", "by name", "the declared fields that the run has set"},
    {"counters", "by name", "the declared counters that the run has used"},
    {"events", "list", "declared events: name, seconds since the start (at_s), fields"},
    {"stages", "list", "declared stages: name, seconds since the start (at_s), duration_s, status, fields"},
    {"delivery.sent", "integer", "earlier reports delivered"},
    {"delivery.failed", "integer", "earlier attempts to send that failed"},
    {"delivery.dropped", "integer", "earlier reports that were given up"},
    {"truncated", "integers by name", "how many items were left out because of a limit, by part of the report"},
};

USAGE_STATS_INLINE std::string with_choices(const DictionaryEntry& entry) {
  std::string text = plain_text(entry.description);
  if (entry.choices.empty()) return text;
  text += ": ";
  for (const std::string& choice : entry.choices) text += plain_text(choice) + ", ";
  return text + "other";
}

USAGE_STATS_INLINE std::string entry_rows(const std::string& name, const std::string& type, const std::string& text) {
  std::string rows = "  " + plain_text(name) + " (" + type + ")\n";
  for (const std::string& line : notice_impl::wrap(text, 74)) rows += "      " + line + "\n";
  return rows;
}

/// For people only: the other formats end up in documents, and must not depend on this machine's state.
USAGE_STATS_INLINE std::string dictionary_text(const Options& options, const std::vector<DictionaryEntry>& declared,
                                               const Withheld& withheld) {
  const auto kind_of = [&](const DictionaryEntry& entry) {
    const auto& names = withheld.fields;
    const bool waits = std::find(names.begin(), names.end(), entry.name) != names.end();
    return std::string(kind_name(entry.kind)) + (waits ? "; withheld until a notice has named it" : "");
  };
  std::string text = "What a report of " + options.app + " may contain. A key whose value is unknown is left out.\n\n";
  text += "What " + options.app + " itself declares:\n";
  if (declared.empty()) text += "  nothing\n";
  for (const DictionaryEntry& entry : declared) text += entry_rows(entry.name, kind_of(entry), with_choices(entry));
  text += "\nIn every report:\n";
  for (const BuiltIn& key : built_in) text += entry_rows(key.key, key.type, key.description);
  return text;
}

/// Text in a cell of a Markdown table.
USAGE_STATS_INLINE std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '<' || c == '`' || c == '*' || c == '[') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

USAGE_STATS_INLINE std::string dictionary_markdown(const Options& options,
                                                   const std::vector<DictionaryEntry>& declared) {
  std::string text =
      "# What a report of " + cell(options.app) + " may contain\n\nA key whose value is unknown is left out.\n\n";
  text += "## What " + cell(options.app) + " itself declares\n\n";
  if (declared.empty()) text += "Nothing.\n\n";
  if (!declared.empty()) text += "| name | kind | what it is |\n|---|---|---|\n";
  for (const DictionaryEntry& entry : declared)
    text += "| `" + entry.name + "` | " + kind_name(entry.kind) + " | " + cell(with_choices(entry)) + " |\n";
  text +=
      std::string(declared.empty() ? "" : "\n") + "## In every report\n\n| key | type | what it is |\n|---|---|---|\n";
  for (const BuiltIn& key : built_in)
    text += std::string("| `") + key.key + "` | " + key.type + " | " + cell(key.description) + " |\n";
  return text;
}

USAGE_STATS_INLINE void print_dictionary_json(const Options& options, const std::vector<DictionaryEntry>& declared) {
  JsonWriter json(true);
  json.begin_object();
  json.key("app").text(options.app);
  json.key("version").text(options.version);
  json.key("declared").begin_list();
  for (const DictionaryEntry& entry : declared) {
    json.begin_object();
    json.key("name").text(entry.name);
    json.key("kind").text(kind_name(entry.kind));
    json.key("description").text(entry.description);
    if (!entry.choices.empty()) put_list(json, "choices", entry.choices);
    json.end_object();
  }
  json.end_list();
  json.key("built_in").begin_list();
  for (const BuiltIn& key : built_in) {
    json.begin_object();
    json.key("key").text(key.key);
    json.key("type").text(key.type);
    json.key("description").text(key.description);
    json.end_object();
  }
  json.end_list();
  json.end_object();
  print_json(json);
}

USAGE_STATS_INLINE int describe(const Call& call) {
  const std::vector<DictionaryEntry> declared = dictionary();
  if (call.json || call.format == "json")
    print_dictionary_json(call.options, declared);
  else if (call.format == "markdown")
    print(dictionary_markdown(call.options, declared));
  else
    print(dictionary_text(call.options, declared, plan_of(call.options).withheld));
  return done;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
