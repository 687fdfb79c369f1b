# The program of the messages in forms whose literals lie in memory in different ways; what leaves must be the same.
set(messages "${CMAKE_CURRENT_SOURCE_DIR}/redaction/messages.json" "${CMAKE_CURRENT_SOURCE_DIR}/redaction/libraries.json")
set(templates "${CMAKE_CURRENT_BINARY_DIR}/message_templates.cpp")
add_custom_command(OUTPUT "${templates}"
  COMMAND ${USAGE_STATS_PYTHON} "${CMAKE_CURRENT_SOURCE_DIR}/redaction/make_templates.py" "${templates}" ${messages}
  DEPENDS ${messages} redaction/make_templates.py VERBATIM)
add_custom_target(message_templates DEPENDS "${templates}")

add_library(throw_each_object OBJECT programs/redaction/throw_each.cpp)
target_link_libraries(throw_each_object PRIVATE ${usage_stats_under_test} nlohmann_json::nlohmann_json)
usage_stats_own_target(throw_each_object)

# throw_each_form(NAME OBJECT COMPILE_OPTIONS LINK_OPTIONS)
function(throw_each_form name object compile link)
  add_executable(test_program_throw_each_${name} "${templates}" $<TARGET_OBJECTS:${object}>)
  add_dependencies(test_program_throw_each_${name} message_templates)
  set_target_properties(test_program_throw_each_${name} PROPERTIES
    OUTPUT_NAME throw_each_${name} RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/programs")
  target_compile_options(test_program_throw_each_${name} PRIVATE ${compile})
  target_link_options(test_program_throw_each_${name} PRIVATE ${link})
  if(object STREQUAL "throw_each_object")
    target_link_libraries(test_program_throw_each_${name} PRIVATE ${usage_stats_under_test})
  endif()
  target_link_libraries(test_program_throw_each_${name} PRIVATE Threads::Threads)
  add_dependencies(usage_stats_tests test_program_throw_each_${name})
endfunction()
throw_each_form(plain throw_each_object "-O0" "")
throw_each_form(optimized throw_each_object "-O2" "-s")
throw_each_form(one_segment throw_each_object "-O0" "-Wl,-z,noseparate-code")
throw_each_form(fixed throw_each_object "-O2;-fno-pie;-fmerge-all-constants" "-no-pie")
throw_each_form(lto throw_each_object "-O2;-flto" "-flto")
if(USAGE_STATS_TEST_VARIANTS)
  variant_object(throw_each_header programs/redaction/throw_each.cpp "${headers}" -DUSAGE_STATS_NO_HTTPLIB -O2)
  throw_each_form(header throw_each_header "-O2" "")
  if(usage_stats_can_static)
    throw_each_form(static throw_each_header "-O2" "-static")
  endif()
endif()

# Real libraries, which put their messages together themselves. Unoptimized: a compiler may keep a short literal in
# instructions, where it is not looked for.
usage_stats_test_program(library_errors programs/redaction/library_errors.cpp ${usage_stats_under_test})
target_compile_options(test_program_library_errors PRIVATE -O0)
find_package(SQLite3 QUIET)
if(SQLite3_FOUND)
  target_compile_definitions(test_program_library_errors PRIVATE WITH_SQLITE)
  target_link_libraries(test_program_library_errors PRIVATE SQLite::SQLite3)
endif()
