// SPDX-License-Identifier: Apache-2.0
// The loop nest of a matrix product whose right side was packed once and for all:
//
//   for each block of rows of x     (block_bytes: stays in the second-level cache)
//     for each block of inputs      (inner_block: a tile's rows of x stay in the first level)
//       for each panel of weights   (read front to back: for a batch of one, the rate of the
//       memory)
//         for each tile's rows: the tile
//
// Beside a call of matmul and a pass over y this saves packing, which costs as much as many rows of
// a small batch, and the pass.

#include <waitwork/kernels/dense_layer.hpp>

#include <algorithm>
#include <cstddef>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/dense_layer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/weight_panel.hpp>
#include <waitwork/kernels/weighted_sums-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

// 6 rows of x * 4 KiB = 24 KiB, three quarters of the smallest first-level cache in use; the same
// inputs of a panel take 256 KiB, a quarter of a small second-level cache.
constexpr std::size_t inner_block = 1024;
// 96 rows * 4 KiB = 384 KiB beside the panel's 256 KiB in the second-level cache. A multiple of a
// tile's 6 rows.
constexpr std::size_t row_block = 96;

// Where a call's data lies, and the part of it that the next tiles do.
struct dense_block {
  const dense_shape& shape;
  const float* x;
  float* y;
  std::size_t first_input;
  std::size_t inputs;
  bool relu;
};

template <std::size_t Rows>
HWY_INLINE void do_rows(const dense_block& block, const weight_panel& panel, std::size_t output, std::size_t row) {
  tile_rows rows{};
  for (std::size_t i = 0; i < Rows; ++i) {
    rows.inputs[i] = block.x + (row + i) * block.shape.x_stride + block.first_input;
    rows.targets[i] = block.y + (row + i) * block.shape.y_stride + output;
  }
  const sum_ends ends{block.first_input == 0 ? panel.bias : nullptr,
                      block.relu && block.first_input + block.inputs == block.shape.inputs};
  sum_rows<Rows>(panel.outputs, {1, block.inputs, 0, 0}, panel.weights + block.first_input * panel.width, panel.width,
                 ends, rows);
}

}  // namespace

void dense_rows(const dense_shape& shape, const float* x, const float* packed, float* y, bool relu, output_band band) {
  for (std::size_t block_row = 0; block_row < shape.batch; block_row += row_block) {
    const std::size_t end_row = std::min(shape.batch, block_row + row_block);
    std::size_t input = 0;
    do {
      const dense_block block{shape, x, y, input, std::min(inner_block, shape.inputs - input), relu};
      for (std::size_t output = band.first; output < band.end; output += panel_outputs) {
        const weight_panel panel(packed, shape.inputs, shape.outputs, output);
        for (std::size_t row = block_row; row < end_row;) {
          const std::size_t left = end_row - row;
          if (left >= 6) {
            do_rows<6>(block, panel, output, row);
            row += 6;
          } else if (left >= 4) {
            do_rows<4>(block, panel, output, row);
            row += 4;
          } else if (left >= 2) {
            do_rows<2>(block, panel, output, row);
            row += 2;
          } else {
            do_rows<1>(block, panel, output, row);
            row += 1;
          }
        }
      }
      input += inner_block;
    } while (input < shape.inputs);
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(dense_rows);

void dense_layer(const dense_shape& shape, std::span<const float> x, std::span<const float> packed, std::span<float> y,
                 activation after, output_band band) {
  WAITWORK_CHECK(shape.x_stride >= shape.inputs && shape.y_stride >= shape.outputs,
                 "a stride is at least the length of a row");
  WAITWORK_CHECK(packed.size() >= packed_weights_size(shape.inputs, shape.outputs),
                 "packed is as large as packed_weights_size says");
  band.end = std::min(band.end, shape.outputs);
  if (shape.batch == 0 || band.first >= band.end) return;
  WAITWORK_CHECK(band.first % panel_outputs == 0 && (band.end % panel_outputs == 0 || band.end == shape.outputs),
                 "a band begins and ends between panels");
  const std::size_t rows_before_last = shape.batch - 1;
  WAITWORK_CHECK(x.size() >= rows_before_last * shape.x_stride + shape.inputs, "x holds a batch of inputs");
  WAITWORK_CHECK(y.size() >= rows_before_last * shape.y_stride + shape.outputs, "y holds a batch of outputs");
  HWY_DYNAMIC_DISPATCH(dense_rows)
  (shape, x.data(), packed.data(), y.data(), after == activation::relu, band);
}

}  // namespace waitwork::kernels
#endif
