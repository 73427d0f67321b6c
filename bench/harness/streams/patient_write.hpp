// SPDX-License-Identifier: Apache-2.0
#pragma once
// patient_write: writing to what may make us wait for ever, given up when a signal asks the program to end.
//
// A terminal that is stopped (Ctrl-S), a pipe whose reader sleeps: each blocks its writer without end, and to set
// O_NONBLOCK would set it for everyone who shares the descriptor, such as the user's shell. So the calls block, are
// interrupted ten times a second, and whether a signal has come is looked at in between (interrupts.hpp). Where no
// interrupts object lives a signal does what it always does, and this is a plain loop of write(2).

#include <string_view>

#include <waitwork/base/result.hpp>

namespace waitwork::bench {

// Writes all of `text` to a descriptor of any kind. operation_canceled (ECANCELED) if a signal has
// come and `fd` does not take it at once, within 100 ms; the beginning may then have been written.
// The other errors are those of write(2), but neither EINTR nor, of a descriptor that is
// non-blocking already, EAGAIN.
result<void> write_interruptibly(int fd, std::string_view text);

}  // namespace waitwork::bench
