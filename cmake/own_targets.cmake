# How our own targets are compiled; nothing here reaches the projects that use the library.

# Warnings, sanitizers.
function(usage_stats_own_target target)
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
    if(USAGE_STATS_WERROR)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(USAGE_STATS_SANITIZE)
      target_compile_options(${target} PRIVATE
        -fsanitize=${USAGE_STATS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
      target_link_options(${target} PRIVATE -fsanitize=${USAGE_STATS_SANITIZE})
    endif()
  elseif(MSVC)
    target_compile_options(${target} PRIVATE /W4 /utf-8 /permissive- $<$<BOOL:${USAGE_STATS_WERROR}>:/WX>)
  endif()
endfunction()

# Each source file of a folder is a program.
function(usage_stats_programs folder)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.cpp")
  foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    string(MAKE_C_IDENTIFIER "usage_stats_${folder}_${name}" target)
    add_executable(${target} "${source}")
    set_target_properties(${target} PROPERTIES
      OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${folder}")
    target_link_libraries(${target} PRIVATE ${usage_stats_under_test} nlohmann_json::nlohmann_json)
    if(TARGET usage_stats::httplib)
      target_link_libraries(${target} PRIVATE usage_stats::httplib)
    endif()
    usage_stats_own_target(${target})
  endforeach()
endfunction()
