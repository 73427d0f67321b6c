// SPDX-License-Identifier: Apache-2.0
// cpu/deep_learning: reads handwritten digits with a small convolutional network (digits/digit_network.hpp), real ones
// from MNIST that it was not trained on. A unit that only computes: a batch of pictures.
//
//   l2      8 pictures       weights, pictures and what lies between the layers fit a second-level cache of 1 MiB
//   llc     512 pictures     4 MB: the last level's
//   memory  16,384 pictures  116 MB (full suite)
//
// The answer is how many of the probabilities are right, ten for each picture: within 1e-5 of those of plain loops in
// double precision.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/parallel/split.hpp>

#include <workloads/cpu/computing_workload.hpp>
#include <workloads/cpu/digits/digit_data.hpp>
#include <workloads/cpu/digits/digit_network.hpp>
#include <workloads/cpu/digits/plain_network.hpp>

namespace waitwork::bench {
namespace {

std::size_t batch_of(const workload_settings& settings) {
  if (settings.smoke || settings.variant == "l2") return 8;
  if (settings.variant == "llc") return 512;
  return 16384;
}

// Of the sheet, over and over: to find out what is right takes two milliseconds for each.
constexpr std::size_t different_pictures = 32;
constexpr float tolerated = 1e-5f;

class deep_learning final : public computing_workload {
 public:
  explicit deep_learning(const workload_settings& settings)
      : network_(digit_weights()), batch_(batch_of(settings)), pictures_(batch_ * digit_network::picture_bytes) {
    const std::span<const std::uint8_t> sheet = held_out_digits().pictures;
    const std::size_t different = std::min(batch_, different_pictures);
    std::vector<float> of_sheet;
    for (std::size_t i = 0; i < different; ++i) {
      const std::vector<double> right =
          plain_probabilities(sheet.subspan(i * digit_network::picture_bytes, digit_network::picture_bytes));
      for (const double probability : right) of_sheet.push_back(static_cast<float>(probability));
    }
    right_ = aligned_buffer<float>(batch_ * digit_network::digits);
    for (std::size_t i = 0; i < batch_; ++i) {
      const std::size_t from = i % different;
      std::ranges::copy(sheet.subspan(from * digit_network::picture_bytes, digit_network::picture_bytes),
                        pictures_.data() + i * digit_network::picture_bytes);
      std::copy_n(&of_sheet[from * digit_network::digits], digit_network::digits,
                  right_.data() + i * digit_network::digits);
    }
  }

  answer run_split(arena& workers, unit) override {
    const std::size_t share = std::max<std::size_t>(batch_ / (4 * workers.workers()), least_share);
    if (scratch_.empty()) {
      for (unsigned worker = 0; worker < workers.workers(); ++worker) {
        scratch_.emplace_back(digit_network::scratch_size(batch_));
      }
      right_by_.resize(workers.workers());
    }
    std::ranges::fill(right_by_, counted{});
    split(workers, batch_, share, [&](const part& some) {
      right_by_[some.worker].count += classify(some.begin, some.end, scratch_[some.worker].span());
    });
    answer right = 0;
    for (const counted& each : right_by_) right += each.count;
    return right;
  }

  std::map<std::string, double> parameters() const override {
    const auto batch = static_cast<double>(batch_);
    const double weight_bytes = digit_network::weight_count * sizeof(float);
    const double scratch_bytes = static_cast<double>(digit_network::scratch_size(batch_) * sizeof(float));
    return {{"batch", batch},
            {"flops_per_unit", batch * static_cast<double>(digit_network::flop_per_picture)},
            {"bytes_read_per_unit", weight_bytes + batch * digit_network::picture_bytes},
            {"bytes_written_per_unit", batch * digit_network::digits * sizeof(float)},
            {"working_set_bytes", weight_bytes + scratch_bytes + batch * digit_network::picture_bytes}};
  }

  answer expected(std::uint64_t) const override { return batch_ * digit_network::digits; }

 private:
  // Fewer pictures are done in less time than it takes to hand them out.
  static constexpr std::size_t least_share = 2;

  // A cache line each: workers count at the same time.
  struct alignas(64) counted {
    answer count = 0;
  };

  answer compute(std::uint64_t) const override {
    thread_local aligned_buffer<float> scratch(digit_network::scratch_size(batch_));
    return classify(0, batch_, scratch.span());
  }

  // How many probabilities of the pictures [begin, end) are right.
  answer classify(std::size_t begin, std::size_t end, std::span<float> scratch) const {
    const std::span<const float> seen = network_.classify(
        pictures_.span().subspan(begin * digit_network::picture_bytes, (end - begin) * digit_network::picture_bytes),
        scratch);
    const float* const right = right_.data() + begin * digit_network::digits;
    answer count = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) count += std::abs(seen[i] - right[i]) <= tolerated ? 1u : 0u;
    return count;
  }

  digit_network network_;
  std::size_t batch_;
  aligned_buffer<std::uint8_t> pictures_;
  aligned_buffer<float> right_;
  // Of run_split: one unit at a time.
  std::vector<aligned_buffer<float>> scratch_;
  std::vector<counted> right_by_;
};

const bool registered = register_computing<deep_learning>("cpu/deep_learning");

}  // namespace
}  // namespace waitwork::bench
