// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/fft_convolver.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <waitwork/kernels/fir_filter.hpp>
#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using fft_convolver_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(fft_convolver_kernel);

double norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

// Scratch that holds no number shows what is read before it is written.
std::vector<std::complex<float>> scratch_for(const fft_convolver& convolver, std::size_t offset = 0) {
  return std::vector<std::complex<float>>(convolver.scratch_elements() + offset, {not_a_number, not_a_number});
}

// The header's bound for the output at `i`, if blocks begin at the source's first element.
double bound(const fft_convolver& convolver, std::span<const float> taps, std::span<const float> source,
             std::size_t i) {
  const std::size_t first = i / convolver.outputs_per_block() * convolver.outputs_per_block();
  const auto block = source.subspan(first, std::min(convolver.block_length(), source.size() - first));
  return std::ldexp(1.0, -22) * (1 + std::log2(static_cast<double>(convolver.block_length()))) * norm(taps) *
         norm(block);
}

void expect_convolved(const fft_convolver& convolver, std::span<const float> taps, std::size_t outputs,
                      std::size_t offset = 0) {
  const auto source = fractions(outputs + taps.size() - 1, outputs);
  std::vector<float> moved(source.size() + offset + 1, not_a_number);
  std::ranges::copy(source, moved.begin() + static_cast<std::ptrdiff_t>(offset));
  std::vector<float> target(outputs + offset + 1, untouched);
  auto scratch = scratch_for(convolver, offset);
  convolver.process(std::span(moved).subspan(offset, source.size()), std::span(target).subspan(offset, outputs),
                    std::span(scratch).subspan(offset));
  for (std::size_t i = 0; i < offset; ++i) ASSERT_EQ(target[i], untouched) << i;
  ASSERT_EQ(target.back(), untouched);
  // Every output of a short signal, and those at the seams of a long one.
  const std::size_t per_block = convolver.outputs_per_block();
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::size_t in_block = i % per_block;
    if (in_block > 20 && in_block + 20 < per_block && i + 20 < outputs) continue;
    double sum = 0;
    for (std::size_t t = 0; t < taps.size(); ++t)
      sum += static_cast<double>(taps[t]) * static_cast<double>(source[i + t]);
    ASSERT_NEAR(static_cast<double>(target[offset + i]), sum, bound(convolver, taps, source, i))
        << taps.size() << " taps, " << outputs << " outputs, output " << i;
  }
}

TEST_P(fft_convolver_kernel, agrees_with_the_plain_sum_at_any_number_of_taps_and_outputs) {
  for (const std::size_t count : {1u, 2u, 3u, 16u, 17u, 127u, 128u, 129u, 500u, 1500u}) {
    const auto taps = fractions(count, count);
    const fft_convolver convolver(taps);
    const std::size_t per_block = convolver.outputs_per_block();
    for (const std::size_t outputs :
         {std::size_t{1}, std::size_t{2}, std::size_t{39}, per_block - 1, per_block, per_block + 1, 3 * per_block + 7})
      expect_convolved(convolver, taps, outputs);
  }
}

TEST_P(fft_convolver_kernel, takes_spans_at_any_alignment) {
  const auto taps = fractions(100, 1);
  const fft_convolver convolver(taps);
  for (std::size_t offset = 1; offset <= 17; ++offset) expect_convolved(convolver, taps, 1100, offset);
}

TEST_P(fft_convolver_kernel, gives_the_same_bits_when_cut_between_blocks) {
  const auto taps = fractions(33, 2);
  const fft_convolver convolver(taps);
  const std::size_t per_block = convolver.outputs_per_block();
  const std::size_t outputs = 3 * per_block + 5;
  const auto source = fractions(outputs + taps.size() - 1, 3);
  auto scratch = scratch_for(convolver);
  std::vector<float> whole(outputs);
  convolver.process(source, whole, scratch);
  std::vector<float> cut(outputs);
  for (const auto& [first, length] : {std::pair(std::size_t{0}, 2 * per_block), {2 * per_block, per_block + 5}}) {
    convolver.process(std::span(source).subspan(first, length + taps.size() - 1), std::span(cut).subspan(first, length),
                      scratch);
  }
  EXPECT_EQ(cut, whole);
}

TEST_P(fft_convolver_kernel, confines_what_is_no_number_to_the_blocks_that_meet_it) {
  const auto taps = fractions(10, 4);
  const fft_convolver convolver(taps);
  const std::size_t per_block = convolver.outputs_per_block();
  auto source = fractions(3 * per_block + taps.size() - 1, 5);
  source[per_block + 100] = not_a_number;
  std::vector<float> target(3 * per_block);
  auto scratch = scratch_for(convolver);
  convolver.process(source, target, scratch);
  for (std::size_t i = 0; i < target.size(); ++i) EXPECT_EQ(std::isnan(target[i]), i / per_block == 1) << i;
}

TEST_P(fft_convolver_kernel, has_nothing_to_do_where_the_source_is_shorter_than_the_taps) {
  const fft_convolver convolver(fractions(5, 6));
  auto scratch = scratch_for(convolver);
  convolver.process(std::span<const float>(), std::span<float>(), scratch);
  convolver.process(std::vector<float>(4, 1.0f), std::span<float>(), scratch);
}

TEST(fft_convolver, wastes_at_most_a_fourth_of_a_block) {
  for (const std::size_t count : {1u, 100u, 1000u, 5000u, 20'000u}) {
    const fft_convolver convolver(fractions(count, 7));
    EXPECT_EQ(convolver.tap_count(), count);
    EXPECT_GE(4 * convolver.outputs_per_block(), 3 * convolver.block_length()) << count;
  }
}

TEST(fft_convolver_checks_death_test, stop_a_program_whose_spans_do_not_fit) {
  EXPECT_DEATH(fft_convolver(std::span<const float>()), "1 to 2\\^28 taps");
  const fft_convolver convolver(fractions(3, 8));
  auto scratch = scratch_for(convolver);
  const std::vector<float> source(10);
  std::vector<float> target(8);
  EXPECT_DEATH(convolver.process(source, std::span(target).first(7), scratch), "fir_filter_outputs");
  EXPECT_DEATH(convolver.process(source, target, std::span(scratch).subspan(1)), "scratch_elements says");
}

}  // namespace
}  // namespace waitwork::kernels
