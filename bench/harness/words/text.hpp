// SPDX-License-Identifier: Apache-2.0
#pragma once
// text: figures as people read them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace waitwork::bench {

// As printf; what is longer than 255 bytes is cut off.
template <class... Arguments>
std::string formatted(const char* format, Arguments... arguments) {
  std::array<char, 256> line;
  const int length = std::snprintf(line.data(), line.size(), format, arguments...);
  return {line.data(), std::min(static_cast<std::size_t>(std::max(length, 0)), line.size() - 1)};
}

// "512 B", "24 KiB", "1.5 MiB"
inline std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024.0 && unit + 1 < units.size(); ++unit) amount /= 1024.0;
  return formatted(amount < 10.0 && unit > 0 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
}

}  // namespace waitwork::bench
