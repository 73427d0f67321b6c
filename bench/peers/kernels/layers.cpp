// SPDX-License-Identifier: Apache-2.0
// Layers of networks: peers/dense_64 and peers/dense_1, a fully connected layer for a batch of 64 and for one, beside
// the same on OpenBLAS; and peers/conv2d, which has no peer here.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/conv2d.hpp>
#include <waitwork/kernels/dense_layer.hpp>
#include <waitwork/measure/peak_loops.hpp>
#include <waitwork/parallel/split.hpp>

#include <peers/kernels/blas.hpp>
#include <peers/kernels/fractions.hpp>
#include <peers/kernels/kernel_work.hpp>

namespace waitwork::bench {
namespace {

// What is read by one worker and by nobody else: a row of a matrix that has just been read does not count.
void read_all(arena* workers, std::span<const float> values) {
  constexpr std::size_t granularity = stream_granularity * sizeof(double) / sizeof(float);
  const auto read = [&](std::size_t first, std::size_t end) {
    const double sum = read_stream(reinterpret_cast<const double*>(values.data() + first * granularity),
                                   (end - first) * stream_granularity);
    asm volatile("" : : "m"(sum));  // somebody may look at it
  };
  const std::size_t pieces = values.size() / granularity;
  if (workers == nullptr) {
    read(0, pieces);
    return;
  }
  split(*workers, pieces, 4096, [&](const part& some) { read(some.begin, some.end); });
}

class dense_beside_openblas final : public kernel_work {
 public:
  dense_beside_openblas(std::size_t batch, std::size_t width, const kernel_settings& settings)
      : shape_(batch, settings.smoke ? 192 : width, settings.smoke ? 192 : width),
        x_(fractions<float>(batch * shape_.inputs, 1)),
        bias_(fractions<float>(shape_.outputs, 2)),
        weights_(fractions<float>(shape_.inputs * shape_.outputs, 3)),
        y_(batch * shape_.outputs) {
    if (!settings.peer.empty()) {
      blas_.emplace(settings.workers);
    } else {
      packed_ = aligned_buffer<float>(kernels::packed_weights_size(shape_.inputs, shape_.outputs));
      kernels::pack_weights(shape_.inputs, shape_.outputs, weights_.span(), bias_.span(), packed_.span());
    }
  }

  std::map<std::string, double> parameters() const override {
    const auto batch = static_cast<double>(shape_.batch);
    const auto inputs = static_cast<double>(shape_.inputs);
    const auto outputs = static_cast<double>(shape_.outputs);
    const double read = ((batch + outputs) * inputs + outputs) * sizeof(float);
    return {{"batch", batch},
            {"inputs", inputs},
            {"outputs", outputs},
            {"flops_per_unit", 2 * batch * inputs * outputs},
            {"bytes_read_per_unit", read},
            {"bytes_written_per_unit", batch * outputs * sizeof(float)},
            {"working_set_bytes", read + batch * outputs * sizeof(float)}};
  }

  void ours(arena* workers) override {
    const auto layer = [this](kernels::output_band band) {
      kernels::dense_layer(shape_, x_.span(), packed_.span(), y_.span(), kernels::activation::relu, band);
    };
    if (workers == nullptr) {
      layer({});
      return;
    }
    // Each worker reads its own part of the weights.
    const std::size_t panels = (shape_.outputs + kernels::panel_outputs - 1) / kernels::panel_outputs;
    split(*workers, panels, 1, [&](const part& some) {
      layer({some.begin * kernels::panel_outputs, std::min(some.end * kernels::panel_outputs, shape_.outputs)});
    });
  }

  void theirs() override {
    const int inputs = static_cast<int>(shape_.inputs);
    const int outputs = static_cast<int>(shape_.outputs);
    if (shape_.batch == 1) {
      blas_->multiply_row(inputs, outputs, x_.data(), weights_.data(), y_.data());
    } else {
      blas_->multiply(static_cast<int>(shape_.batch), outputs, inputs, x_.data(), weights_.data(), y_.data());
    }
    for (std::size_t row = 0; row < shape_.batch; ++row) {
      float* const y = y_.data() + row * shape_.outputs;
      for (std::size_t i = 0; i < shape_.outputs; ++i) y[i] = std::max(y[i] + bias_[i], 0.0f);
    }
  }
  std::string library() const override { return blas_ ? blas_->description() : ""; }

  std::function<void(arena*)> reading() override {
    if (shape_.batch > 1) return nullptr;
    return [this](arena* workers) { read_all(workers, packed_.span()); };
  }

  double error() const override {
    double worst = 0;
    for (std::size_t row = 0; row < shape_.batch; row += 7) {
      for (std::size_t output = 0; output < shape_.outputs; output += 13) {
        double sum = bias_[output];
        double magnitude = std::abs(sum);
        for (std::size_t input = 0; input < shape_.inputs; ++input) {
          const double term = static_cast<double>(x_[row * shape_.inputs + input]) *
                              static_cast<double>(weights_[input * shape_.outputs + output]);
          sum += term;
          magnitude += std::abs(term);
        }
        const double tolerated = static_cast<double>(shape_.inputs + 1) * 0x1p-24 * magnitude;
        const double seen = y_[row * shape_.outputs + output];
        worst = std::max(worst, std::abs(seen - std::max(sum, 0.0)) / tolerated);
      }
    }
    return worst;
  }

 private:
  kernels::dense_shape shape_;
  aligned_buffer<float> x_, bias_, weights_, y_;
  aligned_buffer<float> packed_;  // of ours
  std::optional<blas> blas_;
};

// A layer from the middle of a larger network: 56 x 56 pixels of 64 channels.
class convolution final : public kernel_work {
 public:
  explicit convolution(const kernel_settings& settings)
      : shape_{.width = settings.smoke ? 12uz : 56uz,
               .height = settings.smoke ? 12uz : 56uz,
               .inputs = 64,
               .outputs = 64},
        x_(fractions<float>(shape_.width * shape_.height * shape_.inputs, 1)),
        bias_(fractions<float>(shape_.outputs, 2)),
        weights_(fractions<float>(shape_.window() * shape_.outputs, 3)),
        packed_(kernels::packed_weights_size(shape_.window(), shape_.outputs)),
        y_(shape_.output_width() * shape_.output_height() * shape_.outputs) {
    kernels::pack_weights(shape_.window(), shape_.outputs, weights_.span(), bias_.span(), packed_.span());
  }

  std::map<std::string, double> parameters() const override {
    const double read = static_cast<double>(x_.size() + packed_.size()) * sizeof(float);
    const double written = static_cast<double>(y_.size()) * sizeof(float);
    return {{"flops_per_unit", 2 * static_cast<double>(y_.size() * shape_.window())},
            {"bytes_read_per_unit", read},
            {"bytes_written_per_unit", written},
            {"working_set_bytes", read + written}};
  }

  void ours(arena* workers) override {
    const auto layer = [this](kernels::row_band band) {
      kernels::conv2d(shape_, x_.span(), packed_.span(), y_.span(), kernels::activation::relu, band);
    };
    if (workers == nullptr) {
      layer({});
    } else {
      split(*workers, shape_.output_height(), strip_rows(shape_.output_height(), workers->workers(), 0),
            [&](const part& rows) { layer({rows.begin, rows.end}); });
    }
  }

  double error() const override {
    double worst = 0;
    for (std::size_t row = 0; row < shape_.height; row += 5) {
      for (std::size_t column = 0; column < shape_.width; column += 3) {
        for (std::size_t output = 0; output < shape_.outputs; output += 7) {
          worst = std::max(worst, error_at(row, column, output));
        }
      }
    }
    return worst;
  }

 private:
  double error_at(std::size_t row, std::size_t column, std::size_t output) const {
    double sum = bias_[output];
    double magnitude = std::abs(sum);
    for (std::size_t r = 0; r < shape_.kernel_height; ++r) {
      for (std::size_t c = 0; c < shape_.kernel_width; ++c) {
        // One row and one column of zeros around the picture: those wrap around to very large numbers.
        if (row + r - 1 >= shape_.height || column + c - 1 >= shape_.width) continue;
        const float* const pixel = &x_[((row + r - 1) * shape_.width + column + c - 1) * shape_.inputs];
        for (std::size_t input = 0; input < shape_.inputs; ++input) {
          const std::size_t place = (r * shape_.kernel_width + c) * shape_.inputs + input;
          const double term =
              static_cast<double>(pixel[input]) * static_cast<double>(weights_[place * shape_.outputs + output]);
          sum += term;
          magnitude += std::abs(term);
        }
      }
    }
    const double seen = y_[(row * shape_.width + column) * shape_.outputs + output];
    return std::abs(seen - std::max(sum, 0.0)) / (static_cast<double>(shape_.window() + 1) * 0x1p-24 * magnitude);
  }

  kernels::conv2d_shape shape_;
  aligned_buffer<float> x_, bias_, weights_, packed_, y_;
};

bool register_dense(std::size_t batch, std::size_t width) {
  return register_kernel({.name = "dense_" + std::to_string(batch),
                          .peers = {"openblas"},
                          .make = [=](const kernel_settings& settings) -> std::unique_ptr<kernel_work> {
                            return std::make_unique<dense_beside_openblas>(batch, width, settings);
                          }});
}

// 64: 4 MiB of weights, computed with; 1: 64 MiB, each used once.
const bool registered_dense = register_dense(64, 1024) && register_dense(1, 4096);

const bool registered_conv2d = register_kernel(
    {.name = "conv2d", .peers = {}, .make = [](const kernel_settings& settings) -> std::unique_ptr<kernel_work> {
       return std::make_unique<convolution>(settings);
     }});

}  // namespace
}  // namespace waitwork::bench
