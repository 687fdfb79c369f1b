#pragma once
// A separate home folder for the programs under test, and access to what they leave there.

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "process.hpp"
#include "programs.hpp"
#include "temporary_folder.hpp"

/// A new HOME with nothing in it. Its destructor ends the uploaders that still wait for more, and copies every report
/// to $USAGE_STATS_COLLECT, where all of them are checked against the schema when all tests have run.
class Sandbox {
 public:
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// What programs are given: HOME, PATH, XDG_STATE_HOME, XDG_CONFIG_HOME and TMPDIR, all in here; no sign of a CI.
  std::map<std::string, std::string> environment;
  /// Whether reports go to the collection; a test that makes broken ones on purpose says false.
  bool collect = true;

  std::filesystem::path root() const { return folder_.path(); }
  std::filesystem::path home() const { return folder_ / "home"; }
  std::filesystem::path usage_folder(const std::string& app = "reporter") const;
  std::filesystem::path config_file(const std::string& app = "reporter") const;

  /// A command for a program of tests/programs, to be changed and run: run(sandbox.command("reporter", {"--exit",
  /// "3"}))
  Command command(const std::string& name, std::vector<std::string> arguments = {}) const;
  /// The same, run to its end.
  Result run(const std::string& name, std::vector<std::string> arguments = {}) const;

  /// The reports' files, by path; their contents; the contents of the only one (throws if there is another number).
  std::vector<std::filesystem::path> report_files(const std::string& app = "reporter") const;
  std::vector<nlohmann::json> reports(const std::string& app = "reporter") const;
  nlohmann::json report(const std::string& app = "reporter") const;
  /// Names of the envelopes of live sessions, and of those that wait to be sent.
  std::vector<std::string> active(const std::string& app = "reporter") const;
  std::vector<std::string> pending(const std::string& app = "reporter") const;

  /// A program of tests/programs as its own uploader, by hand: it sends what is due and does not stay for more.
  Command uploader(const std::string& name) const;
  /// The uploaders at work for any app of this home, and for some microseconds those that they are just starting.
  std::vector<pid_t> uploaders() const;
  /// The one that has the app's uploader.lock; 0: none.
  pid_t has_lock(const std::string& app = "reporter") const;
  bool wait_for_no_uploader(std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
  void end_uploaders() const noexcept;

 private:
  TemporaryFolder folder_;
};

/// The names in a folder, sorted; none if there is no folder.
std::vector<std::string> names_in(const std::filesystem::path& folder);
