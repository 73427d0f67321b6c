// SPDX-License-Identifier: Apache-2.0
#pragma once
// thread_start: what it means when the system grants no further thread, and finding that out before a library does.
//
// The C library answers EAGAIN both at a limit on processes and for lack of memory for the stack; the remedies differ,
// so the memory is asked for once more. And a library that starts threads of its own accord, as oneTBB does, may have
// no way to say that it cannot: so as many as it is going to start are started and ended beforehand.

#include <cstddef>
#include <string>

#include <waitwork/base/environment_error.hpp>

namespace waitwork {

// "start <subject>: <cause>; <remedy>" for what pthread_create or std::thread's constructor answered. `stack_bytes` is
// what the thread's stack would have been; 0: the default of this process. To be made while the resources are as they
// were.
environment_error thread_error(std::string subject, int positive_errno, std::size_t stack_bytes = 0);

// Starts `count` threads, so that all are there at the same time, and ends them again. Throws thread_error(subject) if
// one is refused, with none left behind. About 30 us a thread. Nothing is reserved by it: another program may take
// what was there.
void require_threads(unsigned count, const std::string& subject, std::size_t stack_bytes = 0);

}  // namespace waitwork
