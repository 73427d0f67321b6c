// SPDX-License-Identifier: Apache-2.0
// cpu/machine_learning: two fully connected layers with their activations, for one request at a time (vector_...) and
// for a batch of 64 (matrix_...): what a model behind a web service does. A unit that only computes; the first kind is
// limited by reading its weights, the second by arithmetic.
//
//   ..._l2      320 wide     0.8 MB of weights fit a second-level cache of 1 MiB
//   ..._llc     1024 wide    8 MB: the last level's
//   ..._memory  4096 wide    128 MB (full suite)
//
// Inputs and weights are small whole numbers, so that every sum is exact in a float: the answer does not depend on the
// order of the additions. It is the checksum of all outputs; the expected one comes from plain loops.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/kernels/dense_layer.hpp>
#include <waitwork/parallel/split.hpp>

#include <workloads/cpu/checksum.hpp>
#include <workloads/cpu/computing_workload.hpp>

namespace waitwork::bench {
namespace {

std::size_t width_of(const workload_settings& settings) {
  const std::string_view variant = settings.variant;
  if (settings.smoke) return 128;
  if (variant.ends_with("l2")) return 320;
  if (variant.ends_with("llc")) return 1024;
  return 4096;
}

std::size_t batch_of(const workload_settings& settings) { return settings.variant.starts_with("matrix") ? 64 : 1; }

constexpr std::size_t input_count = 2;
// What a sum of |x||w| may come to, so that outputs are exact, and word_of() of them is, as shifted() in cpu/matmul.
constexpr float largest_sum = 1 << 22;

using values = aligned_buffer<float>;

// Whole numbers from -largest to largest.
values whole_numbers(std::size_t count, int largest, std::uint64_t seed) {
  splitmix64 random(seed);
  values numbers(count);
  for (float& number : numbers.span()) {
    number = static_cast<float>(static_cast<int>(random.below(static_cast<std::uint64_t>(2 * largest + 1))) - largest);
  }
  return numbers;
}

// A layer by plain loops; exact, and stops the program if it might not be.
values plain_layer(const values& x, std::size_t batch, std::size_t width, const values& weights, const values& bias,
                   bool positive) {
  values y(batch * width);
  for (std::size_t row = 0; row < batch; ++row) std::ranges::copy(bias.span(), y.data() + row * width);
  for (std::size_t input = 0; input < width; ++input) {
    const float* const from = weights.data() + input * width;
    for (std::size_t row = 0; row < batch; ++row) {
      const float factor = x[row * width + input];
      float* const sums = y.data() + row * width;
      for (std::size_t output = 0; output < width; ++output) sums[output] += factor * from[output];
    }
  }
  for (std::size_t row = 0; row < batch; ++row) {
    float magnitude = 0;
    for (std::size_t input = 0; input < width; ++input) magnitude += std::abs(x[row * width + input]);
    WAITWORK_CHECK(2 * magnitude < largest_sum, "every sum of a layer is exact");
  }
  if (positive) {
    for (float& value : y.span()) value = std::max(value, 0.0f);
  }
  return y;
}

std::uint32_t word_of(float whole_number) noexcept { return std::bit_cast<std::uint32_t>(whole_number + 12582912.0f); }

class machine_learning final : public computing_workload {
 public:
  explicit machine_learning(const workload_settings& settings)
      : batch_(batch_of(settings)), width_(width_of(settings)), shape_(batch_, width_, width_) {
    for (std::size_t i = 0; i < input_count; ++i) {
      inputs_.push_back(whole_numbers(batch_ * width_, 2, mix64(settings.seed + i)));
    }
    std::vector<values> between = {};
    for (const values& input : inputs_) between.emplace_back(copy_of(input));
    for (std::uint64_t layer = 0; layer < layer_count; ++layer) {
      const values weights = whole_numbers(width_ * width_, 2, mix64(settings.seed + 100 + layer));
      const values bias = whole_numbers(width_, 9, mix64(settings.seed + 200 + layer));
      packed_[layer] = values(kernels::packed_weights_size(width_, width_));
      kernels::pack_weights(width_, width_, weights.span(), bias.span(), packed_[layer].span());
      for (values& each : between) {
        each = plain_layer(each, batch_, width_, weights, bias, activation_of(layer) == kernels::activation::relu);
      }
    }
    column_checksum checksum;
    for (const values& output : between) expected_.push_back(checksum_of(output, checksum));
  }

  // Each worker has some of the outputs of a layer, and reads those weights only.
  answer run_split(arena& workers, unit work) override {
    if (split_space_.hidden.size() == 0) split_space_ = workspace(batch_ * width_);
    const std::size_t panels = (width_ + kernels::panel_outputs - 1) / kernels::panel_outputs;
    pass(input(work.index), split_space_, [&](const auto& layer) {
      split(workers, panels, 1, [&](const part& some) {
        layer({some.begin * kernels::panel_outputs, std::min(some.end * kernels::panel_outputs, width_)});
      });
    });
    return checksum_of(split_space_.output, split_space_.checksum);
  }

  std::map<std::string, double> parameters() const override {
    const auto batch = static_cast<double>(batch_);
    const auto width = static_cast<double>(width_);
    const double weight_bytes = double{layer_count} * (width + 1) * width * sizeof(float);
    const double row_bytes = batch * width * sizeof(float);
    return {{"batch", batch},
            {"width", width},
            {"flops_per_unit", double{layer_count} * 2 * batch * width * width},
            {"bytes_read_per_unit", weight_bytes + row_bytes},
            {"bytes_written_per_unit", row_bytes},
            {"working_set_bytes", weight_bytes + 3 * row_bytes}};
  }

  answer expected(std::uint64_t index) const override { return expected_[index % input_count]; }

 private:
  static constexpr std::size_t layer_count = 2;

  // Of a thread.
  struct workspace {
    workspace() = default;
    explicit workspace(std::size_t elements) : hidden(elements), output(elements) {}
    values hidden, output;
    column_checksum checksum;
  };

  static values copy_of(const values& original) {
    values copy(original.size());
    std::ranges::copy(original.span(), copy.data());
    return copy;
  }

  static kernels::activation activation_of(std::uint64_t layer) {
    return layer + 1 < layer_count ? kernels::activation::relu : kernels::activation::none;
  }

  answer checksum_of(const values& output, column_checksum& checksum) const {
    return checksum.of(batch_, width_, [outputs = output.data(), width = width_](std::size_t row, std::size_t column) {
      return word_of(outputs[row * width + column]);
    });
  }

  std::span<const float> input(std::uint64_t index) const { return inputs_[index % input_count].span(); }

  // Both layers; `run` calls what it is given with bands that together are all outputs.
  template <class Run>
  void pass(std::span<const float> x, workspace& space, const Run& run) const {
    run([&](kernels::output_band band) {
      kernels::dense_layer(shape_, x, packed_[0].span(), space.hidden.span(), activation_of(0), band);
    });
    run([&](kernels::output_band band) {
      kernels::dense_layer(shape_, space.hidden.span(), packed_[1].span(), space.output.span(), activation_of(1), band);
    });
  }

  answer compute(std::uint64_t index) const override {
    thread_local workspace space;
    if (space.output.size() != batch_ * width_) space = workspace(batch_ * width_);
    pass(input(index), space, [](const auto& layer) { layer({}); });
    return checksum_of(space.output, space.checksum);
  }

  std::size_t batch_;
  std::size_t width_;
  kernels::dense_shape shape_;
  values packed_[layer_count];
  std::vector<values> inputs_;
  std::vector<answer> expected_;
  workspace split_space_;  // of run_split: one unit at a time
};

const bool registered = register_computing<machine_learning>(
    "cpu/machine_learning", {"vector_l2", "vector_llc", "matrix_l2", "matrix_llc"}, {"vector_memory", "matrix_memory"});

}  // namespace
}  // namespace waitwork::bench
