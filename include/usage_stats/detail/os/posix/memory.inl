#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <link.h>
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#include <mach-o/getsect.h>
#include <mach/mach.h>
#endif

#include "../memory.hpp"
#include "parts/file_status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

#if defined(__linux__)

USAGE_STATS_INLINE MemoryReader::MemoryReader() noexcept : memory_(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}

namespace posix {

/// Whether a file of the program or of its libraries is locked by somebody, perhaps by the host: POSIX drops a
/// process's lock as soon as any descriptor of the file is closed. One is then left open, and no more are opened.
USAGE_STATS_INLINE std::atomic<bool>& has_locked_file() noexcept {
  static std::atomic<bool> found{false};
  return found;
}

USAGE_STATS_INLINE bool is_locked([[maybe_unused]] int file) noexcept {
#if defined(F_OFD_GETLK)  // which sees the locks of this process, too
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file, F_OFD_GETLK, &lock) == 0 ? lock.l_type != F_UNLCK : errno == EOVERFLOW;
#else
  return false;
#endif
}

USAGE_STATS_INLINE void close_program_file(int& file) noexcept {
  if (file >= 0 && is_locked(file))
    has_locked_file() = true;
  else if (file >= 0)
    ::close(file);
  file = -1;
}

USAGE_STATS_INLINE std::size_t copy_from(int file, std::uintptr_t from, char* to, std::size_t size) noexcept {
  const ssize_t copied = file < 0 ? -1 : read_at(file, to, size, static_cast<Offset>(from));
  return copied > 0 ? static_cast<std::size_t>(copied) : 0;
}

}  // namespace posix

USAGE_STATS_INLINE MemoryReader::~MemoryReader() {
  if (memory_ >= 0) ::close(memory_);
  posix::close_program_file(file_);
}

USAGE_STATS_INLINE std::size_t MemoryReader::copy(std::uintptr_t from, char* to, std::size_t size) const noexcept {
  return posix::copy_from(memory_, from, to, size);
}

USAGE_STATS_INLINE std::size_t MemoryReader::copy(const MemoryRange& range, std::uintptr_t from, char* to,
                                                  std::size_t size) noexcept {
  if (range.file && range.file != tried_) {
    posix::close_program_file(file_);
    // That name may belong to another file by now: an update, or something whose open() would block. An update differs
    // from the program in its first bytes, which contain the linker's tables and the build id.
    if (!posix::has_locked_file())
      file_ = ::open(range.file->name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    tried_ = range.file;
    char in_file[1024], in_memory[sizeof in_file];
    if (file_ >= 0 && (posix::copy_from(file_, 0, in_file, sizeof in_file) != sizeof in_file ||
                       copy(range.file->header, in_memory, sizeof in_memory) != sizeof in_memory ||
                       std::memcmp(in_file, in_memory, sizeof in_file) != 0))
      posix::close_program_file(file_);
  }
  return range.file && file_ >= 0 ? posix::copy_from(file_, from - range.shift, to, size) : copy(from, to, size);
}

namespace posix {

template <class T>
bool copy_objects(const MemoryReader& reader, std::uintptr_t from, T* to, std::size_t count) noexcept {
  return reader.copy(from, reinterpret_cast<char*>(to), count * sizeof(T)) == count * sizeof(T);
}

/// The names of symbols, which are not the program's texts.
USAGE_STATS_INLINE MemoryRange symbol_names(const MemoryReader& reader, std::uintptr_t bias,
                                            const ElfW(Phdr) & dynamic) {
  std::vector<ElfW(Dyn)> entries(std::min<std::size_t>(dynamic.p_memsz / sizeof(ElfW(Dyn)), 1024));
  if (entries.empty() || !copy_objects(reader, bias + dynamic.p_vaddr, entries.data(), entries.size())) return {0, 0};
  std::uintptr_t begin = 0, size = 0;
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_STRTAB) begin = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) size = entry.d_un.d_val;
  }
  if (begin < bias) begin += bias;  // glibc adds it in place, others do not
  return {begin, begin + size};
}

/// Adds the segments of the object whose header is at `header`. Code is included only if the linker has put the
/// literals there, too.
USAGE_STATS_INLINE bool add_object(const MemoryReader& reader, const MappedFile& file, bool library,
                                   std::vector<MemoryRange>& ranges) {
  const std::uintptr_t header = file.header;
  const auto shared = std::make_shared<const MappedFile>(file);
  ElfW(Ehdr) elf;
  if (!copy_objects(reader, header, &elf, 1) || std::memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0) return false;
  std::vector<ElfW(Phdr)> segments(std::min<std::size_t>(elf.e_phnum, 256));
  if (segments.empty() || !copy_objects(reader, header + elf.e_phoff, segments.data(), segments.size())) return false;
  std::uintptr_t bias = header;
  MemoryRange names{0, 0};
  bool has_data = false;
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD && segment.p_offset == 0) bias = header - segment.p_vaddr;
    has_data = has_data || (segment.p_type == PT_LOAD && segment.p_flags == PF_R);
  }
  for (const auto& segment : segments)
    if (segment.p_type == PT_DYNAMIC) names = symbol_names(reader, bias, segment);
  for (const auto& segment : segments) {
    const bool read_only = segment.p_flags == PF_R || (!has_data && segment.p_flags == (PF_R | PF_X));
    if (segment.p_type != PT_LOAD || !read_only) continue;
    const std::uintptr_t begin = bias + segment.p_vaddr, end = begin + segment.p_filesz;
    const bool split = names.begin >= begin && names.end <= end && names.begin < names.end;
    ranges.push_back({begin, split ? names.begin : end, library, shared, begin - segment.p_offset});
    if (split) ranges.push_back({names.end, end, library, shared, begin - segment.p_offset});
  }
  return true;
}

USAGE_STATS_INLINE std::string memory_map() {
  std::string text;
  const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char buffer[16384];
  for (ssize_t count = 0; (count = ::read(file, buffer, sizeof buffer)) > 0 && text.size() < (1U << 22);)
    text.append(buffer, static_cast<std::size_t>(count));
  ::close(file);
  return text;
}

/// Files that are mapped also as code: objects that the loader has put there. A file of data is not, even if it is an
/// object.
USAGE_STATS_INLINE std::vector<MappedFile> object_files() {
  std::vector<std::pair<std::string, MappedFile>> begins;
  std::vector<std::string> code;
  const std::string map = memory_map();
  for (std::size_t at = 0; at < map.size();) {  // 7f0e-7f0f r-xp 00001000 08:01 1234  /usr/lib/x.so
    const std::size_t end = std::min(map.find('\n', at), map.size());
    const std::string line = map.substr(at, end - at);
    char rights[5] = "", device[32] = "";
    unsigned long begin = 0, offset = 0, inode = 0;
    int name = 0;
    if (std::sscanf(line.c_str(), "%lx-%*x %4s %lx %31s %lu %n", &begin, rights, &offset, device, &inode, &name) == 5 &&
        inode != 0) {
      const std::string identity = std::string(device) + " " + std::to_string(inode);
      if (rights[2] == 'x') code.push_back(identity);
      if (rights[0] == 'r' && offset == 0)
        begins.push_back({identity, {line.substr(static_cast<std::size_t>(name)), begin}});
    }
    at = end + 1;
  }
  std::vector<MappedFile> files;
  for (auto& [identity, file] : begins)
    if (std::find(code.begin(), code.end(), identity) != code.end()) files.push_back(std::move(file));
  return files;
}

}  // namespace posix

USAGE_STATS_INLINE std::vector<MemoryRange> read_only_memory(bool libraries) {
  const MemoryReader reader;
  std::vector<MemoryRange> ranges;
  const std::uintptr_t program = ::getauxval(AT_PHDR) - sizeof(ElfW(Ehdr));
  if (!posix::add_object(reader, {"/proc/self/exe", program}, false, ranges)) return {};
  if (!libraries) return ranges;
  const std::vector<MappedFile> files = posix::object_files();
  if (files.empty()) return {};
  for (const MappedFile& file : files)
    if (file.header != program) posix::add_object(reader, file, true, ranges);
  return ranges;
}

#elif defined(__APPLE__)

USAGE_STATS_INLINE MemoryReader::MemoryReader() noexcept = default;
USAGE_STATS_INLINE MemoryReader::~MemoryReader() = default;

USAGE_STATS_INLINE std::size_t MemoryReader::copy(std::uintptr_t from, char* to, std::size_t size) const noexcept {
  static_cast<void>(memory_), static_cast<void>(file_);
  vm_size_t copied = 0;
  return ::vm_read_overwrite(::mach_task_self(), from, size, reinterpret_cast<vm_address_t>(to), &copied) ==
                 KERN_SUCCESS
             ? static_cast<std::size_t>(copied)
             : 0;
}

USAGE_STATS_INLINE std::vector<MemoryRange> read_only_memory(bool libraries) {
  std::vector<MemoryRange> ranges;
  const std::uint32_t count = libraries ? ::_dyld_image_count() : 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto* const header = reinterpret_cast<const mach_header_64*>(::_dyld_get_image_header(i));
    if (header == nullptr || header->magic != MH_MAGIC_64) continue;
    for (const char* const section : {"__cstring", "__const", "__ustring"}) {
      unsigned long size = 0;
      const auto begin = reinterpret_cast<std::uintptr_t>(::getsectiondata(header, "__TEXT", section, &size));
      if (begin != 0 && size != 0) ranges.push_back({begin, begin + size, i != 0});
    }
  }
  return ranges;
}

#else

USAGE_STATS_INLINE MemoryReader::MemoryReader() noexcept = default;
USAGE_STATS_INLINE MemoryReader::~MemoryReader() { static_cast<void>(memory_), static_cast<void>(file_); }
USAGE_STATS_INLINE std::size_t MemoryReader::copy(std::uintptr_t, char*, std::size_t) const noexcept { return 0; }
USAGE_STATS_INLINE std::vector<MemoryRange> read_only_memory(bool) { return {}; }

#endif
#if !defined(__linux__)
USAGE_STATS_INLINE std::size_t MemoryReader::copy(const MemoryRange&, std::uintptr_t from, char* to,
                                                  std::size_t size) noexcept {
  return copy(from, to, size);
}
#endif

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
