#pragma once

/// A session of its own, of the app "elsewhere"; returns 7.
int call_elsewhere(const char* url);
