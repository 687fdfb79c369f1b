# What to tell who lacks a library: its package in each system.

# usage_stats_missing(nlohmann_json|httplib RESULT)
function(usage_stats_missing library result)
  set(nlohmann_json "usage_stats needs nlohmann_json 3.10 or newer"
      nlohmann-json3-dev json-devel nlohmann-json nlohmann_json nlohmann-json)
  set(httplib "usage_stats needs cpp-httplib 0.11 or newer, or none (USAGE_STATS_USE_HTTPLIB=OFF: curl sends)"
      libcpp-httplib-dev cpp-httplib-devel cpp-httplib cpp-httplib cpp-httplib)
  list(GET ${library} 0 text)
  set(number 0)
  foreach(system IN ITEMS "Debian and Ubuntu" Fedora Homebrew Conan vcpkg)
    math(EXPR number "${number} + 1")
    list(GET ${library} ${number} package)
    string(APPEND text "\n  ${system}: ${package}")
  endforeach()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()
