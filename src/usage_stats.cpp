// Compiled mode: the one translation unit with all definitions (and so the only one that compiles nlohmann_json and
// httplib). Its users define USAGE_STATS_COMPILED, which the build files' targets do for them.
#if !defined(USAGE_STATS_COMPILED)
#define USAGE_STATS_COMPILED
#endif
#define USAGE_STATS_IMPLEMENTATION
#include <usage_stats.hpp>
