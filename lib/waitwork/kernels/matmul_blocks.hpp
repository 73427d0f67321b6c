// SPDX-License-Identifier: Apache-2.0
#pragma once
// For matmul: how large the blocks are that a product is cut into, and when B is not packed. The
// same for all instruction sets.

#include <cstddef>
#include <cstdint>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/matmul.hpp>

namespace waitwork::kernels {

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
// B is read where it is as long as packing costs more than it saves. With so few rows of A that is
// always.
constexpr std::size_t few_rows = 4;
// No B of more than half of a 2 MiB second-level cache: each tile's rows read all of it.
constexpr std::size_t in_place_bytes = 1024 * 1024;
// Half of that for any number of rows.
constexpr std::size_t small_bytes = 512 * 1024;
// The same where rows of B begin at any address, so that nearly every load of a vector straddles
// two cache lines and costs two: in float, reading in place is 4 % faster at n = 100 and 120, the
// same at 140, and up to a fifth slower at 250.
constexpr std::size_t small_unaligned_bytes = 64 * 1024;
// So few rows are six tiles at most, which is how often each element of a packed B would be used:
// reading in place is 1.03 to 2 times as fast, aligned or not.
constexpr std::size_t thin_rows = 32;
// Up to so many rows a B between small_bytes and in_place_bytes is read in place too (1.1 times as
// fast), but not if its rows are 4 KiB and more apart: then they contend for the same sets of the
// first-level cache, and packing is up to 1.3 times as fast.
constexpr std::size_t some_rows = 128;
constexpr std::size_t same_set_bytes = 4096;

template <class T>
bool stays_in_place(const matmul_shape& shape, const T* b) noexcept {
  const std::size_t bytes = shape.k * shape.n * sizeof(T);
  if (shape.m <= few_rows) return true;
  if (shape.k > inner_block<T> || bytes > in_place_bytes) return false;
  if (shape.m <= thin_rows) return true;
  const bool aligned =
      reinterpret_cast<std::uintptr_t>(b) % simd_alignment_bytes == 0 && shape.b_stride % widest_lanes<T> == 0;
  if (!aligned) return bytes <= small_unaligned_bytes;
  return bytes <= small_bytes || (shape.m <= some_rows && shape.b_stride * sizeof(T) < same_set_bytes);
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

}  // namespace waitwork::kernels
