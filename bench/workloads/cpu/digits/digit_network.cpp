// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/digits/digit_network.hpp>

#include <algorithm>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/dense_layer.hpp>
#include <waitwork/kernels/packed_weights.hpp>
#include <waitwork/kernels/softmax.hpp>

namespace waitwork::bench {
namespace {

// Cuts spans off the front of another, one after the other.
template <class T>
class cutter {
 public:
  explicit cutter(std::span<T> whole) noexcept : rest_(whole) {}
  std::span<T> take(std::size_t count) noexcept {
    const std::span<T> taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

 private:
  std::span<T> rest_;
};

aligned_buffer<float> packed_layer(cutter<const float>& weights, std::size_t inputs, std::size_t outputs) {
  const std::span<const float> matrix = weights.take(inputs * outputs);
  const std::span<const float> bias = weights.take(outputs);
  aligned_buffer<float> packed(kernels::packed_weights_size(inputs, outputs));
  kernels::pack_weights(inputs, outputs, matrix, bias, packed.span());
  return packed;
}

}  // namespace

digit_network::digit_network(std::span<const float> weights) {
  WAITWORK_CHECK(weights.size() == weight_count, "the weights are those of this network");
  cutter<const float> rest(weights);
  first_weights_ = packed_layer(rest, first.window(), first.outputs);
  second_weights_ = packed_layer(rest, second.window(), second.outputs);
  hidden_weights_ = packed_layer(rest, features, hidden);
  output_weights_ = packed_layer(rest, hidden, digits);
}

void digit_network::find_features(std::span<const std::uint8_t> picture, std::span<float> scratch,
                                  std::span<float> found) const {
  cutter<float> rest(scratch);
  const std::span<float> ink = rest.take(picture_bytes);
  const std::span<float> first_found = rest.take(first_size);
  const std::span<float> first_pooled = rest.take(first_pooled_size);
  const std::span<float> second_found = rest.take(second_size);
  constexpr auto relu = kernels::activation::relu;

  std::ranges::transform(picture, ink.begin(), [](std::uint8_t byte) { return static_cast<float>(byte) / 255; });
  kernels::conv2d(first, ink, first_weights_.span(), first_found, relu);
  kernels::max_pool(first_pool, first_found, first_pooled);
  kernels::conv2d(second, first_pooled, second_weights_.span(), second_found, relu);
  kernels::max_pool(second_pool, second_found, found);
}

std::span<const float> digit_network::classify(std::span<const std::uint8_t> pictures, std::span<float> scratch) const {
  WAITWORK_CHECK(pictures.size() % picture_bytes == 0, "the pictures are whole");
  const std::size_t batch = pictures.size() / picture_bytes;
  WAITWORK_CHECK(scratch.size() >= scratch_size(batch), "scratch is as large as scratch_size says");
  cutter<float> rest(scratch);
  const std::span<float> for_one = rest.take(per_call);
  const std::span<float> found = rest.take(batch * features);
  const std::span<float> active = rest.take(batch * hidden);
  const std::span<float> probabilities = rest.take(batch * digits);

  for (std::size_t i = 0; i < batch; ++i) {
    find_features(pictures.subspan(i * picture_bytes, picture_bytes), for_one, found.subspan(i * features, features));
  }
  kernels::dense_layer({batch, features, hidden}, found, hidden_weights_.span(), active, kernels::activation::relu);
  kernels::dense_layer({batch, hidden, digits}, active, output_weights_.span(), probabilities);
  kernels::softmax({batch, digits}, probabilities, probabilities);
  return probabilities;
}

void most_probable_digits(std::span<const float> probabilities, std::span<std::uint8_t> best) {
  WAITWORK_CHECK(probabilities.size() == best.size() * digit_network::digits, "there is one digit for each picture");
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto of_one = probabilities.subspan(i * digit_network::digits, digit_network::digits);
    best[i] = static_cast<std::uint8_t>(std::ranges::max_element(of_one) - of_one.begin());
  }
}

}  // namespace waitwork::bench
