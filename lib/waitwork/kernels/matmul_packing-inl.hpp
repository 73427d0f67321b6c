// SPDX-License-Identifier: Apache-2.0
// matmul_packing: a block of B as panels one tile wide, so that the innermost loop reads it front
// to back. Includes itself once for each instruction set, as Highway's own -inl.h files do.

#if defined(WAITWORK_KERNELS_MATMUL_PACKING_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_MATMUL_PACKING_INL
#undef WAITWORK_KERNELS_MATMUL_PACKING_INL
#else
#define WAITWORK_KERNELS_MATMUL_PACKING_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include <waitwork/kernels/matmul.hpp>
#include <waitwork/kernels/matmul_blocks.hpp>
#include <waitwork/kernels/matmul_tile-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

static_assert(hn::MaxLanes(tag<float>()) <= widest_lanes<float>);
static_assert(column_block % (tile_vectors * hn::MaxLanes(tag<float>())) == 0);
static_assert(column_block % (tile_vectors * hn::MaxLanes(tag<double>())) == 0);

// A block of k, and the columns [0, columns) of C that are made of it, as wide as tiles go.
template <class T>
struct block {
  std::size_t inner;
  std::size_t columns;
  bool accumulate;

  // The vectors of the tile at `column`. As even as they come: five are 3 + 2, because one vector
  // alone has more broadcasts to load than multiply-adds to hide them.
  std::size_t vectors_at(std::size_t column) const noexcept {
    const std::size_t lanes = hn::Lanes(tag<T>());
    const std::size_t left = (columns - column + lanes - 1) / lanes;
    return left == tile_vectors + 1 ? (left + 1) / 2 : std::min(left, tile_vectors);
  }
};

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
  return {std::min(inner_step<T>(shape), shape.k - p), std::min(column_step<T>(shape), shape.n - first), p > 0};
}

// Copies `columns` columns of B into a panel of `width` elements a row, a whole number of vectors;
// the rest is zero.
template <class T>
void pack_panel(std::size_t inner, std::size_t columns, std::size_t width, const T* b, std::size_t b_stride,
                T* packed) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t p = 0; p < inner; ++p, b += b_stride, packed += width) {
    std::size_t column = 0;
    for (; column + lanes <= columns; column += lanes) hn::Store(hn::LoadU(d, b + column), d, packed + column);
    if (column < width) hn::Store(load_first(d, b + column, columns - column), d, packed + column);
  }
}

template <class T>
void pack_block(const matmul_shape& shape, const block<T>& part, const T* b, T* packed) {
  for (std::size_t column = 0; column < part.columns;) {
    const std::size_t width = part.vectors_at(column) * hn::Lanes(tag<T>());
    pack_panel(part.inner, std::min(width, part.columns - column), width, b + column, shape.b_stride,
               packed + column * part.inner);
    column += width;
  }
}

template <class T>
void pack_column(std::size_t inner, const T* b, std::size_t b_stride, T* packed) {
  for (std::size_t p = 0; p < inner; ++p) packed[p] = b[p * b_stride];
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
  if (shape.n == 1) return pack_column(shape.k, b, shape.b_stride, packed);
  const std::size_t parts_per_row = blocks(shape.n, column_step<T>(shape));
  const std::size_t p = part / parts_per_row * inner_step<T>(shape);
  const std::size_t first = part % parts_per_row * column_step<T>(shape);
  pack_block(shape, block_at<T>(shape, p, first), b + p * shape.b_stride + first,
             packed + packed_offset<T>(shape, p, first));
}

template <class T>
std::size_t parts(const matmul_shape& shape) {
  if (shape.n == 0 || shape.k == 0) return 0;
  return blocks(shape.k, inner_step<T>(shape)) * blocks(shape.n, column_step<T>(shape));
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
