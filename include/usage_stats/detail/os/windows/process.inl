#pragma once
// Processes, for Windows. Included by platform.inl after windows.h and the helpers that it defines.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "../platform.hpp"
#include "file.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

namespace windows {

/// An argument as the C runtime of the other program takes a command line apart.
USAGE_STATS_INLINE std::wstring quoted(const std::wstring& argument) {
  std::wstring result = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : argument) {
    // Backslashes are themselves, but for those in front of a quotation mark.
    if (c == L'"') result.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    result += c;
  }
  return result.append(backslashes, L'\\') + L"\"";
}

/// Our environment and some variables more, sorted as CreateProcess wants it.
USAGE_STATS_INLINE std::wstring environment_with(const std::vector<std::pair<std::string, std::string>>& variables) {
  const auto name_of = [](const std::wstring& entry) { return entry.substr(0, entry.find(L'=', 1)); };
  const auto before = [&](const std::wstring& a, const std::wstring& b) {
    const std::wstring x = name_of(a), y = name_of(b);
    return ::CompareStringOrdinal(x.c_str(), -1, y.c_str(), -1, TRUE) == CSTR_LESS_THAN;
  };
  std::vector<std::wstring> entries;
  for (const auto& [name, value] : variables) entries.push_back(wide(name) + L"=" + wide(value));
  for (std::wstring& entry : environment()) entries.push_back(std::move(entry));
  std::stable_sort(entries.begin(), entries.end(), before);  // of two with one name, ours comes first
  std::wstring block;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (i == 0 || before(entries[i - 1], entries[i])) block += entries[i] + L'\0';
  return block + L'\0';
}

/// The null device, or none.
USAGE_STATS_INLINE Handle null_device() noexcept {
  return Handle(::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                              OPEN_EXISTING, 0, nullptr));
}

struct Program {
  std::wstring path, command_line, environment;
  HANDLE input = nullptr, output = nullptr, errors = nullptr;
};

/// The list of handles that a child inherits: those three and no other.
struct Inherited {
  explicit Inherited(const Program& program) {
    for (const HANDLE handle : {program.input, program.output, program.errors})
      if (std::find(handles.begin(), handles.begin() + count, handle) == handles.begin() + count)
        handles[static_cast<std::size_t>(count++)] = handle;  // a handle twice would be refused
    for (int i = 0; i < count; ++i)
      ::SetHandleInformation(handles[static_cast<std::size_t>(i)], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    SIZE_T size = 0;
    ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    bytes.resize(size);
    auto* const attributes = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(bytes.data());
    if (::InitializeProcThreadAttributeList(attributes, 1, 0, &size) == 0) return;
    list = attributes;
    good = ::UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(),
                                       static_cast<SIZE_T>(count) * sizeof(HANDLE), nullptr, nullptr) != 0;
  }
  ~Inherited() {
    if (list != nullptr) ::DeleteProcThreadAttributeList(list);
  }
  Inherited(const Inherited&) = delete;
  Inherited& operator=(const Inherited&) = delete;

  std::array<HANDLE, 3> handles{};
  int count = 0;
  std::vector<unsigned char> bytes;
  LPPROC_THREAD_ATTRIBUTE_LIST list = nullptr;
  bool good = false;
};

/// Starts a program in the system's folder, so that it keeps nobody from removing ours. Its handle, or none.
USAGE_STATS_INLINE Handle start(Program& program, DWORD flags) {
  Inherited inherited(program);
  if (!inherited.good) return Handle();
  STARTUPINFOEXW info{};
  info.StartupInfo.cb = sizeof info;
  info.StartupInfo.dwFlags = STARTF_USESTDHANDLES | STARTF_FORCEOFFFEEDBACK;
  info.StartupInfo.hStdInput = program.input;
  info.StartupInfo.hStdOutput = program.output;
  info.StartupInfo.hStdError = program.errors;
  info.lpAttributeList = inherited.list;
  const std::wstring folder = text_of([](wchar_t* text, DWORD room) { return ::GetSystemDirectoryW(text, room); });
  PROCESS_INFORMATION process{};
  void* const variables = program.environment.empty() ? nullptr : &program.environment[0];
  flags |= CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
  if (::CreateProcessW(program.path.c_str(), &program.command_line[0], nullptr, nullptr, TRUE, flags, variables,
                       folder.c_str(), &info.StartupInfo, &process) == 0)
    return Handle();
  ::CloseHandle(process.hThread);
  return Handle(process.hProcess);
}

}  // namespace windows

USAGE_STATS_INLINE void block_signals_in_this_thread() noexcept {}

USAGE_STATS_INLINE void limit_memory(std::size_t) noexcept {}

USAGE_STATS_INLINE std::filesystem::path find_program(std::string_view name, bool as_a_shell) {
  const std::wstring folders = windows::wide(variable("PATH").value_or(""));
  const std::wstring file = windows::wide(name) + (name.find('.') == std::string_view::npos ? L".exe" : L"");
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = (std::min)(folders.find(L';', begin), folders.size());
    std::wstring folder = folders.substr(begin, end - begin);
    folder.erase(std::remove(folder.begin(), folder.end(), L'"'), folder.end());
    const std::filesystem::path candidate = std::filesystem::path(folder) / file;
    if ((as_a_shell || candidate.is_absolute()) &&
        (::GetFileAttributesW(candidate.c_str()) & FILE_ATTRIBUTE_DIRECTORY) == 0)
      return candidate;  // INVALID_FILE_ATTRIBUTES has all bits
    begin = end + 1;
  }
  return {};
}

namespace windows {

/// Gives as much input as the pipe takes now; whether it took some.
USAGE_STATS_INLINE bool feed(Handle& pipe, std::string_view& input) noexcept {
  // In pieces: what does not fit as a whole into a pipe that does not wait is not taken at all.
  const DWORD piece = static_cast<DWORD>((std::min)(input.size(), std::size_t{2048}));
  DWORD count = 0;
  if (piece > 0 && ::WriteFile(pipe.get(), input.data(), piece, &count, nullptr) == 0) input = {};
  input.remove_prefix((std::min)(std::size_t{count}, input.size()));
  if (input.empty()) pipe.close();
  return count > 0;
}

/// Feeds the program and collects what it says until it ends or closes its output, says too much, or time is up.
USAGE_STATS_INLINE void converse(HANDLE process, Handle& in, const Handle& out, std::string_view input,
                                 std::size_t limit, std::chrono::steady_clock::time_point deadline,
                                 const std::function<bool(std::string_view)>& enough, std::string& output) {
  for (DWORD pause_ms = 1; output.size() < limit && std::chrono::steady_clock::now() < deadline;) {
    if (enough && enough(output)) return;
    // Asked first: what a program said before its end stands in the pipe by now. The pipe's own end may not be seen,
    // where a child that the host starts at this moment inherits it.
    const bool ended = ::WaitForSingleObject(process, 0) != WAIT_TIMEOUT;
    bool moved = in && feed(in, input);
    char buffer[8192];
    DWORD count = 0;
    if (::PeekNamedPipe(out.get(), nullptr, 0, nullptr, &count, nullptr) == 0) return;
    if (count == 0 && ended) return;
    if (count > 0) {
      const std::size_t room = (std::min)(sizeof buffer, limit - output.size());
      if (::ReadFile(out.get(), buffer, static_cast<DWORD>(room), &count, nullptr) == 0) return;
      output.append(buffer, count);
      moved = true;
    }
    if (!moved) ::WaitForSingleObject(process, pause_ms);
    pause_ms = moved ? 1 : (std::min)(pause_ms * 2, DWORD{16});
  }
}

}  // namespace windows

USAGE_STATS_INLINE ProgramResult run_program(const std::vector<std::string>& command, std::string_view input,
                                             std::size_t output_limit, std::chrono::milliseconds limit,
                                             std::size_t /*memory*/,
                                             const std::function<bool(std::string_view)>& enough) {
  ProgramResult result;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  HANDLE read_end = nullptr, write_end = nullptr;
  if (::CreatePipe(&read_end, &write_end, nullptr, 65536) == 0) return result.error = windows::last_error(), result;
  windows::Handle in_child(read_end), in_parent(write_end);
  if (::CreatePipe(&read_end, &write_end, nullptr, 65536) == 0) return result.error = windows::last_error(), result;
  windows::Handle out_parent(read_end), out_child(write_end), null = windows::null_device();
  DWORD no_waiting = PIPE_NOWAIT;
  if (!null || ::SetNamedPipeHandleState(in_parent.get(), &no_waiting, nullptr, nullptr) == 0)
    return result.error = windows::last_error(), result;

  windows::Program program;
  program.path = windows::wide(command.front());
  for (const std::string& argument : command) program.command_line += windows::quoted(windows::wide(argument)) + L" ";
  program.input = in_child.get();
  program.output = out_child.get();
  program.errors = null.get();
  const windows::Handle process = windows::start(program, CREATE_NO_WINDOW);
  if (!process) return result.error = windows::last_error(), result;
  in_child.close();
  out_child.close();
  windows::converse(process.get(), in_parent, out_parent, input, output_limit, deadline, enough, result.output);

  out_parent.close();
  in_parent.close();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  DWORD code = 0;
  const bool ends_itself = left > 0 && !(enough && enough(result.output));
  if (::WaitForSingleObject(process.get(), ends_itself ? static_cast<DWORD>(left) : 0) == WAIT_TIMEOUT)
    ::TerminateProcess(process.get(), 1);
  else if (::GetExitCodeProcess(process.get(), &code) != 0)
    result.exit_code = static_cast<int>(code);
  return result;
}

USAGE_STATS_INLINE int exit_status(int code) noexcept { return code; }
/// Containers of Windows have a system of their own, which outlives its programs.
USAGE_STATS_INLINE bool ends_with_its_container() noexcept { return false; }

USAGE_STATS_INLINE void exit_now(int code) noexcept {
  ::TerminateProcess(::GetCurrentProcess(), static_cast<UINT>(code));
  std::_Exit(code);
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
