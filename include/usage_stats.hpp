#pragma once
// usage_stats: usage statistics for small command line programs. This is the one header to include, and the map of the
// library: its parts stand in the order in which data flows through them.

// windows.h may have been here before us, and Xlib.h, two of whose macros are names in httplib.h; what they have
// defined is put back at the end.
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
#include "usage_stats/arguments.hpp"  // what the program's own parser may tell

#if defined(USAGE_STATS_DISABLED)

#include "usage_stats/disabled.hpp"  // the same interface, empty

#else

#include "usage_stats/settings.hpp"     // what administrator and user have written down
#include "usage_stats/consent.hpp"      // may it be collected
#include "usage_stats/disclosure.hpp"   // what the user has been told
#include "usage_stats/notice.hpp"       // what the user is told
#include "usage_stats/client_id.hpp"    // under which id
#include "usage_stats/environment.hpp"  // what machine this is
#include "usage_stats/vocabulary.hpp"   // which words are the program's own
#include "usage_stats/redaction.hpp"    // what must never leave
#include "usage_stats/outcome.hpp"      // how it ended
#include "usage_stats/report.hpp"       // what happened
#include "usage_stats/parsed.hpp"       // ... of arguments, by the program's own parser
#include "usage_stats/session.hpp"      // one run, for its program
#include "usage_stats/run.hpp"          // ... and from the decision to the report
#include "usage_stats/ends.hpp"         // ... however it ends
#include "usage_stats/storage.hpp"      // the folder: reports and labels
#include "usage_stats/uploader.hpp"     // empties the folder
#include "usage_stats/exporters.hpp"    // report -> requests
#include "usage_stats/transport.hpp"    // one HTTP request
#include "usage_stats/command.hpp"      // `mytool usage-stats ...`
// Beneath them all:
#include "usage_stats/bounded_lock.hpp"
#include "usage_stats/command_line.hpp"
#include "usage_stats/hash.hpp"
#include "usage_stats/log.hpp"
#include "usage_stats/platform.hpp"
#include "usage_stats/public_call.hpp"
#include "usage_stats/read_only_memory.hpp"
#include "usage_stats/ticker.hpp"
#include "usage_stats/url.hpp"

#if !defined(USAGE_STATS_COMPILED) || defined(USAGE_STATS_IMPLEMENTATION)
#if defined(_WIN32)
#include "usage_stats/impl/platform_windows.ipp"
#else
#include "usage_stats/impl/platform_posix.ipp"
#endif
#include "usage_stats/impl/hash.ipp"
#include "usage_stats/impl/log.ipp"
#include "usage_stats/impl/public_call.ipp"
#include "usage_stats/impl/url.ipp"
#include "usage_stats/impl/options.ipp"
#include "usage_stats/impl/command_line.ipp"
#include "usage_stats/impl/fields.ipp"
#include "usage_stats/impl/settings.ipp"
#include "usage_stats/impl/consent.ipp"
#include "usage_stats/impl/disclosure.ipp"
#include "usage_stats/impl/notice.ipp"
#include "usage_stats/impl/client_id.ipp"
#include "usage_stats/impl/environment.ipp"
#include "usage_stats/impl/vocabulary.ipp"
#include "usage_stats/impl/redaction.ipp"
#include "usage_stats/impl/outcome.ipp"
#include "usage_stats/impl/report.ipp"
#include "usage_stats/impl/parsed.ipp"
#include "usage_stats/impl/ticker.ipp"
#include "usage_stats/impl/run.ipp"
#include "usage_stats/impl/ends.ipp"
#include "usage_stats/impl/session.ipp"
#include "usage_stats/impl/storage.ipp"
#include "usage_stats/impl/uploader.ipp"
#include "usage_stats/impl/uploader_process.ipp"
#include "usage_stats/impl/exporters.ipp"
#include "usage_stats/impl/transport.ipp"
#include "usage_stats/impl/command.ipp"
#endif

#endif  // USAGE_STATS_DISABLED

#undef USAGE_STATS_INLINE
#undef USAGE_STATS_EXCEPTIONS
#undef USAGE_STATS_TRY
#undef USAGE_STATS_CATCH_ALL
#undef USAGE_STATS_JOIN_
#undef USAGE_STATS_JOIN
#undef USAGE_STATS_MODE
#undef USAGE_STATS_ABI
#undef USAGE_STATS_BEGIN_NAMESPACE
#undef USAGE_STATS_END_NAMESPACE
#pragma pop_macro("Success")
#pragma pop_macro("None")
#pragma pop_macro("max")
#pragma pop_macro("min")
