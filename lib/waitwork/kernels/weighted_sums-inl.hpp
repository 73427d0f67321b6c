// SPDX-License-Identifier: Apache-2.0
// weighted_sums: the register tile of dense layers and convolutions. Includes itself once for each
// instruction set, as Highway's own -inl.h files do.
//
// A tile is Rows rows (of a batch, or pixels) by Vectors vectors of outputs. Its sums stay in
// registers while it runs down the inputs; each input costs Vectors loads of weights and Rows
// broadcasts for Rows * Vectors multiply-adds. Where the rows come from and where they go is a
// pointer each, so that a tile of pixels may cross the end of a picture's row. Bias and activation
// are done in registers too: no result is written twice.

#if defined(WAITWORK_KERNELS_WEIGHTED_SUMS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_WEIGHTED_SUMS_INL
#undef WAITWORK_KERNELS_WEIGHTED_SUMS_INL
#else
#define WAITWORK_KERNELS_WEIGHTED_SUMS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <waitwork/kernels/partial_vector-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using float_tag = hn::ScalableTag<float>;
using float_vector = hn::Vec<float_tag>;

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr bool has_32_registers = true;
#else
constexpr bool has_32_registers = false;
#endif

// The most rows of one tile.
constexpr std::size_t most_rows = has_32_registers ? 8 : 6;

// The most vectors of a tile of so many rows. The sums must cover latency times throughput of the
// FMA units (8 to 10 vectors) and fit the registers beside the weights and one broadcast: 24 + 4 +
// 1 of 32, 12 + 2 + 1 of 16. A single row is bound by the memory that the weights come from, and
// with 16 registers it is as wide as a panel of AVX2, so that it reads the panel front to back.
constexpr std::size_t most_vectors(std::size_t rows) noexcept {
  if (has_32_registers) return rows > 6 ? 3 : 4;
  return rows == 1 ? 8 : rows == 2 ? 4 : 2;
}

constexpr std::size_t line_floats = 16;
// How far ahead a tile of several rows asks for its weights: 4 KiB of a panel. It computes between
// two lines, for too long for the hardware's own prefetching: without, weights from memory were 10
// to 40 % slower for batches of 2 to 64 (16 or 32 inputs were the same), and with, weights in the
// caches no slower. A single row reads as fast as a plain sum does, and asking cost 20 to 40 % in
// cache.
constexpr std::size_t inputs_ahead = 16;

// Runs of inputs that lie beside each other: one for a dense layer, the rows of its window for a
// convolution.
struct input_runs {
  std::size_t count;
  std::size_t length;
  std::size_t input_step;   // from a run of a row to its next
  std::size_t weight_step;  // from the weights of a run to those of the next
};

// What the sums start from and what becomes of them.
struct sum_ends {
  const float* bias;  // of the tile's first output; nullptr: the sums go on from the targets
  bool relu;
};

struct tile_rows {
  std::array<const float*, most_rows> inputs;
  std::array<float*, most_rows> targets;
};

// The tile's last vector may hang over the last output: `valid` outputs exist.
template <std::size_t Rows, std::size_t Vectors>
void sum_tile(std::size_t valid, const input_runs& runs, const float* weights, std::size_t width, sum_ends ends,
              const tile_rows& rows) {
  const float_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t last = valid - (Vectors - 1) * lanes;
  float_vector sums[Rows][Vectors];
  if (ends.bias != nullptr) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Vectors; ++v) {
      const float_vector bias = hn::LoadU(d, ends.bias + v * lanes);
#pragma GCC unroll 8
      for (std::size_t row = 0; row < Rows; ++row) sums[row][v] = bias;
    }
  } else {
#pragma GCC unroll 8
    for (std::size_t row = 0; row < Rows; ++row) {
#pragma GCC unroll 8
      for (std::size_t v = 0; v < Vectors; ++v) {
        const float* target = rows.targets[row] + v * lanes;
        const bool whole = v + 1 < Vectors || last == lanes;
        sums[row][v] = whole ? hn::LoadU(d, target) : load_first(d, target, last);
      }
    }
  }
  for (std::size_t run = 0; run < runs.count; ++run) {
    const float* inputs[Rows];
#pragma GCC unroll 8
    for (std::size_t row = 0; row < Rows; ++row) inputs[row] = rows.inputs[row] + run * runs.input_step;
    const float* from = weights + run * runs.weight_step;
    for (std::size_t p = 0; p < runs.length; ++p, from += width) {
      float_vector w[Vectors];
#pragma GCC unroll 8
      for (std::size_t v = 0; v < Vectors; ++v) w[v] = hn::LoadU(d, from + v * lanes);
      if constexpr (Rows > 1) {
#pragma GCC unroll 8
        for (std::size_t v = 0; v < Vectors; ++v) {
          if (v * lanes % line_floats == 0) hwy::Prefetch(from + v * lanes + inputs_ahead * width);
        }
      }
#pragma GCC unroll 8
      for (std::size_t row = 0; row < Rows; ++row) {
        const float_vector input = hn::Set(d, inputs[row][p]);
#pragma GCC unroll 8
        for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::MulAdd(input, w[v], sums[row][v]);
      }
    }
  }
  const float_vector zero = hn::Zero(d);
#pragma GCC unroll 8
  for (std::size_t row = 0; row < Rows; ++row) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Vectors; ++v) {
      float_vector sum = sums[row][v];
      if (ends.relu) sum = hn::IfThenZeroElse(hn::Lt(sum, zero), sum);
      float* target = rows.targets[row] + v * lanes;
      if (v + 1 < Vectors || last == lanes) {
        hn::StoreU(sum, d, target);
      } else {
        store_first(sum, d, target, last);
      }
    }
  }
}

using sum_tile_function = void (*)(std::size_t valid, const input_runs& runs, const float* weights, std::size_t width,
                                   sum_ends ends, const tile_rows& rows);

// Every width that a tile of so many rows may have; [vectors - 1].
template <std::size_t Rows>
constexpr auto sum_tiles = []<std::size_t... Index>(std::index_sequence<Index...>) {
  return std::array<sum_tile_function, sizeof...(Index)>{sum_tile<Rows, Index + 1>...};
}(std::make_index_sequence<most_vectors(Rows)>());

// All outputs of one panel for Rows rows. As even as they come: with at most four vectors, five are
// three and two.
template <std::size_t Rows>
HWY_INLINE void sum_rows(std::size_t outputs, const input_runs& runs, const float* weights, std::size_t width,
                         sum_ends ends, tile_rows rows) {
  const std::size_t lanes = hn::Lanes(float_tag());
  for (std::size_t output = 0; output < outputs;) {
    const std::size_t left = (outputs - output + lanes - 1) / lanes;
    const std::size_t tiles = (left + most_vectors(Rows) - 1) / most_vectors(Rows);
    const std::size_t vectors = (left + tiles - 1) / tiles;
    const std::size_t valid = std::min(vectors * lanes, outputs - output);
    sum_tiles<Rows>[vectors - 1](valid, runs, weights + output, width, ends, rows);
    output += valid;
    if (ends.bias != nullptr) ends.bias += valid;
    for (std::size_t row = 0; row < Rows; ++row) rows.targets[row] += valid;
  }
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
