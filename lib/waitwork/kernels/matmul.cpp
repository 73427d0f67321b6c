// SPDX-License-Identifier: Apache-2.0
// The loop nest of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (TOMS
// 2008), mirrored for row-major order and wide tiles of C (matmul_tile-inl.hpp):
//
//   for each block of k         (inner_block: the tile's rows of A stay in the first-level cache)
//     for each block of columns (column_block: the block of B, packed, stays in the second level)
//       pack that block of B into panels one tile wide, read front to back by the innermost loop
//       for each tile's rows
//         for each panel: the tile
//
// A is not packed: its rows are contiguous in k already, and eight streams are few (packed, it was
// no faster at n = 512, 1024, 2048). Where B is small, or is used by few rows, it is not packed
// either. Where B is a single column, vectors run down k instead.
//
// The order of the additions to an element depends on k alone, which is why every one of these ways
// gives the same bits for n > 1: each block of k is summed from its first product to its last, and
// the sums are added up in order.

#include <waitwork/kernels/matmul.hpp>

#include <algorithm>
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
#include <waitwork/kernels/matmul_blocks.hpp>
#include <waitwork/kernels/matmul_column-inl.hpp>
#include <waitwork/kernels/matmul_packing-inl.hpp>
#include <waitwork/kernels/matmul_tile-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// `Rows` rows of C from one block, whose panels find_panel(column, vectors) gives. Masked: a panel
// ends with its last column, not with a whole vector.
template <std::size_t Rows, bool Masked, class T, class FindPanel>
HWY_INLINE void multiply_rows(const matmul_shape& shape, std::size_t row, const T* a, const block<T>& part, T* c,
                              FindPanel find_panel) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  row_pointers<T> rows{};
  for (std::size_t i = 0; i < Rows; ++i) rows[i] = a + (row + i) * shape.a_stride;
  T* const target = c + row * shape.c_stride;
  for (std::size_t column = 0; column < part.columns;) {
    const std::size_t vectors = part.vectors_at(column);
    const std::size_t valid_columns = std::min(vectors * lanes, part.columns - column);
    const auto& tiles =
        Masked && valid_columns < vectors * lanes ? tiles_of_rows<Rows, true, T> : tiles_of_rows<Rows, false, T>;
    tiles[vectors - 1](valid_columns, part.inner, rows, find_panel(column, vectors), target + column, shape.c_stride,
                       part.accumulate);
    column += valid_columns;
  }
}

// All rows: as many tiles as go, and what is left in fewer.
template <bool Masked, class T, class FindPanel>
HWY_INLINE void multiply_block(const matmul_shape& shape, const T* a, const block<T>& part, T* c,
                               FindPanel find_panel) {
  for (std::size_t row = 0; row < shape.m;) {
    const std::size_t left = shape.m - row;
    if (left >= tile_rows) {
      multiply_rows<tile_rows, Masked>(shape, row, a, part, c, find_panel);
      row += tile_rows;
    } else if (left >= 4) {
      multiply_rows<4, Masked>(shape, row, a, part, c, find_panel);
      row += 4;
    } else if (left >= 2) {
      multiply_rows<2, Masked>(shape, row, a, part, c, find_panel);
      row += 2;
    } else {
      multiply_rows<1, Masked>(shape, row, a, part, c, find_panel);
      row += 1;
    }
  }
}

template <class T>
void multiply_packed_block(const matmul_shape& shape, const block<T>& part, const T* a, const T* packed, T* c) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  multiply_block<false, T>(shape, a, part, c, [&](std::size_t column, std::size_t vectors) {
    return panel<T>{packed + column * part.inner, vectors * lanes};
  });
}

// B where it is, but for columns that fill no vector where loads cannot be masked.
template <class T>
void multiply_in_place(const matmul_shape& shape, const T* a, const T* b, T* c, T* packed) {
  const std::size_t lanes = hn::Lanes(tag<T>());
  const std::size_t whole = masks_loads ? shape.n : shape.n / lanes * lanes;
  for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
    const std::size_t inner = std::min(inner_step<T>(shape), shape.k - p);
    const T* const from = b + p * shape.b_stride;
    // A single row has too few multiply-adds to hide where B comes from: wide tiles read it in long
    // pieces.
    std::size_t wide = 0;
    if (shape.m == 1) {
      for (; wide + row_vectors * lanes <= whole; wide += row_vectors * lanes) {
        multiply_tile<1, row_vectors, false, T>(row_vectors * lanes, inner, {a + p}, {from + wide, shape.b_stride},
                                                c + wide, shape.c_stride, p > 0);
      }
    }
    multiply_block<masks_loads, T>(
        shape, a + p, {inner, whole - wide, p > 0}, c + wide,
        [&](std::size_t column, std::size_t) { return panel<T>{from + wide + column, shape.b_stride}; });
    if (whole == shape.n) continue;
    pack_panel(inner, shape.n - whole, lanes, from + whole, shape.b_stride, packed);
    multiply_block<false, T>(shape, a + p, {inner, shape.n - whole, p > 0}, c + whole,
                             [&](std::size_t, std::size_t) { return panel<T>{packed, lanes}; });
  }
}

template <class T>
void multiply(const matmul_shape& shape, const T* a, const T* b, T* c, T* packed) {
  if (shape.n == 1) {
    for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
      const std::size_t inner = std::min(inner_step<T>(shape), shape.k - p);
      pack_column(inner, b + p * shape.b_stride, shape.b_stride, packed);
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

template <class T>
void multiply_packed(const matmul_shape& shape, const T* a, const T* packed, T* c) {
  for (std::size_t p = 0; p < shape.k; p += inner_step<T>(shape)) {
    if (shape.n == 1) {
      multiply_column(shape, std::min(inner_step<T>(shape), shape.k - p), a + p, packed + p, c, p > 0);
      continue;
    }
    for (std::size_t first = 0; first < shape.n; first += column_step<T>(shape)) {
      multiply_packed_block(shape, block_at<T>(shape, p, first), a + p, packed + packed_offset<T>(shape, p, first),
                            c + first);
    }
  }
}

}  // namespace

void matmul_f32(const matmul_shape& shape, const float* a, const float* b, float* c, float* packed) {
  multiply(shape, a, b, c, packed);
}

void matmul_f64(const matmul_shape& shape, const double* a, const double* b, double* c, double* packed) {
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

void multiply_packed_f64(const matmul_shape& shape, const double* a, const double* packed, double* c) {
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
  WAITWORK_CHECK(shape.a_stride >= shape.k && shape.c_stride >= shape.n, "a stride is at least the length of a row");
  WAITWORK_CHECK(a.size() >= extent(shape.m, shape.k, shape.a_stride), "a holds an m x k matrix");
  WAITWORK_CHECK(c.size() >= extent(shape.m, shape.n, shape.c_stride), "c holds an m x n matrix");
  if (shape.m == 0 || shape.n == 0) return false;
  if (shape.k > 0) return true;
  for (std::size_t row = 0; row < shape.m; ++row) std::fill_n(c.data() + row * shape.c_stride, shape.n, T{0});
  return false;
}

template <class T>
void check_scratch(const matmul_shape& shape, std::span<T> scratch) {
  WAITWORK_CHECK(scratch.size() >= matmul_scratch<T>(shape), "scratch is as large as matmul_scratch says");
}

template <class T>
void check_pack(const matmul_shape& shape, std::span<const T> b, std::span<T> packed, std::size_t part) {
  check_b(shape, b);
  check_packed<T>(shape, packed);
  WAITWORK_CHECK(part < matmul_pack_parts<T>(shape), "a part is below matmul_pack_parts");
}

}  // namespace

void matmul(const matmul_shape& shape, std::span<const float> a, std::span<const float> b, std::span<float> c,
            std::span<float> scratch) {
  check_b(shape, b);
  check_scratch(shape, scratch);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(matmul_f32)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

void matmul_pack(const matmul_shape& shape, std::span<const float> b, std::span<float> packed, std::size_t part) {
  check_pack(shape, b, packed, part);
  HWY_DYNAMIC_DISPATCH(pack_f32)(shape, b.data(), packed.data(), part);
}

void matmul_packed(const matmul_shape& shape, std::span<const float> a, std::span<const float> packed,
                   std::span<float> c) {
  check_packed(shape, packed);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(multiply_packed_f32)(shape, a.data(), packed.data(), c.data());
}

void matmul(const matmul_shape& shape, std::span<const double> a, std::span<const double> b, std::span<double> c,
            std::span<double> scratch) {
  check_b(shape, b);
  check_scratch(shape, scratch);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(matmul_f64)(shape, a.data(), b.data(), c.data(), align(scratch.data()));
}

void matmul_pack(const matmul_shape& shape, std::span<const double> b, std::span<double> packed, std::size_t part) {
  check_pack(shape, b, packed, part);
  HWY_DYNAMIC_DISPATCH(pack_f64)(shape, b.data(), packed.data(), part);
}

void matmul_packed(const matmul_shape& shape, std::span<const double> a, std::span<const double> packed,
                   std::span<double> c) {
  check_packed(shape, packed);
  if (!begin(shape, a, c)) return;
  HWY_DYNAMIC_DISPATCH(multiply_packed_f64)(shape, a.data(), packed.data(), c.data());
}

}  // namespace waitwork::kernels
#endif
