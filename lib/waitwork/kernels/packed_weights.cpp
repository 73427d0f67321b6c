// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/packed_weights.hpp>

#include <algorithm>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/weight_panel.hpp>

namespace waitwork::kernels {

std::size_t packed_weights_size(std::size_t inputs, std::size_t outputs) noexcept {
  return (inputs + 1) * padded_outputs(outputs);
}

void pack_weights(std::size_t inputs, std::size_t outputs, std::span<const float> weights, std::span<const float> bias,
                  std::span<float> packed) {
  WAITWORK_CHECK(weights.size() >= inputs * outputs, "weights hold an inputs x outputs matrix");
  WAITWORK_CHECK(bias.empty() || bias.size() >= outputs, "bias holds a number for each output");
  WAITWORK_CHECK(packed.size() >= packed_weights_size(inputs, outputs),
                 "packed is as large as packed_weights_size says");
  float* to = packed.data();
  for (std::size_t first = 0; first < outputs; first += panel_outputs) {
    const std::size_t columns = std::min(panel_outputs, outputs - first);
    const std::size_t width = padded_outputs(columns);
    const auto append = [&](std::span<const float> row) {
      float* const end = std::ranges::copy(row, to).out;
      to += width;
      std::fill(end, to, 0.0f);
    };
    if (bias.empty()) {
      to = std::fill_n(to, width, 0.0f);
    } else {
      append(bias.subspan(first, columns));
    }
    for (std::size_t input = 0; input < inputs; ++input) {
      append(weights.subspan(input * outputs + first, columns));
    }
  }
}

}  // namespace waitwork::kernels
