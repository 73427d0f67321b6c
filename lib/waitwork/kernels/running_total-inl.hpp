// SPDX-License-Identifier: Apache-2.0
// running_total: the running totals of each channel along a row of integers. In a vector that takes
// log2 of its pixels steps, each of which moves the totals so far by twice as many pixels and adds
// them; what came before is carried over by one more. With three channels a pixel is three lanes.
// Included by kernels, once for each instruction set.

#if defined(WAITWORK_KERNELS_RUNNING_TOTAL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_RUNNING_TOTAL
#undef WAITWORK_KERNELS_RUNNING_TOTAL
#else
#define WAITWORK_KERNELS_RUNNING_TOTAL
#endif

#include <hwy/highway.h>

#include <array>
#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

template <std::size_t Channels>
class running_total {
  using tag = hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>;
  using ints = hwy::HWY_NAMESPACE::Vec<tag>;

 public:
  HWY_INLINE running_total() {
    namespace hn = hwy::HWY_NAMESPACE;
    const tag d;
    const std::size_t lanes = hn::Lanes(d);
    HWY_ALIGN std::int32_t from[hn::MaxLanes(tag())];
    for (std::size_t i = 0; i < lanes; ++i) from[i] = static_cast<std::int32_t>(lanes - Channels + i % Channels);
    last_ = hn::SetTableIndices(d, from);
    for (std::size_t step = 0; step < steps; ++step) {
      const std::size_t distance = Channels << step;
      for (std::size_t i = 0; i < lanes; ++i) from[i] = static_cast<std::int32_t>(i < distance ? 0 : i - distance);
      from_[step] = hn::SetTableIndices(d, from);
    }
  }

  // What add() takes as carried at the start of a row: the totals before its first pixel.
  HWY_INLINE ints begin(const std::array<std::int32_t, Channels>& before) const {
    namespace hn = hwy::HWY_NAMESPACE;
    HWY_ALIGN std::int32_t carried[hn::MaxLanes(tag())];
    for (std::size_t i = 0; i < hn::Lanes(tag()); ++i) carried[i] = before[i % Channels];
    return hn::Load(tag(), carried);
  }

  // The totals up to and including each of the next elements.
  HWY_INLINE ints add(ints values, ints& carried) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const tag d;
    const ints lane = hn::Iota(d, 0);
#pragma GCC unroll 4
    for (std::size_t step = 0; step < steps; ++step) {
      const auto distance = static_cast<std::int32_t>(Channels << step);
      const ints moved = hn::TableLookupLanes(values, from_[step]);
      values = hn::Add(values, hn::IfThenElseZero(hn::Gt(lane, hn::Set(d, distance - 1)), moved));
    }
    values = hn::Add(values, carried);
    carried = hn::TableLookupLanes(values, last_);
    return values;
  }

 private:
  static constexpr std::size_t count_steps() {
    std::size_t count = 0;
    while ((Channels << count) < hwy::HWY_NAMESPACE::MaxLanes(tag())) ++count;
    return count;
  }
  static constexpr std::size_t steps = count_steps();
  using indices = decltype(hwy::HWY_NAMESPACE::SetTableIndices(tag(), static_cast<const std::int32_t*>(nullptr)));

  indices last_;
  indices from_[steps];
};

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
