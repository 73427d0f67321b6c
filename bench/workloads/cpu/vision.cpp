// SPDX-License-Identifier: Apache-2.0
// cpu/vision: what finds corners in a grey picture of 8 bits: a mean of 3 x 3 pixels against noise,
// then how steep the picture is at each pixel (Sobel) and how much it looks like a corner there
// (Harris). A unit that only computes.
//
//   l2      320 x 192     pictures, results and expected responses fit a second-level cache of 1
//   MiB llc     1920 x 1080   25 MB of all: the last level's memory  5120 x 2880   177 MB (full
//   suite)
//
// The steepness is exact and counts with a checksum of all of it. The responses are floats, whose
// last bits differ between instruction sets, and count with the number of them that are as near to
// the exact ones as the filter promises. The answer is both in one.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/kernels/box_blur.hpp>
#include <waitwork/kernels/harris.hpp>
#include <waitwork/kernels/sobel.hpp>
#include <waitwork/parallel/split.hpp>

#include <workloads/cpu/checksum.hpp>
#include <workloads/cpu/computing_workload.hpp>
#include <workloads/cpu/photograph.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t blur_size = 3;
constexpr kernels::harris_options harris = {};
constexpr std::size_t harris_radius = harris.block_size / 2;

// Responses that are allowed the same error, since one allowance for each would be as many bytes
// again as the responses.
constexpr std::size_t tile_pixels = 32;

using picture = aligned_buffer<std::uint8_t>;

// Whole tiles a row.
kernels::image_shape shape_of(const workload_settings& settings) {
  if (settings.smoke) return {640, 24, 1};
  if (settings.variant == "l2") return {320, 192, 1};
  if (settings.variant == "llc") return {1920, 1080, 1};
  return {5120, 2880, 1};
}

picture upside_down(const picture& upright, const kernels::image_shape& shape) {
  picture turned(upright.size());
  for (std::size_t y = 0; y < shape.height; ++y) {
    std::copy_n(&upright[y * shape.width], shape.width, &turned[(shape.height - 1 - y) * shape.width]);
  }
  return turned;
}

// What a checksum takes of a picture.
auto words_of(const picture& image, std::size_t width) {
  return [bytes = image.data(), width](std::size_t row, std::size_t column) {
    std::uint32_t word;
    std::memcpy(&word, bytes + row * width + column * sizeof word, sizeof word);
    return word;
  };
}

// What the filters should find, from the definitions in their headers.
class plain_vision {
 public:
  plain_vision(const picture& source, const kernels::image_shape& shape)
      : width_(shape.width), height_(shape.height), blurred_(source.size()), gx_(source.size()), gy_(source.size()) {
    const std::size_t count = blur_size * blur_size;
    for_each_pixel([&](std::size_t x, std::size_t y) {
      const std::size_t sum =
          sum_around<blur_size / 2, std::size_t>(x, y, [&](std::size_t at) { return std::size_t{source[at]}; });
      blurred_[y * width_ + x] = static_cast<std::uint8_t>((sum + count / 2) / count);
    });
    for_each_pixel([&](std::size_t x, std::size_t y) {
      const std::size_t left = x - (x > 0 ? 1 : 0);
      const std::size_t right = x + (x + 1 < width_ ? 1 : 0);
      const std::size_t above = y - (y > 0 ? 1 : 0);
      const std::size_t below = y + (y + 1 < height_ ? 1 : 0);
      const auto at = [&](std::size_t column, std::size_t row) { return int{blurred_[row * width_ + column]}; };
      const int right_sum = at(right, above) + 2 * at(right, y) + at(right, below);
      const int left_sum = at(left, above) + 2 * at(left, y) + at(left, below);
      const int sum_below = at(left, below) + 2 * at(x, below) + at(right, below);
      const int sum_above = at(left, above) + 2 * at(x, above) + at(right, above);
      gx_[y * width_ + x] = static_cast<std::int16_t>(right_sum - left_sum);
      gy_[y * width_ + x] = static_cast<std::int16_t>(sum_below - sum_above);
    });
  }

  picture steepness() const {
    picture bytes(gx_.size());
    for (std::size_t at = 0; at < gx_.size(); ++at) {
      const double magnitude = std::sqrt(gx_[at] * gx_[at] + gy_[at] * gy_[at]);
      // No root of a whole number lies halfway between two.
      bytes[at] = static_cast<std::uint8_t>(std::min(magnitude + 0.5, 255.0));
    }
    return bytes;
  }

  // Of each pixel its response and, of each tile, the largest error that harris.hpp allows in it,
  // with one half step of a float more for the rounding of the response here.
  void responses(std::span<float> exact, std::span<float> tolerances) const {
    const double scale = 1 / (4.0 * 255 * static_cast<double>(harris.block_size));
    for_each_pixel([&](std::size_t x, std::size_t y) {
      const auto sum = [&](const std::vector<std::int16_t>& one, const std::vector<std::int16_t>& other) {
        return scale * scale *
               sum_around<harris_radius, int>(x, y, [&](std::size_t at) { return one[at] * other[at]; });
      };
      const double a = sum(gx_, gx_);
      const double b = sum(gy_, gy_);
      const double c = sum(gx_, gy_);
      const double edge = double{harris.k} * (a + b) * (a + b);
      const double allowed = 13 * 0x1p-24 * (a * b + c * c + edge);
      const std::size_t at = y * width_ + x;
      exact[at] = static_cast<float>(a * b - c * c - edge);
      float& tolerance = tolerances[at / tile_pixels];
      tolerance = std::max(tolerance, static_cast<float>(allowed));
    });
  }

 private:
  template <class Visit>
  void for_each_pixel(const Visit& visit) const {
    for (std::size_t y = 0; y < height_; ++y) {
      for (std::size_t x = 0; x < width_; ++x) visit(x, y);
    }
  }

  // Adds up value(index) for the pixels around one; the nearest ones stand for those past the edge.
  template <std::size_t Radius, class Sum, class Value>
  Sum sum_around(std::size_t x, std::size_t y, const Value& value) const {
    const auto bordered = [](std::size_t at, std::size_t size) {
      return std::min(std::max(at, Radius) - Radius, size - 1);
    };
    Sum sum = 0;
    for (std::size_t down = 0; down <= 2 * Radius; ++down) {
      const std::size_t row = bordered(y + down, height_) * width_;
      for (std::size_t along = 0; along <= 2 * Radius; ++along) {
        sum += value(row + bordered(x + along, width_));
      }
    }
    return sum;
  }

  std::size_t width_;
  std::size_t height_;
  std::vector<std::uint8_t> blurred_;
  std::vector<std::int16_t> gx_;
  std::vector<std::int16_t> gy_;
};

class vision final : public computing_workload {
 public:
  explicit vision(const workload_settings& settings)
      : shape_(shape_of(settings)), exact_(pixels()), tolerances_(pixels() / tile_pixels) {
    // The picture and the same upside down by turns, so that what the unit before left behind is
    // wrong for the next one. All three filters treat top and bottom alike: one set of expected
    // responses serves both.
    pictures_[0] = photograph(shape_.width, shape_.height, 1, mix64(settings.seed));
    pictures_[1] = upside_down(pictures_[0], shape_);
    const plain_vision plain(pictures_[0], shape_);
    plain.responses(exact_.span(), tolerances_.span());
    const picture steepness = plain.steepness();
    const picture turned = upside_down(steepness, shape_);
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      column_checksum checksum;
      expected_[i] = both(
          checksum.of(shape_.height, words_a_row(), words_of(i == 0 ? steepness : turned, shape_.width)), pixels());
    }
  }

  // All of the picture is blurred before any of it is looked at, because a strip's filters take
  // blurred rows of the strips beside it.
  answer run_split(arena& workers, unit work) override {
    if (strips_.empty()) {
      split_views_ = views(shape_);
      for (unsigned worker = 0; worker < workers.workers(); ++worker) strips_.emplace_back(shape_);
    }
    for (workspace& each : strips_) each.begin(shape_);
    const auto rows_of = [](const part& rows) { return kernels::row_band{rows.begin, rows.end}; };
    const auto strip = [&](std::size_t halo) { return strip_rows(shape_.height, workers.workers(), halo); };
    split(workers, shape_.height, strip(blur_size / 2),
          [&](const part& rows) { blur(work.index, rows_of(rows), split_views_, strips_[rows.worker]); });
    split(workers, shape_.height, strip(harris_radius + 1),
          [&](const part& rows) { find_corners(work.index, rows_of(rows), split_views_, strips_[rows.worker]); });
    for (std::size_t other = 1; other < strips_.size(); ++other) strips_[0].add(strips_[other]);
    return strips_[0].found();
  }

  std::map<std::string, double> parameters() const override {
    const auto count = static_cast<double>(pixels());
    // Of a pixel: two pictures, blurred, steepness; response, expected one.
    constexpr double bytes_a_pixel = 4 + 2 * sizeof(float) + 1.0 * sizeof(float) / tile_pixels;
    return {{"width", static_cast<double>(shape_.width)},
            {"height", static_cast<double>(shape_.height)},
            {"blur_size", double{blur_size}},
            {"block_size", static_cast<double>(harris.block_size)},
            {"pixels_per_unit", count},
            {"bytes_read_per_unit", count},
            {"bytes_written_per_unit", count * (1 + sizeof(float))},
            {"working_set_bytes", bytes_a_pixel * count}};
  }

  answer expected(std::uint64_t index) const override { return expected_[index % 2]; }

 private:
  // What becomes of a picture.
  struct views {
    views() = default;
    explicit views(const kernels::image_shape& shape)
        : blurred(shape.height * shape.width),
          steepness(shape.height * shape.width),
          response(shape.height * shape.width) {}
    picture blurred;
    picture steepness;
    aligned_buffer<float> response;
  };

  // What a thread needs besides the pictures. It belongs to the thread and not to the lane: see
  // computing_workload.hpp.
  struct workspace {
    explicit workspace(const kernels::image_shape& shape)
        : blur_scratch(kernels::box_blur_scratch_words(shape, blur_size)),
          sobel_scratch(kernels::sobel_scratch_words(shape)),
          harris_scratch(kernels::harris_scratch_bytes(shape, harris)) {}

    void begin(const kernels::image_shape& shape) {
      checksum.begin(shape.height, shape.width / sizeof(std::uint32_t));
      right_responses = 0;
    }
    void add(const workspace& other) {
      checksum.add(other.checksum);
      right_responses += other.right_responses;
    }
    answer found() const { return both(checksum.value(), right_responses); }

    aligned_buffer<std::int16_t> blur_scratch;
    aligned_buffer<std::int16_t> sobel_scratch;
    aligned_buffer<std::byte> harris_scratch;
    column_checksum checksum;
    std::uint64_t right_responses = 0;
  };

  static answer both(answer checksum, std::uint64_t right_responses) { return mix64(checksum + right_responses); }

  std::size_t pixels() const { return shape_.width * shape_.height; }
  std::size_t words_a_row() const { return shape_.width / sizeof(std::uint32_t); }

  void blur(std::uint64_t index, kernels::row_band rows, views& target, workspace& mine) const {
    kernels::box_blur(shape_, blur_size, pictures_[index % 2].span(), target.blurred.span(), mine.blur_scratch.span(),
                      rows);
  }

  void find_corners(std::uint64_t index, kernels::row_band rows, views& target, workspace& mine) const {
    kernels::sobel_magnitude(shape_, target.blurred.span(), target.steepness.span(), mine.sobel_scratch.span(), rows);
    mine.checksum.add(rows.first, rows.end, words_of(target.steepness, shape_.width));
    kernels::harris_response(shape_, harris, target.blurred.span(), target.response.span(), mine.harris_scratch.span(),
                             rows);
    for (std::size_t y = rows.first; y < rows.end; ++y) {
      const std::size_t upright = index % 2 == 0 ? y : shape_.height - 1 - y;
      mine.right_responses += right_responses(&target.response[y * shape_.width], upright);
    }
  }

  // A tenth of the time of l2 and a quarter of llc's, to fetch the expected responses (one thread,
  // Xeon in a virtual machine, units with and without it by turns, n = 41 and 21 slices).
  std::uint64_t right_responses(const float* response, std::size_t expected_row) const {
    const float* exact = &exact_[expected_row * shape_.width];
    const float* tolerances = &tolerances_[expected_row * shape_.width / tile_pixels];
    // As wide as a float, so that a vector of comparisons adds to a vector of counts.
    std::uint32_t right = 0;
    for (std::size_t tile = 0; tile < shape_.width / tile_pixels; ++tile) {
      for (std::size_t i = tile * tile_pixels; i < (tile + 1) * tile_pixels; ++i) {
        right += std::abs(response[i] - exact[i]) <= tolerances[tile] ? 1u : 0u;
      }
    }
    return right;
  }

  answer compute(std::uint64_t index) const override {
    thread_local workspace space(shape_);
    thread_local views target(shape_);
    space.begin(shape_);
    blur(index, {0, shape_.height}, target, space);
    find_corners(index, {0, shape_.height}, target, space);
    return space.found();
  }

  kernels::image_shape shape_;
  std::array<picture, 2> pictures_;
  aligned_buffer<float> exact_;
  aligned_buffer<float> tolerances_;
  std::array<answer, 2> expected_{};
  // Of run_split: one unit at a time.
  views split_views_;
  std::vector<workspace> strips_;
};

const bool registered = register_computing<vision>("cpu/vision");

}  // namespace
}  // namespace waitwork::bench
