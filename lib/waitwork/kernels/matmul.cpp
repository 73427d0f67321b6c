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
// A is not packed: its rows are contiguous in k already, and eight streams are few (packed, it was
// no faster at n = 512, 1024, 2048). Where B is small, its whole vectors are not packed either, but
// read where they are.

#include <waitwork/kernels/matmul.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

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

// 6 rows of A * 4 KiB = 24 KiB, three quarters of the smallest first-level cache in use. Long blocks
// of k pass over C less often, in double precision above all: beside blocks of 2 KiB and 384
// columns, n = 2048 was 4 % faster, in double 8 %.
template <class T>
constexpr std::size_t inner_block = 4096 / sizeof(T);
// 4 KiB * 192 = 768 KiB of B, three quarters of a 1 MiB second-level cache. A multiple of every
// tile's width.
constexpr std::size_t column_block = 192;
// The widest vector of any instruction set compiled here (AVX-512). Panels are padded to whole
// vectors.
template <class T>
constexpr std::size_t widest_lanes = 64 / sizeof(T);
// B is read where it is if all of it is in the first-level cache, or nearly so: packing would cost
// more than it saves.
constexpr std::size_t small_bytes = 64 * 1024;

template <class T>
bool is_small(const matmul_shape& shape) noexcept {
  return shape.k <= inner_block<T> && shape.k * shape.n * sizeof(T) <= small_bytes;
}

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
// the registers beside tile_vectors of B and one broadcast of A: 24 + 4 + 1 of the 32 of AVX-512
// and NEON, 12 + 2 + 1 of the 16 of SSE and AVX2. (8 x 3 was 2 to 7 % slower on AVX-512, least at
// n = 512.)
constexpr std::size_t tile_rows = 6;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr std::size_t tile_vectors = 4;
#else
constexpr std::size_t tile_vectors = 2;
#endif

template <class T>
using tag = hn::ScalableTag<T>;
template <class T>
using vector = hn::Vec<tag<T>>;
static_assert(hn::MaxLanes(tag<float>()) <= widest_lanes<float>);
static_assert(column_block % (tile_vectors * hn::MaxLanes(tag<float>())) == 0);
static_assert(column_block % (tile_vectors * hn::MaxLanes(tag<double>())) == 0);

template <class T>
using row_pointers = std::array<const T*, tile_rows>;

// Columns of B beside each other, as the tile reads them: element (p, column) is at
// [p * step + column].
template <class T>
struct panel {
  const T* data;
  std::size_t step;
};

// C[tile] = or += A[rows] * columns, for Rows x Vectors vectors. Unrolled in full: only so do the
// accumulators live in registers.
template <std::size_t Rows, std::size_t Vectors, class T>
HWY_INLINE void multiply_tile(std::size_t inner, const row_pointers<T>& rows, panel<T> columns,
                              T* c, std::size_t c_stride, bool accumulate) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  vector<T> sums[Rows][Vectors];
#pragma GCC unroll 8
  for (std::size_t row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::Zero(d);
  }
  const T* from = columns.data;
  for (std::size_t p = 0; p < inner; ++p, from += columns.step) {
    vector<T> b[Vectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) b[v] = hn::LoadU(d, from + v * lanes);
#pragma GCC unroll 8
    for (std::size_t row = 0; row < Rows; ++row) {
      const vector<T> a = hn::Set(d, rows[row][p]);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::MulAdd(a, b[v], sums[row][v]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) {
      T* target = c + row * c_stride + v * lanes;
      const vector<T> before = accumulate ? hn::LoadU(d, target) : hn::Zero(d);
      hn::StoreU(hn::Add(before, sums[row][v]), d, target);
    }
  }
}

// The same for a tile that hangs over the last column of C: all of it into a buffer, then the part
// that exists.
template <std::size_t Rows, std::size_t Vectors, class T>
void multiply_tile_up_to(std::size_t valid_columns, std::size_t inner, const row_pointers<T>& rows,
                         panel<T> columns, T* c, std::size_t c_stride, bool accumulate) {
  constexpr std::size_t width = Vectors * hn::MaxLanes(tag<T>());
  if (valid_columns == Vectors * hn::Lanes(tag<T>())) {
    return multiply_tile<Rows, Vectors>(inner, rows, columns, c, c_stride, accumulate);
  }
  HWY_ALIGN T whole[Rows * width];
  multiply_tile<Rows, Vectors>(inner, rows, columns, whole, width, false);
  for (std::size_t row = 0; row < Rows; ++row) {
    T* target = c + row * c_stride;
    const T* source = whole + row * width;
    for (std::size_t column = 0; column < valid_columns; ++column) {
      target[column] = (accumulate ? target[column] : T{0}) + source[column];
    }
  }
}

template <class T>
using tile_function = void (*)(std::size_t valid_columns, std::size_t inner,
                               const row_pointers<T>& rows, panel<T> columns, T* c,
                               std::size_t c_stride, bool accumulate);

// Every width that a tile may have; [vectors - 1].
template <std::size_t Rows, class T>
constexpr auto tiles_of_rows = []<std::size_t... Index>(std::index_sequence<Index...>) {
  return std::array<tile_function<T>, tile_vectors>{multiply_tile_up_to<Rows, Index + 1, T>...};
}(std::make_index_sequence<tile_vectors>());

// Copies `columns` columns of B into a panel of `width` elements a row, a whole number of vectors;
// the rest is zero.
template <class T>
void pack_panel(std::size_t inner, std::size_t columns, std::size_t width, const T* b,
                std::size_t b_stride, T* packed) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t p = 0; p < inner; ++p, b += b_stride, packed += width) {
    std::size_t column = 0;
    for (; column + lanes <= columns; column += lanes)
      hn::Store(hn::LoadU(d, b + column), d, packed + column);
    for (; column < columns; ++column) packed[column] = b[column];
    for (; column < width; ++column) packed[column] = T{0};
  }
}

// A block of k, and the columns [0, columns) of C that are made of it, as wide as tiles go.
template <class T>
struct block {
  std::size_t inner;
  std::size_t columns;
  bool accumulate;

  // The vectors of the tile at `column`. As even as they come: four are 2 + 2, because one vector
  // alone has more broadcasts to load than multiply-adds to hide them.
  std::size_t vectors_at(std::size_t column) const noexcept {
    const std::size_t lanes = hn::Lanes(tag<T>());
    const std::size_t left = (columns - column + lanes - 1) / lanes;
    return left == tile_vectors + 1 ? (left + 1) / 2 : std::min(left, tile_vectors);
  }
};

// `Rows` rows of C from one block, whose panels find_panel(column, vectors) gives.
template <std::size_t Rows, class T, class FindPanel>
HWY_INLINE void multiply_rows(const matmul_shape& shape, std::size_t row, const T* a,
                              const block<T>& part, T* c, FindPanel find_panel) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  row_pointers<T> rows{};
  for (std::size_t i = 0; i < Rows; ++i) rows[i] = a + (row + i) * shape.a_stride;
  T* const target = c + row * shape.c_stride;
  for (std::size_t column = 0; column < part.columns;) {
    const std::size_t vectors = part.vectors_at(column);
    const std::size_t valid_columns = std::min(vectors * lanes, part.columns - column);
    tiles_of_rows<Rows, T>[vectors - 1](valid_columns, part.inner, rows,
                                        find_panel(column, vectors), target + column,
                                        shape.c_stride, part.accumulate);
    column += valid_columns;
  }
}

// All rows: as many tiles as go, and what is left in fewer.
template <class T, class FindPanel>
HWY_INLINE void multiply_block(const matmul_shape& shape, const T* a, const block<T>& part, T* c,
                               FindPanel find_panel) {
  for (std::size_t row = 0; row < shape.m;) {
    const std::size_t left = shape.m - row;
    if (left >= tile_rows) {
      multiply_rows<tile_rows>(shape, row, a, part, c, find_panel);
      row += tile_rows;
    } else if (left >= 4) {
      multiply_rows<4>(shape, row, a, part, c, find_panel);
      row += 4;
    } else if (left >= 2) {
      multiply_rows<2>(shape, row, a, part, c, find_panel);
      row += 2;
    } else {
      multiply_rows<1>(shape, row, a, part, c, find_panel);
      row += 1;
    }
  }
}

// B where it is, but for the columns that do not fill a vector.
template <class T>
void multiply_small(const matmul_shape& shape, const T* a, const T* b, T* c, T* packed) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  const std::size_t whole = shape.n / lanes * lanes;
  multiply_block<T>(shape, a, {shape.k, whole, false}, c, [&](std::size_t column, std::size_t) {
    return panel<T>{b + column, shape.b_stride};
  });
  if (whole == shape.n) return;
  pack_panel(shape.k, shape.n - whole, lanes, b + whole, shape.b_stride, packed);
  multiply_block<T>(shape, a, {shape.k, shape.n - whole, false}, c + whole,
                    [&](std::size_t, std::size_t) { return panel<T>{packed, lanes}; });
}

template <class T>
void multiply(const matmul_shape& shape, const T* a, const T* b, T* c, T* packed) {
  if (is_small<T>(shape)) return multiply_small(shape, a, b, c, packed);
  const std::size_t lanes = hn::Lanes(tag<T>());
  const std::size_t inner_step = even_block(shape.k, inner_block<T>);
  const std::size_t column_step =
      round_up(even_block(shape.n, column_block), tile_vectors * lanes);
  for (std::size_t p = 0; p < shape.k; p += inner_step) {
    for (std::size_t first = 0; first < shape.n; first += column_step) {
      const block<T> part{std::min(inner_step, shape.k - p),
                          std::min(column_step, shape.n - first), p > 0};
      for (std::size_t column = 0; column < part.columns;) {
        const std::size_t width = part.vectors_at(column) * lanes;
        pack_panel(part.inner, std::min(width, part.columns - column), width,
                   b + p * shape.b_stride + first + column, shape.b_stride,
                   packed + column * part.inner);
        column += width;
      }
      multiply_block<T>(shape, a + p, part, c + first,
                        [&](std::size_t column, std::size_t vectors) {
                          return panel<T>{packed + column * part.inner, vectors * lanes};
                        });
    }
  }
}

}  // namespace

void matmul_f32(const matmul_shape& shape, const float* a, const float* b, float* c,
                float* packed) {
  multiply(shape, a, b, c, packed);
}

void matmul_f64(const matmul_shape& shape, const double* a, const double* b, double* c,
                double* packed) {
  multiply(shape, a, b, c, packed);
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(matmul_f32);
HWY_EXPORT(matmul_f64);

template <class T>
std::size_t matmul_scratch(const matmul_shape& shape) noexcept {
  const std::size_t inner = std::min(shape.k, inner_block<T>);
  const std::size_t columns = is_small<T>(shape)
                                  ? widest_lanes<T>
                                  : std::min(round_up(shape.n, widest_lanes<T>), column_block);
  return inner * columns + simd_alignment_bytes / sizeof(T);
}
template std::size_t matmul_scratch<float>(const matmul_shape& shape) noexcept;
template std::size_t matmul_scratch<double>(const matmul_shape& shape) noexcept;

namespace {

// Elements from the first to the last that a matrix reaches.
std::size_t extent(std::size_t rows, std::size_t columns, std::size_t stride) noexcept {
  return rows == 0 || columns == 0 ? 0 : (rows - 1) * stride + columns;
}

// The packed block is written with aligned stores, wherever the caller's scratch begins.
template <class T>
T* align(T* scratch) noexcept {
  constexpr std::size_t elements = simd_alignment_bytes / sizeof(T);
  const std::size_t past = reinterpret_cast<std::uintptr_t>(scratch) / sizeof(T) % elements;
  return scratch + (elements - past) % elements;
}

// Checks the contract; false if there is nothing left to multiply.
template <class T>
bool begin(const matmul_shape& shape, std::span<const T> a, std::span<const T> b, std::span<T> c,
           std::span<T> scratch) {
  WAITWORK_CHECK(
      shape.a_stride >= shape.k && shape.b_stride >= shape.n && shape.c_stride >= shape.n,
      "a stride is at least the length of a row");
  WAITWORK_CHECK(a.size() >= extent(shape.m, shape.k, shape.a_stride), "a holds an m x k matrix");
  WAITWORK_CHECK(b.size() >= extent(shape.k, shape.n, shape.b_stride), "b holds a k x n matrix");
  WAITWORK_CHECK(c.size() >= extent(shape.m, shape.n, shape.c_stride), "c holds an m x n matrix");
  WAITWORK_CHECK(scratch.size() >= matmul_scratch<T>(shape),
                 "scratch is as large as matmul_scratch says");
  if (shape.m == 0 || shape.n == 0) return false;
  if (shape.k > 0) return true;
  for (std::size_t row = 0; row < shape.m; ++row)
    std::fill_n(c.data() + row * shape.c_stride, shape.n, T{0});
  return false;
}

}  // namespace

void matmul(const matmul_shape& shape, std::span<const float> a, std::span<const float> b,
            std::span<float> c, std::span<float> scratch) {
  if (!begin(shape, a, b, c, scratch)) return;
  HWY_DYNAMIC_DISPATCH(matmul_f32)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

void matmul(const matmul_shape& shape, std::span<const double> a, std::span<const double> b,
            std::span<double> c, std::span<double> scratch) {
  if (!begin(shape, a, b, c, scratch)) return;
  HWY_DYNAMIC_DISPATCH(matmul_f64)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

}  // namespace waitwork::kernels
#endif
