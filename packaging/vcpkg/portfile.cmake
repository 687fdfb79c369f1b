# The archive that tools/release.sh makes; it prints the SHA512. (vcpkg_from_github would take another archive, GitHub's.)
vcpkg_download_distfile(ARCHIVE
    URLS "https://example.org/usage_stats/usage_stats-${VERSION}.tar.gz"
    FILENAME "usage_stats-${VERSION}.tar.gz"
    SHA512 0
)
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${ARCHIVE}")

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
    FEATURES
        httplib USAGE_STATS_USE_HTTPLIB
        compiled USAGE_STATS_INSTALL_COMPILED
)

if(NOT "compiled" IN_LIST FEATURES)
    set(VCPKG_BUILD_TYPE release) # header-only
endif()

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${FEATURE_OPTIONS}
        -DUSAGE_STATS_BUILD_TESTS=OFF
        -DUSAGE_STATS_BUILD_EXAMPLES=OFF
        -DUSAGE_STATS_BUILD_BENCH=OFF
        -DUSAGE_STATS_BUILD_COLLECTOR=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME usage_stats CONFIG_PATH lib/cmake/usage_stats)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
