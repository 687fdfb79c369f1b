#pragma once
// Where in memory this library is: in the program itself, or in a plugin that its host may unload.

#include <cstdint>
#include <cstring>

#if defined(__linux__)
#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <dlfcn.h>
#include <mach-o/dyld.h>
#endif

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {

#if defined(__linux__)
namespace posix {

USAGE_STATS_INLINE bool holds(const dl_phdr_info& object, std::uintptr_t address) noexcept {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    const std::uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && address >= begin && address < begin + segment.p_memsz) return true;
  }
  return false;
}

}  // namespace posix

USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  return ::dl_iterate_phdr(
             [](dl_phdr_info* object, std::size_t, void* address) {
               // The first object is the main executable, but to a plugin that dlmopen() has put into a namespace of
               // its own; the others do not matter.
               const unsigned long program = ::getauxval(AT_PHDR);
               const bool is_program = program == 0 || reinterpret_cast<std::uintptr_t>(object->dlpi_phdr) == program;
               return is_program && posix::holds(*object, reinterpret_cast<std::uintptr_t>(address)) ? 1 : 2;
             },
             const_cast<void*>(code)) == 1;
}

USAGE_STATS_INLINE bool started_by_loader() noexcept {
  if (::getauxval(AT_BASE) != 0) return false;  // the kernel has loaded both
  return ::dl_iterate_phdr(
             [](dl_phdr_info* object, std::size_t, void*) {
               for (int i = 0; i < object->dlpi_phnum; ++i)
                 if (object->dlpi_phdr[i].p_type == PT_INTERP) return 1;
               return 2;  // the first one is the program
             },
             nullptr) == 1;
}

// Code that is not made for a shared library is in none.
#if defined(__PIC__) && !defined(__PIE__)
namespace posix {

/// Null before glibc 2.34 in a program that loads no plugins: there it lies in libdl. An alias, so that the host's own
/// use of dlopen stays what it is.
extern "C" {
static void* weak_dlopen(const char*, int) __attribute__((weakref("dlopen")));
}

}  // namespace posix

USAGE_STATS_INLINE void keep_loaded() noexcept {
  struct Search {
    std::uintptr_t address;
    char name[4096];
  } search{reinterpret_cast<std::uintptr_t>(&keep_loaded), ""};
  if (&posix::weak_dlopen == nullptr || in_main_executable(reinterpret_cast<const void*>(&keep_loaded))) return;
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        if (!posix::holds(*object, wanted.address)) return 0;
        std::strncpy(wanted.name, object->dlpi_name, sizeof wanted.name - 1);
        return 1;
      },
      &search);
  if (search.name[0] != '\0') posix::weak_dlopen(search.name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
#else
USAGE_STATS_INLINE void keep_loaded() noexcept {}
#endif
#elif defined(__APPLE__)
USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  Dl_info info{};
  return ::dladdr(code, &info) != 0 && info.dli_fbase == static_cast<const void*>(::_dyld_get_image_header(0));
}

USAGE_STATS_INLINE bool started_by_loader() noexcept { return false; }

USAGE_STATS_INLINE void keep_loaded() noexcept {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&keep_loaded), &info) != 0 && info.dli_fname != nullptr)
    ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
#else
USAGE_STATS_INLINE bool in_main_executable(const void*) noexcept { return false; }
USAGE_STATS_INLINE bool started_by_loader() noexcept { return false; }
USAGE_STATS_INLINE void keep_loaded() noexcept {}
#endif

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
