// SPDX-License-Identifier: Apache-2.0
// An image filter in strips over an arena gives the picture that one call gives.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/kernels/gaussian_blur.hpp>
#include <waitwork/parallel/split.hpp>

namespace waitwork {
namespace {

void blur(arena& workers, const kernels::image_shape& shape, const kernels::gaussian_weights& weights,
          std::span<const std::uint8_t> source, std::span<std::uint8_t> target) {
  std::vector<aligned_buffer<std::uint16_t>> scratch;
  for (unsigned worker = 0; worker < workers.workers(); ++worker) {
    scratch.emplace_back(kernels::gaussian_blur_scratch_words(shape, weights));
  }

  split(workers, shape.height, strip_rows(shape.height, workers.workers(), weights.radius()), [&](const part& rows) {
    kernels::gaussian_blur(shape, weights, source, target, scratch[rows.worker].span(), {rows.begin, rows.end});
  });
}

TEST(strips_of_a_filter, fit_without_a_seam) {
  const kernels::image_shape shape(97, 301, 3);
  const kernels::gaussian_weights weights(9);
  splitmix64 random(1);
  std::vector<std::uint8_t> source(shape.height * shape.row_bytes());
  for (std::uint8_t& byte : source) byte = static_cast<std::uint8_t>(random());
  arena one(1), three(3);
  std::vector<std::uint8_t> whole(source.size()), in_strips(source.size());
  blur(one, shape, weights, source, whole);
  blur(three, shape, weights, source, in_strips);
  EXPECT_TRUE(in_strips == whole);
}

}  // namespace
}  // namespace waitwork
