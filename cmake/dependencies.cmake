# What the library needs, as the system has it. Sets usage_stats_dependencies (targets) and usage_stats_definitions.
find_package(Threads REQUIRED)
if(NOT TARGET nlohmann_json::nlohmann_json)  # a project that has us as a subdirectory may have its own
  find_package(nlohmann_json 3.10 QUIET)
  if(NOT nlohmann_json_FOUND)
    include("${CMAKE_CURRENT_LIST_DIR}/UsageStatsMissing.cmake")
    usage_stats_missing(nlohmann_json missing)
    message(FATAL_ERROR "${missing}")
  endif()
endif()

if(USAGE_STATS_USE_HTTPLIB OR USAGE_STATS_BUILD_TESTS OR USAGE_STATS_BUILD_EXAMPLES OR USAGE_STATS_BUILD_COLLECTOR)
  list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
  find_package(UsageStatsHttplib 0.11 REQUIRED)
  list(POP_BACK CMAKE_MODULE_PATH)
endif()

set(usage_stats_dependencies nlohmann_json::nlohmann_json Threads::Threads)
set(usage_stats_definitions "")
if(USAGE_STATS_USE_HTTPLIB)
  list(APPEND usage_stats_dependencies usage_stats::httplib)
  if(WIN32)  # the library has sockets of its own, and not every form of httplib names what its own need
    list(APPEND usage_stats_dependencies ws2_32)
  endif()
else()
  list(APPEND usage_stats_definitions USAGE_STATS_NO_HTTPLIB)
endif()

# A project that has us as a subdirectory links our targets from outside of this directory, so what they link to must
# be visible there too.
if(NOT PROJECT_IS_TOP_LEVEL)
  get_directory_property(found_targets IMPORTED_TARGETS)
  foreach(target IN LISTS found_targets)
    set_property(TARGET ${target} PROPERTY IMPORTED_GLOBAL TRUE)
  endforeach()
endif()
