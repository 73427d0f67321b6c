// SPDX-License-Identifier: Apache-2.0
// Three passes over a row, which stays in the first-level cache between them: its maximum; the
// exponentials, stored and added up; and each over the sum.
//
// exp(x) = 2^n * exp(r), n the integer nearest to x / log 2. |r| is at most half of log 2, and
// exp(r) = 1 + r + r^2 * q(r) with the q of degree four for which the greatest relative error is
// smallest (found by the exchange algorithm of Remez in double precision: 3.1e-9, a twentieth of a
// rounding). The product with 2^n is an addition to the exponent's bits. As x is at most 0 here,
// only small results need care: those below 2^-125 are set to zero, so that denormal numbers, which
// may take a hundred cycles each, appear only where the sum divides the smallest.

#include <waitwork/kernels/softmax.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/partial_vector-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using float_tag = hn::ScalableTag<float>;
using int_tag = hn::RebindToSigned<float_tag>;
using float_vector = hn::Vec<float_tag>;

// exp(x) for x <= 0 or NaN. What is not above `smallest` (2^-125.01) becomes 0: an exponent is to
// spare for r below zero.
HWY_INLINE float_vector exp_of_negative(float_vector x) {
  const float_tag d;
  const int_tag ints;
  constexpr float smallest = -86.65f;
  // log 2 in two parts: n times the first is exact, for n has seven bits and the part ends in seven
  // zeros.
  constexpr float log2_high = 0x1.62e4p-1f;
  constexpr float log2_low = 0x1.7f7d1cp-20f;
  const float_vector n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504f)));
  float_vector r = hn::NegMulAdd(n, hn::Set(d, log2_high), x);
  r = hn::NegMulAdd(n, hn::Set(d, log2_low), r);
  float_vector q = hn::Set(d, 0.0013814540f);
  q = hn::MulAdd(q, r, hn::Set(d, 0.0083687451f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.0416683908f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.1666652040f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.4999999343f));
  const float_vector exp_r = hn::Add(hn::MulAdd(hn::Mul(r, r), q, r), hn::Set(d, 1.0f));
  const auto exponent = hn::ShiftLeft<23>(hn::ConvertTo(ints, n));
  const float_vector scaled = hn::BitCast(d, hn::Add(hn::BitCast(ints, exp_r), exponent));
  // NaN compares as false with everything and must stay NaN, which the addition above does not
  // ensure.
  const float_vector result = hn::IfThenZeroElse(hn::Le(x, hn::Set(d, smallest)), scaled);
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

void softmax_row(const float* x, std::size_t columns, float* y) {
  const float_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t whole = columns / lanes * lanes;
  // -inf behind the end of the row is no maximum and has no probability.
  float_vector tail = hn::IfThenElse(hn::FirstN(d, columns - whole), load_first(d, x + whole, columns - whole),
                                     hn::Set(d, -std::numeric_limits<float>::infinity()));

  float_vector most = tail;
  for (std::size_t i = 0; i < whole; i += lanes) most = hn::Max(most, hn::LoadU(d, x + i));
  const float_vector maximum = hn::MaxOfLanes(d, most);

  tail = exp_of_negative(hn::Sub(tail, maximum));
  float_vector sums = tail;
  for (std::size_t i = 0; i < whole; i += lanes) {
    const float_vector exponential = exp_of_negative(hn::Sub(hn::LoadU(d, x + i), maximum));
    hn::StoreU(exponential, d, y + i);
    sums = hn::Add(sums, exponential);
  }
  const float_vector share = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, sums));

  for (std::size_t i = 0; i < whole; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, y + i), share), d, y + i);
  store_first(hn::Mul(tail, share), d, y + whole, columns - whole);
}

}  // namespace

void softmax_rows(const softmax_shape& shape, const float* x, float* y) {
  for (std::size_t row = 0; row < shape.rows; ++row)
    softmax_row(x + row * shape.x_stride, shape.columns, y + row * shape.y_stride);
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(softmax_rows);

void softmax(const softmax_shape& shape, std::span<const float> x, std::span<float> y) {
  WAITWORK_CHECK(shape.x_stride >= shape.columns && shape.y_stride >= shape.columns,
                 "a stride is at least the length of a row");
  if (shape.rows == 0 || shape.columns == 0) return;
  const std::size_t rows_before_last = shape.rows - 1;
  WAITWORK_CHECK(x.size() >= rows_before_last * shape.x_stride + shape.columns, "x holds the rows");
  WAITWORK_CHECK(y.size() >= rows_before_last * shape.y_stride + shape.columns, "y holds the rows");
  HWY_DYNAMIC_DISPATCH(softmax_rows)(shape, x.data(), y.data());
}

}  // namespace waitwork::kernels
#endif
