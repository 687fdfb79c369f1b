#pragma once
// A report as text, key by key. Included by report.inl.

#include <algorithm>
#include <cmath>

#include "report.hpp"
#include "../base/json_writer.inl"
#include "../base/text.hpp"
#include "../base/time.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace report_impl {

/// Milliseconds are as fine as a report gets.
USAGE_STATS_INLINE double rounded(double seconds) { return std::round(std::max(seconds, 0.0) * 1000.0) / 1000.0; }

/// Writes a report, in the order of docs/report.schema.json. Where there is no room for it, it remembers how far it
/// came.
class ReportWriter {
 public:
  ReportWriter(const Report& report, bool indented, std::size_t most) : report_(report), out_(indented, most) {
    write();
  }
  bool is_full() const noexcept { return out_.is_full(); }
  std::string take() { return out_.take(); }
  /// How many events, stages there was room for; no more than that fits in.
  std::size_t events = 0, stages = 0;

 private:
  void write();
  void write_head();
  void write_system();
  void write_build();
  void write_outcome();
  void write_recorded();
  void write(const Values&);
  void write(const ErrorLink&);
  void known(const char* name, const std::string& text);
  void seconds(const char* name, double value) { out_.key(name).number(rounded(value)); }

  const Report& report_;
  JsonWriter out_;
};

USAGE_STATS_INLINE void ReportWriter::known(const char* name, const std::string& text) {
  if (text.empty()) return;
  out_.key(name);
  if (text.size() * 3 <= limits::string_bytes)
    out_.text(text);  // also if each byte of it becomes U+FFFD
  else
    out_.text(clip_utf8(text, limits::string_bytes));
}

USAGE_STATS_INLINE void ReportWriter::write(const Values& values) {
  out_.key("fields").begin_object();
  for (const auto& [name, value] : values) {
    if (out_.is_full()) break;
    if (const auto* const flag = std::get_if<bool>(&value)) out_.key(name).flag(*flag);
    if (const auto* const integer = std::get_if<std::int64_t>(&value)) out_.key(name).integer(*integer);
    if (const auto* const number = std::get_if<double>(&value)) out_.key(name).number(*number);
    if (const auto* const text = std::get_if<std::string>(&value)) out_.key(name).text(*text);
  }
  out_.end_object();
}

USAGE_STATS_INLINE void ReportWriter::write_head() {
  out_.key("schema").text("usage-stats/1");
  known("client_id", report_.client_id);
  out_.key("session_id").text(report_.session_id);
  out_.key("sequence").integer(report_.sequence);
  out_.key("final").flag(report_.final);
  out_.key("app").begin_object();
  out_.key("name").text(report_.app_name);
  out_.key("version").text(report_.app_version);
  out_.end_object();
}

USAGE_STATS_INLINE void ReportWriter::write_build() {
  out_.key("build").begin_object();
  known("compiler", report_.build.compiler);
  out_.key("cxx_standard").integer(report_.build.cxx_standard);
  known("type", report_.build.type);
  std::map<std::string, std::string> clipped;  // of two names that become one the last version holds
  for (const auto& [name, version] : report_.dependencies)
    clipped[clip_utf8(name, limits::string_bytes)] = clip_utf8(version, limits::string_bytes);
  if (!clipped.empty()) {
    out_.key("dependencies").begin_object();
    for (const auto& [name, version] : clipped) out_.key(name).text(version);
    out_.end_object();
  }
  out_.end_object();
}

USAGE_STATS_INLINE void ReportWriter::write_system() {
  const System& system = report_.system;
  out_.key("system").begin_object();
  known("os", system.os);
  known("os_version", system.os_version);
  known("kernel", system.kernel);
  known("arch", system.arch);
  if (system.cpus != 0) out_.key("cpus").integer(static_cast<std::int64_t>(system.cpus));
  if (system.memory_gb != 0) out_.key("memory_gb").positive(system.memory_gb);
  known("libc", system.libc);
  out_.key("ci").flag(system.ci);
  out_.key("container").flag(system.container);
  out_.key("interactive").flag(system.interactive);
  out_.end_object();
}

USAGE_STATS_INLINE void ReportWriter::write(const ErrorLink& link) {
  out_.key("type").text(link.type.empty() ? "unknown" : clip_utf8(link.type, limits::string_bytes));
  put_text(out_, "message", link.message);
}

USAGE_STATS_INLINE void ReportWriter::write_outcome() {
  const Outcome& outcome = report_.outcome;
  out_.key("outcome").begin_object();
  out_.key("status").text(status_name(outcome.status));
  if (outcome.exit_code) out_.key("exit_code").integer(*outcome.exit_code);
  known("signal", outcome.signal);
  if (!outcome.error.empty()) {
    out_.key("error").begin_object();
    write(outcome.error.front());
    if (outcome.error.size() > 1) out_.key("causes").begin_list();
    for (std::size_t i = 1; i < outcome.error.size(); ++i) {
      out_.begin_object();
      write(outcome.error[i]);
      out_.end_object();
    }
    if (outcome.error.size() > 1) out_.end_list();
    out_.end_object();
  }
  out_.end_object();
}

USAGE_STATS_INLINE void ReportWriter::write_recorded() {
  write(report_.fields);
  out_.key("counters").begin_object();
  for (const auto& [name, count] : report_.counters) out_.key(name).integer(count);
  out_.end_object();
  out_.key("events").begin_list();
  for (; events < report_.events.size() && !out_.is_full(); ++events) {
    const EventRecord& event = report_.events[events];
    out_.begin_object();
    out_.key("name").text(event.name);
    seconds("at_s", event.at_s);
    write(event.fields);
    out_.end_object();
  }
  out_.end_list();
  out_.key("stages").begin_list();
  for (; stages < report_.stages.size() && !out_.is_full(); ++stages) {
    const StageRecord& stage = report_.stages[stages];
    out_.begin_object();
    out_.key("name").text(stage.name);
    seconds("at_s", stage.at_s);
    if (stage.duration_s) seconds("duration_s", *stage.duration_s);
    out_.key("status").text(status_name(stage.status));
    write(stage.fields);
    out_.end_object();
  }
  out_.end_list();
}

USAGE_STATS_INLINE void ReportWriter::write() {
  out_.begin_object();
  write_head();
  write_build();
  write_system();
  out_.key("command").begin_object();
  known("name", report_.command);
  if (report_.arguments) put_list(out_, "arguments", *report_.arguments);
  out_.end_object();
  out_.key("started_at").text(timestamp(report_.started_at));
  if (report_.ended_at) out_.key("ended_at").text(timestamp(*report_.ended_at));
  if (report_.duration_s) seconds("duration_s", *report_.duration_s);
  write_outcome();
  write_recorded();
  out_.key("delivery").begin_object();
  out_.key("sent").integer(report_.delivered);
  out_.key("failed").integer(report_.failed);
  out_.key("dropped").integer(report_.dropped);
  out_.end_object();
  if (!report_.truncated.empty()) {
    out_.key("truncated").begin_object();
    for (const auto& [name, count] : report_.truncated) out_.key(name).positive(count);
    out_.end_object();
  }
  out_.end_object();
}

}  // namespace report_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
