# Finds cpp-httplib in each form in which it is shipped and makes the target usage_stats::httplib of it:
#   1. the header's folder in UsageStatsHttplib_INCLUDE_DIR, if it is given: header-only, without TLS
#   2. its own CMake package (upstream)
#   3. its pkg-config file (Debian and others; the only one that tells how a split header's library was built)
#   4. httplib.h in the include path, header-only, without TLS
# Whether httplib speaks TLS is its package's decision: two settings of CPPHTTPLIB_* in one program do not fit together,
# so none is defined here. Where httplib has no TLS, usage_stats sends https with the system's curl.
set(UsageStatsHttplib_FORM "")
include("${CMAKE_CURRENT_LIST_DIR}/UsageStatsMissing.cmake")
usage_stats_missing(httplib UsageStatsHttplib_NOT_FOUND_MESSAGE)

# A header that was split from its definitions is of no use without the package that knows the flags of its library.
function(usage_stats_httplib_header_only header result)
  file(STRINGS "${header}" found LIMIT_COUNT 1 REGEX "^inline .*Server::Server\\(|[/ ]\\* *Implementation that will be part of")
  if(found)
    set(${result} TRUE PARENT_SCOPE)
  else()
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()

# The version of a target that a project has made of httplib's sources: nothing but its header knows it.
function(usage_stats_httplib_version_of target result)
  set(version "")
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  foreach(folder IN LISTS folders)
    string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" folder "${folder}")
    if(EXISTS "${folder}/httplib.h")
      file(STRINGS "${folder}/httplib.h" line LIMIT_COUNT 1 REGEX "define CPPHTTPLIB_VERSION ")
      string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${line}")
    endif()
  endforeach()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

if(NOT UsageStatsHttplib_INCLUDE_DIR)
  if(NOT TARGET httplib::httplib)
    find_package(httplib CONFIG QUIET)
  endif()
  if(TARGET httplib::httplib)
    set(UsageStatsHttplib_FORM httplib::httplib)
    set(UsageStatsHttplib_VERSION "${httplib_VERSION}")
    if(NOT UsageStatsHttplib_VERSION)
      usage_stats_httplib_version_of(httplib::httplib UsageStatsHttplib_VERSION)
    endif()
    if(NOT UsageStatsHttplib_VERSION)  # the project that made it knows what it does
      set(UsageStatsHttplib_VERSION "${UsageStatsHttplib_FIND_VERSION}")
    endif()
  else()
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
      pkg_check_modules(USAGE_STATS_CPP_HTTPLIB QUIET IMPORTED_TARGET GLOBAL cpp-httplib)
    endif()
    if(TARGET PkgConfig::USAGE_STATS_CPP_HTTPLIB)
      set(UsageStatsHttplib_FORM PkgConfig::USAGE_STATS_CPP_HTTPLIB)
      set(UsageStatsHttplib_VERSION "${USAGE_STATS_CPP_HTTPLIB_VERSION}")
    endif()
  endif()
endif()

if(NOT UsageStatsHttplib_FORM)
  find_path(UsageStatsHttplib_INCLUDE_DIR httplib.h)
  mark_as_advanced(UsageStatsHttplib_INCLUDE_DIR)
  if(UsageStatsHttplib_INCLUDE_DIR)
    usage_stats_httplib_header_only("${UsageStatsHttplib_INCLUDE_DIR}/httplib.h" header_only)
    if(header_only)
      set(UsageStatsHttplib_FORM header)
      file(STRINGS "${UsageStatsHttplib_INCLUDE_DIR}/httplib.h" line LIMIT_COUNT 1 REGEX "define CPPHTTPLIB_VERSION ")
      string(REGEX REPLACE ".*\"(.*)\".*" "\\1" UsageStatsHttplib_VERSION "${line}")
    else()
      set(UsageStatsHttplib_NOT_FOUND_MESSAGE
          "${UsageStatsHttplib_INCLUDE_DIR}/httplib.h needs its library, whose flags only pkg-config knows: install it")
    endif()
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(UsageStatsHttplib
  REQUIRED_VARS UsageStatsHttplib_FORM
  VERSION_VAR UsageStatsHttplib_VERSION
  REASON_FAILURE_MESSAGE "${UsageStatsHttplib_NOT_FOUND_MESSAGE}")

if(UsageStatsHttplib_FOUND AND NOT TARGET usage_stats::httplib)
  find_package(Threads QUIET)
  add_library(usage_stats::httplib INTERFACE IMPORTED)
  if(UsageStatsHttplib_FORM STREQUAL "header")
    target_include_directories(usage_stats::httplib INTERFACE "${UsageStatsHttplib_INCLUDE_DIR}")
  else()
    target_link_libraries(usage_stats::httplib INTERFACE ${UsageStatsHttplib_FORM})
  endif()
  target_link_libraries(usage_stats::httplib INTERFACE Threads::Threads)
endif()
