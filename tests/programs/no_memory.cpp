// A host whose memory is short when its session begins, or when it ends: no_memory URL BYTES begin|end
#include <usage_stats.hpp>

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

namespace {

bool armed = false;
std::size_t budget = 0, spent = 0;

void* allocate(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  if (!armed) return memory;
  const std::size_t usable = ::malloc_usable_size(memory);
  if (spent + usable > budget) {
    std::free(memory);
    throw std::bad_alloc();
  }
  spent += usable;
  return memory;
}

void release(void* memory) {
  if (armed && memory != nullptr) spent -= std::min(spent, ::malloc_usable_size(memory));
  std::free(memory);
}

const usage_stats::Field<std::int64_t> threads{"threads", "worker threads"};
const usage_stats::Field<usage_stats::Text> note{"note", "a remark"};
const usage_stats::Counter steps{"steps", "steps taken"};
const usage_stats::Event milestone{"milestone", "something was reached"};
const usage_stats::Stage work{"work", "the work itself"};

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

int main(int argc, char** argv) {
  if (argc != 4) return 99;
  usage_stats::Options options("no_memory", "1.0.0", argv[1]);
  options.unattended = usage_stats::Unattended::on;
  budget = std::strtoul(argv[2], nullptr, 10);
  const bool at_end = std::string(argv[3]) == "end";
  {
    armed = !at_end;
    usage_stats::TelemetrySession session(std::move(options), argc, argv);
    armed = true;
    session.command("cp");
    session.set(threads, 4);
    session.set(note, "a remark that is longer than what fits into a string of the standard library");
    session.add(steps, 2);
    session.record(milestone, {{threads, 3}});
    const auto stage = session.enter(work);
    session.exit_code(3);
  }
  armed = false;
  std::puts("worked");
  return 3;
}
