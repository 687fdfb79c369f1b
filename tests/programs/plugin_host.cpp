// A program that knows nothing of the library but loads plugins: plugin_host PLUGIN URL 0|1

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 4) return 99;
  void* const plugin = ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) return std::fprintf(stderr, "%s\n", ::dlerror()), 99;
  const auto run = reinterpret_cast<int (*)(const char*, int)>(::dlsym(plugin, "run_plugin"));
  return run == nullptr ? 99 : run(argv[2], std::atoi(argv[3]));
}
