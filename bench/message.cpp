// What a message costs in a program with 50 MB of read-only data: a quarter of it text, the rest numbers. Beside it
// what it costs to copy that memory once (as it is done, out of memory, and plainly, which would not be safe), and what
// the names of three options cost. Processor time, the median of 21 times.

#include <usage_stats.hpp>

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

__asm__(
    ".section .rodata\n"
    ".globl bench_ballast\n"
    "bench_ballast:\n"
    ".rept 51200\n"
    ".asciz \"the quick brown fox could not jump over the lazy dog: no such animal in line %d of the story, said he\"\n"
    ".asciz \"an option of the parser takes a number between 1 and 65536; anything else is refused with a word of "
    "why\"\n"
    ".balign 256\n"
    ".rept 96\n.long 0x3f8ccccd, 1048577\n.endr\n"
    ".endr\n"
    ".previous\n");
extern "C" const char bench_ballast[];

namespace {

using namespace usage_stats::detail;

double milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

template <class Work>
double median(Work work) {
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const double start = milliseconds();
    work();
    times.push_back(milliseconds() - start);
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  return times[10];
}

}  // namespace

int main() {
  const SensitiveValues sensitive = ambient_values();
  std::string message, asked = "cannot open ";
  for (const char* const part : {"janes_", "diary: No such file or directory"}) asked += part;
  const auto scrub_once = [&] {
    const auto clean = scrub({asked}, sensitive, 1024, os::read_only_memory(true));
    message = clean ? clean->front() : "(type only)";
  };
  const double start = milliseconds();
  scrub_once();  // most runs have one message at most
  const double first = milliseconds() - start, scrubbed = median(scrub_once);
  std::vector<char> buffer(128 * 1024);
  std::size_t size = 0;
  const auto pass_over = [&](auto look) {
    return median([&] {
      size = 0;
      for (const auto& range : os::read_only_memory(true))
        for (auto at = range.begin; at < range.end; at += buffer.size())
          size += look(range, at, std::min<std::size_t>(buffer.size(), range.end - at));
    });
  };
  os::MemoryReader reader;
  const double copied = pass_over([&](const os::MemoryRange& range, std::uintptr_t at, std::size_t part) {
    return reader.copy(range, at, buffer.data(), part);
  });
  const double of_memory = pass_over([&](const os::MemoryRange&, std::uintptr_t at, std::size_t part) {
    return reader.copy(at, buffer.data(), part);
  });
  const double plainly = pass_over([&](const os::MemoryRange&, std::uintptr_t at, std::size_t part) {
    std::memcpy(buffer.data(), reinterpret_cast<const char*>(at), part);  // NOLINT(performance-no-int-to-ptr)
    return part;
  });
  const double named = median([] { find_own_names({"threads", "out", "password-file"}); });
  std::printf("%s\nread-only data:   %6.1f MB at %p\n", message.c_str(), static_cast<double>(size) * 1e-6,
              static_cast<const void*>(bench_ballast));
  std::printf("a message:        %6.2f ms, the first one %6.2f ms\n", scrubbed, first);
  std::printf("to copy it alone: %6.2f ms, out of memory %6.2f ms, by memcpy %6.2f ms\n", copied, of_memory, plainly);
  std::printf("names of options: %6.2f ms\n", named);
  if (message != "cannot open <value>: No such file or directory") std::puts("that is not what should leave");
}
