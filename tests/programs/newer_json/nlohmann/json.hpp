#pragma once
#pragma GCC system_header  // for which #include_next is no extension
// The nlohmann/json that is there, as one that says it is newer than what the library knows the inside of.
#include_next <nlohmann/json.hpp>
#undef NLOHMANN_JSON_VERSION_MINOR
#define NLOHMANN_JSON_VERSION_MINOR 99
