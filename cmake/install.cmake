# Headers, targets, version file, pkg-config files.
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/usage_stats")

install(DIRECTORY include/usage_stats DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.inl")
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
  install(TARGETS usage_stats EXPORT usage_statsTargets FILE_SET HEADERS)
else()
  install(TARGETS usage_stats EXPORT usage_statsTargets)
  install(FILES include/usage_stats.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(pc_files usage_stats)
if(USAGE_STATS_INSTALL_COMPILED)
  list(APPEND pc_files usage_stats_compiled)
  install(TARGETS usage_stats_compiled EXPORT usage_statsTargets)
endif()
install(EXPORT usage_statsTargets NAMESPACE usage_stats:: DESTINATION "${package_folder}")

configure_package_config_file(cmake/usage_statsConfig.cmake.in usage_statsConfig.cmake
  INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
set(compatibility SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)  # until 1.0 a minor version may break what the one before it promised
endif()
write_basic_package_version_file(usage_statsConfigVersion.cmake COMPATIBILITY ${compatibility})
install(FILES
  "${PROJECT_BINARY_DIR}/usage_statsConfig.cmake" "${PROJECT_BINARY_DIR}/usage_statsConfigVersion.cmake"
  cmake/FindUsageStatsHttplib.cmake cmake/UsageStatsMissing.cmake
  DESTINATION "${package_folder}")

# The pkg-config files name cpp-httplib's own where it has one; else they say what its CMake target says.
set(pc_version "${PROJECT_VERSION}")
set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
set(pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
set(pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
set(pc_requires "nlohmann_json >= 3.10")
set(pc_requires_compiled "")
set(pc_cflags "")
set(pc_libs "")
if(NOT USAGE_STATS_USE_HTTPLIB)
  set(pc_cflags " -DUSAGE_STATS_NO_HTTPLIB")
elseif(UsageStatsHttplib_FORM STREQUAL "PkgConfig::USAGE_STATS_CPP_HTTPLIB")
  string(APPEND pc_requires ", cpp-httplib >= 0.11")
  set(pc_requires_compiled "cpp-httplib >= 0.11")
elseif(UsageStatsHttplib_FORM STREQUAL "header")
  set(pc_cflags " -I${UsageStatsHttplib_INCLUDE_DIR}")
else()
  include(cmake/pkgconfig_flags.cmake)
  usage_stats_pkgconfig_flags(${UsageStatsHttplib_FORM} pc_cflags pc_libs)
endif()
if(USAGE_STATS_USE_HTTPLIB AND WIN32)
  string(APPEND pc_libs " -lws2_32")
endif()
foreach(name IN LISTS pc_files)
  configure_file(cmake/${name}.pc.in ${name}.pc.genex @ONLY)
  file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/pkgconfig/$<CONFIG>/${name}.pc"
       INPUT "${PROJECT_BINARY_DIR}/${name}.pc.genex")
  install(FILES "${PROJECT_BINARY_DIR}/pkgconfig/$<CONFIG>/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
