// vector_order: stores of vectors whose elements are not in the order of memory. InterleaveLower,
// InterleaveUpper and the packing of two vectors into one work within blocks of 16 bytes, whatever
// the length of a vector. Included by kernels, once for each instruction set.

#if defined(WAITWORK_KERNELS_VECTOR_ORDER) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_VECTOR_ORDER
#undef WAITWORK_KERNELS_VECTOR_ORDER
#else
#define WAITWORK_KERNELS_VECTOR_ORDER
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

// Two vectors that InterleaveLower and InterleaveUpper led to, in the order of what they were made
// of.
template <class Tag>
HWY_INLINE void store_in_order(Tag d, hwy::HWY_NAMESPACE::Vec<Tag> lower,
                               hwy::HWY_NAMESPACE::Vec<Tag> upper,
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

// Two vectors of shorts as bytes, what is below 0 as 0 and what is above 255 as 255.
HWY_INLINE void store_bytes(
    hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> lower,
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

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
