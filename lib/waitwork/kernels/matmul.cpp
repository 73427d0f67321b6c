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
// no faster at n = 512, 1024, 2048). Where B is small, or is used by few rows, it is not packed
// either, but for the columns that fill no vector. Where B is a single column, vectors run down k
// instead.
//
// The order of the additions to an element depends on k alone, which is why every one of these ways
// gives the same bits for n > 1: each block of k is summed from its first product to its last, and
// the sums are added up in order.

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

// 6 rows of A * 4 KiB = 24 KiB, three quarters of the smallest first-level cache in use. Long
// blocks of k pass over C less often, in double precision above all: beside blocks of 2 KiB and 384
// columns, n = 2048 was 4 % faster, in double 8 %.
template <class T>
constexpr std::size_t inner_block = 4096 / sizeof(T);
// 4 KiB * 128 = 512 KiB of B, half of a 1 MiB second-level cache. A multiple of every tile's width.
// Beside 192 on a cache of 2 MiB whose other half a neighbour used, 2 % faster on average, and
// equal when it was alone; 384 was 15 % slower.
constexpr std::size_t column_block = 128;
// The widest vector of any instruction set compiled here (AVX-512). Panels are padded to whole
// vectors.
template <class T>
constexpr std::size_t widest_lanes = 64 / sizeof(T);
// B is read where it is if it takes no more than a quarter of a 2 MiB second-level cache, or half
// of a 1 MiB one: packing would cost more than it saves. At n = 512 in float, twice that, packing
// is the faster again.
constexpr std::size_t small_bytes = 512 * 1024;
// With so few rows, what packing costs is not earned back.
constexpr std::size_t few_rows = 4;

template <class T>
bool stays_in_place(const matmul_shape& shape, const T* b) noexcept {
  // Where rows begin elsewhere, nearly every load of a vector straddles two cache lines and costs
  // two: n = 250 is a fifth faster packed.
  const bool in_lines = reinterpret_cast<std::uintptr_t>(b) % simd_alignment_bytes == 0 &&
                        shape.b_stride % widest_lanes<T> == 0 && shape.n % widest_lanes<T> == 0;
  return shape.m <= few_rows ||
         (in_lines && shape.k <= inner_block<T> && shape.k * shape.n * sizeof(T) <= small_bytes);
}

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

// How many blocks cover `extent`.
constexpr std::size_t blocks(std::size_t extent, std::size_t largest) noexcept {
  return (extent + largest - 1) / largest;
}

// The size of equal blocks that cover `extent`, none larger than `largest`: 300 = 150 + 150, not
// 256 + 44.
constexpr std::size_t even_block(std::size_t extent, std::size_t largest) noexcept {
  const std::size_t count = blocks(extent, largest);
  return (extent + count - 1) / count;
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

// The accumulators of a tile of one row: eight and more cover the latency.
constexpr std::size_t row_vectors = 4 * tile_vectors;

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

template <class T>
HWY_INLINE void store(vector<T> sum, T* target, bool accumulate) {
  const tag<T> d;
  hn::StoreU(accumulate ? hn::Add(hn::LoadU(d, target), sum) : sum, d, target);
}

// The same for the first `count` elements: those behind them may be another thread's.
template <class T>
HWY_INLINE void store_first(std::size_t count, vector<T> sum, T* target, bool accumulate) {
  const tag<T> d;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  const auto mask = hn::FirstN(d, count);
  if (accumulate) sum = hn::Add(hn::MaskedLoad(mask, d, target), sum);
  hn::BlendedStore(sum, mask, d, target);
#else
  // Masks are emulated by a store of the whole vector.
  HWY_ALIGN T whole[hn::MaxLanes(d)];
  hn::Store(sum, d, whole);
  for (std::size_t i = 0; i < count; ++i) target[i] = accumulate ? target[i] + whole[i] : whole[i];
#endif
}

// C[tile] = or += A[rows] * columns, for Rows x Vectors vectors, of which the last may hang over the
// last of the `valid_columns`. Unrolled in full: only so do the accumulators live in registers. And
// eight steps of k to a turn: each saves its share of three instructions in 37, which is 5 to 10 %
// of the time where a neighbour takes turns at the core's front end.
template <std::size_t Rows, std::size_t Vectors, class T>
void multiply_tile(std::size_t valid_columns, std::size_t inner, const row_pointers<T>& rows,
                   panel<T> columns, T* c, std::size_t c_stride, bool accumulate) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  vector<T> sums[Rows][Vectors];
#pragma GCC unroll 8
  for (std::size_t row = 0; row < Rows; ++row) {
#pragma GCC unroll 16
    for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::Zero(d);
  }
  const T* from = columns.data;
#pragma GCC unroll 8
  for (std::size_t p = 0; p < inner; ++p, from += columns.step) {
    vector<T> b[Vectors];
#pragma GCC unroll 16
    for (std::size_t v = 0; v < Vectors; ++v) b[v] = hn::LoadU(d, from + v * lanes);
#pragma GCC unroll 8
    for (std::size_t row = 0; row < Rows; ++row) {
      const vector<T> a = hn::Set(d, rows[row][p]);
#pragma GCC unroll 16
      for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::MulAdd(a, b[v], sums[row][v]);
    }
  }
  const std::size_t in_last = valid_columns - (Vectors - 1) * lanes;
#pragma GCC unroll 8
  for (std::size_t row = 0; row < Rows; ++row, c += c_stride) {
#pragma GCC unroll 16
    for (std::size_t v = 0; v + 1 < Vectors; ++v) store(sums[row][v], c + v * lanes, accumulate);
    const vector<T> last = sums[row][Vectors - 1];
    if (in_last == lanes) {
      store(last, c + (Vectors - 1) * lanes, accumulate);
    } else {
      store_first(in_last, last, c + (Vectors - 1) * lanes, accumulate);
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
  return std::array<tile_function<T>, tile_vectors>{multiply_tile<Rows, Index + 1, T>...};
}
(std::make_index_sequence<tile_vectors>());

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

template <class T>
std::size_t inner_step(const matmul_shape& shape) noexcept {
  return even_block(shape.k, inner_block<T>);
}

template <class T>
std::size_t column_step(const matmul_shape& shape) noexcept {
  return round_up(even_block(shape.n, column_block), tile_vectors * hn::Lanes(tag<T>()));
}

// The block of B that begins at row p and column `first`.
template <class T>
block<T> block_at(const matmul_shape& shape, std::size_t p, std::size_t first) noexcept {
  return {std::min(inner_step<T>(shape), shape.k - p),
          std::min(column_step<T>(shape), shape.n - first), p > 0};
}

template <class T>
void pack_block(const matmul_shape& shape, const block<T>& part, const T* b, T* packed) {
  for (std::size_t column = 0; column < part.columns;) {
    const std::size_t width = part.vectors_at(column) * hn::Lanes(tag<T>());
    pack_panel(part.inner, std::min(width, part.columns - column), width, b + column,
               shape.b_stride, packed + column * part.inner);
    column += width;
  }
}

template <class T>
void multiply_packed_block(const matmul_shape& shape, const block<T>& part, const T* a,
                           const T* packed, T* c) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  multiply_block<T>(shape, a, part, c, [&](std::size_t column, std::size_t vectors) {
    return panel<T>{packed + column * part.inner, vectors * lanes};
  });
}

// C[row] = or += A[row] * b, for Rows rows and a single column, which is contiguous.
template <std::size_t Rows, class T>
HWY_INLINE void multiply_column(const matmul_shape& shape, std::size_t inner, const T* a,
                                const T* b, T* c, bool accumulate) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  // Two chains a row: with four rows, eight cover the latency of the multiply-add.
  vector<T> sums[Rows][2];
#pragma GCC unroll 4
  for (std::size_t row = 0; row < Rows; ++row) sums[row][0] = sums[row][1] = hn::Zero(d);
  std::size_t p = 0;
  for (; p + 2 * lanes <= inner; p += 2 * lanes) {
    const vector<T> low = hn::LoadU(d, b + p);
    const vector<T> high = hn::LoadU(d, b + p + lanes);
#pragma GCC unroll 4
    for (std::size_t row = 0; row < Rows; ++row) {
      const T* from = a + row * shape.a_stride + p;
      sums[row][0] = hn::MulAdd(hn::LoadU(d, from), low, sums[row][0]);
      sums[row][1] = hn::MulAdd(hn::LoadU(d, from + lanes), high, sums[row][1]);
    }
  }
#pragma GCC unroll 4
  for (std::size_t row = 0; row < Rows; ++row) {
    T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sums[row][0], sums[row][1])));
    for (std::size_t rest = p; rest < inner; ++rest)
      sum += a[row * shape.a_stride + rest] * b[rest];
    T& target = c[row * shape.c_stride];
    target = accumulate ? target + sum : sum;
  }
}

template <class T>
void multiply_column(const matmul_shape& shape, std::size_t inner, const T* a, const T* b, T* c,
                     bool accumulate) {
  std::size_t row = 0;
  for (; row + 4 <= shape.m; row += 4) {
    multiply_column<4>(shape, inner, a + row * shape.a_stride, b, c + row * shape.c_stride,
                       accumulate);
  }
  for (; row < shape.m; ++row) {
    multiply_column<1>(shape, inner, a + row * shape.a_stride, b, c + row * shape.c_stride,
                       accumulate);
  }
}

// B where it is, but for the columns that do not fill a vector.
template <class T>
void multiply_in_place(const matmul_shape& shape, const T* a, const T* b, T* c, T* packed) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  const std::size_t whole = shape.n / lanes * lanes;
  for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
    const std::size_t inner = std::min(inner_step<T>(shape), shape.k - p);
    const T* const from = b + p * shape.b_stride;
    // A single row has too few multiply-adds to hide where B comes from: wide tiles read it in long
    // pieces.
    std::size_t wide = 0;
    if (shape.m == 1) {
      for (; wide + row_vectors * lanes <= whole; wide += row_vectors * lanes) {
        multiply_tile<1, row_vectors, T>(row_vectors * lanes, inner, {a + p},
                                         {from + wide, shape.b_stride}, c + wide, shape.c_stride,
                                         p > 0);
      }
    }
    multiply_block<T>(shape, a + p, {inner, whole - wide, p > 0}, c + wide,
                      [&](std::size_t column, std::size_t) {
                        return panel<T>{from + wide + column, shape.b_stride};
                      });
    if (whole == shape.n) continue;
    pack_panel(inner, shape.n - whole, lanes, from + whole, shape.b_stride, packed);
    multiply_block<T>(shape, a + p, {inner, shape.n - whole, p > 0}, c + whole,
                      [&](std::size_t, std::size_t) {
                        return panel<T>{packed, lanes};
                      });
  }
}

template <class T>
void multiply(const matmul_shape& shape, const T* a, const T* b, T* c, T* packed) {
  if (shape.n == 1) {
    for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
      const std::size_t inner = std::min(inner_step<T>(shape), shape.k - p);
      for (std::size_t i = 0; i < inner; ++i) packed[i] = b[(p + i) * shape.b_stride];
      multiply_column(shape, inner, a + p, packed, c, p > 0);
    }
    return;
  }
  if (stays_in_place(shape, b)) return multiply_in_place(shape, a, b, c, packed);
  for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
    for (std::size_t first = 0; first < shape.n; first += column_step<T>(shape)) {
      const block<T> part = block_at<T>(shape, p, first);
      pack_block(shape, part, b + p * shape.b_stride + first, packed);
      multiply_packed_block(shape, part, a + p, packed, c + first);
    }
  }
}

// Where a block of the whole of B lies when all of it is packed: block rows one after the other, in
// each its blocks of columns.
template <class T>
std::size_t packed_offset(const matmul_shape& shape, std::size_t p, std::size_t first) noexcept {
  const std::size_t padded = round_up(shape.n, hn::Lanes(tag<T>()));
  return p * padded + first * std::min(inner_step<T>(shape), shape.k - p);
}

template <class T>
void pack_part(const matmul_shape& shape, const T* b, T* packed, std::size_t part) {
  if (shape.n == 1) {
    for (std::size_t p = 0; p < shape.k; ++p) packed[p] = b[p * shape.b_stride];
    return;
  }
  const std::size_t parts_per_row = blocks(shape.n, column_step<T>(shape));
  const std::size_t p = part / parts_per_row * inner_step<T>(shape);
  const std::size_t first = part % parts_per_row * column_step<T>(shape);
  pack_block(shape, block_at<T>(shape, p, first), b + p * shape.b_stride + first,
             packed + packed_offset<T>(shape, p, first));
}

template <class T>
void multiply_packed(const matmul_shape& shape, const T* a, const T* packed, T* c) {
  for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
    if (shape.n == 1) {
      multiply_column(shape, std::min(inner_step<T>(shape), shape.k - p), a + p, packed + p, c,
                      p > 0);
      continue;
    }
    for (std::size_t first = 0; first < shape.n; first += column_step<T>(shape)) {
      multiply_packed_block(shape, block_at<T>(shape, p, first), a + p,
                            packed + packed_offset<T>(shape, p, first), c + first);
    }
  }
}

template <class T>
std::size_t parts(const matmul_shape& shape) {
  if (shape.n == 0 || shape.k == 0) return 0;
  return blocks(shape.k, inner_step<T>(shape)) * blocks(shape.n, column_step<T>(shape));
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

void pack_f32(const matmul_shape& shape, const float* b, float* packed, std::size_t part) {
  pack_part(shape, b, packed, part);
}

void pack_f64(const matmul_shape& shape, const double* b, double* packed, std::size_t part) {
  pack_part(shape, b, packed, part);
}

void multiply_packed_f32(const matmul_shape& shape, const float* a, const float* packed, float* c) {
  multiply_packed(shape, a, packed, c);
}

void multiply_packed_f64(const matmul_shape& shape, const double* a, const double* packed,
                         double* c) {
  multiply_packed(shape, a, packed, c);
}

std::size_t parts_f32(const matmul_shape& shape) { return parts<float>(shape); }
std::size_t parts_f64(const matmul_shape& shape) { return parts<double>(shape); }

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(matmul_f32);
HWY_EXPORT(matmul_f64);
HWY_EXPORT(pack_f32);
HWY_EXPORT(pack_f64);
HWY_EXPORT(multiply_packed_f32);
HWY_EXPORT(multiply_packed_f64);
HWY_EXPORT(parts_f32);
HWY_EXPORT(parts_f64);

template <class T>
std::size_t matmul_scratch(const matmul_shape& shape) noexcept {
  const std::size_t inner = std::min(shape.k, inner_block<T>);
  const std::size_t columns = std::min(round_up(shape.n, widest_lanes<T>), column_block);
  return inner * columns + simd_alignment_bytes / sizeof(T);
}
template std::size_t matmul_scratch<float>(const matmul_shape& shape) noexcept;
template std::size_t matmul_scratch<double>(const matmul_shape& shape) noexcept;

template <class T>
std::size_t matmul_packed_elements(const matmul_shape& shape) noexcept {
  return shape.n == 1 ? shape.k : shape.k * round_up(shape.n, widest_lanes<T>);
}
template std::size_t matmul_packed_elements<float>(const matmul_shape& shape) noexcept;
template std::size_t matmul_packed_elements<double>(const matmul_shape& shape) noexcept;

template <>
std::size_t matmul_pack_parts<float>(const matmul_shape& shape) noexcept {
  return HWY_DYNAMIC_DISPATCH(parts_f32)(shape);
}
template <>
std::size_t matmul_pack_parts<double>(const matmul_shape& shape) noexcept {
  return HWY_DYNAMIC_DISPATCH(parts_f64)(shape);
}

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

template <class T>
void check_b(const matmul_shape& shape, std::span<const T> b) {
  WAITWORK_CHECK(shape.b_stride >= shape.n, "a stride is at least the length of a row");
  WAITWORK_CHECK(b.size() >= extent(shape.k, shape.n, shape.b_stride), "b holds a k x n matrix");
}

template <class T>
void check_packed(const matmul_shape& shape, std::span<const T> packed) {
  WAITWORK_CHECK(packed.size() >= matmul_packed_elements<T>(shape),
                 "packed is as large as matmul_packed_elements says");
  WAITWORK_CHECK(reinterpret_cast<std::uintptr_t>(packed.data()) % simd_alignment_bytes == 0,
                 "packed is aligned to simd_alignment_bytes");
}

// Checks A and C; false if there is nothing left to multiply.
template <class T>
bool begin(const matmul_shape& shape, std::span<const T> a, std::span<T> c) {
  WAITWORK_CHECK(shape.a_stride >= shape.k && shape.c_stride >= shape.n,
                 "a stride is at least the length of a row");
  WAITWORK_CHECK(a.size() >= extent(shape.m, shape.k, shape.a_stride), "a holds an m x k matrix");
  WAITWORK_CHECK(c.size() >= extent(shape.m, shape.n, shape.c_stride), "c holds an m x n matrix");
  if (shape.m == 0 || shape.n == 0) return false;
  if (shape.k > 0) return true;
  for (std::size_t row = 0; row < shape.m; ++row)
    std::fill_n(c.data() + row * shape.c_stride, shape.n, T{0});
  return false;
}

template <class T>
void check_scratch(const matmul_shape& shape, std::span<T> scratch) {
  WAITWORK_CHECK(scratch.size() >= matmul_scratch<T>(shape),
                 "scratch is as large as matmul_scratch says");
}

template <class T>
void check_pack(const matmul_shape& shape, std::span<const T> b, std::span<T> packed,
                std::size_t part) {
  check_b(shape, b);
  check_packed<T>(shape, packed);
  WAITWORK_CHECK(part < matmul_pack_parts<T>(shape), "a part is below matmul_pack_parts");
}

}  // namespace

void matmul(const matmul_shape& shape, std::span<const float> a, std::span<const float> b,
            std::span<float> c, std::span<float> scratch) {
  check_b(shape, b);
  check_scratch(shape, scratch);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(matmul_f32)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

void matmul_pack(const matmul_shape& shape, std::span<const float> b, std::span<float> packed,
                 std::size_t part) {
  check_pack(shape, b, packed, part);
  HWY_DYNAMIC_DISPATCH(pack_f32)(shape, b.data(), packed.data(), part);
}

void matmul_packed(const matmul_shape& shape, std::span<const float> a,
                   std::span<const float> packed, std::span<float> c) {
  check_packed(shape, packed);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(multiply_packed_f32)(shape, a.data(), packed.data(), c.data());
}

void matmul(const matmul_shape& shape, std::span<const double> a, std::span<const double> b,
            std::span<double> c, std::span<double> scratch) {
  check_b(shape, b);
  check_scratch(shape, scratch);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(matmul_f64)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

void matmul_pack(const matmul_shape& shape, std::span<const double> b, std::span<double> packed,
                 std::size_t part) {
  check_pack(shape, b, packed, part);
  HWY_DYNAMIC_DISPATCH(pack_f64)(shape, b.data(), packed.data(), part);
}

void matmul_packed(const matmul_shape& shape, std::span<const double> a,
                   std::span<const double> packed, std::span<double> c) {
  check_packed(shape, packed);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(multiply_packed_f64)(shape, a.data(), packed.data(), c.data());
}

}  // namespace waitwork::kernels
#endif
