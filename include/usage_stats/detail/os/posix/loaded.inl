#pragma once
// Where this library is in memory: in the program itself, or in a plugin that its host may unload.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <dlfcn.h>
#if defined(__linux__)
#include <link.h>
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#elif defined(__FreeBSD__) || defined(__DragonFly__) || defined(__NetBSD__)
#include <sys/types.h>
#include <elf.h>
#include <link.h>
#endif

#include "../platform.hpp"
#include "parts/own_program.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

#if defined(__linux__)
namespace posix {

/// The program's headers as given by the kernel. Asking the dynamic linker (dl_iterate_phdr) takes its lock, which a
/// forked child may find locked forever.
class ProgramHeaders {
 public:
  ProgramHeaders() noexcept
      : first_(reinterpret_cast<const ElfW(Phdr) *>(::getauxval(AT_PHDR))),  // NOLINT(performance-no-int-to-ptr)
        count_(::getauxval(AT_PHNUM)) {
    if (first_ == nullptr) count_ = 0;
  }

  bool has(std::uint32_t type) const noexcept { return find(type) != nullptr; }
  bool holds(std::uintptr_t address) const noexcept {
    const std::uintptr_t base = this->base();
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uintptr_t begin = base + first_[i].p_vaddr;
      if (first_[i].p_type == PT_LOAD && address >= begin && address < begin + first_[i].p_memsz) return true;
    }
    return false;
  }

 private:
  const ElfW(Phdr) * find(std::uint32_t type) const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (first_[i].p_type == type) return first_ + i;
    return nullptr;
  }
  /// The offset to add to addresses in the file.
  std::uintptr_t base() const noexcept {
    const auto here = reinterpret_cast<std::uintptr_t>(first_);
    if (const auto* const itself = find(PT_PHDR)) return here - itself->p_vaddr;
    // For a static program only its start is known; its headers come right after the file's.
    ElfW(Ehdr) file{};
    if (here % 4096 < sizeof file) return 0;
    std::memcpy(&file, reinterpret_cast<const char*>(first_) - sizeof file, sizeof file);
    const bool found = std::memcmp(file.e_ident, ELFMAG, SELFMAG) == 0 && file.e_phoff == sizeof file;
    return found ? ::getauxval(AT_ENTRY) - file.e_entry : 0;
  }

  const ElfW(Phdr) * first_;
  std::size_t count_;
};

}  // namespace posix

USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  return posix::ProgramHeaders().holds(reinterpret_cast<std::uintptr_t>(code));
}

USAGE_STATS_INLINE bool started_by_loader() noexcept {
  // Else the kernel has loaded both, or the program needs none.
  return ::getauxval(AT_BASE) == 0 && posix::ProgramHeaders().has(PT_INTERP);
}

// Code that is not compiled for a shared library is not in one.
#if defined(__PIC__) && !defined(__PIE__)
namespace posix {

/// Null before glibc 2.34 in a program that loads no plugins: there it is in libdl. An alias, so that the host's own
/// use of dlopen stays what it is.
extern "C" {
static void* weak_dlopen(const char*, int) __attribute__((weakref("dlopen")));
}

}  // namespace posix

namespace posix {

/// This library's file, if it is a plugin's. Asked when it is loaded, for the reason above.
struct OwnFile {
  std::uintptr_t address = 0;
  char name[4096] = {};

  static OwnFile& instance() noexcept {
    static OwnFile file;
    return file;
  }
  void find() noexcept {
    address = reinterpret_cast<std::uintptr_t>(&keep_loaded);
    if (in_main_executable(reinterpret_cast<const void*>(address))) return;
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* data) {
          auto& wanted = *static_cast<OwnFile*>(data);
          for (int i = 0; i < object->dlpi_phnum; ++i) {
            const auto& segment = object->dlpi_phdr[i];
            const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
            if (segment.p_type != PT_LOAD || wanted.address < begin || wanted.address >= begin + segment.p_memsz)
              continue;
            std::strncpy(wanted.name, object->dlpi_name, sizeof wanted.name - 1);
            return 1;
          }
          return 0;
        },
        this);
  }
};

}  // namespace posix

USAGE_STATS_INLINE void note_own_file() noexcept {
  posix::note_own_program();
  posix::OwnFile::instance().find();
}

USAGE_STATS_INLINE void keep_loaded() noexcept {
  posix::OwnFile& own = posix::OwnFile::instance();
  if (own.address == 0) own.find();  // built without the hook
  if (&posix::weak_dlopen != nullptr && own.name[0] != '\0')
    posix::weak_dlopen(own.name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
#else
USAGE_STATS_INLINE void note_own_file() noexcept { posix::note_own_program(); }
USAGE_STATS_INLINE void keep_loaded() noexcept {}
#endif
#else

USAGE_STATS_INLINE void note_own_file() noexcept { posix::note_own_program(); }

USAGE_STATS_INLINE void keep_loaded() noexcept {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&keep_loaded), &info) == 0 || info.dli_fname == nullptr) return;
#if defined(RTLD_NOLOAD) && defined(RTLD_NODELETE)
  ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

#if defined(__APPLE__)
USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  Dl_info info{};
  return ::dladdr(code, &info) != 0 && info.dli_fbase == static_cast<const void*>(::_dyld_get_image_header(0));
}

USAGE_STATS_INLINE bool started_by_loader() noexcept { return false; }
#elif defined(__FreeBSD__) || defined(__DragonFly__) || defined(__NetBSD__)
namespace posix {

/// The program as the dynamic linker knows it. Asked once, before main, because that takes the linker's lock, which a
/// forked child may find locked forever.
struct MainObject {
  std::uintptr_t begin = 0, end = 0;
  bool has_linker = false, is_kernels_choice = true;

  static const MainObject& instance() noexcept {
    static const MainObject object;
    return object;
  }

 private:
  MainObject() noexcept { ::dl_iterate_phdr(&take, this); }
  static bool is_it([[maybe_unused]] const dl_phdr_info& object) noexcept {
#if defined(__NetBSD__)  // lists the linker first; the kernel tells where the program's headers are
    const auto* entry = static_cast<const AuxInfo*>(::_dlauxinfo());
    for (; entry != nullptr && entry->a_type != AT_NULL; ++entry)
      if (entry->a_type == AT_PHDR) return entry->a_v == reinterpret_cast<std::uintptr_t>(object.dlpi_phdr);
    return false;
#else
    return true;  // the first one
#endif
  }
  static int take(dl_phdr_info* object, std::size_t, void* data) noexcept {
    if (!is_it(*object)) return 0;
    auto& main = *static_cast<MainObject*>(data);
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const auto& segment = object->dlpi_phdr[i];
      const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
      main.has_linker = main.has_linker || segment.p_type == PT_INTERP;
      if (segment.p_type != PT_LOAD) continue;
      if (main.end == 0) main.begin = begin;
      main.end = begin + segment.p_memsz;  // in rising order
    }
    FileStatus kernels{}, linkers{};
    const bool known = object->dlpi_name != nullptr && status_of(own_executable().c_str(), kernels) == 0 &&
                       status_of(object->dlpi_name, linkers) == 0;
    main.is_kernels_choice = known && kernels.st_dev == linkers.st_dev && kernels.st_ino == linkers.st_ino;
    return 1;
  }
};

}  // namespace posix

USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(code);
  return address >= posix::MainObject::instance().begin && address < posix::MainObject::instance().end;
}

USAGE_STATS_INLINE bool started_by_loader() noexcept {
  return posix::MainObject::instance().has_linker && !posix::MainObject::instance().is_kernels_choice;
}
#else
USAGE_STATS_INLINE bool in_main_executable(const void*) noexcept { return false; }
USAGE_STATS_INLINE bool started_by_loader() noexcept { return false; }
#endif
#endif

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
