// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/fft.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/instruction_set.hpp>
#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using sample = std::complex<float>;
using exact = std::complex<double>;

using real_fft_kernel = on_each_instruction_set;
using complex_fft_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(real_fft_kernel);
WAITWORK_ON_EACH_INSTRUCTION_SET(complex_fft_kernel);

std::vector<std::size_t> powers_of_two(std::size_t first, std::size_t last) {
  std::vector<std::size_t> all;
  for (std::size_t length = first; length <= last; length *= 2) all.push_back(length);
  return all;
}

// Up to here results are compared with the definition, of n^2 operations.
constexpr std::size_t longest_plain = 512;
constexpr std::size_t longest = std::size_t{1} << 20;

std::vector<sample> samples(std::size_t count, std::uint64_t seed) {
  const auto parts = fractions(2 * count, seed);
  std::vector<sample> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = {parts[2 * i], parts[2 * i + 1]};
  return values;
}

template <class T>
std::vector<exact> widened(const std::vector<T>& values) {
  std::vector<exact> wide;
  for (const T& value : values) wide.push_back(exact(sample(value)));
  return wide;
}

// exp(sign 2 pi i k / length) for k < length.
std::vector<exact> turns(std::size_t length, double sign) {
  std::vector<exact> all;
  for (std::size_t k = 0; k < length; ++k) {
    all.push_back(std::polar(1.0, sign * 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(length)));
  }
  return all;
}

// The definition. sign -1: to the spectrum; +1: back.
std::vector<exact> plain_transform(const std::vector<exact>& from, double sign) {
  const std::size_t length = from.size();
  const std::vector<exact> turn = turns(length, sign);
  std::vector<exact> to(length);
  for (std::size_t k = 0; k < length; ++k) {
    for (std::size_t j = 0; j < length; ++j) to[k] += from[j] * turn[j * k % length];
  }
  return to;
}

// The same by halves, as in a textbook.
void transform_halves(std::span<const exact> turn, std::size_t step, std::span<const exact> from, std::span<exact> to) {
  const std::size_t half = to.size() / 2;
  if (half == 0) {
    to[0] = from[0];
    return;
  }
  transform_halves(turn, 2 * step, from, to.first(half));
  transform_halves(turn, 2 * step, from.subspan(step), to.subspan(half));
  for (std::size_t k = 0; k < half; ++k) {
    const exact even = to[k];
    const exact odd = turn[k * step] * to[half + k];
    to[k] = even + odd;
    to[half + k] = even - odd;
  }
}

std::vector<exact> exact_transform(const std::vector<exact>& from, double sign) {
  if (from.size() <= longest_plain) return plain_transform(from, sign);
  std::vector<exact> to(from.size());
  transform_halves(turns(from.size(), sign), 1, from, to);
  return to;
}

double norm(std::span<const exact> values) {
  double sum = 0;
  for (const exact& value : values) sum += std::norm(value);
  return std::sqrt(sum);
}

template <class T>
double distance(const std::vector<T>& found, std::span<const exact> expected) {
  std::vector<exact> difference = widened(found);
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= expected[i];
  return norm(difference);
}

// What the header allows.
double relative_bound(std::size_t length) {
  return std::ldexp(1.0, -23) * (1 + std::log2(static_cast<double>(length)));
}

// `found` may be the lower half of a spectrum; its error is then that half's.
template <class T>
void expect_close(const std::vector<T>& found, std::span<const exact> expected, std::size_t length) {
  EXPECT_LE(distance(found, expected), relative_bound(length) * norm(expected)) << "length " << length;
}

// Targets that hold no number show what is left out.
std::vector<sample> forward(const real_fft& fft, std::span<const float> signal) {
  std::vector<sample> spectrum(fft.bins(), {not_a_number, not_a_number});
  fft.forward(signal, spectrum);
  return spectrum;
}

std::vector<float> inverse(const real_fft& fft, std::vector<sample> spectrum) {
  std::vector<float> signal(fft.length(), not_a_number);
  fft.inverse(spectrum, signal);
  return signal;
}

std::vector<sample> forward(const complex_fft& fft, std::span<const sample> signal) {
  std::vector<sample> spectrum(fft.length(), {not_a_number, not_a_number});
  fft.forward(signal, spectrum);
  return spectrum;
}

std::vector<sample> inverse(const complex_fft& fft, std::span<const sample> spectrum) {
  std::vector<sample> signal(fft.length(), {not_a_number, not_a_number});
  fft.inverse(spectrum, signal);
  return signal;
}

TEST(exact_transform, is_what_the_definition_says) {
  const auto signal = widened(samples(2 * longest_plain, 1));
  const auto plain = plain_transform(signal, -1);
  auto difference = exact_transform(signal, -1);
  for (std::size_t i = 0; i < plain.size(); ++i) difference[i] -= plain[i];
  EXPECT_LE(norm(difference), 1e-13 * norm(plain));
}

TEST_P(real_fft_kernel, agrees_with_the_exact_transform_both_ways_at_every_length) {
  for (const std::size_t length : powers_of_two(1, longest)) {
    const real_fft fft(length);
    ASSERT_EQ(fft.length(), length);
    ASSERT_EQ(fft.bins(), length / 2 + 1);
    const auto signal = fractions(length, length);
    expect_close(forward(fft, signal), exact_transform(widened(signal), -1), length);

    const auto half = samples(fft.bins(), length + 1);
    auto whole = widened(half);
    whole.resize(length);
    whole[0] = whole[0].real();
    whole[length / 2] = whole[length / 2].real();
    for (std::size_t k = length / 2 + 1; k < length; ++k) whole[k] = std::conj(whole[length - k]);
    expect_close(inverse(fft, half), exact_transform(whole, 1), length);
  }
}

TEST_P(complex_fft_kernel, agrees_with_the_exact_transform_both_ways_at_every_length) {
  for (const std::size_t length : powers_of_two(1, longest)) {
    const complex_fft fft(length);
    ASSERT_EQ(fft.length(), length);
    const auto signal = samples(length, length);
    expect_close(forward(fft, signal), exact_transform(widened(signal), -1), length);
    expect_close(inverse(fft, signal), exact_transform(widened(signal), 1), length);
  }
}

TEST_P(real_fft_kernel, turns_an_impulse_at_any_place_into_its_wave) {
  for (const std::size_t length : powers_of_two(1, longest_plain)) {
    const real_fft fft(length);
    const auto turn = turns(length, -1);
    std::vector<float> impulse(length);
    for (std::size_t at = 0; at < length; ++at) {
      impulse[at] = 1;
      const auto spectrum = forward(fft, impulse);
      impulse[at] = 0;
      for (std::size_t k = 0; k < fft.bins(); ++k) {
        ASSERT_LE(std::abs(exact(spectrum[k]) - turn[at * k % length]), 0x1p-21)
            << "length " << length << ", at " << at << ", bin " << k;
      }
    }
  }
}

TEST_P(complex_fft_kernel, turns_an_impulse_at_any_place_into_its_wave) {
  for (const std::size_t length : powers_of_two(1, longest_plain)) {
    const complex_fft fft(length);
    const auto turn = turns(length, -1);
    std::vector<sample> impulse(length);
    for (std::size_t at = 0; at < length; ++at) {
      impulse[at] = sample(0, 1);
      const auto spectrum = forward(fft, impulse);
      impulse[at] = 0;
      for (std::size_t k = 0; k < length; ++k) {
        ASSERT_LE(std::abs(exact(spectrum[k]) - exact(0, 1) * turn[at * k % length]), 0x1p-21)
            << "length " << length << ", at " << at << ", bin " << k;
      }
    }
  }
}

TEST_P(real_fft_kernel, gives_an_impulse_at_the_begin_a_flat_spectrum_to_the_bit) {
  for (const std::size_t length : powers_of_two(1, 4096)) {
    const real_fft fft(length);
    std::vector<float> impulse(length);
    impulse[0] = 1;
    EXPECT_EQ(forward(fft, impulse), std::vector<sample>(fft.bins(), 1)) << "length " << length;
  }
}

TEST_P(real_fft_kernel, returns_length_times_the_signal_after_both_ways) {
  for (const std::size_t length : powers_of_two(1, longest)) {
    const real_fft fft(length);
    const auto signal = fractions(length, 3);
    auto expected = widened(signal);
    for (exact& value : expected) value *= static_cast<double>(length);
    EXPECT_LE(distance(inverse(fft, forward(fft, signal)), expected), 2 * relative_bound(length) * norm(expected))
        << "length " << length;
  }
}

TEST_P(complex_fft_kernel, returns_length_times_the_signal_after_both_ways) {
  for (const std::size_t length : powers_of_two(1, longest)) {
    const complex_fft fft(length);
    const auto signal = samples(length, 3);
    auto expected = widened(signal);
    for (exact& value : expected) value *= static_cast<double>(length);
    EXPECT_LE(distance(inverse(fft, forward(fft, signal)), expected), 2 * relative_bound(length) * norm(expected))
        << "length " << length;
  }
}

TEST_P(complex_fft_kernel, keeps_the_energy_of_a_signal) {
  for (const std::size_t length : powers_of_two(1, 1 << 16)) {
    const complex_fft fft(length);
    const auto signal = samples(length, 4);
    const double expected = norm(widened(signal)) * std::sqrt(static_cast<double>(length));
    EXPECT_NEAR(norm(widened(forward(fft, signal))), expected, relative_bound(length) * expected)
        << "length " << length;
  }
}

TEST_P(complex_fft_kernel, is_linear) {
  for (const std::size_t length : powers_of_two(1, 1 << 14)) {
    const complex_fft fft(length);
    const auto first = samples(length, 5);
    const auto second = samples(length, 6);
    std::vector<sample> sum(length);
    for (std::size_t i = 0; i < length; ++i) sum[i] = 2.0f * first[i] + second[i];
    const auto of_first = forward(fft, first);
    const auto of_second = forward(fft, second);
    std::vector<exact> expected;
    for (std::size_t i = 0; i < length; ++i) expected.push_back(2.0 * exact(of_first[i]) + exact(of_second[i]));
    EXPECT_LE(distance(forward(fft, sum), expected), 4 * relative_bound(length) * norm(expected))
        << "length " << length;
  }
}

// Whole multiples of the smallest float: sums are exact, and products are rounded to it.
TEST_P(real_fft_kernel, takes_denormal_numbers_for_what_they_are) {
  constexpr double smallest = std::numeric_limits<float>::denorm_min();
  for (const std::size_t length : powers_of_two(1, 1 << 14)) {
    const real_fft fft(length);
    auto signal = integers(length, 7, 1000);
    for (float& value : signal) value *= std::numeric_limits<float>::denorm_min();
    const auto expected = exact_transform(widened(signal), -1);
    const double lost = smallest * static_cast<double>(length);
    EXPECT_LE(distance(forward(fft, signal), expected), relative_bound(length) * norm(expected) + lost)
        << "length " << length;
  }
}

// The buffer of `count` elements that begins `offset` elements behind an aligned address, and whose
// surroundings are watched.
template <class T>
class displaced {
 public:
  displaced(std::size_t count, std::size_t offset) : buffer_(count + offset + 64), count_(count), offset_(offset) {
    std::ranges::fill(buffer_.span(), T(untouched));
  }
  std::span<T> span() { return buffer_.span().subspan(offset_, count_); }
  std::vector<T> values() { return {span().begin(), span().end()}; }
  bool is_alone() const {
    const auto is_untouched = [](const T& value) { return value == T(untouched); };
    return std::ranges::all_of(buffer_.span().first(offset_), is_untouched) &&
           std::ranges::all_of(buffer_.span().subspan(offset_ + count_), is_untouched);
  }

 private:
  aligned_buffer<T> buffer_;
  std::size_t count_;
  std::size_t offset_;
};

TEST_P(real_fft_kernel, takes_spans_at_any_alignment_and_leaves_the_rest_as_it_is) {
  for (const std::size_t length : powers_of_two(1, 2048)) {
    const real_fft fft(length);
    const auto signal = fractions(length, 8);
    const auto spectrum = forward(fft, signal);
    const auto back = inverse(fft, spectrum);
    for (std::size_t offset = 0; offset <= 17; ++offset) {
      displaced<float> from(length, offset);
      displaced<sample> bins(fft.bins(), 17 - offset);
      std::ranges::copy(signal, from.span().begin());
      fft.forward(from.span(), bins.span());
      EXPECT_EQ(from.values(), signal);
      EXPECT_EQ(bins.values(), spectrum) << "length " << length << ", offset " << offset;
      fft.inverse(bins.span(), from.span());
      EXPECT_EQ(from.values(), back) << "length " << length << ", offset " << offset;
      EXPECT_TRUE(from.is_alone() && bins.is_alone()) << "length " << length;
    }
  }
}

TEST_P(complex_fft_kernel, takes_spans_at_any_alignment_and_leaves_the_rest_as_it_is) {
  for (const std::size_t length : powers_of_two(1, 2048)) {
    const complex_fft fft(length);
    const auto signal = samples(length, 8);
    const auto spectrum = forward(fft, signal);
    const auto back = inverse(fft, spectrum);
    for (std::size_t offset = 0; offset <= 9; ++offset) {
      displaced<sample> from(length, offset);
      displaced<sample> bins(length, 9 - offset);
      std::ranges::copy(signal, from.span().begin());
      fft.forward(from.span(), bins.span());
      EXPECT_EQ(from.values(), signal);
      EXPECT_EQ(bins.values(), spectrum) << "length " << length << ", offset " << offset;
      fft.inverse(bins.span(), from.span());
      EXPECT_EQ(bins.values(), spectrum);
      EXPECT_EQ(from.values(), back) << "length " << length << ", offset " << offset;
      EXPECT_TRUE(from.is_alone() && bins.is_alone()) << "length " << length;
    }
  }
}

TEST_P(real_fft_kernel, ignores_the_imaginary_parts_of_the_first_and_the_last_bin) {
  for (const std::size_t length : powers_of_two(1, 4096)) {
    const real_fft fft(length);
    auto spectrum = samples(fft.bins(), 9);
    const auto signal = inverse(fft, spectrum);
    spectrum.front().imag(not_a_number);
    spectrum.back().imag(infinity);
    EXPECT_EQ(inverse(fft, spectrum), signal) << "length " << length;
  }
}

TEST(real_fft, keeps_the_instruction_set_that_it_was_made_with) {
  const auto signal = fractions(4096, 10);
  force_instruction_set(instruction_sets().back());
  const real_fft fft(4096);
  const auto spectrum = forward(fft, signal);
  force_instruction_set("");
  EXPECT_EQ(forward(fft, signal), spectrum);
}

TEST(real_fft, is_made_and_transforms_in_several_threads_at_once) {
  const real_fft shared(1024);
  const auto signal = fractions(1024, 11);
  const auto expected = forward(shared, signal);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 20; ++turn) {
        const real_fft own(1024);
        EXPECT_EQ(forward(shared, signal), expected);
        EXPECT_EQ(forward(own, signal), expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

static_assert(std::is_nothrow_move_constructible_v<real_fft> && !std::is_copy_constructible_v<real_fft>);

TEST(fft_checks_death_test, stop_a_program_whose_lengths_or_buffers_do_not_fit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(real_fft(0), "a power of two, 1 to 2\\^30");
  EXPECT_DEATH(real_fft(48), "a power of two, 1 to 2\\^30");
  EXPECT_DEATH(complex_fft(3), "a power of two, 1 to 2\\^30");
  EXPECT_DEATH(complex_fft(std::size_t{1} << 31), "a power of two, 1 to 2\\^30");
  const real_fft fft(16);
  std::vector<float> signal(17);
  std::vector<sample> spectrum(fft.bins());
  EXPECT_DEATH(fft.forward(signal, spectrum), "as long as the transform says");
  EXPECT_DEATH(fft.inverse(std::span(spectrum).first(8), std::span(signal).first(16)), "as long as");
  const complex_fft numbers(16);
  EXPECT_DEATH(numbers.forward(spectrum, std::span(spectrum).first(8)), "as long as");
}

}  // namespace
}  // namespace waitwork::kernels
