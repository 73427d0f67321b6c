// SPDX-License-Identifier: Apache-2.0
#pragma once
// loaded_module: a library that the program is not linked with. A module of ours is, and is loaded
// when a row wants it.

#include <string>

namespace waitwork::bench {

// What the module's function `name`, which takes nothing, returns: the module's functions. `path`
// is "" if the library was not there when the program was built. The module stays loaded. Throws
// unsupported_error if it cannot be.
const void* load_module(const std::string& library, const std::string& path, const char* name);

}  // namespace waitwork::bench
