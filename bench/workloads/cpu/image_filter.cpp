// SPDX-License-Identifier: Apache-2.0
// cpu/image_filter: a Gaussian blur of 31 x 31 taps (standard deviation 5 pixels) over a colour picture, 8 bits a
// channel: what softens a background. A unit that only computes.
//
//   l2      320 x 192     source and target fit a second-level cache of 1 MiB
//   llc     1920 x 1080   12 MB of both: the last level's
//   memory  5120 x 2880   88 MB (full suite)
//
// The answer is the checksum of all of the output. The filter is exact integer arithmetic, so the expected output comes
// from plain loops that share nothing with the kernel but the weights.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/kernels/gaussian_blur.hpp>
#include <waitwork/parallel/split.hpp>

#include <workloads/cpu/checksum.hpp>
#include <workloads/cpu/computing_workload.hpp>
#include <workloads/cpu/photograph.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t channels = 3;
constexpr std::size_t taps = 31;
constexpr double sigma_pixels = 5;

using picture = aligned_buffer<std::uint8_t>;

// Whole words a row.
kernels::image_shape shape_of(const workload_settings& settings) {
  if (settings.smoke) return {640, 24, channels};
  if (settings.variant == "l2") return {320, 192, channels};
  if (settings.variant == "llc") return {1920, 1080, channels};
  return {5120, 2880, channels};
}

// What a checksum takes of a picture.
auto words_of(const picture& image, const kernels::image_shape& shape) {
  return [bytes = image.data(), row_bytes = shape.row_bytes()](std::size_t row, std::size_t column) {
    std::uint32_t word;
    std::memcpy(&word, bytes + row * row_bytes + column * sizeof word, sizeof word);
    return word;
  };
}

// The definition in gaussian_blur.hpp in two full passes: along the rows, each extended to both sides, then down.
picture plainly_blurred(const picture& source, const kernels::image_shape& shape,
                        const kernels::gaussian_weights& weights) {
  const std::size_t radius = weights.radius();
  const std::size_t row_bytes = shape.row_bytes();
  std::vector<std::uint16_t> along_rows(shape.height * row_bytes);  // at most 255 * 256
  std::vector<std::uint8_t> extended((shape.width + 2 * radius) * channels);
  for (std::size_t y = 0; y < shape.height; ++y) {
    for (std::size_t x = 0; x < shape.width + 2 * radius; ++x) {
      const std::size_t nearest = std::min(std::max(x, radius) - radius, shape.width - 1);
      std::copy_n(&source[y * row_bytes + nearest * channels], channels, &extended[x * channels]);
    }
    std::uint16_t* sums = &along_rows[y * row_bytes];
    for (std::size_t tap = 0; tap < weights.size(); ++tap) {
      const std::uint16_t weight = weights.values()[tap];
      const std::uint8_t* from = &extended[tap * channels];
      for (std::size_t i = 0; i < row_bytes; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + weight * from[i]);
    }
  }
  picture target(shape.height * row_bytes);
  std::vector<std::uint32_t> sums(row_bytes);
  for (std::size_t y = 0; y < shape.height; ++y) {
    std::ranges::fill(sums, 1u << 15);
    for (std::size_t tap = 0; tap < weights.size(); ++tap) {
      const std::uint16_t weight = weights.values()[tap];
      const std::size_t nearest = std::min(std::max(y + tap, radius) - radius, shape.height - 1);
      const std::uint16_t* from = &along_rows[nearest * row_bytes];
      for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += static_cast<std::uint32_t>(weight * from[i]);
    }
    for (std::size_t i = 0; i < row_bytes; ++i) {
      target[y * row_bytes + i] = static_cast<std::uint8_t>(sums[i] >> 16);
    }
  }
  return target;
}

class image_filter final : public computing_workload {
 public:
  explicit image_filter(const workload_settings& settings) : shape_(shape_of(settings)) {
    // Two pictures by turns where they are small, so that a unit does not find its own in the first-level cache.
    const std::size_t picture_count = settings.variant == "memory" ? 1 : 2;
    for (std::size_t i = 0; i < picture_count; ++i) {
      pictures_.push_back(photograph(shape_.width, shape_.height, channels, mix64(settings.seed + i)));
      const picture blurred = plainly_blurred(pictures_.back(), shape_, weights_);
      column_checksum checksum;
      expected_.push_back(checksum.of(shape_.height, words_a_row(), words_of(blurred, shape_)));
    }
  }

  answer run_split(arena& workers, unit work) override {
    if (strips_.empty()) {
      split_target_ = picture(shape_.height * shape_.row_bytes());
      for (unsigned worker = 0; worker < workers.workers(); ++worker) strips_.emplace_back(shape_, weights_);
    }
    for (workspace& each : strips_) each.checksum.begin(shape_.height, words_a_row());
    const std::span<const std::uint8_t> source = picture_of(work.index).span();
    // Strips fit without a seam, and compute no row twice that another one has, but for the filter's height at its
    // ends.
    const std::size_t strip = strip_rows(shape_.height, workers.workers(), weights_.radius());
    split(workers, shape_.height, strip, [&](const part& rows) {
      workspace& mine = strips_[rows.worker];
      kernels::gaussian_blur(shape_, weights_, source, split_target_.span(), mine.scratch.span(),
                             {rows.begin, rows.end});
      mine.checksum.add(rows.begin, rows.end, words_of(split_target_, shape_));
    });
    for (std::size_t other = 1; other < strips_.size(); ++other) strips_[0].checksum.add(strips_[other].checksum);
    return strips_[0].checksum.value();
  }

  std::map<std::string, double> parameters() const override {
    const auto bytes = static_cast<double>(shape_.height * shape_.row_bytes());
    return {{"width", static_cast<double>(shape_.width)},
            {"height", static_cast<double>(shape_.height)},
            {"channels", double{channels}},
            {"taps", double{taps}},
            {"pixels_per_unit", static_cast<double>(shape_.width * shape_.height)},
            {"bytes_read_per_unit", bytes},
            {"bytes_written_per_unit", bytes},
            {"working_set_bytes", 2 * bytes}};
  }

  answer expected(std::uint64_t index) const override { return expected_[index % expected_.size()]; }

 private:
  // What one blur needs besides the pictures; of a thread.
  struct workspace {
    workspace(const kernels::image_shape& shape, const kernels::gaussian_weights& weights)
        : scratch(kernels::gaussian_blur_scratch_words(shape, weights)) {}
    aligned_buffer<std::uint16_t> scratch;
    column_checksum checksum;
  };

  std::size_t words_a_row() const { return shape_.row_bytes() / sizeof(std::uint32_t); }

  const picture& picture_of(std::uint64_t index) const { return pictures_[index % pictures_.size()]; }

  answer compute(std::uint64_t index) const override {
    thread_local workspace space(shape_, weights_);
    thread_local picture target(shape_.height * shape_.row_bytes());
    kernels::gaussian_blur(shape_, weights_, picture_of(index).span(), target.span(), space.scratch.span());
    return space.checksum.of(shape_.height, words_a_row(), words_of(target, shape_));
  }

  kernels::image_shape shape_;
  kernels::gaussian_weights weights_{taps, sigma_pixels};
  std::vector<picture> pictures_;
  std::vector<answer> expected_;
  // Of run_split: one unit at a time.
  picture split_target_;
  std::vector<workspace> strips_;
};

const bool registered = register_computing<image_filter>("cpu/image_filter");

}  // namespace
}  // namespace waitwork::bench
