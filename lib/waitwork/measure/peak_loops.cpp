// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/peak_loops.hpp>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/measure/peak_loops.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Enough chains to cover the latency of 4 cycles on two units (8) or, as on the wider Arm cores, on four (16); and no
// more than the registers hold beside two operands: 16 of the 32 of AVX-512 and NEON, 12 of the 16 of SSE and AVX2.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr std::size_t chains = 16;
#else
constexpr std::size_t chains = 12;
#endif

// x = scale * x + shift, in every chain: each step needs the one before, so none can be left out or moved out of the
// loop, also where multiplication and addition are two instructions. x tends to 1 and is never denormal.
template <class Number>
double multiply_adds(std::uint64_t steps) {
  const hn::ScalableTag<Number> d;
  using vector = hn::Vec<decltype(d)>;
  Number scale_value = Number(0.75), shift_value = Number(0.25);
  // Emits nothing: from here on the compiler does not know what they are.
  asm volatile("" : "+m"(scale_value), "+m"(shift_value));
  const vector scale = hn::Set(d, scale_value);
  const vector shift = hn::Set(d, shift_value);
  vector x[chains];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < chains; ++i) x[i] = hn::Set(d, shift_value * static_cast<Number>(i + 1));
  for (std::uint64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < chains; ++i) x[i] = hn::MulAdd(x[i], scale, shift);
  }
  vector total = hn::Zero(d);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < chains; ++i) total = hn::Add(total, x[i]);
  const Number result = hn::GetLane(hn::SumOfLanes(d, total));
  asm volatile("" : : "m"(result));  // somebody may read it
  return 2.0 * static_cast<double>(steps) * static_cast<double>(chains * hn::Lanes(d));
}

using double_tag = hn::ScalableTag<double>;
using double_vector = hn::Vec<double_tag>;
constexpr std::size_t unrolled = 4;  // vectors: a cache line or more of each array a turn
static_assert(stream_granularity % (unrolled * hn::MaxLanes(double_tag())) == 0);

template <store_kind Stores>
HWY_INLINE void store(double_vector value, double* target) {
  if constexpr (Stores == store_kind::streaming) {
    hn::Stream(value, double_tag(), target);
  } else {
    hn::Store(value, double_tag(), target);
  }
}

template <store_kind Stores>
void copy(double* HWY_RESTRICT target, const double* HWY_RESTRICT source, std::size_t count) {
  const double_tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < count; i += unrolled * lanes) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < unrolled; ++v) {
      const std::size_t at = i + v * lanes;
      store<Stores>(hn::Load(d, source + at), target + at);
    }
    asm volatile("" : : : "memory");  // or the loop is recognised and becomes memcpy(), which chooses its own stores
  }
}

// An addition needs the one before in its chain, 4 cycles later; at two loads a cycle that takes eight chains.
constexpr std::size_t sums = 8;
static_assert(stream_granularity % hn::MaxLanes(double_tag()) == 0);

double sum(const double* source, std::size_t count) {
  const double_tag d;
  const std::size_t lanes = hn::Lanes(d);
  double_vector totals[sums];
#pragma GCC unroll 8
  for (std::size_t v = 0; v < sums; ++v) totals[v] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + sums * lanes <= count; i += sums * lanes) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < sums; ++v) totals[v] = hn::Add(totals[v], hn::Load(d, source + i + v * lanes));
  }
  for (; i < count; i += lanes) totals[0] = hn::Add(totals[0], hn::Load(d, source + i));
#pragma GCC unroll 8
  for (std::size_t v = 1; v < sums; ++v) totals[0] = hn::Add(totals[0], totals[v]);
  return hn::GetLane(hn::SumOfLanes(d, totals[0]));
}

template <store_kind Stores>
void triad(double* HWY_RESTRICT target, const double* HWY_RESTRICT first, const double* HWY_RESTRICT second,
           std::size_t count) {
  const double_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const double_vector scale = hn::Set(d, 3.0);
  for (std::size_t i = 0; i < count; i += unrolled * lanes) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < unrolled; ++v) {
      const std::size_t at = i + v * lanes;
      store<Stores>(hn::MulAdd(hn::Load(d, second + at), scale, hn::Load(d, first + at)), target + at);
    }
  }
}

}  // namespace

const char* instruction_set() { return hwy::TargetName(HWY_TARGET); }

double f32(std::uint64_t steps) { return multiply_adds<float>(steps); }
double f64(std::uint64_t steps) { return multiply_adds<double>(steps); }

double read(const double* source, std::size_t count) { return sum(source, count); }

void copy_regular(double* target, const double* source, std::size_t count) {
  copy<store_kind::regular>(target, source, count);
}

void copy_streaming(double* target, const double* source, std::size_t count) {
  copy<store_kind::streaming>(target, source, count);
}

void triad_regular(double* target, const double* first, const double* second, std::size_t count) {
  triad<store_kind::regular>(target, first, second, count);
}

void triad_streaming(double* target, const double* first, const double* second, std::size_t count) {
  triad<store_kind::streaming>(target, first, second, count);
}

}  // namespace waitwork::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork {

HWY_EXPORT(instruction_set);
HWY_EXPORT(f32);
HWY_EXPORT(f64);
HWY_EXPORT(read);
HWY_EXPORT(copy_regular);
HWY_EXPORT(copy_streaming);
HWY_EXPORT(triad_regular);
HWY_EXPORT(triad_streaming);

const char* peak_instruction_set() { return HWY_DYNAMIC_DISPATCH(instruction_set)(); }

double multiply_adds_f32(std::uint64_t steps) { return HWY_DYNAMIC_DISPATCH(f32)(steps); }
double multiply_adds_f64(std::uint64_t steps) { return HWY_DYNAMIC_DISPATCH(f64)(steps); }

double read_stream(const double* source, std::size_t count) {
  WAITWORK_CHECK(count % stream_granularity == 0, "a stream is a whole number of unrolled vectors");
  return HWY_DYNAMIC_DISPATCH(read)(source, count);
}

void copy_stream(store_kind stores, double* target, const double* source, std::size_t count) {
  WAITWORK_CHECK(count % stream_granularity == 0, "a stream is a whole number of unrolled vectors");
  if (stores == store_kind::regular) {
    HWY_DYNAMIC_DISPATCH(copy_regular)(target, source, count);
  } else {
    HWY_DYNAMIC_DISPATCH(copy_streaming)(target, source, count);
    hwy::FlushStream();  // what is still in the write-combining buffers belongs to this batch
  }
}

void triad_stream(store_kind stores, double* target, const double* first, const double* second, std::size_t count) {
  WAITWORK_CHECK(count % stream_granularity == 0, "a stream is a whole number of unrolled vectors");
  if (stores == store_kind::regular) {
    HWY_DYNAMIC_DISPATCH(triad_regular)(target, first, second, count);
  } else {
    HWY_DYNAMIC_DISPATCH(triad_streaming)(target, first, second, count);
    hwy::FlushStream();
  }
}

}  // namespace waitwork
#endif
