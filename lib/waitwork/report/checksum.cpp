// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/checksum.hpp>

#include <zlib.h>

#include <array>
#include <cstdio>

namespace waitwork {
namespace {

unsigned long extended(unsigned long crc, std::string_view text) {
  return ::crc32_z(crc, reinterpret_cast<const Bytef*>(text.data()), text.size());
}

}  // namespace

std::string checksum(std::string_view text, std::string_view seed) {
  const unsigned long crc = extended(extended(0, seed), text);
  std::array<char, 9> digits;
  std::snprintf(digits.data(), digits.size(), "%08lx", crc);
  return digits.data();
}

}  // namespace waitwork
