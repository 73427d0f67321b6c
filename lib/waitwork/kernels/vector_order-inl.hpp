// SPDX-License-Identifier: Apache-2.0
// vector_order: stores of vectors whose elements are not in the order of memory. InterleaveLower,
// InterleaveUpper and the packing of two vectors into one work within blocks of 16 bytes, whatever
// the length of a vector. Included by kernels, once for each instruction set.

#if defined(WAITWORK_KERNELS_VECTOR_ORDER) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_VECTOR_ORDER
#undef WAITWORK_KERNELS_VECTOR_ORDER
#else
#define WAITWORK_KERNELS_VECTOR_ORDER
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

// Two vectors that InterleaveLower and InterleaveUpper led to, in the order of what they were made
// of.
template <class Tag>
HWY_INLINE void store_in_order(Tag d, hwy::HWY_NAMESPACE::Vec<Tag> lower, hwy::HWY_NAMESPACE::Vec<Tag> upper,
                               hwy::HWY_NAMESPACE::TFromD<Tag>* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const std::size_t lanes = hn::Lanes(d);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const hn::Repartition<std::int64_t, Tag> words;
  const auto a = hn::BitCast(words, lower).raw;
  const auto b = hn::BitCast(words, upper).raw;
  const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  using vector = hn::Vec<decltype(words)>;
  hn::StoreU(hn::BitCast(d, vector{_mm512_permutex2var_epi64(a, first, b)}), d, to);
  hn::StoreU(hn::BitCast(d, vector{_mm512_permutex2var_epi64(a, second, b)}), d, to + lanes);
#elif HWY_TARGET == HWY_AVX2
  hn::StoreU(hn::ConcatLowerLower(d, upper, lower), d, to);
  hn::StoreU(hn::ConcatUpperUpper(d, upper, lower), d, to + lanes);
#else
  hn::StoreU(lower, d, to);
  hn::StoreU(upper, d, to + lanes);
#endif
}

// A vector such that InterleaveLower of two of them takes the first halves of both and
// InterleaveUpper the second, in the order of memory.
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> spread_halves(
    hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> v) {
  using vector [[maybe_unused]] = decltype(v);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return vector{_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), v.raw)};
#elif HWY_TARGET == HWY_AVX2
  return vector{_mm256_permute4x64_epi64(v.raw, 0xd8)};
#else
  return v;
#endif
}

// Two vectors of shorts as bytes, what is below 0 as 0 and what is above 255 as 255.
HWY_INLINE void store_bytes(hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> lower,
                            hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> upper,
                            std::uint8_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint8_t> d;
  using bytes [[maybe_unused]] = hn::Vec<decltype(d)>;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  const __m512i packed = _mm512_packus_epi16(lower.raw, upper.raw);
  hn::StoreU(bytes{_mm512_permutexvar_epi64(order, packed)}, d, to);
#elif HWY_TARGET == HWY_AVX2
  const __m256i packed = _mm256_packus_epi16(lower.raw, upper.raw);
  hn::StoreU(bytes{_mm256_permute4x64_epi64(packed, 0xd8)}, d, to);
#else
  const hn::Half<decltype(d)> half;
  hn::StoreU(hn::DemoteTo(half, lower), half, to);
  hn::StoreU(hn::DemoteTo(half, upper), half, to + hn::Lanes(half));
#endif
}

// Four vectors of integers from 0 to 255 as bytes.
HWY_INLINE void store_bytes(hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>> a,
                            hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>> b,
                            hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>> c,
                            hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>> d,
                            std::uint8_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint8_t> bytes;
  using vector [[maybe_unused]] = hn::Vec<decltype(bytes)>;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i packed = _mm512_packus_epi16(_mm512_packs_epi32(a.raw, b.raw), _mm512_packs_epi32(c.raw, d.raw));
  hn::StoreU(vector{_mm512_permutexvar_epi32(order, packed)}, bytes, to);
#elif HWY_TARGET == HWY_AVX2
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(a.raw, b.raw), _mm256_packs_epi32(c.raw, d.raw));
  hn::StoreU(vector{_mm256_permutevar8x32_epi32(packed, order)}, bytes, to);
#else
  const hn::ScalableTag<std::int16_t> shorts;
  const hn::Half<decltype(bytes)> half;
  hn::StoreU(hn::DemoteTo(half, hn::ReorderDemote2To(shorts, a, b)), half, to);
  hn::StoreU(hn::DemoteTo(half, hn::ReorderDemote2To(shorts, c, d)), half, to + hn::Lanes(half));
#endif
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
