// SPDX-License-Identifier: Apache-2.0
// partial_vector: the end of a row that fills no vector. Includes itself once for each instruction
// set, as Highway's own -inl.h files do.

#if defined(WAITWORK_KERNELS_PARTIAL_VECTOR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_PARTIAL_VECTOR_INL
#undef WAITWORK_KERNELS_PARTIAL_VECTOR_INL
#else
#define WAITWORK_KERNELS_PARTIAL_VECTOR_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

// The first `count` lanes from memory, fewer than there are, and zero in the others. Highway 1.0.3
// has such an operation, but below AVX2 it reads the whole vector.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> load_first(D d, const hwy::HWY_NAMESPACE::TFromD<D>* from, std::size_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())] = {};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#endif
}

// The first `count` lanes to memory, and nothing else.
template <class D>
HWY_INLINE void store_first(hwy::HWY_NAMESPACE::Vec<D> values, D d, hwy::HWY_NAMESPACE::TFromD<D>* to,
                            std::size_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(values, hn::FirstN(d, count), d, to);
#else
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())];
  hn::Store(values, d, lanes);
  for (std::size_t i = 0; i < count; ++i) to[i] = lanes[i];
#endif
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
