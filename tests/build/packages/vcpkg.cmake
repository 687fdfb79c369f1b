# Runs a portfile with stand-ins for vcpkg's functions, as far as the port uses them: cmake -D... -P vcpkg.cmake
#   SOURCES, PORT_FOLDER, FEATURES, CURRENT_PACKAGES_DIR, BUILD_FOLDER
cmake_minimum_required(VERSION 3.22)
file(READ "${PORT_FOLDER}/vcpkg.json" manifest)
string(JSON PORT GET "${manifest}" name)
string(JSON VERSION GET "${manifest}" version)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGV}: ${output}")
  endif()
endfunction()

macro(vcpkg_download_distfile result)
  cmake_parse_arguments(arg "" "FILENAME;SHA512" "URLS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_URLS MATCHES "^https://.*/${arg_FILENAME}$" OR arg_SHA512 STREQUAL "")
    message(FATAL_ERROR "vcpkg_download_distfile: ${ARGN}")
  endif()
  set(${result} "${arg_FILENAME}")
endmacro()

macro(vcpkg_extract_source_archive result)
  cmake_parse_arguments(arg "" "ARCHIVE" "" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_ARCHIVE STREQUAL "usage_stats-${VERSION}.tar.gz")  # tools/release.sh
    message(FATAL_ERROR "vcpkg_extract_source_archive: ${ARGN}")
  endif()
  set(${result} "${SOURCES}")
endmacro()

macro(vcpkg_check_features)
  cmake_parse_arguments(arg "" "OUT_FEATURE_OPTIONS" "FEATURES" ${ARGN})
  set(${arg_OUT_FEATURE_OPTIONS} "")
  while(arg_FEATURES)
    list(POP_FRONT arg_FEATURES feature option)
    string(JSON known ERROR_VARIABLE missing GET "${manifest}" features ${feature})
    if(missing)
      message(FATAL_ERROR "vcpkg.json has no feature ${feature}")
    endif()
    if(feature IN_LIST FEATURES)
      list(APPEND ${arg_OUT_FEATURE_OPTIONS} "-D${option}=ON")
    else()
      list(APPEND ${arg_OUT_FEATURE_OPTIONS} "-D${option}=OFF")
    endif()
  endwhile()
endmacro()

macro(vcpkg_cmake_configure)
  cmake_parse_arguments(arg "" "SOURCE_PATH" "OPTIONS" ${ARGN})
  run("${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${BUILD_FOLDER}" -G Ninja ${arg_OPTIONS} -DCMAKE_BUILD_TYPE=Debug
      -DCMAKE_CXX_FLAGS_DEBUG=-g0 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_INSTALL_LIBDIR=lib
      "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}")
endmacro()

function(vcpkg_cmake_install)
  run("${CMAKE_COMMAND}" --build "${BUILD_FOLDER}")
  run("${CMAKE_COMMAND}" --install "${BUILD_FOLDER}")
endfunction()

function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH;PACKAGE_NAME" "")
  get_filename_component(name "${arg_CONFIG_PATH}" NAME)
  # As vcpkg without PACKAGE_NAME: share/PORT, which find_package(usage_stats) would not look into.
  set(package "${PORT}")
  if(arg_PACKAGE_NAME)
    set(package "${arg_PACKAGE_NAME}")
  endif()
  file(MAKE_DIRECTORY "${CURRENT_PACKAGES_DIR}/share")
  file(RENAME "${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}" "${CURRENT_PACKAGES_DIR}/share/${package}")
  file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib/cmake")
  file(GLOB targets "${CURRENT_PACKAGES_DIR}/share/${package}/*Targets.cmake")
  foreach(file IN LISTS targets)  # one folder less between the file and the prefix
    file(READ "${file}" text)
    string(REPLACE [[get_filename_component(_IMPORT_PREFIX "${_IMPORT_PREFIX}" PATH)
get_filename_component(_IMPORT_PREFIX "${_IMPORT_PREFIX}" PATH)
get_filename_component(_IMPORT_PREFIX "${_IMPORT_PREFIX}" PATH)]]
      [[get_filename_component(_IMPORT_PREFIX "${_IMPORT_PREFIX}" PATH)
get_filename_component(_IMPORT_PREFIX "${_IMPORT_PREFIX}" PATH)]] text "${text}")
    file(WRITE "${file}" "${text}")
  endforeach()
endfunction()

function(vcpkg_fixup_pkgconfig)
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(INSTALL ${arg_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
  file(RENAME "${CURRENT_PACKAGES_DIR}/share/${PORT}/LICENSE" "${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright")
endfunction()

include("${PORT_FOLDER}/portfile.cmake")
