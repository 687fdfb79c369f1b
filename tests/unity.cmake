# The test files, gathered into a few translation units: most of the work for one of them would be repeated for the next.
# Each file is in a namespace of its own, after all headers that any of them includes, so that it need not know about the
# others.

# unity_sources(RESULT COUNT FILE...): writes COUNT source files that include the given ones.
function(unity_sources result count)
  set(includes)
  foreach(file IN LISTS ARGN)
    file(STRINGS "${file}" lines REGEX "^#include ")
    list(APPEND includes ${lines})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  endforeach()
  list(REMOVE_DUPLICATES includes)
  list(SORT includes)
  list(JOIN includes "\n" includes)

  set(sources)
  math(EXPR last "${count} - 1")
  foreach(number RANGE ${last})
    set(text_${number} "${includes}\n")
  endforeach()
  set(number 0)
  foreach(file IN LISTS ARGN)
    get_filename_component(name "${file}" NAME_WE)
    string(APPEND text_${number} "\nnamespace file_${name} {\n#include \"${file}\"\n}\n")
    math(EXPR number "(${number} + 1) % ${count}")
  endforeach()
  foreach(number RANGE ${last})
    set(source "${CMAKE_CURRENT_BINARY_DIR}/unity/unity_${number}.cpp")
    file(GENERATE OUTPUT "${source}" CONTENT "${text_${number}}")
    list(APPEND sources "${source}")
  endforeach()
  set(${result} "${sources}" PARENT_SCOPE)
endfunction()
