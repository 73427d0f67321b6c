// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/digits/plain_network.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include <workloads/cpu/digits/digit_data.hpp>

namespace waitwork::bench {
namespace {

class plain_network {
 public:
  std::vector<double> classify(std::span<const std::uint8_t> picture) {
    rest_ = digit_weights();
    std::vector<double> x(picture.begin(), picture.end());
    for (double& value : x) value /= 255;
    x = pool(convolve(x, 28, 1, 16), 28, 16);
    x = pool(convolve(x, 14, 16, 32), 14, 32);
    x = positive(dense(x, 32));
    return softmax(dense(x, 10));
  }

 private:
  std::span<const float> take(std::size_t count) {
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  static std::vector<double> positive(std::vector<double> x) {
    for (double& value : x) value = std::max(value, 0.0);
    return x;
  }

  std::vector<double> convolve(const std::vector<double>& x, std::size_t side, std::size_t inputs,
                               std::size_t outputs) {
    const auto weights = take(9 * inputs * outputs);
    const auto bias = take(outputs);
    std::vector<double> y(side * side * outputs);
    for (std::size_t row = 0; row < side; ++row) {
      for (std::size_t column = 0; column < side; ++column) {
        double* const target = &y[(row * side + column) * outputs];
        std::ranges::copy(bias, target);
        for (std::size_t tap = 0; tap < 9; ++tap) {
          // One more than the pixel's row and column.
          const std::size_t from_row = row + tap / 3;
          const std::size_t from_column = column + tap % 3;
          if (from_row < 1 || from_row > side || from_column < 1 || from_column > side) continue;
          const double* const source = &x[((from_row - 1) * side + from_column - 1) * inputs];
          for (std::size_t input = 0; input < inputs; ++input) {
            for (std::size_t output = 0; output < outputs; ++output) {
              target[output] += source[input] * double{weights[(tap * inputs + input) * outputs + output]};
            }
          }
        }
      }
    }
    return positive(std::move(y));
  }

  static std::vector<double> pool(const std::vector<double>& x, std::size_t side, std::size_t channels) {
    std::vector<double> y;
    for (std::size_t row = 0; row < side; row += 2) {
      for (std::size_t column = 0; column < side; column += 2) {
        for (std::size_t channel = 0; channel < channels; ++channel) {
          const auto at = [&](std::size_t r, std::size_t c) {
            return x[((row + r) * side + column + c) * channels + channel];
          };
          y.push_back(std::max({at(0, 0), at(0, 1), at(1, 0), at(1, 1)}));
        }
      }
    }
    return y;
  }

  std::vector<double> dense(const std::vector<double>& x, std::size_t outputs) {
    const auto weights = take(x.size() * outputs);
    const auto bias = take(outputs);
    std::vector<double> y(bias.begin(), bias.end());
    for (std::size_t input = 0; input < x.size(); ++input) {
      for (std::size_t output = 0; output < outputs; ++output)
        y[output] += x[input] * double{weights[input * outputs + output]};
    }
    return y;
  }

  static std::vector<double> softmax(std::vector<double> x) {
    const double most = *std::ranges::max_element(x);
    for (double& value : x) value = std::exp(value - most);
    const double sum = std::accumulate(x.begin(), x.end(), 0.0);
    for (double& value : x) value /= sum;
    return x;
  }

  std::span<const float> rest_;
};

}  // namespace

std::vector<double> plain_probabilities(std::span<const std::uint8_t> picture) {
  return plain_network().classify(picture);
}

}  // namespace waitwork::bench
