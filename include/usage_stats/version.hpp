#pragma once
/// @file
/// The library's version, for `#if`. CMake, Meson, Conan and the tools read it here.

/// @namespace usage_stats
/// Usage statistics for command-line programs. Begin with TelemetrySession, Options and Field.

/// Changes with the interface; below 1.0 the minor number does that.
#define USAGE_STATS_VERSION_MAJOR 0
/// Grows with each release that adds something.
#define USAGE_STATS_VERSION_MINOR 1
/// Grows with each release that only corrects something.
#define USAGE_STATS_VERSION_PATCH 0
