// SPDX-License-Identifier: Apache-2.0
// pair_products: two products and their sum by one instruction of x86, pmaddubsw of bytes and
// pmaddwd of shorts. Included by kernels, once for each instruction set.

#if defined(WAITWORK_KERNELS_PAIR_PRODUCTS) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_PAIR_PRODUCTS
#undef WAITWORK_KERNELS_PAIR_PRODUCTS
#else
#define WAITWORK_KERNELS_PAIR_PRODUCTS
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

// a[2i] * b[2i] + a[2i + 1] * b[2i + 1], which must stay below 2^15; no b is above 127.
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::uint16_t>> multiply_byte_pairs(
    hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::uint8_t>> a,
    hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::uint8_t>> b) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint16_t> d;
#if HWY_ARCH_X86
  using shorts = hn::Vec<decltype(d)>;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return shorts{_mm512_maddubs_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return shorts{_mm256_maddubs_epi16(a.raw, b.raw)};
#else
  return shorts{_mm_maddubs_epi16(a.raw, b.raw)};
#endif
#else
  const auto low_byte = hn::Set(d, 0xff);
  const auto pairs = hn::BitCast(d, a);
  const auto weights = hn::BitCast(d, b);
  return hn::Add(hn::Mul(hn::And(pairs, low_byte), hn::And(weights, low_byte)),
                 hn::Mul(hn::ShiftRight<8>(pairs), hn::ShiftRight<8>(weights)));
#endif
}

// a[2i] * b[2i] + a[2i + 1] * b[2i + 1].
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>> multiply_short_pairs(
    hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> a,
    hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> b) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::int32_t> d;
#if HWY_ARCH_X86
  auto unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, a, b, hn::Zero(d), unused);
#else
  // Elsewhere the operation above adds other pairs together.
  const auto pairs = hn::BitCast(d, a);
  const auto others = hn::BitCast(d, b);
  const auto low = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs)), hn::ShiftRight<16>(hn::ShiftLeft<16>(others)));
  return hn::Add(low, hn::Mul(hn::ShiftRight<16>(pairs), hn::ShiftRight<16>(others)));
#endif
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
