// cpu/image_filter: a Gaussian blur of 31 x 31 taps (standard deviation 5 pixels) over a colour
// picture of 640 x 360, 8 bits a channel: what softens a background. A unit that only computes,
// about 0.6 ms.
//
// The answer is the checksum of all of the output. The filter is exact integer arithmetic, so the
// expected output comes from plain loops that share nothing with the kernel but the weights.

#include <harness/workload.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/kernels/gaussian_blur.hpp>
#include <workloads/cpu/checksum.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t width = 640;
constexpr std::size_t measured_height = 360;
constexpr std::size_t smoke_height = 24;
constexpr std::size_t channels = 3;
constexpr std::size_t taps = 31;
constexpr double sigma_pixels = 5;
constexpr std::size_t row_bytes = width * channels;
constexpr std::size_t picture_count = 2;

using picture = aligned_buffer<std::uint8_t>;

// A picture with what a photograph has: a sky that fades downwards, a ground with a checkered
// perspective of hard edges, lit spheres with smooth shading and sharp outlines, and sensor noise
// over all of it.
picture photograph(std::size_t height, std::uint64_t seed) {
  constexpr int sphere_count = 12;
  constexpr int columns = width;
  const int rows = static_cast<int>(height);
  const int horizon = rows * 2 / 5;
  struct sphere {
    int x, y, radius, colour[channels];
  };
  splitmix64 random(seed);
  const auto below = [&random](int bound) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(bound)));
  };
  std::vector<sphere> spheres(sphere_count);
  for (sphere& s : spheres) {
    s = {below(columns),
         below(rows),
         12 + below(60),
         {80 + below(176), 80 + below(176), 80 + below(176)}};
  }
  picture pixels(height * row_bytes);
  std::uint8_t* next = pixels.data();
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      int colour[channels];
      if (y < horizon) {
        const int fade = 120 * y / horizon;
        for (int c = 0; c < 3; ++c) colour[c] = 90 + 50 * c + fade * (3 - c) / 3;
      } else {
        const int depth = 24 * rows / (y - horizon + 8);
        const bool light = ((x - columns / 2 + 4096) * depth / 2048 + depth / 8) % 2 == 0;
        for (int c = 0; c < 3; ++c) colour[c] = light ? 200 - 15 * c : 40 + 10 * c;
      }
      for (const sphere& s : spheres) {
        const int dx = x - s.x;
        const int dy = y - s.y;
        const int distance = dx * dx + dy * dy;
        if (distance >= s.radius * s.radius) continue;
        const int from_light =
            (dx + s.radius / 3) * (dx + s.radius / 3) + (dy + s.radius / 3) * (dy + s.radius / 3);
        for (int c = 0; c < 3; ++c)
          colour[c] = s.colour[c] - s.colour[c] * from_light / (3 * s.radius * s.radius);
      }
      for (const int value : colour)
        *next++ = static_cast<std::uint8_t>(std::clamp(value + below(17) - 8, 0, 255));
    }
  }
  return pixels;
}

// The definition in gaussian_blur.hpp in two full passes: along the rows, each extended to both
// sides, then down.
picture plainly_blurred(const picture& source, std::size_t height,
                        const kernels::gaussian_weights& weights) {
  const std::size_t radius = weights.radius();
  std::vector<std::uint16_t> along_rows(height * row_bytes);  // at most 255 * 256
  std::vector<std::uint8_t> extended((width + 2 * radius) * channels);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width + 2 * radius; ++x) {
      const std::size_t nearest = std::min(std::max(x, radius) - radius, width - 1);
      std::copy_n(&source[y * row_bytes + nearest * channels], channels, &extended[x * channels]);
    }
    std::uint16_t* sums = &along_rows[y * row_bytes];
    for (std::size_t tap = 0; tap < weights.size(); ++tap) {
      const std::uint16_t weight = weights.values()[tap];
      const std::uint8_t* from = &extended[tap * channels];
      for (std::size_t i = 0; i < row_bytes; ++i)
        sums[i] = static_cast<std::uint16_t>(sums[i] + weight * from[i]);
    }
  }
  picture target(height * row_bytes);
  std::vector<std::uint32_t> sums(row_bytes);
  for (std::size_t y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 1u << 15);
    for (std::size_t tap = 0; tap < weights.size(); ++tap) {
      const std::uint16_t weight = weights.values()[tap];
      const std::size_t nearest = std::min(std::max(y + tap, radius) - radius, height - 1);
      const std::uint16_t* from = &along_rows[nearest * row_bytes];
      for (std::size_t i = 0; i < row_bytes; ++i)
        sums[i] += static_cast<std::uint32_t>(weight * from[i]);
    }
    for (std::size_t i = 0; i < row_bytes; ++i)
      target[y * row_bytes + i] = static_cast<std::uint8_t>(sums[i] >> 16);
  }
  return target;
}

// What one blur needs besides the picture. It belongs to the thread and not to the lane: see
// cpu/matmul.
struct workspace {
  workspace(const kernels::image_shape& shape, const kernels::gaussian_weights& weights)
      : scratch(kernels::gaussian_blur_scratch_words(shape, weights)) {}
  picture blurred{measured_height * row_bytes};
  aligned_buffer<std::uint16_t> scratch;
  column_checksum checksum;
};

answer checksum_of(const picture& image, std::size_t height, column_checksum& checksum) {
  static_assert(row_bytes % sizeof(std::uint32_t) == 0);
  const std::uint8_t* bytes = image.data();
  return checksum.of(
      height, row_bytes / sizeof(std::uint32_t), [bytes](std::size_t row, std::size_t column) {
        std::uint32_t word;
        std::memcpy(&word, bytes + row * row_bytes + column * sizeof word, sizeof word);
        return word;
      });
}

class image_filter final : public workload {
 public:
  explicit image_filter(const workload_settings& settings)
      : shape_(width, settings.smoke ? smoke_height : measured_height, channels) {
    column_checksum checksum;
    for (std::size_t i = 0; i < picture_count; ++i) {
      pictures_.push_back(photograph(shape_.height, mix64(settings.seed + i)));
      const picture blurred = plainly_blurred(pictures_.back(), shape_.height, weights_);
      expected_.push_back(checksum_of(blurred, shape_.height, checksum));
    }
  }

  answer run(unit work) override { return blur(work.index); }

  task<answer> run(async_context& context, unit work) override {
    auto compute = [this, work] { return blur(work.index); };
    const answer checksum = co_await context.compute(compute);
    co_return checksum;
  }

  std::map<std::string, double> parameters() const override {
    const auto height = static_cast<double>(shape_.height);
    return {{"width", double{width}},
            {"height", height},
            {"channels", double{channels}},
            {"taps", double{taps}},
            {"pixels_per_unit", width * height}};
  }

  answer expected(std::uint64_t index) const override { return expected_[index % picture_count]; }

 private:
  answer blur(std::uint64_t index) const {
    thread_local workspace space(shape_, weights_);  // the same for any height
    kernels::gaussian_blur(shape_, weights_, pictures_[index % picture_count].span(),
                           space.blurred.span(), space.scratch.span());
    return checksum_of(space.blurred, shape_.height, space.checksum);
  }

  kernels::image_shape shape_;
  kernels::gaussian_weights weights_{taps, sigma_pixels};
  std::vector<picture> pictures_;
  std::vector<answer> expected_;
};

const bool registered = register_workload({
    .name = "cpu/image_filter",
    .variants = {""},
    .waits = false,
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      return std::make_unique<image_filter>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
