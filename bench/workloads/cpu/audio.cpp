// SPDX-License-Identifier: Apache-2.0
// cpu/audio: a recording goes through an equaliser of 64 taps and then into a room whose echoes are
// 2048 more: a filter tap by tap and one through the frequency domain, block by block, as a player
// does it. A unit that only computes.
//
//   l2      2 blocks     0.6 s of sound: a block's buffers and all of the unit's data fit a
//                        second-level cache of 1 MiB
//   llc     60 blocks    18 s, 10 MB: the last level's
//   memory  500 blocks   149 s, 86 MB (full suite)
//
// The sums are of floats, whose last bits differ between instruction sets. So the answer is the
// number of samples that are as near to the exact ones as the filters promise. The exact ones are
// computed in double precision by plain loops, for which the room is a sparse one; the frequency
// domain does not know.

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/kernels/fft_convolver.hpp>
#include <waitwork/kernels/fir_filter.hpp>
#include <waitwork/parallel/split.hpp>

#include <workloads/cpu/computing_workload.hpp>
#include <workloads/cpu/recording.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t equaliser_taps = 64;

std::size_t room_taps_of(const workload_settings& settings) { return settings.smoke ? 128 : 2048; }

std::size_t blocks_of(const workload_settings& settings) {
  if (settings.smoke || settings.variant == "l2") return 2;
  if (settings.variant == "llc") return 60;
  return 500;
}

// Units begin by turns at the recording's first sample and here: what the unit before left behind
// is wrong for the next one.
constexpr std::size_t second_start = recording_samples_per_second / 100;

// The sound as it is and, 5 dB louder than that, what lies around 3 kHz, cut out by a window of
// Hann's.
std::vector<float> equaliser() {
  constexpr double radians_a_sample = 2 * std::numbers::pi * 3000 / recording_samples_per_second;
  std::vector<float> taps(equaliser_taps);
  for (std::size_t t = 0; t < taps.size(); ++t) {
    const double from_centre = static_cast<double>(t) - equaliser_taps / 2.0;
    const double window = 0.5 + 0.5 * std::cos(2 * std::numbers::pi * from_centre / equaliser_taps);
    const double direct = from_centre == 0 ? 1 : 0;
    taps[t] = static_cast<float>(direct + 0.05 * window * std::cos(radians_a_sample * from_centre));
  }
  return taps;
}

// The sound itself, which is the last tap, and before it echoes that grow weaker by 60 dB. They
// are velvet noise: one of either sign somewhere in each stretch of 24 samples, 2000 a second, from
// which on such echoes sound as smooth as dense noise does (Karjalainen and Jarvinen,
// "Reverberation modeling using velvet noise", AES 30th International Conference, 2007).
std::vector<float> room(std::size_t tap_count, std::uint64_t seed) {
  constexpr std::size_t stretch = 24;
  constexpr double first_echo = 0.3;
  splitmix64 random(seed);
  std::vector<float> taps(tap_count);
  taps.back() = 1;
  for (std::size_t begin = 1; begin + stretch <= tap_count; begin += stretch) {
    const std::size_t delay = begin + random.below(stretch);
    const double faded = first_echo * std::pow(1e-3, static_cast<double>(delay) / static_cast<double>(tap_count));
    taps[tap_count - 1 - delay] = static_cast<float>(random.below(2) == 0 ? faded : -faded);
  }
  return taps;
}

// The definition in fir_filter.hpp. Taps of zero are left out: the room of `memory` takes 0.3 s
// instead of 5.
std::vector<double> plainly_filtered(std::span<const float> taps, std::span<const double> source) {
  // Elements that stay in the first-level cache from tap to tap.
  constexpr std::size_t stretch = 1024;
  std::vector<double> target(source.size() - taps.size() + 1);
  for (std::size_t begin = 0; begin < target.size(); begin += stretch) {
    const std::size_t end = std::min(begin + stretch, target.size());
    for (std::size_t t = 0; t < taps.size(); ++t) {
      const double tap = taps[t];
      if (tap == 0) continue;
      for (std::size_t i = begin; i < end; ++i) target[i] += tap * source[i + t];
    }
  }
  return target;
}

double sum_of_magnitudes(std::span<const float> taps) {
  double sum = 0;
  for (const float tap : taps) sum += std::abs(double{tap});
  return sum;
}

double largest_magnitude(std::span<const double> signal) {
  double largest = 0;
  for (const double sample : signal) largest = std::max(largest, std::abs(sample));
  return largest;
}

// Of all stretches of so many elements, the largest Euclidean norm.
double largest_norm(std::span<const double> signal, std::size_t length) {
  double energy = 0;
  double largest = 0;
  for (std::size_t i = 0; i < signal.size(); ++i) {
    energy += signal[i] * signal[i];
    if (i >= length) energy -= signal[i - length] * signal[i - length];
    largest = std::max(largest, energy);
  }
  return std::sqrt(largest);
}

class audio final : public computing_workload {
 public:
  explicit audio(const workload_settings& settings)
      : room_taps_(bench::room(room_taps_of(settings), mix64(settings.seed))),
        room_(room_taps_),
        blocks_(blocks_of(settings)) {
    const std::size_t filtered_away = equaliser_taps - 1 + room_taps_.size() - 1;
    source_ = recording(second_start + samples() + filtered_away, mix64(settings.seed + 1));
    const std::vector<double> source(source_.span().begin(), source_.span().end());
    const std::vector<double> equalised = plainly_filtered(equaliser_, source);
    const std::vector<double> exact = plainly_filtered(room_taps_, equalised);
    expected_ = aligned_buffer<float>(exact.size());
    std::ranges::transform(exact, expected_.data(), [](double sample) { return static_cast<float>(sample); });
    tolerance_ = tolerance(source, equalised, exact);
  }

  answer run_split(arena& workers, unit work) override {
    if (players_.empty()) {
      split_target_ = aligned_buffer<float>(samples());
      for (unsigned worker = 0; worker < workers.workers(); ++worker) players_.emplace_back(room_);
    }
    for (workspace& each : players_) each.right = 0;
    split(workers, blocks_, 1, [&](const part& blocks) {
      play(work.index, blocks.begin, blocks.end, split_target_.span(), players_[blocks.worker]);
    });
    answer right = 0;
    for (const workspace& each : players_) right += each.right;
    return right;
  }

  std::map<std::string, double> parameters() const override {
    const auto count = static_cast<double>(samples());
    const auto length = static_cast<double>(room_.block_length());
    // The customary count for a transform of real numbers; there and back, and between them a
    // multiplication of complex numbers, of six operations, for each pair of elements.
    const double transform_flops = 2.5 * length * std::log2(length);
    const double block_flops = 2 * transform_flops + 6 * length / 2;
    const auto unit_flops = 2.0 * equaliser_taps * count + block_flops * static_cast<double>(blocks_);
    const auto source_samples = static_cast<double>(source_.size() - second_start);
    const auto workspace_bytes = static_cast<double>(room_.block_length() * sizeof(float) +
                                                     2 * room_.scratch_elements() * sizeof(std::complex<float>));
    return {{"samples", count},
            {"equaliser_taps", double{equaliser_taps}},
            {"room_taps", static_cast<double>(room_taps_.size())},
            {"flops_per_unit", unit_flops},
            {"bytes_read_per_unit", source_samples * sizeof(float)},
            {"bytes_written_per_unit", count * sizeof(float)},
            {"working_set_bytes", (source_samples + 2 * count) * sizeof(float) + workspace_bytes}};
  }

  answer expected(std::uint64_t) const override { return samples(); }

 private:
  // What a thread needs besides the sounds. It belongs to the thread and not to the lane: see
  // computing_workload.hpp.
  struct workspace {
    explicit workspace(const kernels::fft_convolver& room)
        : equalised(room.block_length()), scratch(room.scratch_elements()) {}
    aligned_buffer<float> equalised;
    aligned_buffer<std::complex<float>> scratch;
    answer right = 0;
  };

  // Of the target.
  std::size_t samples() const { return blocks_ * room_.outputs_per_block(); }

  // What the headers of the two filters promise together, where a sum of magnitudes times the
  // largest factor stands for a sum of products, and what rounding the expected output adds.
  float tolerance(std::span<const double> source, std::span<const double> equalised,
                  std::span<const double> exact) const {
    constexpr double half_step = 0x1p-24;
    constexpr double roundings = equaliser_taps * half_step;
    const double of_equaliser = roundings / (1 - roundings) * sum_of_magnitudes(equaliser_) *
                                largest_magnitude(source) * sum_of_magnitudes(room_taps_);
    const std::vector<double> taps(room_taps_.begin(), room_taps_.end());
    const double of_room = 0x1p-22 * (1 + std::log2(static_cast<double>(room_.block_length()))) *
                           largest_norm(taps, taps.size()) * largest_norm(equalised, room_.block_length());
    return static_cast<float>(of_equaliser + of_room + half_step * largest_magnitude(exact));
  }

  // Plays blocks [first, end) and adds to those samples that are right. What a block shares with
  // the next one, 2047 of 16384 samples, both equalise, for some 4 % of the time, so that blocks
  // may be done in any order.
  void play(std::uint64_t index, std::size_t first, std::size_t end, std::span<float> target, workspace& mine) const {
    const std::size_t start = index % 2 * second_start;
    const std::size_t outputs = room_.outputs_per_block();
    for (std::size_t block = first; block < end; ++block) {
      const std::size_t at = block * outputs;
      const std::span<float> played = target.subspan(at, outputs);
      kernels::fir_filter(equaliser_, source_.span().subspan(start + at, mine.equalised.size() + equaliser_taps - 1),
                          mine.equalised.span());
      room_.process(mine.equalised.span(), played, mine.scratch.span());
      mine.right += right_samples(played, expected_.span().subspan(start + at, outputs));
    }
  }

  // 6 % of the time of l2 and 10 % of llc's (one thread, Xeon in a virtual machine, units with and
  // without it by turns, n = 41 and 21 slices).
  answer right_samples(std::span<const float> played, std::span<const float> exact) const {
    // As wide as a float, so that a vector of comparisons adds to a vector of counts.
    std::uint32_t right = 0;
    for (std::size_t i = 0; i < played.size(); ++i) {
      right += std::abs(played[i] - exact[i]) <= tolerance_ ? 1u : 0u;
    }
    return right;
  }

  answer compute(std::uint64_t index) const override {
    thread_local workspace space(room_);
    thread_local aligned_buffer<float> target(samples());
    space.right = 0;
    play(index, 0, blocks_, target.span(), space);
    return space.right;
  }

  std::vector<float> equaliser_ = equaliser();
  std::vector<float> room_taps_;
  kernels::fft_convolver room_;
  std::size_t blocks_;
  aligned_buffer<float> source_;
  aligned_buffer<float> expected_;
  float tolerance_ = 0;
  // Of run_split: one unit at a time.
  aligned_buffer<float> split_target_;
  std::vector<workspace> players_;
};

const bool registered = register_computing<audio>("cpu/audio");

}  // namespace
}  // namespace waitwork::bench
