#pragma once
// Whom the library believes: whose a policy file is, which folder it lies in, what a terminal is, which Windows this
// is, and whether the file that this program was started from is still the same.
#include "checks.hpp"

#include <vector>

namespace {

struct Descriptor {
  explicit Descriptor(const std::string& sddl) {
    ::ConvertStringSecurityDescriptorToSecurityDescriptorW(os::windows::wide(sddl).c_str(), SDDL_REVISION_1, &bytes,
                                                           nullptr);
    check(bytes != nullptr, "understood: " + sddl);
  }
  ~Descriptor() { ::LocalFree(bytes); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  PACL list() const {
    BOOL present = FALSE, defaulted = FALSE;
    PACL found = nullptr;
    ::GetSecurityDescriptorDacl(bytes, &present, &found, &defaulted);
    return found;
  }
  bool of_administrators() const { return os::windows::is_of_administrators(os::windows::Access(bytes)); }

  PSECURITY_DESCRIPTOR bytes = nullptr;
};

void set_type(PACL list, DWORD index, BYTE type) {
  void* entry = nullptr;
  if (::GetAce(list, index, &entry) != 0) static_cast<ACE_HEADER*>(entry)->AceType = type;
}

void try_access_lists() {
  const std::string installer = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
  const std::string usual = "D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FR;;;BU)(A;;0x1200a9;;;WD)";
  for (const std::string& owner : {std::string("BA"), std::string("SY"), installer})
    check(Descriptor("O:" + owner + usual).of_administrators(), "of administrators: " + owner);
  for (const char* const owner : {"BU", "WD", "S-1-5-21-1-2-3-1001", "S-1-5-80-956008885-3418522649-1831038044-1-2"})
    check(!Descriptor(std::string("O:") + owner + usual).of_administrators(), std::string("not theirs: ") + owner);
  for (const char* const list : {"D:(A;;FA;;;BA)(A;;FW;;;BU)", "D:(A;;0x4;;;WD)", "D:(A;;SD;;;AU)", "D:(A;;WD;;;BU)",
                                 "D:(A;;GA;;;S-1-5-21-1-2-3-1001)", ""})
    check(!Descriptor(std::string("O:BA") + list).of_administrators(), std::string("others may write: ") + list);
  check(Descriptor("O:BAD:(D;;FA;;;BU)(A;;FA;;;BA)").of_administrators(), "what is denied gives nothing");

  // With a condition (the bytes of which do not matter here), and of kinds whose SID lies elsewhere.
  for (const BYTE type : {BYTE{ACCESS_ALLOWED_CALLBACK_ACE_TYPE}, BYTE{ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE},
                          BYTE{ACCESS_ALLOWED_OBJECT_ACE_TYPE}}) {
    const Descriptor some("O:BAD:P(A;;FA;;;BA)(A;;FA;;;BU)");
    set_type(some.list(), 1, type);
    check(!some.of_administrators(), "a file that a conditional entry opens, of kind " + std::to_string(type));
    const os::windows::Owners owners;
    check(os::windows::lets_others_change(some.list(), [&](PSID sid) { return owners.or_system_contain(sid); }),
          "a folder that a conditional entry opens, of kind " + std::to_string(type));
  }
}

void try_policy(const fs::path& place) {
  using os::windows::on_system_drive;
  check(on_system_drive(L"%systemdrive%\\ProgramData", L"D:\\Windows") == L"D:\\ProgramData", "the system's drive");
  check(on_system_drive(L"E:\\Data", L"C:\\Windows") == L"E:\\Data", "a place of its own");
  check(on_system_drive(L"%OTHER%\\x", L"C:\\Windows").empty() && on_system_drive(L"x", L"C:\\Windows").empty(),
        "no variable but that one");
  const fs::path before = os::policy_root();
  check(fs::is_directory(before), "the policy folder is one: " + utf8(before));
  for (const wchar_t* const name : {L"ProgramData", L"ALLUSERSPROFILE", L"SystemDrive"})
    ::SetEnvironmentVariableW(name, place.c_str());
  check(os::policy_root() == before, "whatever the environment says: " + utf8(os::policy_root()));
  for (const wchar_t* const name : {L"ProgramData", L"ALLUSERSPROFILE"})
    ::SetEnvironmentVariableW(name, before.c_str());
  ::SetEnvironmentVariableW(L"SystemDrive", before.root_name().c_str());

  auto options = options_for(place / "policy");
  fs::create_directories(options.policy_file.parent_path());
  write_text(options.policy_file, "{\"usage_stats\": true}");  // by this user, who is no administrators' group
  std::error_code error;
  check(!os::read_policy_file(options.policy_file, 100, error) &&
            error == os::refused(os::Refusal::not_of_administrators) && os::read_file(options.policy_file, 100, error),
        "a policy file of a user is none: " + error.message());
  const usage_stats::TelemetrySession session(options, 0, nullptr);
  check(session.decision().verdict == usage_stats::Verdict::off && session.decision().rule == 10,
        "it switches all off: " + session.decision().why);
}

void try_version_names() {
  using os::windows::version_name;
  check(version_name(10, 0, 22631, false) == "Windows 11 10.0.22631", "Windows 11");
  check(version_name(10, 0, 19045, false) == "Windows 10 10.0.19045", "Windows 10");
  check(version_name(10, 0, 20348, true) == "Windows Server 2022 10.0.20348", "Windows Server 2022");
  check(version_name(10, 0, 26100, true) == "Windows Server 2025 10.0.26100", "Windows Server 2025");
  check(version_name(10, 0, 14393, true) == "Windows Server 2016 10.0.14393", "Windows Server 2016");
  check(version_name(6, 3, 9600, false) == "Windows 8.1 6.3.9600" &&
            version_name(6, 1, 7601, false) == "Windows 7 6.1.7601",
        "Windows 8.1 and 7");
  check(version_name(11, 0, 1, false) == "Windows 11.0.1", "one that is not known");
}

// ---- the home folder

void try_home_in_texts(const fs::path& place) {
  ::SetEnvironmentVariableW(L"USERPROFILE", (place / L"J\u00fcrgen").c_str());
  const std::wstring home = os::home().native();
  std::wstring other = home;  // another case, other separators: the same folder
  for (wchar_t& c : other) c = c == L'\\' ? L'/' : c >= L'a' && c <= L'z' ? static_cast<wchar_t>(c - 32) : c;
  check(os::path_with_tilde(home + L"\\a/b") == "~\\a\\b",
        "the home in a text: " + os::path_with_tilde(home + L"\\a/b"));
  check(os::path_with_tilde(other + L"/a") == "~\\a", "the home in capitals, with slashes");
  check(os::path_with_tilde(home + L"er\\a") == utf8(home + L"er\\a"), "a name that begins alike");
  check(usage_stats::detail::begins_with_tilde("~\\x") && usage_stats::detail::begins_with_tilde("~/x") &&
            usage_stats::detail::begins_with_tilde("~") && !usage_stats::detail::begins_with_tilde("~x"),
        "~");
}

// ---- terminals

/// Names of pipes as mintty gives them, and others.
void try_names_of_terminals() {
  using os::windows::is_name_of_terminal;
  for (const wchar_t* const name :
       {L"\\msys-1888ae32e00d56aa-pty0-to-master", L"\\cygwin-c5e39b7a9d22bafb-pty12-from-master",
        L"\\msys-dd50a72ab4668b33-pty1-to-master-nat"})
    check(is_name_of_terminal(name), "a terminal: " + os::windows::utf8(name));
  for (const wchar_t* const name :
       {L"\\msys-1888ae32e00d56aa-pipe-0x1", L"\\msys-xyz-pty0-to-master", L"\\msys-18-pty-to-master", L"", L"\\pipe",
        L"\\a\\msys-1888ae32e00d56aa-pty0-to-master", L"\\msys-1888ae32e00d56aa-pty0-to-master2"})
    check(!is_name_of_terminal(name), "no terminal: " + os::windows::utf8(name));
}

/// What a program says of its streams (SMOKE_TELL) whose standard error is a pipe of that name.
std::string told_with_pipe(const std::wstring& name, const fs::path& told) {
  using os::windows::Handle;
  const std::wstring path = L"\\\\.\\pipe" + name;
  const Handle server(::CreateNamedPipeW(path.c_str(), PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, nullptr));
  const Handle client(::CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr));
  check(server && client, "a pipe of that name");
  os::windows::Program other;
  other.path = os::windows::own_program();
  other.command_line = L"smoke";
  other.environment = os::windows::environment_with({{"SMOKE_TELL", utf8(told)}});
  other.input = other.output = os::windows::null_device().leave();
  other.errors = client.get();
  const Handle process = os::windows::start(other, CREATE_NO_WINDOW);
  ::WaitForSingleObject(process.get(), 30000);
  return text_of(told);
}

void try_terminals(const fs::path& place) {
  try_names_of_terminals();
  const std::string yes = told_with_pipe(L"\\msys-1888ae32e00d56aa-pty0-to-master", place / "told terminal");
  check(yes.find("terminal 0 0 1") != std::string::npos, "mintty's pipe is a terminal: " + yes);
  const std::string no = told_with_pipe(L"\\smoke-1888ae32e00d56aa", place / "told pipe");
  check(no.find("terminal 0 0 0") != std::string::npos, "another pipe is none: " + no);
}

// ---- the program's own file

/// A copy of this program that finds another one under its path, as after an update. 20: it does not start that.
int be_replaced(const fs::path& other) {
  std::error_code error;
  const fs::path own = os::windows::own_program();
  if (!os::finds_own_executable()) return 1;
  fs::rename(own, own.parent_path() / "old.exe", error);
  if (error) return 2;
  fs::copy_file(other, own, error);
  if (error) return 3;
  if (os::finds_own_executable()) return 4;
  const os::Child child = os::start_self({"smoke", {{"SMOKE_TELL", utf8(own.parent_path() / "told")}}}, error);
  return child || !error ? 5 : 20;
}

void try_replaced_program(const fs::path& place) {
  std::error_code error;
  fs::create_directories(place);
  fs::copy_file(fs::u8path(program), place / "tool.exe", error);
  const auto result = os::run_program({utf8(place / "tool.exe"), "replaced", program}, "", 1000, 60s);
  check(result.exit_code == 20, "another program under this one's path is not started: " +
                                    std::to_string(result.exit_code) + " " + result.error.message());
  check(!fs::exists(place / "told"), "nor did it run");
}

}  // namespace
