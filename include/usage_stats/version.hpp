#pragma once
/// @file
/// The library's version, for `#if`. CMake, Meson, Conan and the tools read it from here.

/// @namespace usage_stats
/// Usage statistics for command-line programs. Start with TelemetrySession, Options and Field.

/// Changes when the interface changes; below 1.0, the minor number does.
#define USAGE_STATS_VERSION_MAJOR 0
/// Increases with each release that adds something.
#define USAGE_STATS_VERSION_MINOR 1
/// Increases with each release that only fixes something.
#define USAGE_STATS_VERSION_PATCH 0
