// SPDX-License-Identifier: Apache-2.0
// The filters for images, beside OpenCV, on a drawn photograph of 1920 x 1080: peers/gaussian_blur_<u8c1|u8c3>_<size>,
// peers/gaussian_blur_f32_5, peers/box_blur_<size>, peers/sobel and peers/harris.
//
// Both get the same weights' width and the same border, and write into buffers that are there. Our bytes are exact;
// OpenCV's may be off by one, and its floats by a few roundings.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/box_blur.hpp>
#include <waitwork/kernels/gaussian_blur.hpp>
#include <waitwork/kernels/gaussian_blur_f32.hpp>
#include <waitwork/kernels/harris.hpp>
#include <waitwork/kernels/image.hpp>
#include <waitwork/kernels/sobel.hpp>
#include <waitwork/parallel/split.hpp>

#include <peers/kernels/kernel_work.hpp>
#include <peers/kernels/opencv.hpp>
#include <workloads/cpu/photograph.hpp>

namespace waitwork::bench {
namespace {

using kernels::image_shape;
using kernels::row_band;

// A filter, as all of them are: rows of a target from a source, with scratch for each worker.
template <class Source, class Target>
class filter_beside_opencv : public kernel_work {
 public:
  std::map<std::string, double> parameters() const final {
    const double elements = static_cast<double>(shape_.height * shape_.row_elements());
    std::map<std::string, double> all = {{"width", static_cast<double>(shape_.width)},
                                         {"height", static_cast<double>(shape_.height)},
                                         {"channels", static_cast<double>(shape_.channels)},
                                         {"pixels_per_unit", static_cast<double>(shape_.width * shape_.height)},
                                         {"bytes_read_per_unit", elements * sizeof(Source)},
                                         {"bytes_written_per_unit", elements * sizeof(Target)},
                                         {"working_set_bytes", elements * (sizeof(Source) + sizeof(Target))}};
    if (const double flops = flops_per_element(); flops > 0) all["flops_per_unit"] = flops * elements;
    return all;
  }

  void ours(arena* workers) final {
    if (workers == nullptr) {
      filter(0, {});
      return;
    }
    split(*workers, shape_.height, strip_rows(shape_.height, workers->workers(), radius_),
          [&](const part& rows) { filter(rows.worker, {rows.begin, rows.end}); });
  }

  void theirs() final {
    waitwork_opencv_image target = view(target_);
    filter_by(*opencv_, view(source_), target);
  }
  std::string library() const final { return opencv_ == nullptr ? "" : opencv_description(); }

  // Pixels away from the border, from plain loops in double precision.
  double error() const final {
    double worst = 0;
    const auto margin = static_cast<std::ptrdiff_t>(2 * radius_ + 1);
    const auto height = static_cast<std::ptrdiff_t>(shape_.height);
    const auto width = static_cast<std::ptrdiff_t>(shape_.width);
    for (std::ptrdiff_t y = margin; y < height - margin; y += 7) {
      for (std::ptrdiff_t x = margin; x < width - margin; x += 11) {
        for (std::size_t channel = 0; channel < shape_.channels; ++channel) {
          const expectation right = expected(x, y, channel);
          const double seen = static_cast<double>(target_[place(x, y, channel)]);
          worst = std::max(worst, std::abs(seen - right.value) / right.tolerance);
        }
      }
    }
    return worst;
  }

 protected:
  struct expectation {
    double value;
    double tolerance;
  };

  // `radius`: how many rows above and below a row it is made of.
  filter_beside_opencv(std::size_t channels, std::size_t radius, const kernel_settings& settings)
      : shape_(settings.smoke ? 192 : 1920, settings.smoke ? 108 : 1080, channels),
        radius_(radius),
        workers_(settings.workers) {
    if (!settings.peer.empty()) opencv_ = &load_opencv(settings.workers);
    const aligned_buffer<std::uint8_t> picture = photograph(shape_.width, shape_.height, channels, 1);
    source_ = aligned_buffer<Source>(picture.size());
    std::ranges::copy(picture.span(), source_.data());
    target_ = aligned_buffer<Target>(picture.size());
  }

  std::size_t place(std::ptrdiff_t x, std::ptrdiff_t y, std::size_t channel) const {
    return static_cast<std::size_t>(y) * shape_.row_elements() + static_cast<std::size_t>(x) * shape_.channels +
           channel;
  }
  double source_at(std::ptrdiff_t x, std::ptrdiff_t y, std::size_t channel) const {
    return static_cast<double>(source_[place(x, y, channel)]);
  }
  unsigned workers() const { return workers_; }

  // Of floats; 0 where the arithmetic is of whole numbers.
  virtual double flops_per_element() const { return 0; }

  virtual void filter(unsigned worker, row_band rows) = 0;
  virtual void filter_by(const waitwork_opencv_functions& opencv, const waitwork_opencv_image& source,
                         waitwork_opencv_image& target) = 0;
  virtual expectation expected(std::ptrdiff_t x, std::ptrdiff_t y, std::size_t channel) const = 0;

  const image_shape shape_;
  const std::size_t radius_;
  aligned_buffer<Source> source_;
  aligned_buffer<Target> target_;

 private:
  template <class T>
  waitwork_opencv_image view(aligned_buffer<T>& image) const {
    return {image.data(), static_cast<int>(shape_.width), static_cast<int>(shape_.height),
            static_cast<int>(shape_.channels), std::is_same_v<T, float>};
  }

  unsigned workers_;
  const waitwork_opencv_functions* opencv_ = nullptr;
};

// Scratch of every worker.
template <class Word>
class scratch_of_each {
 public:
  scratch_of_each(unsigned workers, std::size_t words) {
    for (unsigned worker = 0; worker < workers; ++worker) each_.emplace_back(words);
  }
  std::span<Word> operator[](unsigned worker) { return each_[worker].span(); }

 private:
  std::vector<aligned_buffer<Word>> each_;
};

constexpr double one_off = 1;

template <class T, class Weights, class Word>
class gaussian final : public filter_beside_opencv<T, T> {
 public:
  gaussian(std::size_t channels, std::size_t size, const kernel_settings& settings)
      : filter_beside_opencv<T, T>(channels, size / 2, settings),
        weights_(size),
        scratch_(settings.workers, kernels::gaussian_blur_scratch_words(this->shape_, weights_)) {}

 private:
  void filter(unsigned worker, row_band rows) override {
    kernels::gaussian_blur(this->shape_, weights_, this->source_.span(), this->target_.span(), scratch_[worker], rows);
  }
  // A multiply-add for each weight, along the columns and along the rows.
  double flops_per_element() const override {
    return std::is_same_v<T, float> ? 4 * static_cast<double>(weights_.size()) : 0;
  }
  void filter_by(const waitwork_opencv_functions& opencv, const waitwork_opencv_image& source,
                 waitwork_opencv_image& target) override {
    opencv.gaussian_blur(&source, &target, static_cast<int>(weights_.size()), 0);
  }
  typename filter_beside_opencv<T, T>::expectation expected(std::ptrdiff_t x, std::ptrdiff_t y,
                                                            std::size_t channel) const override {
    const auto radius = static_cast<std::ptrdiff_t>(weights_.radius());
    double sum = 0, weight_sum = 0;
    for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
      for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx) {
        const double weight = static_cast<double>(weights_.values()[static_cast<std::size_t>(dx + radius)]) *
                              static_cast<double>(weights_.values()[static_cast<std::size_t>(dy + radius)]);
        sum += weight * this->source_at(x + dx, y + dy, channel);
        weight_sum += weight;
      }
    }
    // Weights of OpenCV for bytes are rounded in another way, by 1/256 each at most.
    return {sum / weight_sum, std::is_same_v<T, float> ? 0.01 : 2 * one_off};
  }

  Weights weights_;
  scratch_of_each<Word> scratch_;
};

class box final : public filter_beside_opencv<std::uint8_t, std::uint8_t> {
 public:
  box(std::size_t size, const kernel_settings& settings)
      : filter_beside_opencv(1, size / 2, settings),
        size_(size),
        scratch_(settings.workers, kernels::box_blur_scratch_words(shape_, size)) {}

  std::map<std::string, std::function<void()>> others() override {
    if (size_ == smallest || workers() > 1) return {};
    return {{"time_over_size_" + std::to_string(smallest), [this] { blur(smallest, 0, {}); }}};
  }

 private:
  static constexpr std::size_t smallest = 3;

  void blur(std::size_t size, unsigned worker, row_band rows) {
    kernels::box_blur(shape_, size, source_.span(), target_.span(), scratch_[worker], rows);
  }
  void filter(unsigned worker, row_band rows) override { blur(size_, worker, rows); }
  void filter_by(const waitwork_opencv_functions& opencv, const waitwork_opencv_image& source,
                 waitwork_opencv_image& target) override {
    opencv.box_blur(&source, &target, static_cast<int>(size_));
  }
  expectation expected(std::ptrdiff_t x, std::ptrdiff_t y, std::size_t channel) const override {
    const auto radius = static_cast<std::ptrdiff_t>(size_ / 2);
    double sum = 0;
    for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
      for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx) sum += source_at(x + dx, y + dy, channel);
    }
    return {sum / static_cast<double>(size_ * size_), one_off};
  }

  std::size_t size_;
  scratch_of_each<std::int16_t> scratch_;
};

struct gradient {
  double across;
  double down;
};

template <class Picture>
gradient sobel_at(const Picture& at, std::ptrdiff_t x, std::ptrdiff_t y) {
  return {
      at(x + 1, y - 1) + 2 * at(x + 1, y) + at(x + 1, y + 1) - at(x - 1, y - 1) - 2 * at(x - 1, y) - at(x - 1, y + 1),
      at(x - 1, y + 1) + 2 * at(x, y + 1) + at(x + 1, y + 1) - at(x - 1, y - 1) - 2 * at(x, y - 1) - at(x + 1, y - 1)};
}

class sobel final : public filter_beside_opencv<std::uint8_t, std::uint8_t> {
 public:
  explicit sobel(const kernel_settings& settings)
      : filter_beside_opencv(1, 1, settings), scratch_(settings.workers, kernels::sobel_scratch_words(shape_)) {}

 private:
  void filter(unsigned worker, row_band rows) override {
    kernels::sobel_magnitude(shape_, source_.span(), target_.span(), scratch_[worker], rows);
  }
  void filter_by(const waitwork_opencv_functions& opencv, const waitwork_opencv_image& source,
                 waitwork_opencv_image& target) override {
    opencv.sobel_magnitude(&source, &target);
  }
  expectation expected(std::ptrdiff_t x, std::ptrdiff_t y, std::size_t) const override {
    const gradient here =
        sobel_at([this](std::ptrdiff_t column, std::ptrdiff_t row) { return source_at(column, row, 0); }, x, y);
    return {std::min(std::hypot(here.across, here.down), 255.0), one_off};
  }

  scratch_of_each<std::int16_t> scratch_;
};

class harris final : public filter_beside_opencv<std::uint8_t, float> {
 public:
  explicit harris(const kernel_settings& settings)
      : filter_beside_opencv(1, options.block_size / 2 + 1, settings),
        scratch_(settings.workers, kernels::harris_scratch_bytes(shape_, options)) {}

 private:
  static constexpr kernels::harris_options options{};

  void filter(unsigned worker, row_band rows) override {
    kernels::harris_response(shape_, options, source_.span(), target_.span(), scratch_[worker], rows);
  }
  void filter_by(const waitwork_opencv_functions& opencv, const waitwork_opencv_image& source,
                 waitwork_opencv_image& target) override {
    opencv.harris(&source, &target, static_cast<int>(options.block_size), static_cast<double>(options.k));
  }
  expectation expected(std::ptrdiff_t x, std::ptrdiff_t y, std::size_t) const override {
    const auto radius = static_cast<std::ptrdiff_t>(options.block_size / 2);
    const double scale = 1 / (4 * 255.0 * static_cast<double>(options.block_size));
    double a = 0, b = 0, c = 0;
    for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
      for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx) {
        const gradient here = sobel_at(
            [this](std::ptrdiff_t column, std::ptrdiff_t row) { return source_at(column, row, 0); }, x + dx, y + dy);
        const double across = here.across * scale;
        const double down = here.down * scale;
        a += across * across;
        b += down * down;
        c += across * down;
      }
    }
    const double k = static_cast<double>(options.k);
    // Ours is off by 12 roundings of this at most; OpenCV's adds up what it has rounded.
    const double magnitude = a * b + c * c + k * (a + b) * (a + b);
    return {a * b - c * c - k * (a + b) * (a + b), 1e-5 * magnitude + 1e-12};
  }

  scratch_of_each<std::byte> scratch_;
};

template <class Work, class... Arguments>
void add(const std::string& name, Arguments... arguments) {
  register_kernel({.name = name,
                   .peers = {"opencv"},
                   .make = [arguments...](const kernel_settings& settings) -> std::unique_ptr<kernel_work> {
                     return std::make_unique<Work>(arguments..., settings);
                   }});
}

const bool registered = [] {
  using of_bytes = gaussian<std::uint8_t, kernels::gaussian_weights, std::uint16_t>;
  using of_floats = gaussian<float, kernels::gaussian_weights_f32, float>;
  for (const std::size_t size : {5uz, 15uz}) {
    add<of_bytes>("gaussian_blur_u8c1_" + std::to_string(size), 1uz, size);
    add<of_bytes>("gaussian_blur_u8c3_" + std::to_string(size), 3uz, size);
  }
  add<of_floats>("gaussian_blur_f32_5", 1uz, 5uz);
  for (const std::size_t size : {3uz, 31uz}) add<box>("box_blur_" + std::to_string(size), size);
  add<sobel>("sobel");
  add<harris>("harris");
  return true;
}();

}  // namespace
}  // namespace waitwork::bench
