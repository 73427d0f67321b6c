// SPDX-License-Identifier: Apache-2.0
#pragma once
// in_place: writing to what cannot be replaced: a pipe, a device, a descriptor that somebody else holds as well.
//
// A pipe may have no reader yet, or one that does not read. Nothing here blocks without asking again and again whether
// it is still wanted, so a runner that is told to stop does stop.

#include <functional>
#include <string_view>

#include <waitwork/report/destination.hpp>

namespace waitwork {

// Writes all of `content` to `target`, which must be in_place. `give_up` is asked about ten times a second while it
// waits for a reader and ends that when it returns true; empty means never. Throws environment_error; part may be
// written then. SIGPIPE must be ignored: a reader that has gone is an error like another.
void write_in_place(const destination& target, std::string_view content, const std::function<bool()>& give_up);

// Throws environment_error if it could not even begin. Never waits, and does not open a pipe: its reader would see an
// end of file when it is closed again.
void check_in_place(const destination& target);

}  // namespace waitwork
