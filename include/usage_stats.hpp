#pragma once
// usage_stats: usage statistics for small command line programs. This is the one header to include, and the map of the
// library: it lists the parts in the order in which data flows through them.

// windows.h may have been included before this, and Xlib.h, two of whose macros are names in httplib.h; their macros
// are restored at the end.
#pragma push_macro("min")
#pragma push_macro("max")
#pragma push_macro("None")
#pragma push_macro("Success")
#undef min
#undef max
#undef None
#undef Success

#include "usage_stats/version.hpp"
#include "usage_stats/macros.hpp"

#include "usage_stats/options.hpp"    // what the author decides
#include "usage_stats/fields.hpp"     // what may be collected
#include "usage_stats/arguments.hpp"  // what the program's own parser may report

#if defined(USAGE_STATS_DISABLED)

#include "usage_stats/disabled.hpp"  // the same interface, empty

#else

#include "usage_stats/session.hpp"           // one run, for its program
#include "usage_stats/command.hpp"           // `mytool usage-stats ...`
#include "usage_stats/detail/send/hook.hpp"  // the same program again, to send what waits

// The rest, which a program linked with the library does not need to know. (The library's own tests do.)
#if !defined(USAGE_STATS_COMPILED) || defined(USAGE_STATS_IMPLEMENTATION) || defined(USAGE_STATS_WITH_DETAIL)
#include "usage_stats/detail/consent/settings.hpp"             // what administrator and user have configured
#include "usage_stats/detail/consent/rules.hpp"                // may it be collected
#include "usage_stats/detail/record/disclosure.hpp"            // what has been disclosed to the user
#include "usage_stats/detail/consent/plan.hpp"                 // what a run would do now
#include "usage_stats/detail/consent/notice.hpp"               // what the user is shown
#include "usage_stats/detail/store/client_id.hpp"              // under which id
#include "usage_stats/detail/record/system_info.hpp"           // what machine this is
#include "usage_stats/detail/record/redaction/vocabulary.hpp"  // which words are the program's own
#include "usage_stats/detail/record/redaction/scrub.hpp"       // what must never leave
#include "usage_stats/detail/record/exception_info.hpp"        // how it ended
#include "usage_stats/detail/record/report.hpp"                // what happened
#include "usage_stats/detail/record/recorder.hpp"              // ... until the run ends
#include "usage_stats/detail/record/parsed.hpp"                // ... to arguments, from the program's own parser
#include "usage_stats/detail/run/run.hpp"                      // one run, from the decision to the report
#include "usage_stats/detail/run/run_registry.hpp"             // ... however it ends
#include "usage_stats/detail/store/storage.hpp"                // the folder: state.json and
#include "usage_stats/detail/store/outbox.hpp"                 // ... envelopes, of what is alive and what waits
#include "usage_stats/detail/store/archive.hpp"                // ... reports
#include "usage_stats/detail/store/recovery.hpp"               // ... of runs that vanished
#include "usage_stats/detail/store/retention.hpp"              // ... for how long
#include "usage_stats/detail/send/launcher.hpp"                // starts the process that
#include "usage_stats/detail/send/uploader.hpp"                // ... empties the folder
#include "usage_stats/detail/send/exporters/exporters.hpp"     // report -> requests
#include "usage_stats/detail/send/transport/send.hpp"          // one HTTP request
// What all of them build on:
#include "usage_stats/detail/os/bounded_lock.hpp"
#include "usage_stats/detail/consent/command_line.hpp"
#include "usage_stats/detail/base/sha256.hpp"
#include "usage_stats/detail/base/log.hpp"
#include "usage_stats/detail/os/platform.hpp"
#include "usage_stats/detail/base/public_call.hpp"
#include "usage_stats/detail/os/folder_watch.hpp"
#include "usage_stats/detail/os/memory.hpp"
#include "usage_stats/detail/base/worker.hpp"
#include "usage_stats/detail/base/url.hpp"
#include "usage_stats/detail/base/protocol.hpp"
#include "usage_stats/detail/base/json_writer.hpp"
#include "usage_stats/detail/base/json.hpp"

#if !defined(USAGE_STATS_COMPILED) || defined(USAGE_STATS_IMPLEMENTATION)
// What a run does repeatedly or for each byte, and what every host program calls.
#include "usage_stats/detail/base/text.inl"
#include "usage_stats/detail/base/sha256.inl"
#include "usage_stats/detail/base/json.inl"
#include "usage_stats/detail/base/public_call.inl"
#include "usage_stats/detail/consent/command_line.inl"
#include "usage_stats/detail/record/fields.inl"
#include "usage_stats/detail/record/redaction/vocabulary.inl"
#include "usage_stats/detail/record/redaction/scrub.inl"
#include "usage_stats/detail/record/recorder.inl"
// What it does once, or never: optimised for size.
#pragma push_macro("USAGE_STATS_INLINE")
#undef USAGE_STATS_INLINE
#define USAGE_STATS_INLINE USAGE_STATS_COLD_INLINE
#if defined(_WIN32)
#include "usage_stats/detail/os/windows/platform.inl"
#else
#include "usage_stats/detail/os/posix/platform.inl"
#endif
#include "usage_stats/detail/base/time.inl"
#include "usage_stats/detail/base/log.inl"
#include "usage_stats/detail/base/url.inl"
#include "usage_stats/detail/base/protocol.inl"
#include "usage_stats/detail/base/worker.inl"
#include "usage_stats/detail/consent/options.inl"
#include "usage_stats/detail/consent/settings.inl"
#include "usage_stats/detail/consent/rules.inl"
#include "usage_stats/detail/consent/plan.inl"
#include "usage_stats/detail/consent/notice.inl"
#include "usage_stats/detail/record/disclosure.inl"
#include "usage_stats/detail/record/system_info.inl"
#include "usage_stats/detail/record/exception_info.inl"
#include "usage_stats/detail/record/report.inl"
#include "usage_stats/detail/record/parsed.inl"
#include "usage_stats/detail/run/run.inl"
#include "usage_stats/detail/run/run_registry.inl"
#include "usage_stats/detail/store/client_id.inl"
#include "usage_stats/detail/store/storage.inl"
#include "usage_stats/detail/send/uploader.inl"
#include "usage_stats/detail/send/exporters/exporters.inl"
#include "usage_stats/detail/send/transport/send.inl"
#include "usage_stats/detail/send/launcher.inl"
#include "usage_stats/detail/cli/command.inl"
#pragma pop_macro("USAGE_STATS_INLINE")
#include "usage_stats/detail/run/session.inl"
#endif
#endif

#endif  // USAGE_STATS_DISABLED

#undef USAGE_STATS_INLINE
#undef USAGE_STATS_COLD_INLINE
#undef USAGE_STATS_ENTRY_INLINE
#undef USAGE_STATS_SPECIAL_MEMBERS
#undef USAGE_STATS_DEFINE_SPECIAL_MEMBERS
#undef USAGE_STATS_EXCEPTIONS
#undef USAGE_STATS_TRY
#undef USAGE_STATS_CATCH_ALL
#undef USAGE_STATS_JOIN_
#undef USAGE_STATS_JOIN
#undef USAGE_STATS_MODE
#undef USAGE_STATS_ABI
#undef USAGE_STATS_BEGIN_NAMESPACE
#undef USAGE_STATS_END_NAMESPACE
#undef USAGE_STATS_BEGIN_WARNINGS
#undef USAGE_STATS_END_WARNINGS
#undef USAGE_STATS_SWITCHES
#undef USAGE_STATS_TAGS
#pragma pop_macro("Success")
#pragma pop_macro("None")
#pragma pop_macro("max")
#pragma pop_macro("min")
