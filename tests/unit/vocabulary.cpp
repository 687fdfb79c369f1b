#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <usage_stats.hpp>
#include <vector>

#include "own_environment.hpp"
#include "temporary_folder.hpp"

// What is the program's own text, and what only lies in its memory.

using namespace usage_stats::detail;

namespace {

/// What of the text the program says, the rest as dots.
std::string own_part(const std::string& text) {
  const auto own = find_own_text({text}, os::read_only_memory(true));
  REQUIRE(own);
  std::string result = text;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((*own)[0][i] == Own::no) result[i] = '.';
  return result;
}

/// A sentence that no literal has: it is put together here.
std::string unheard_of(const std::string& word) {
  std::string text;
  for (const char* part : {"zeb", "ra", " wom", "bat ", "quok", "ka "}) text += part;
  return text + word;
}

std::string dots(const std::string& text) { return std::string(text.size(), '.'); }

char written_data[64] = "a sentence in data that is written";

}  // namespace

TEST_CASE("vocabulary: literals of the program and of its libraries") {
  const char* volatile literal = "vocabulary: a literal of this very test";
  const std::string text = literal;
  CHECK(own_part(text) == text);
  CHECK(own_part("No such file or directory") == "No such file or directory");  // the C library's
  CHECK(own_part(std::string("vocabulary: a literal of ") + "Jane") == "vocabulary: a literal of ....");
}

TEST_CASE("vocabulary: UTF-16 literals") {
  const char16_t* volatile literal = u"une phrase de cet essai-ci, \u00E9crite en UTF-16";
  const std::u16string_view wide = literal;
  std::string text;  // the same in UTF-8, put together here
  for (const char16_t c : wide)
    if (c < 0x80)
      text += static_cast<char>(c);
    else
      text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  CHECK(own_part(text) == text);
}

TEST_CASE("vocabulary: the heap, the stack, written data, the environment and arguments are not the program's text") {
  const std::string text = unheard_of("heap");
  const std::vector<std::string> copies(100, text);
  char stack[64];
  std::snprintf(stack, sizeof stack, "%s", text.c_str());
  std::snprintf(written_data, sizeof written_data, "%s", text.c_str());
  const OwnEnvironment environment({{"PHRASE", text}});
  CHECK(own_part(text) == dots(text));
  CHECK(stack == text);
  CHECK(written_data == text);
}

TEST_CASE("vocabulary: a file that the program has mapped is not its text, were it an object") {
  TemporaryFolder folder;
  const std::string text = unheard_of("file");
  for (const bool object : {false, true}) {
    const auto path = folder.path() / (object ? "object" : "data");
    std::string bytes(8192, '\0');
    if (object) std::ifstream("/proc/self/exe", std::ios::binary).read(bytes.data(), 4096);
    bytes.replace(4096, text.size(), text);
    std::ofstream(path, std::ios::binary) << bytes;
    std::FILE* const file = std::fopen(path.c_str(), "r");
    REQUIRE(file != nullptr);
    void* const mapped = ::mmap(nullptr, bytes.size(), PROT_READ, MAP_PRIVATE, ::fileno(file), 0);
    std::fclose(file);
    REQUIRE(mapped != MAP_FAILED);
    CHECK(own_part(text) == dots(text));
    ::munmap(mapped, bytes.size());
  }
}

TEST_CASE("vocabulary: the names of symbols are not the program's text") {
  const std::string symbol = std::string("_ZNSt18condition_") + "variable10notify_oneEv";  // libstdc++ has it
  CHECK(own_part(symbol) == dots(symbol));
}

TEST_CASE("vocabulary: memory that is gone, or whose file was cut, is no words, and harms nobody") {
  TemporaryFolder folder;
  const auto path = folder.path() / "file";
  std::ofstream(path) << std::string(8192, 'x');
  std::FILE* const file = std::fopen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  void* const mapped = ::mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE, ::fileno(file), 0);
  std::fclose(file);
  REQUIRE(mapped != MAP_FAILED);
  REQUIRE(::truncate(path.c_str(), 0) == 0);
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  CHECK_FALSE(find_own_text({"any words"}, {{begin, begin + 8192}}));
  ::munmap(mapped, 8192);
  CHECK_FALSE(find_own_text({"any words"}, {{begin, begin + 8192}}));
  CHECK_FALSE(find_own_text({"any words"}, {}));
}

TEST_CASE("vocabulary: what a file holds is read out of it, unless another one bears its name by now") {
  TemporaryFolder folder;
  const auto path = folder.path() / "library", update = folder.path() / "update", fifo = folder.path() / "fifo";
  const std::string text = unheard_of("first"), other = unheard_of("second");
  const auto write = [](const std::filesystem::path& where, const std::string& what, char filler) {
    std::string bytes(8192, filler);
    bytes.replace(4096, what.size() + 2, '\0' + what + '\0');
    std::ofstream(where, std::ios::binary) << bytes;
  };
  write(path, text, 'x');
  write(update, other, 'y');
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  std::FILE* const file = std::fopen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  void* const mapped = ::mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE, ::fileno(file), 0);
  std::fclose(file);
  REQUIRE(mapped != MAP_FAILED);
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  const auto says = [&](const std::filesystem::path& name, const std::string& what) {
    const auto same = std::make_shared<const os::MappedFile>(os::MappedFile{name.string(), begin});
    const auto own = find_own_text({what}, {{begin, begin + 8192, false, same, begin}});
    return own && own->front().back() == Own::phrase;
  };
  for (const auto& name : {update, fifo, folder.path() / "none", folder.path()}) {  // memory knows better
    CHECK(says(name, text));
    CHECK_FALSE(says(name, other));
  }
  ::munmap(static_cast<char*>(mapped) + 4096, 4096);
  CHECK(says(path, text));
  CHECK_FALSE(says(update, text));
  std::filesystem::resize_file(path, 4096);
  CHECK_FALSE(says(path, text));
  ::munmap(mapped, 4096);
  CHECK_FALSE(says(path, text));
}

TEST_CASE("vocabulary: a lock that the program has on a file of its own outlasts the search") {
  TemporaryFolder folder;
  const auto path = folder.path() / "library";
  const std::string text = unheard_of("locked");
  std::ofstream(path, std::ios::binary) << std::string(8192, 'x').replace(4096, text.size() + 2, '\0' + text + '\0');
  const pid_t child = ::fork();  // which may leave the file open for good
  if (child == 0) {
    const int file = ::open(path.c_str(), O_RDWR), other = ::open(path.c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    void* const mapped = ::mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE, file, 0);
    if (::fcntl(file, F_SETLK, &lock) != 0 || mapped == MAP_FAILED) ::_exit(2);
    const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
    const auto same = std::make_shared<const os::MappedFile>(os::MappedFile{path.string(), begin});
    int faults = 0;
    for (int i = 0; i < 3; ++i) {
      const auto own = find_own_text({text}, {{begin, begin + 8192, false, same, begin}});
      lock.l_type = F_WRLCK;
      lock.l_pid = 0;
      if (::fcntl(other, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) faults |= 4;
      if (!own || own->front().back() != Own::phrase) faults |= 8;
    }
    const int next = ::dup(other);
    if (next > other + 2) faults |= 16;  // one descriptor is left, however often it is searched
    ::_exit(faults);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("vocabulary: names") {
  const std::string strange = std::string("zeb") + "rawombat", joined = std::string("threads") + "x";
  const auto known = find_own_names({"threads", strange, joined, "is", "x"});
  REQUIRE(known);
  CHECK(*known == std::vector<bool>{true, false, false, true, true});
}
