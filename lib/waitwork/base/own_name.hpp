// SPDX-License-Identifier: Apache-2.0
#pragma once
// own_name: names of temporary files and directories that nobody but this program gives.
//
// What a killed run leaves behind has to be told from what a user has made. The half of the name that is chosen at
// random decides the other half, so that a name that fits was made here: `waitwork-20241128` and `waitwork-backup` do
// not fit, and a name typed or counted fits by chance once in 2^32. It is proof against accidents, not against somebody
// who wants to be mistaken for us: who removes something also looks at its owner.

#include <string>
#include <string_view>

namespace waitwork {

// 16 hexadecimal digits, other ones each time. `purpose` is part of what decides the second half: names made for one
// purpose do not fit another.
std::string new_own_name(std::string_view purpose);

// Whether `name` is one that new_own_name() gives for `purpose`.
bool is_own_name(std::string_view name, std::string_view purpose) noexcept;

}  // namespace waitwork
