// In the Visual C++ form of the hook (compiled by Clang for that, without its headers): it is called once, and before
// any global object that is defined before the header is constructed. Exits with 0 if so.
namespace {
volatile int calls = 0, calls_before_globals = -1;
struct Global {
  Global() { calls_before_globals = calls; }
} const global;
}  // namespace

#include <usage_stats/detail/send/hook.hpp>

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
void start_if_asked(const void* hook) noexcept { calls = hook != nullptr ? calls + 1 : -1; }
}  // namespace detail
USAGE_STATS_END_NAMESPACE

int main() { return calls == 1 && calls_before_globals == 1 ? 0 : 1; }
