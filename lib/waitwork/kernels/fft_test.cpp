#include <waitwork/kernels/fft.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork::kernels {
namespace {

using sample = std::complex<float>;
using exact = std::complex<double>;

// At most lengths the estimate has to do: measuring all of them takes ten seconds.
fft_planning planning_of(std::size_t length) {
  return length % 16 == 0 ? fft_planning::measured : fft_planning::estimated;
}

// Powers of two, mixed radix, primes that FFTW has code for, and primes that it has not.
std::vector<std::size_t> lengths() {
  std::vector<std::size_t> all;
  for (std::size_t length = 1; length <= 64; ++length) all.push_back(length);
  for (const std::size_t length :
       {97u, 100u, 120u, 128u, 210u, 343u, 509u, 512u, 750u, 1009u, 1024u, 1155u})
    all.push_back(length);
  return all;
}

aligned_buffer<float> reals(std::size_t count, std::uint64_t seed) {
  splitmix64 random(seed);
  aligned_buffer<float> values(count);
  for (float& value : values.span())
    value = static_cast<float>(random.below(1u << 24)) / (1 << 23) - 1;
  return values;
}

aligned_buffer<sample> samples(std::size_t count, std::uint64_t seed) {
  const auto parts = reals(2 * count, seed);
  aligned_buffer<sample> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = {parts[2 * i], parts[2 * i + 1]};
  return values;
}

template <class T>
std::vector<exact> widened(const aligned_buffer<T>& values) {
  std::vector<exact> wide;
  for (const T& value : values.span()) wide.push_back(exact(sample(value)));
  return wide;
}

// sign -1: to the spectrum; +1: back.
std::vector<exact> plain_transform(const std::vector<exact>& from, double sign) {
  const std::size_t length = from.size();
  std::vector<exact> turns;
  for (std::size_t i = 0; i < length; ++i) {
    turns.push_back(std::polar(
        1.0, sign * 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(length)));
  }
  std::vector<exact> to(length);
  for (std::size_t k = 0; k < length; ++k) {
    for (std::size_t j = 0; j < length; ++j) to[k] += from[j] * turns[j * k % length];
  }
  return to;
}

double norm(std::span<const exact> values) {
  double sum = 0;
  for (const exact& value : values) sum += std::norm(value);
  return std::sqrt(sum);
}

// What the header allows.
double relative_bound(std::size_t length) {
  return std::ldexp(1.0, -21) * (1 + std::log2(static_cast<double>(length)));
}

// `found` may be the lower half of a spectrum; its error is then that half's.
template <class T>
void expect_close(const aligned_buffer<T>& found, std::span<const exact> expected,
                  std::size_t length) {
  std::vector<exact> difference = widened(found);
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= expected[i];
  EXPECT_LE(norm(difference), relative_bound(length) * norm(expected)) << "length " << length;
}

TEST(real_fft, agrees_with_the_plain_sum_both_ways_at_every_kind_of_length) {
  for (const std::size_t length : lengths()) {
    const real_fft fft(length, planning_of(length));
    ASSERT_EQ(fft.length(), length);
    ASSERT_EQ(fft.bins(), length / 2 + 1);
    const auto signal = reals(length, length);
    aligned_buffer<sample> spectrum(fft.bins());
    fft.forward(signal.span(), spectrum.span());
    const auto expected = plain_transform(widened(signal), -1);
    expect_close(spectrum, expected, length);

    const auto half = samples(fft.bins(), length + 1);
    auto whole = widened(half);
    whole.resize(length);
    whole[0] = whole[0].real();
    if (length % 2 == 0) whole[length / 2] = whole[length / 2].real();
    for (std::size_t k = length / 2 + 1; k < length; ++k) whole[k] = std::conj(whole[length - k]);
    aligned_buffer<sample> destroyed(fft.bins());
    std::ranges::copy(half.span(), destroyed.data());
    aligned_buffer<float> back(length);
    fft.inverse(destroyed.span(), back.span());
    expect_close(back, plain_transform(whole, 1), length);
  }
}

TEST(complex_fft, agrees_with_the_plain_sum_both_ways_at_every_kind_of_length) {
  for (const std::size_t length : lengths()) {
    const complex_fft fft(length, planning_of(length));
    const auto signal = samples(length, length);
    aligned_buffer<sample> found(length);
    fft.forward(signal.span(), found.span());
    expect_close(found, plain_transform(widened(signal), -1), length);
    fft.inverse(signal.span(), found.span());
    expect_close(found, plain_transform(widened(signal), 1), length);
  }
}

TEST(real_fft, returns_length_times_the_signal_after_both_ways) {
  for (const std::size_t length : {1u, 2u, 15u, 1009u, 4096u, 30'001u}) {
    const real_fft fft(length, planning_of(length));
    const auto signal = reals(length, 3);
    aligned_buffer<sample> spectrum(fft.bins());
    aligned_buffer<float> back(length);
    fft.forward(signal.span(), spectrum.span());
    fft.inverse(spectrum.span(), back.span());
    auto expected = widened(signal);
    for (exact& value : expected) value *= static_cast<double>(length);
    std::vector<exact> difference = widened(back);
    for (std::size_t i = 0; i < length; ++i) difference[i] -= expected[i];
    EXPECT_LE(norm(difference), 2 * relative_bound(length) * norm(expected)) << "length " << length;
  }
}

TEST(complex_fft, keeps_the_energy_of_a_signal) {
  for (const std::size_t length : {2u, 60u, 1024u, 10'007u}) {
    const complex_fft fft(length, planning_of(length));
    const auto signal = samples(length, 4);
    aligned_buffer<sample> spectrum(length);
    fft.forward(signal.span(), spectrum.span());
    const double expected = norm(widened(signal)) * std::sqrt(static_cast<double>(length));
    EXPECT_NEAR(norm(widened(spectrum)), expected, relative_bound(length) * expected)
        << "length " << length;
  }
}

TEST(complex_fft, is_linear) {
  const std::size_t length = 360;
  const complex_fft fft(length, planning_of(length));
  const auto first = samples(length, 5);
  const auto second = samples(length, 6);
  aligned_buffer<sample> sum(length);
  for (std::size_t i = 0; i < length; ++i) sum[i] = 2.0f * first[i] + second[i];
  aligned_buffer<sample> of_first(length);
  aligned_buffer<sample> of_second(length);
  aligned_buffer<sample> of_sum(length);
  fft.forward(first.span(), of_first.span());
  fft.forward(second.span(), of_second.span());
  fft.forward(sum.span(), of_sum.span());
  std::vector<exact> expected;
  for (std::size_t i = 0; i < length; ++i)
    expected.push_back(2.0 * exact(of_first[i]) + exact(of_second[i]));
  std::vector<exact> difference = widened(of_sum);
  for (std::size_t i = 0; i < length; ++i) difference[i] -= expected[i];
  EXPECT_LE(norm(difference), 4 * relative_bound(length) * norm(expected));
}

TEST(real_fft, gives_an_impulse_a_flat_spectrum) {
  const real_fft fft(256);
  aligned_buffer<float> impulse(256);
  impulse[0] = 1;
  aligned_buffer<sample> spectrum(fft.bins());
  fft.forward(impulse.span(), spectrum.span());
  for (const sample& value : spectrum.span()) EXPECT_EQ(value, sample(1));
}

TEST(real_fft, leaves_the_signal_and_its_surroundings_as_they_are) {
  const std::size_t length = 96;
  const real_fft fft(length, planning_of(length));
  const auto signal = reals(length, 7);
  const auto before = reals(length, 7);
  // 64 complex numbers beyond 49 bins, of which those up to the next multiple of 64 bytes stay
  // untouched, too.
  aligned_buffer<sample> spectrum(fft.bins() + 64);
  const sample untouched(12345, 54321);
  std::ranges::fill(spectrum.span(), untouched);
  fft.forward(signal.span(), spectrum.span().first(fft.bins()));
  EXPECT_TRUE(std::ranges::equal(signal.span(), before.span()));
  for (std::size_t i = fft.bins(); i < spectrum.size(); ++i) EXPECT_EQ(spectrum[i], untouched);
}

TEST(real_fft, plans_and_transforms_in_several_threads_at_once) {
  const real_fft shared(200);
  const auto signal = reals(200, 8);
  aligned_buffer<sample> expected(shared.bins());
  shared.forward(signal.span(), expected.span());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 20; ++turn) {
        const real_fft own(200);
        aligned_buffer<sample> spectrum(own.bins());
        shared.forward(signal.span(), spectrum.span());
        EXPECT_TRUE(std::ranges::equal(spectrum.span(), expected.span()));
        own.forward(signal.span(), spectrum.span());
        EXPECT_TRUE(std::ranges::equal(spectrum.span(), expected.span()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

static_assert(std::is_nothrow_move_constructible_v<real_fft> &&
              !std::is_copy_constructible_v<real_fft>);

TEST(fft_checks_death_test, stop_a_program_whose_buffers_do_not_fit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(real_fft(0), "1 to 2\\^30");
  EXPECT_DEATH(complex_fft(std::size_t{1} << 31), "1 to 2\\^30");
  const real_fft fft(16);
  aligned_buffer<float> signal(17);
  aligned_buffer<sample> spectrum(fft.bins());
  EXPECT_DEATH(fft.forward(signal.span(), spectrum.span()), "as long as the transform says");
  EXPECT_DEATH(fft.forward(signal.span().subspan(1), spectrum.span()),
               "aligned to simd_alignment_bytes");
  EXPECT_DEATH(fft.inverse(spectrum.span().first(8), signal.span().first(16)), "as long as");
}

}  // namespace
}  // namespace waitwork::kernels
