// SPDX-License-Identifier: Apache-2.0
#pragma once
// For kernels: where the panels of packed weights lie.

#include <algorithm>
#include <cstddef>

#include <waitwork/kernels/packed_weights.hpp>

namespace waitwork::kernels {

// Whole vectors of the widest instruction set compiled here: 16 floats of AVX-512.
constexpr std::size_t padded_outputs(std::size_t outputs) noexcept { return (outputs + 15) / 16 * 16; }

// The panel that begins at output `first`, of a layer with that many inputs and outputs.
struct weight_panel {
  weight_panel(const float* packed, std::size_t inputs, std::size_t layer_outputs, std::size_t first) noexcept
      : outputs(std::min(panel_outputs, layer_outputs - first)),
        width(padded_outputs(outputs)),
        bias(packed + (inputs + 1) * first),
        weights(bias + width) {}

  std::size_t outputs;
  std::size_t width;
  const float* bias;
  const float* weights;  // of input i: [i * width, i * width + width)
};

}  // namespace waitwork::kernels
