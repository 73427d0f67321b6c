// SPDX-License-Identifier: Apache-2.0
#pragma once
// packed_weights: how the layers of networks want their weights, a matrix of `inputs` rows by
// `outputs` columns and a bias for each column.
//
// Panels of panel_outputs columns, one after the other; a panel is its bias and then its inputs in
// order, each as wide as the panel. So a kernel reads weights front to back, at the full rate of
// the memory, whether it uses each once or for a whole batch. The last panel is padded with zeros
// to whole vectors. The layout is the same for all instruction sets.

#include <cstddef>
#include <cstdint>
#include <span>

namespace waitwork::kernels {

// Four vectors of AVX-512, eight of AVX2; four cache lines.
inline constexpr std::size_t panel_outputs = 64;

// Floats that the packed weights take: (inputs + 1) * outputs, rounded up to 16 outputs.
std::size_t packed_weights_size(std::size_t inputs, std::size_t outputs) noexcept;

// Packs row-major weights, [input * outputs + output], and one bias for each output (or none at
// all, which means zeros). The layers are fastest if `packed` begins at a multiple of 64 bytes,
// and, where it is larger than the caches, if it lies in huge pages.
void pack_weights(std::size_t inputs, std::size_t outputs, std::span<const float> weights, std::span<const float> bias,
                  std::span<float> packed);

// Outputs [first, end); an end past the last output means the last one. Both are multiples of
// panel_outputs, but for an end that is the last output.
struct output_band {
  std::size_t first = 0;
  std::size_t end = SIZE_MAX;
};

}  // namespace waitwork::kernels
