// SPDX-License-Identifier: Apache-2.0
// Direct: a tile of pixels by output channels is summed in registers over the whole window,
// straight from the picture. Copying windows into a matrix first (im2col) would write and read each
// pixel nine times for a 3 x 3 kernel, for the same multiply-adds.
//
// Near the border a window has fewer rows or columns. The picture is cut into rectangles of pixels
// whose windows have the same ones (nine for a 3 x 3 kernel), and tiles are made of the pixels of a
// rectangle in reading order, across the ends of its rows: no padded copy of the picture, no test
// in the inner loop, and full tiles in small pictures too.

#include <waitwork/kernels/conv2d.hpp>

#include <algorithm>
#include <cstddef>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/conv2d.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/weight_panel.hpp>
#include <waitwork/kernels/weighted_sums-inl.hpp>

#ifndef WAITWORK_KERNELS_CONV2D_TYPES
#define WAITWORK_KERNELS_CONV2D_TYPES
namespace waitwork::kernels {
namespace {

// Of one panel's weights, what a tile reads between two tiles: three quarters of the second-level
// cache of 512 KiB. A larger window is summed in several passes over y.
constexpr std::size_t weights_block = 384 * 1024 / sizeof(float);

// Taps [first, end) of the window, along one side.
struct tap_range {
  std::size_t first;
  std::size_t end;
};

// One side of the picture and of the window.
struct window_side {
  std::size_t size;
  std::size_t kernel;
  std::size_t stride;
  std::size_t before;  // pixels of the window before the pixel that it belongs to

  // Those that lie in the picture, for the window of an output.
  tap_range taps(std::size_t output) const noexcept {
    const std::size_t at = output * stride;
    return {before - std::min(before, at), std::min(kernel, size + before - at)};
  }
  // The first output past `output` whose window has other taps.
  std::size_t same_taps_end(std::size_t output) const noexcept {
    const std::size_t first_whole = (before + stride - 1) / stride;
    const std::size_t end_whole = size + before < kernel ? 0 : (size + before - kernel) / stride + 1;
    return output < first_whole || output >= end_whole ? output + 1 : end_whole;
  }
};

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

// Pixels of y whose windows have the same taps, and those taps.
struct rectangle {
  std::size_t first_row;
  std::size_t first_column;
  std::size_t columns;
  std::size_t pixels;
  tap_range row_taps;
  tap_range column_taps;
};

struct pictures {
  const conv2d_shape& shape;
  const float* x;
  float* y;
  std::size_t top;
  std::size_t left;
  bool relu;
};

// Walks over the pixels of a rectangle in reading order, in x and in y. By steps: a window may be
// as short as nine multiply-adds, and a division takes longer.
class pixel_cursor {
 public:
  pixel_cursor(const pictures& where, const rectangle& part, std::size_t first_tap_row) noexcept
      : x_step_(where.shape.stride * where.shape.inputs),
        y_step_(where.shape.outputs),
        x_next_row_(where.shape.stride * where.shape.width * where.shape.inputs),
        y_next_row_(where.shape.output_width() * where.shape.outputs),
        columns_(part.columns),
        left_(part.columns) {
    const std::size_t row = part.first_row * where.shape.stride + first_tap_row - where.top;
    const std::size_t column = part.first_column * where.shape.stride + part.column_taps.first - where.left;
    x_row_ = x_ = where.x + (row * where.shape.width + column) * where.shape.inputs;
    y_row_ = y_ = where.y + part.first_row * y_next_row_ + part.first_column * y_step_;
  }

  // Where the window of this pixel begins.
  const float* x() const noexcept { return x_; }
  float* y() const noexcept { return y_; }

  void advance() noexcept {
    if (--left_ > 0) {
      x_ += x_step_;
      y_ += y_step_;
      return;
    }
    left_ = columns_;
    x_ = x_row_ += x_next_row_;
    y_ = y_row_ += y_next_row_;
  }

 private:
  std::size_t x_step_;
  std::size_t y_step_;
  std::size_t x_next_row_;
  std::size_t y_next_row_;
  std::size_t columns_;
  std::size_t left_;  // in this row
  const float* x_row_;
  const float* x_;
  float* y_row_;
  float* y_;
};

// What is the same for all tiles of a rectangle.
struct rectangle_sums {
  const weight_panel& panel;
  const float* weights;  // of the first tap
  std::size_t first_output;
  input_runs runs;
  sum_ends ends;
};

template <std::size_t Pixels>
HWY_INLINE void do_pixels(const rectangle_sums& sums, pixel_cursor& pixel) {
  tile_rows rows;
  for (std::size_t i = 0; i < Pixels; ++i) {
    rows.inputs[i] = pixel.x();
    rows.targets[i] = pixel.y() + sums.first_output;
    pixel.advance();
  }
  sum_rows<Pixels>(sums.panel.outputs, sums.runs, sums.weights, sums.panel.width, sums.ends, rows);
}

// Adds the rows `row_taps` of the windows of all pixels of a rectangle.
void do_rectangle(const pictures& where, const rectangle& part, tap_range row_taps, const weight_panel& panel,
                  std::size_t output) {
  const conv2d_shape& shape = where.shape;
  const std::size_t first_tap = row_taps.first * shape.kernel_width + part.column_taps.first;
  const std::size_t columns = part.column_taps.end - part.column_taps.first;
  const rectangle_sums sums{
      panel,
      panel.weights + first_tap * shape.inputs * panel.width,
      output,
      {row_taps.end - row_taps.first, columns * shape.inputs, shape.width * shape.inputs,
       shape.kernel_width * shape.inputs * panel.width},
      {row_taps.first == part.row_taps.first ? panel.bias : nullptr, where.relu && row_taps.end == part.row_taps.end}};
  pixel_cursor pixel(where, part, row_taps.first);
  std::size_t left = part.pixels;
  // Eight pixels by four vectors would not fit the registers; where the panel has fewer vectors,
  // six pixels would be too few sums to hide the latency.
  constexpr std::size_t lanes = hn::MaxLanes(float_tag());
  if (panel.outputs <= most_vectors(most_rows) * lanes) {
    for (; left >= most_rows; left -= most_rows) do_pixels<most_rows>(sums, pixel);
  }
  for (; left >= 6; left -= 6) do_pixels<6>(sums, pixel);
  if (left >= 4) {
    do_pixels<4>(sums, pixel);
    left -= 4;
  }
  if (left >= 2) {
    do_pixels<2>(sums, pixel);
    left -= 2;
  }
  if (left >= 1) do_pixels<1>(sums, pixel);
}

}  // namespace

void conv2d_rows(const conv2d_shape& shape, const float* x, const float* packed, float* y, bool relu, row_band band) {
  const bool same = shape.border == conv2d_border::same;
  const window_side down{shape.height, shape.kernel_height, shape.stride, same ? (shape.kernel_height - 1) / 2 : 0};
  const window_side across{shape.width, shape.kernel_width, shape.stride, same ? (shape.kernel_width - 1) / 2 : 0};
  const pictures where{shape, x, y, down.before, across.before, relu};
  for (std::size_t output = 0; output < shape.outputs; output += panel_outputs) {
    const weight_panel panel(packed, shape.window(), shape.outputs, output);
    const std::size_t tap_row = shape.kernel_width * shape.inputs * panel.width;
    const std::size_t passes = std::min(shape.kernel_height, 1 + shape.kernel_height * tap_row / weights_block);
    const std::size_t row_step = (shape.kernel_height + passes - 1) / passes;
    for (std::size_t row = band.first; row < band.end;) {
      const std::size_t row_end = std::min(band.end, down.same_taps_end(row));
      for (std::size_t column = 0; column < shape.output_width();) {
        const std::size_t column_end = across.same_taps_end(column);
        const rectangle part{row,
                             column,
                             column_end - column,
                             (row_end - row) * (column_end - column),
                             down.taps(row),
                             across.taps(column)};
        for (std::size_t tap = part.row_taps.first; tap < part.row_taps.end; tap += row_step) {
          const tap_range some{tap, std::min(tap + row_step, part.row_taps.end)};
          do_rectangle(where, part, some, panel, output);
        }
        column = column_end;
      }
      row = row_end;
    }
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(conv2d_rows);

void conv2d(const conv2d_shape& shape, std::span<const float> x, std::span<const float> packed, std::span<float> y,
            activation after, row_band band) {
  WAITWORK_CHECK(shape.kernel_width > 0 && shape.kernel_height > 0 && shape.stride > 0,
                 "kernel and stride are at least 1");
  WAITWORK_CHECK(x.size() >= shape.width * shape.height * shape.inputs, "x holds the picture");
  WAITWORK_CHECK(packed.size() >= packed_weights_size(shape.window(), shape.outputs),
                 "packed is as large as packed_weights_size says");
  WAITWORK_CHECK(y.size() >= shape.output_width() * shape.output_height() * shape.outputs,
                 "y holds the picture that is made");
  band.end = std::min(band.end, shape.output_height());
  if (band.first >= band.end) return;
  HWY_DYNAMIC_DISPATCH(conv2d_rows)
  (shape, x.data(), packed.data(), y.data(), after == activation::relu, band);
}

}  // namespace waitwork::kernels
#endif
