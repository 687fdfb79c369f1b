# Programs that are built in other ways than the form under test. Headers only, without httplib, and nothing linked:
# that is all that some authors have.

# The compiled form has the headers of the header-only one.
set(headers "${PROJECT_SOURCE_DIR}/include")
if(USAGE_STATS_TEST_MODE STREQUAL "single")
  set(headers "${PROJECT_SOURCE_DIR}/single_include")
endif()
target_compile_definitions(usage_stats_test_support PUBLIC USAGE_STATS_HEADERS="${headers}")

# A copy of another version, fresh whenever a header has changed.
set(vendored "${CMAKE_CURRENT_BINARY_DIR}/vendored")
file(GLOB_RECURSE header_files CONFIGURE_DEPENDS "${headers}/*.hpp" "${headers}/*.inl")
add_custom_command(
  OUTPUT "${vendored}.stamp"
  COMMAND ${CMAKE_COMMAND} -DFROM=${headers} -DTO=${vendored} -P "${CMAKE_CURRENT_SOURCE_DIR}/vendor.cmake"
  COMMAND ${CMAKE_COMMAND} -E touch "${vendored}.stamp"
  DEPENDS ${header_files} "${CMAKE_CURRENT_SOURCE_DIR}/vendor.cmake"
  VERBATIM)
add_custom_target(usage_stats_vendored DEPENDS "${vendored}.stamp")

# variant_object(NAME SOURCE HEADERS OPTION...): one object file of a program.
function(variant_object name source headers)
  add_library(${name} OBJECT ${source})
  target_compile_features(${name} PRIVATE cxx_std_17)
  target_include_directories(${name} PRIVATE "${headers}")
  target_compile_options(${name} PRIVATE ${ARGN})
  target_link_libraries(${name} PRIVATE nlohmann_json::nlohmann_json)
  usage_stats_own_target(${name})
endfunction()

# variant_program(NAME OBJECT...): a program of such objects.
function(variant_program name)
  add_executable(test_program_${name})
  foreach(object IN LISTS ARGN)
    target_sources(test_program_${name} PRIVATE $<TARGET_OBJECTS:${object}>)
  endforeach()
  set_target_properties(test_program_${name} PROPERTIES LINKER_LANGUAGE CXX
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/programs")
  usage_stats_own_target(test_program_${name})
  add_dependencies(usage_stats_tests test_program_${name})
endfunction()

# The program that the tests drive, with the library compiled out.
variant_object(reporter_disabled_object programs/reporter.cpp "${headers}" -DUSAGE_STATS_DISABLED)
variant_program(reporter_disabled reporter_disabled_object)

if(NOT USAGE_STATS_TEST_VARIANTS)
  return()
endif()

variant_object(units_main programs/units/main.cpp "${headers}" -DUSAGE_STATS_NO_HTTPLIB)
variant_object(units_elsewhere programs/units/elsewhere.cpp "${headers}" -DUSAGE_STATS_NO_HTTPLIB)
variant_program(two_units units_main units_elsewhere)

variant_object(units_vendored programs/units/elsewhere.cpp "${vendored}"
  -DUSAGE_STATS_NO_HTTPLIB -DUNITS_OF_TWO_VERSIONS)
add_dependencies(units_vendored usage_stats_vendored)
variant_program(two_versions units_main units_vendored)

# The same objects without a dynamic linker, where the machine has the static libraries for it.
include(CheckCXXSourceCompiles)
foreach(kind IN ITEMS static static-pie)
  string(REPLACE "-" "_" name "${kind}")
  set(CMAKE_REQUIRED_FLAGS "-fPIE")
  set(CMAKE_REQUIRED_LINK_OPTIONS "-${kind}")
  check_cxx_source_compiles("#include <thread>\nint main() { std::thread([] {}).join(); }" usage_stats_can_${name})
  unset(CMAKE_REQUIRED_FLAGS)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(usage_stats_can_${name} AND NOT USAGE_STATS_SANITIZE)
    variant_program(units_${name} units_main units_elsewhere)
    target_link_options(test_program_units_${name} PRIVATE "-${kind}")
  endif()
endforeach()

# One source file with the form under test, one header-only with curl.
add_library(units_under_test OBJECT programs/units/elsewhere.cpp)
target_link_libraries(units_under_test PRIVATE ${usage_stats_under_test})
usage_stats_own_target(units_under_test)
variant_program(two_forms units_main units_under_test)
target_link_libraries(test_program_two_forms PRIVATE ${usage_stats_under_test})

# Both flags in the header-only form; each of them in the compiled one, which takes half the time to build.
foreach(part IN ITEMS main elsewhere)
  variant_object(units_${part}_neither programs/units/${part}.cpp "${headers}"
    -DUSAGE_STATS_NO_HTTPLIB -fno-exceptions -fno-rtti)
endforeach()
variant_program(neither units_main_neither units_elsewhere_neither)
foreach(flag IN ITEMS no_exceptions|-fno-exceptions no_rtti|-fno-rtti)
  string(REPLACE "|" ";" flag "${flag}")
  list(POP_FRONT flag name)
  foreach(part IN ITEMS programs/units/main programs/units/elsewhere ../src/usage_stats)
    get_filename_component(object ${part} NAME)
    variant_object(units_${object}_${name} ${part}.cpp "${headers}"
      -DUSAGE_STATS_COMPILED -DUSAGE_STATS_NO_HTTPLIB ${flag})
    list(APPEND objects_${name} units_${object}_${name})
  endforeach()
  variant_program(${name} ${objects_${name}})
endforeach()

# What reads JSON with a nlohmann/json whose inside the library does not know: the tests of it, once more.
variant_object(json_reader_public_object unit/json_reader.cpp "${CMAKE_CURRENT_SOURCE_DIR}/programs/newer_json"
  -DUSAGE_STATS_NO_HTTPLIB -DDOCTEST_CONFIG_IMPLEMENT_WITH_MAIN)
target_include_directories(json_reader_public_object PRIVATE "${headers}")
target_link_libraries(json_reader_public_object PRIVATE doctest::doctest)
variant_program(json_reader_public json_reader_public_object)
