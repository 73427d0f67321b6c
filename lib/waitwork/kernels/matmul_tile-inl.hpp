// SPDX-License-Identifier: Apache-2.0
// matmul_tile: a few rows by a few vectors of C stay in registers while they run down a block of k,
// so each step of k costs tile_vectors loads of B and tile_rows broadcasts of A for tile_rows *
// tile_vectors multiply-adds. Includes itself once for each instruction set, as Highway's own
// -inl.h files do.
//
// Not the tile of weighted_sums-inl.hpp: that one asks ahead for weights from memory, begins with a
// bias and ends with an activation, through a pointer for each row of its inputs and results.

#if defined(WAITWORK_KERNELS_MATMUL_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_MATMUL_TILE_INL
#undef WAITWORK_KERNELS_MATMUL_TILE_INL
#else
#define WAITWORK_KERNELS_MATMUL_TILE_INL
#endif

#include <hwy/highway.h>

#include <array>
#include <cstddef>
#include <utility>

#include <waitwork/kernels/partial_vector-inl.hpp>

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

// Elsewhere a masked load goes an element at a time: too slow for every step of k.
constexpr bool masks_loads = HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2;

template <class T>
using tag = hn::ScalableTag<T>;
template <class T>
using vector = hn::Vec<tag<T>>;

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

// C[tile] = or += A[rows] * columns, for Rows x Vectors vectors, of which the last may hang over
// the last of the `valid_columns`; Masked, what lies there of B is not read. Unrolled in full: only
// so do the accumulators live in registers. And eight steps of k to a turn: each saves its share of
// three instructions in 37, which is 5 to 10 % of the time where a neighbour takes turns at the
// core's front end.
template <std::size_t Rows, std::size_t Vectors, bool Masked, class T>
void multiply_tile(std::size_t valid_columns, std::size_t inner, const row_pointers<T>& rows, panel<T> columns, T* c,
                   std::size_t c_stride, bool accumulate) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t in_last = valid_columns - (Vectors - 1) * lanes;
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
    for (std::size_t v = 0; v < Vectors; ++v) {
      const bool partial = Masked && v + 1 == Vectors;
      b[v] = partial ? load_first(d, from + v * lanes, in_last) : hn::LoadU(d, from + v * lanes);
    }
#pragma GCC unroll 8
    for (std::size_t row = 0; row < Rows; ++row) {
      const vector<T> a = hn::Set(d, rows[row][p]);
#pragma GCC unroll 16
      for (std::size_t v = 0; v < Vectors; ++v) sums[row][v] = hn::MulAdd(a, b[v], sums[row][v]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t row = 0; row < Rows; ++row, c += c_stride) {
#pragma GCC unroll 16
    for (std::size_t v = 0; v + 1 < Vectors; ++v) store(sums[row][v], c + v * lanes, accumulate);
    vector<T> last = sums[row][Vectors - 1];
    T* const target = c + (Vectors - 1) * lanes;
    if (in_last == lanes) {
      store(last, target, accumulate);
    } else {
      if (accumulate) last = hn::Add(load_first(d, target, in_last), last);
      store_first(last, d, target, in_last);
    }
  }
}

template <class T>
using tile_function = void (*)(std::size_t valid_columns, std::size_t inner, const row_pointers<T>& rows,
                               panel<T> columns, T* c, std::size_t c_stride, bool accumulate);

// Every width that a tile may have; [vectors - 1].
template <std::size_t Rows, bool Masked, class T>
constexpr auto tiles_of_rows = []<std::size_t... Index>(std::index_sequence<Index...>) {
  return std::array<tile_function<T>, tile_vectors>{multiply_tile<Rows, Index + 1, Masked, T>...};
}(std::make_index_sequence<tile_vectors>());

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
