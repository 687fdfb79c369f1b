// What a message costs in a program with 50 MB of read-only data: a quarter of it text, the rest numbers. Beside it
// what it costs to copy that memory once, and what the names of three options cost. Processor time, the median of 21
// times.

#include <usage_stats.hpp>

#include <time.h>

#include <algorithm>
#include <cstdio>
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
  const double scrubbed = median([&] {
    const auto clean = scrub({asked}, sensitive, 1024, os::read_only_memory(true));
    message = clean ? clean->front() : "(type only)";
  });
  std::vector<char> buffer(256 * 1024);
  std::size_t size = 0;
  const double copied = median([&] {
    const os::MemoryReader reader;
    size = 0;
    for (const auto& range : os::read_only_memory(true))
      for (auto at = range.begin; at < range.end; at += buffer.size())
        size += reader.copy(at, buffer.data(), std::min<std::size_t>(buffer.size(), range.end - at));
  });
  const double named = median([] { find_own_names({"threads", "out", "password-file"}); });
  std::printf(
      "%s\nread-only data:   %6.1f MB at %p\na message:        %6.2f ms\nto copy it alone: %6.2f ms\nnames of options: "
      "%6.2f ms\n",
      message.c_str(), static_cast<double>(size) * 1e-6, static_cast<const void*>(bench_ballast), scrubbed, copied,
      named);
  if (message != "cannot open <value>: No such file or directory") std::puts("that is not what should leave");
}
