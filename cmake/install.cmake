# Headers, targets, version file, pkg-config files.
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/usage_stats")

install(DIRECTORY include/usage_stats DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
  install(TARGETS usage_stats EXPORT usage_statsTargets FILE_SET HEADERS)
else()
  install(TARGETS usage_stats EXPORT usage_statsTargets)
  install(FILES include/usage_stats.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
install(TARGETS usage_stats_compiled EXPORT usage_statsTargets)
install(EXPORT usage_statsTargets NAMESPACE usage_stats:: DESTINATION "${package_folder}")

configure_package_config_file(cmake/usage_statsConfig.cmake.in usage_statsConfig.cmake
  INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(usage_statsConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/usage_statsConfig.cmake" "${PROJECT_BINARY_DIR}/usage_statsConfigVersion.cmake"
  cmake/FindUsageStatsHttplib.cmake
  DESTINATION "${package_folder}")

# The pkg-config files name cpp-httplib's own where it has one. A header-only httplib without one needs no flags but
# its folder.
set(pc_version "${PROJECT_VERSION}")
set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
set(pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
set(pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
set(pc_requires "nlohmann_json >= 3.10")
set(pc_requires_compiled "")
set(pc_cflags "")
set(has_pc_for_compiled TRUE)
if(NOT USAGE_STATS_USE_HTTPLIB)
  set(pc_cflags " -DUSAGE_STATS_NO_HTTPLIB")
elseif(UsageStatsHttplib_FORM STREQUAL "PkgConfig::USAGE_STATS_CPP_HTTPLIB")
  string(APPEND pc_requires ", cpp-httplib >= 0.11")
  set(pc_requires_compiled "cpp-httplib >= 0.11")
elseif(UsageStatsHttplib_FORM STREQUAL "header")
  set(pc_cflags " -I${UsageStatsHttplib_INCLUDE_DIR}")
else()
  set(has_pc_for_compiled FALSE)  # only httplib's CMake package knows what its TLS must be linked with
endif()
configure_file(cmake/usage_stats.pc.in usage_stats.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/usage_stats.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
if(has_pc_for_compiled)
  configure_file(cmake/usage_stats_compiled.pc.in usage_stats_compiled.pc @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/usage_stats_compiled.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
