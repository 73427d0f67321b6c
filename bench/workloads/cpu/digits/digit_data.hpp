// SPDX-License-Identifier: Apache-2.0
#pragma once
// digit_data: the weights of the digit network and a sheet of digits that it was not trained on,
// part of the program, so that a benchmark needs no file. README.md beside this says where they
// come from.

#include <cstdint>
#include <span>

namespace waitwork::bench {

// As digit_network takes them; aligned to 64 bytes.
std::span<const float> digit_weights() noexcept;

struct digit_sheet {
  std::span<const std::uint8_t> pictures;  // 28 x 28 bytes each, 255 is ink
  std::span<const std::uint8_t> labels;    // the digits that they show, 0 to 9
};

digit_sheet held_out_digits() noexcept;

}  // namespace waitwork::bench
