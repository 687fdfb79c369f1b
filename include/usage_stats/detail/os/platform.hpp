#pragma once
// Everything about the operating system: declarations only. posix/ and windows/ define them; no other file includes a
// header of an operating system. Nothing here throws anything but std::bad_alloc; failures are std::error_codes.

#include "process.hpp"
#include "thread.hpp"
#include "terminal.hpp"
#include "machine.hpp"
#include "paths.hpp"
#include "file.hpp"
#include "lock.hpp"
#include "self_start.hpp"
#include "signals.hpp"
#include "exit.hpp"
#include "socket.hpp"
