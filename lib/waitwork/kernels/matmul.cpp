// One register tile of C at a time: `tile_rows` rows by `tile_vectors` vectors of columns stay in
// registers while the tile runs down k, so each step of k costs tile_vectors loads and tile_rows
// broadcasts for tile_rows * tile_vectors multiply-adds. Around it the loop nest of Goto and van de
// Geijn, "Anatomy of high-performance matrix multiplication" (TOMS 2008), mirrored for row-major
// order and wide tiles:
//
//   for each block of k         (inner_block: the tile's rows of A stay in the first-level cache)
//     for each block of columns (column_block: the block of B, packed, stays in the second level)
//       pack that block of B into panels one tile wide, read front to back by the innermost loop
//       for each tile's rows
//         for each panel: the tile
//
// A is not packed: its rows are contiguous in k already, and eight streams are few. On an AVX-512
// Xeon with two FMA units, one thread reaches 0.93 of the measured FMA limit (179 GFLOP/s) at
// n = 384 and 0.86 at n = 1024.

#include <waitwork/kernels/matmul.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>

#ifndef WAITWORK_KERNELS_MATMUL_BLOCKS
#define WAITWORK_KERNELS_MATMUL_BLOCKS
namespace waitwork::kernels {
namespace {

// 8 rows of A * 256 * 4 bytes = 8 KiB, a quarter of the smallest first-level cache in use.
constexpr std::size_t inner_block = 256;
// 256 * 480 * 4 bytes = 480 KiB, half of a 1 MiB second-level cache. A multiple of every tile's
// width.
constexpr std::size_t column_block = 480;
// The widest vector of any instruction set compiled here (AVX-512). Panels are padded to whole
// vectors.
constexpr std::size_t widest_lanes = 16;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

// The size of equal blocks that cover `extent`, none larger than `largest`: 300 = 150 + 150, not
// 256 + 44.
constexpr std::size_t even_block(std::size_t extent, std::size_t largest) noexcept {
  const std::size_t blocks = (extent + largest - 1) / largest;
  return (extent + blocks - 1) / blocks;
}

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// The accumulators must cover latency times throughput of the FMA units (8 to 10 vectors) and fit
// the registers beside tile_vectors of B and one broadcast of A: 24 + 3 + 1 of the 32 of AVX-512
// and NEON, 12 + 2 + 1 of the 16 of SSE and AVX2.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr std::size_t tile_rows = 8;
constexpr std::size_t tile_vectors = 3;
#else
constexpr std::size_t tile_rows = 6;
constexpr std::size_t tile_vectors = 2;
#endif

using float_tag = hn::ScalableTag<float>;
using float_vector = hn::Vec<float_tag>;
static_assert(hn::MaxLanes(float_tag()) <= widest_lanes);
static_assert(column_block % (tile_vectors * hn::MaxLanes(float_tag())) == 0);

using row_pointers = std::array<const float*, tile_rows>;

// C[tile] = or += A[rows] * panel, for tile_rows x Vectors vectors. Unrolled in full: only so do
// the accumulators live in registers.
template <std::size_t Vectors>
HWY_INLINE void multiply_tile(std::size_t inner, const row_pointers& rows, const float* panel,
                              float* c, std::size_t c_stride, bool accumulate) {
  const float_tag d;
  const std::size_t lanes = hn::Lanes(d);
  float_vector sums[tile_rows][Vectors];
#pragma GCC unroll 8
  for (std::size_t row = 0; row < tile_rows; ++row) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::Zero(d);
  }
  for (std::size_t p = 0; p < inner; ++p, panel += Vectors * lanes) {
    float_vector b[Vectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) b[v] = hn::Load(d, panel + v * lanes);
#pragma GCC unroll 8
    for (std::size_t row = 0; row < tile_rows; ++row) {
      const float_vector a = hn::Set(d, rows[row][p]);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::MulAdd(a, b[v], sums[row][v]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t row = 0; row < tile_rows; ++row) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) {
      float* target = c + row * c_stride + v * lanes;
      const float_vector before = accumulate ? hn::LoadU(d, target) : hn::Zero(d);
      hn::StoreU(hn::Add(before, sums[row][v]), d, target);
    }
  }
}

// The same for a tile that hangs over the edge of C: all of it into a buffer, then the part that
// exists.
template <std::size_t Vectors>
void multiply_edge_tile(std::size_t inner, const row_pointers& rows, const float* panel, float* c,
                        std::size_t c_stride, bool accumulate, std::size_t valid_rows,
                        std::size_t valid_columns) {
  constexpr std::size_t width = Vectors * hn::MaxLanes(float_tag());
  HWY_ALIGN float whole[tile_rows * width];
  multiply_tile<Vectors>(inner, rows, panel, whole, width, false);
  for (std::size_t row = 0; row < valid_rows; ++row) {
    float* target = c + row * c_stride;
    const float* source = whole + row * width;
    for (std::size_t column = 0; column < valid_columns; ++column) {
      target[column] = (accumulate ? target[column] : 0.0f) + source[column];
    }
  }
}

template <std::size_t Vectors>
void multiply_any_tile(std::size_t inner, const row_pointers& rows, const float* panel, float* c,
                       std::size_t c_stride, bool accumulate, std::size_t valid_rows,
                       std::size_t valid_columns) {
  if (valid_rows == tile_rows && valid_columns == Vectors * hn::Lanes(float_tag())) {
    multiply_tile<Vectors>(inner, rows, panel, c, c_stride, accumulate);
  } else {
    multiply_edge_tile<Vectors>(inner, rows, panel, c, c_stride, accumulate, valid_rows,
                                valid_columns);
  }
}

// Copies `columns` columns of B into a panel of `width` floats a row, a whole number of vectors;
// the rest is zero.
void pack_panel(std::size_t inner, std::size_t columns, std::size_t width, const float* b,
                std::size_t b_stride, float* panel) {
  const float_tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t p = 0; p < inner; ++p, b += b_stride, panel += width) {
    std::size_t column = 0;
    for (; column + lanes <= columns; column += lanes)
      hn::Store(hn::LoadU(d, b + column), d, panel + column);
    for (; column < columns; ++column) panel[column] = b[column];
    for (; column < width; ++column) panel[column] = 0.0f;
  }
}

// Columns [first, first + columns) of C from one block of k, with that block of B packed in
// `packed`.
void multiply_block(const matmul_shape& shape, const float* a, std::size_t inner,
                    const float* packed, std::size_t columns, float* c, bool accumulate) {
  const std::size_t lanes = hn::Lanes(float_tag());
  const std::size_t tile_width = tile_vectors * lanes;
  for (std::size_t row = 0; row < shape.m; row += tile_rows) {
    const std::size_t valid_rows = std::min(tile_rows, shape.m - row);
    row_pointers rows;
    for (std::size_t i = 0; i < tile_rows; ++i) {
      rows[i] = a + (row + std::min(i, valid_rows - 1)) *
                        shape.a_stride;  // past the last row: the last row again
    }
    for (std::size_t column = 0; column < columns; column += tile_width) {
      const std::size_t valid_columns = std::min(tile_width, columns - column);
      const float* panel = packed + column * inner;
      float* target = c + row * shape.c_stride + column;
      const std::size_t vectors = (valid_columns + lanes - 1) / lanes;
      const auto tile = vectors == 1   ? multiply_any_tile<1>
                        : vectors == 2 ? multiply_any_tile<2>
                                       : multiply_any_tile<tile_vectors>;
      tile(inner, rows, panel, target, shape.c_stride, accumulate, valid_rows, valid_columns);
    }
  }
}

}  // namespace

void matmul(const matmul_shape& shape, const float* a, const float* b, float* c, float* packed) {
  const std::size_t lanes = hn::Lanes(float_tag());
  const std::size_t tile_width = tile_vectors * lanes;
  const std::size_t inner_step = even_block(shape.k, inner_block);
  const std::size_t column_step = round_up(even_block(shape.n, column_block), tile_width);
  for (std::size_t p = 0; p < shape.k; p += inner_step) {
    const std::size_t inner = std::min(inner_step, shape.k - p);
    for (std::size_t first = 0; first < shape.n; first += column_step) {
      const std::size_t columns = std::min(column_step, shape.n - first);
      for (std::size_t column = 0; column < columns; column += tile_width) {
        const std::size_t panel_columns = std::min(tile_width, columns - column);
        pack_panel(inner, panel_columns, round_up(panel_columns, lanes),
                   b + p * shape.b_stride + first + column, shape.b_stride,
                   packed + column * inner);
      }
      multiply_block(shape, a + p, inner, packed, columns, c + first, p > 0);
    }
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(matmul);

namespace {

// Elements from the first to the last that a matrix reaches.
std::size_t extent(std::size_t rows, std::size_t columns, std::size_t stride) noexcept {
  return rows == 0 || columns == 0 ? 0 : (rows - 1) * stride + columns;
}

// The packed block is read with aligned loads, wherever the caller's scratch begins.
constexpr std::size_t alignment_floats = simd_alignment_bytes / sizeof(float);

float* align(float* scratch) noexcept {
  const std::size_t past =
      reinterpret_cast<std::uintptr_t>(scratch) / sizeof(float) % alignment_floats;
  return scratch + (alignment_floats - past) % alignment_floats;
}

}  // namespace

std::size_t matmul_scratch_floats(const matmul_shape& shape) noexcept {
  const std::size_t inner = std::min(shape.k, inner_block);
  const std::size_t columns = std::min(round_up(shape.n, widest_lanes), column_block);
  return inner * columns + alignment_floats;
}

void matmul(const matmul_shape& shape, std::span<const float> a, std::span<const float> b,
            std::span<float> c, std::span<float> scratch) {
  WAITWORK_CHECK(
      shape.a_stride >= shape.k && shape.b_stride >= shape.n && shape.c_stride >= shape.n,
      "a stride is at least the length of a row");
  WAITWORK_CHECK(a.size() >= extent(shape.m, shape.k, shape.a_stride), "a holds an m x k matrix");
  WAITWORK_CHECK(b.size() >= extent(shape.k, shape.n, shape.b_stride), "b holds a k x n matrix");
  WAITWORK_CHECK(c.size() >= extent(shape.m, shape.n, shape.c_stride), "c holds an m x n matrix");
  WAITWORK_CHECK(scratch.size() >= matmul_scratch_floats(shape),
                 "scratch is as large as matmul_scratch_floats says");
  if (shape.m == 0 || shape.n == 0) return;
  if (shape.k == 0) {
    for (std::size_t row = 0; row < shape.m; ++row)
      std::fill_n(c.data() + row * shape.c_stride, shape.n, 0.0f);
    return;
  }
  HWY_DYNAMIC_DISPATCH(matmul)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

}  // namespace waitwork::kernels
#endif
