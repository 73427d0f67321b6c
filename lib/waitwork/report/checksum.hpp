// SPDX-License-Identifier: Apache-2.0
#pragma once
// checksum: shows that stored text is what was written.
//
// CRC-32 as in zlib, gzip and Ethernet: finds every single flipped bit and every run of damage up to 32 bits, and any
// other damage but for one case in four thousand million. A guard against accidents, not against people: who wants to
// forge a figure can.

#include <cstdint>
#include <string>
#include <string_view>

namespace waitwork {

// Eight lower-case hexadecimal digits. `seed` goes before the text, so that text taken from elsewhere does not fit.
std::string checksum(std::string_view text, std::string_view seed = {});

}  // namespace waitwork
