#include "report_v1.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace collector {

std::string printable(std::string_view text, std::size_t limit) {
  std::string result(text.substr(0, limit));
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

namespace {

/// Where a value stands in the report. Text is made of it only for a reason to refuse.
struct Place {
  const Place* in = nullptr;
  std::string_view key{};
  std::size_t item = 0;

  std::string text() const {
    const std::string before = in == nullptr ? std::string() : in->text();
    if (in == nullptr) return before;
    if (key.empty()) return before + '[' + std::to_string(item) + ']';
    return (before.empty() ? "" : before + '.') + printable(key);
  }
};
[[noreturn]] void refuse(const Place& where, const std::string& why) { throw Refused(where.text(), why); }

/// Throws Refused, naming the place, unless the value is as it must be.
using Check = std::function<void(const Json& value, const Place& where)>;
using Keys = std::vector<std::pair<std::string, Check>>;
using Predicate = bool (*)(std::string_view);

bool consists_of(std::string_view allowed, std::string_view text) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}
bool is_word(std::string_view first, std::string_view rest, std::string_view text) {
  return !text.empty() && text.size() <= 64 && consists_of(first, text.substr(0, 1)) && consists_of(rest, text);
}
bool is_session_id(std::string_view text) { return text.size() == 32 && consists_of("0123456789abcdef", text); }
bool is_name(std::string_view text) {
  return is_word("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz0123456789_.", text);
}
bool is_app(std::string_view text) {
  constexpr std::string_view all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return is_word(all.substr(0, 62), all, text);
}
bool is_version(std::string_view text) { return !text.empty() && text.size() <= 64 && text == printable(text); }
bool is_short_text(std::string_view text) { return !text.empty() && text.size() <= 256; }
bool is_time(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  const auto within = [&](std::size_t at, int least, int most) {
    const int number = (text[at] - '0') * 10 + (text[at + 1] - '0');
    return number >= least && number <= most;
  };
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char f) { return f == '0' ? c >= '0' && c <= '9' : c == f; }) &&
         within(5, 1, 12) && within(8, 1, 31) && within(11, 0, 23) && within(14, 0, 59) && within(17, 0, 59);
}

Check text(std::size_t most, std::size_t least = 0) {
  return [=](const Json& value, const Place& where) {
    if (!value.is_string()) refuse(where, "must be a string");
    const std::size_t size = value.get_ref<const std::string&>().size();
    if (size < least || size > most)
      refuse(where, "must have " + std::to_string(least) + " to " + std::to_string(most) + " bytes");
  };
}
Check text_like(Predicate fits, std::string form) {
  return [=](const Json& value, const Place& where) {
    if (!value.is_string() || !fits(value.get_ref<const std::string&>())) refuse(where, "must be " + form);
  };
}
Check one_of(std::vector<std::string> words) {
  return [=](const Json& value, const Place& where) {
    if (value.is_string() && std::count(words.begin(), words.end(), value.get_ref<const std::string&>()) > 0) return;
    std::string list;
    for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
    refuse(where, words.size() == 1 ? "must be " + list : "must be one of " + list);
  };
}
Check integer(std::int64_t least, std::int64_t most = INT64_MAX) {
  return [=](const Json& value, const Place& where) {
    const bool fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most) &&
                                (least < 0 || value.get<std::uint64_t>() >= static_cast<std::uint64_t>(least))
                          : value.is_number_integer() && value.get<std::int64_t>() >= least;
    if (!fits) refuse(where, "must be an integer, " + std::to_string(least) + " to " + std::to_string(most));
  };
}
void power_of_two(const Json& value, const Place& where) {
  const auto n = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
  if (n == 0 || n > 1048576 || (n & (n - 1)) != 0) refuse(where, "must be a power of two, 1 to 1048576");
}
void seconds(const Json& value, const Place& where) {
  if (!value.is_number() || value.get<double>() < 0) refuse(where, "must be a number, not negative");
}
void boolean(const Json& value, const Place& where) {
  if (!value.is_boolean()) refuse(where, "must be true or false");
}
void field_value(const Json& value, const Place& where) {
  if (value.is_string()) return text(256)(value, where);
  if (!value.is_boolean() && !value.is_number()) refuse(where, "must be a boolean, a number or a string");
}
Check list_of(Check item, std::size_t most) {
  return [=](const Json& value, const Place& where) {
    if (!value.is_array()) refuse(where, "must be an array");
    if (value.size() > most) refuse(where, "has more than " + std::to_string(most) + " items");
    for (std::size_t i = 0; i < value.size(); ++i) item(value[i], {&where, {}, i});
  };
}
Check map_of(Predicate is_key, Check item, std::size_t most) {
  return [=](const Json& value, const Place& where) {
    if (!value.is_object()) refuse(where, "must be an object");
    if (value.size() > most) refuse(where, "has more than " + std::to_string(most) + " keys");
    for (const auto& [key, element] : value.items()) {
      if (!is_key(key)) refuse({&where, key}, "is not a valid name");
      item(element, {&where, key});
    }
  };
}
Check object(Keys required, Keys optional = {}) {
  return [required = std::move(required), optional = std::move(optional)](const Json& value, const Place& where) {
    if (!value.is_object()) refuse(where, "must be an object");
    for (const auto& [key, check] : required) {
      const auto found = value.find(key);
      if (found == value.end()) refuse({&where, key}, "is missing");
      check(*found, {&where, key});
    }
    for (const auto& [key, check] : optional)
      if (const auto found = value.find(key); found != value.end()) check(*found, {&where, key});
    for (const auto& [key, element] : value.items()) {
      const auto same = [&key = key](const auto& known) { return known.first == key; };
      if (std::none_of(required.begin(), required.end(), same) && std::none_of(optional.begin(), optional.end(), same))
        refuse({&where, key}, "is not a key of report v1");
    }
  };
}

/// The report as keys and kinds of values.
Check report_shape() {
  const Check time = text_like(is_time, "a time like 2026-11-22T08:00:00.123Z");
  const Check name = text_like(is_name, "a name, [a-z][a-z0-9_.]{0,63}");
  const Check short_text = text(256, 1);
  const Check values = map_of(is_name, field_value, 64);
  const Check cause = object({{"type", short_text}}, {{"message", text(1024)}});
  const Check error = object({{"type", short_text}}, {{"message", text(1024)}, {"causes", list_of(cause, 7)}});
  const Check signal = one_of({"SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGSEGV", "SIGBUS", "SIGFPE",
                               "SIGILL", "SIGABRT", "SIGXCPU", "SIGSYS"});
  const Keys system = {{"os", short_text},   {"os_version", short_text},  {"kernel", short_text}, {"arch", short_text},
                       {"cpus", integer(1)}, {"memory_gb", power_of_two}, {"libc", short_text}};
  return object(
      {{"schema", one_of({"usage-stats/1"})},
       {"session_id", text_like(is_session_id, "32 lower case hexadecimal digits")},
       {"sequence", integer(1)},
       {"final", boolean},
       {"app", object({{"name", text_like(is_app, "an app's name, [A-Za-z0-9][A-Za-z0-9._-]{0,63}")},
                       {"version", text_like(is_version, "1 to 64 printable ASCII characters")}})},
       {"build", object({{"cxx_standard", integer(17, 99)}, {"type", one_of({"release", "debug"})}},
                        {{"compiler", short_text}, {"dependencies", map_of(is_short_text, text(256), 64)}})},
       {"system", object({{"ci", boolean}, {"container", boolean}, {"interactive", boolean}}, system)},
       {"command", object({}, {{"name", short_text}, {"arguments", list_of(text(256), 64)}})},
       {"started_at", time},
       {"outcome", object({{"status", one_of({"ok", "failed", "exception", "signal", "lost", "running"})}},
                          {{"exit_code", integer(INT32_MIN, INT32_MAX)}, {"signal", signal}, {"error", error}})},
       {"fields", values},
       {"counters", map_of(is_name, integer(0), 64)},
       {"events", list_of(object({{"name", name}, {"at_s", seconds}, {"fields", values}}), 1000)},
       {"stages", list_of(object({{"name", name},
                                  {"at_s", seconds},
                                  {"status", one_of({"running", "ok", "failed"})},
                                  {"fields", values}},
                                 {{"duration_s", seconds}}),
                          256)},
       {"delivery", object({{"sent", integer(0)}, {"failed", integer(0)}, {"dropped", integer(0)}})}},
      {{"client_id", text_like(is_client_id, "32 or 64 lower case hexadecimal digits")},
       {"ended_at", time},
       {"duration_s", seconds},
       {"truncated", map_of(is_name, integer(1), 64)}});
}

/// What the values say of each other.
void check_conditions(const Json& report) {
  const auto require = [](bool holds, const char* where, const char* why) {
    if (!holds) throw Refused(where, why);
  };
  const Json& outcome = report["outcome"];
  const std::string& status = outcome["status"].get_ref<const std::string&>();
  const bool ended_itself = status == "ok" || status == "failed" || status == "exception";
  require(report["final"] == (status != "running"), "final", "is false exactly while the status is running");
  require(status != "running" || !report.contains("ended_at"), "ended_at", "a running session has no end");
  require(!ended_itself || (report.contains("ended_at") && report.contains("duration_s")), "ended_at",
          "and duration_s must be there with this status");
  require(outcome.contains("signal") == (status == "signal"), "outcome.signal", "goes with the status signal");
  require(!outcome.contains("error") || status == "failed" || status == "exception", "outcome.error",
          "goes with the status failed or exception");
  require(status != "ok" || !outcome.contains("exit_code") || outcome["exit_code"] == 0, "outcome.exit_code",
          "is 0 where the status is ok");
  for (const Json& stage : report["stages"])
    require(stage.contains("duration_s") == (stage["status"] != "running"), "stages",
            "have a duration once they ended");
}

}  // namespace

bool is_client_id(std::string_view text) {
  return (text.size() == 32 || text.size() == 64) && consists_of("0123456789abcdef", text);
}

Json parse_report(std::string_view body) {
  static const Check shape = report_shape();
  Json report = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (report.is_discarded()) throw Refused("", "the body is not JSON");
  if (!report.is_object()) throw Refused("", "the body is not a JSON object");
  shape(report, {});
  check_conditions(report);
  return report;
}

}  // namespace collector
