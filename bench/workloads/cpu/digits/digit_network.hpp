// SPDX-License-Identifier: Apache-2.0
#pragma once
// digit_network: which digit a picture of 28 x 28 bytes shows, by a small convolutional network:
//
//   28 x 28 x 1   convolution 3 x 3, relu   28 x 28 x 16   max pooling   14 x 14 x 16
//   14 x 14 x 16  convolution 3 x 3, relu   14 x 14 x 32   max pooling    7 x  7 x 32
//   1568          dense, relu               32
//   32            dense, softmax            10
//
// Pictures go through the convolutions one by one, while they are in the first cache levels, and
// through the dense layers as a batch, which reads their weights once for all.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/conv2d.hpp>
#include <waitwork/kernels/max_pool.hpp>

namespace waitwork::bench {

class digit_network {
 public:
  static constexpr std::size_t side = 28;
  static constexpr std::size_t picture_bytes = side * side;
  static constexpr std::size_t digits = 10;

  static constexpr kernels::conv2d_shape first{.width = side, .height = side, .inputs = 1, .outputs = 16};
  static constexpr kernels::max_pool_shape first_pool{side, side, first.outputs};
  static constexpr kernels::conv2d_shape second{
      .width = first_pool.output_width(), .height = first_pool.output_height(), .inputs = first.outputs, .outputs = 32};
  static constexpr kernels::max_pool_shape second_pool{second.width, second.height, second.outputs};
  static constexpr std::size_t features = second_pool.output_width() * second_pool.output_height() * second.outputs;
  static constexpr std::size_t hidden = 32;

  // Weights and biases of all layers.
  static constexpr std::size_t weight_count = (first.window() + 1) * first.outputs +
                                              (second.window() + 1) * second.outputs + (features + 1) * hidden +
                                              (hidden + 1) * digits;

  // Two for each multiply-add of a picture; those with the zeros around it count.
  struct layer {
    std::string_view name;
    std::uint64_t flop;
  };
  static constexpr std::array<layer, 4> layers{{
      {"conv 3x3, 1 to 16", 2 * first.width* first.height* first.window() * first.outputs},
      {"conv 3x3, 16 to 32", 2 * second.width* second.height* second.window() * second.outputs},
      {"dense 1568 to 32", 2 * features* hidden},
      {"dense 32 to 10", 2 * hidden* digits},
  }};
  static constexpr std::uint64_t flop_per_picture = layers[0].flop + layers[1].flop + layers[2].flop + layers[3].flop;

  // Copies `weights` (weight_count of them: for each layer its weights, then its biases, the layers
  // in order, each as pack_weights() takes them) into the layout that the kernels want.
  explicit digit_network(std::span<const float> weights);

  // Floats of scratch for a batch of so many pictures: 89 KiB, and 6.3 KiB a picture.
  static constexpr std::size_t scratch_size(std::size_t batch) noexcept { return per_call + batch * per_picture; }

  // The probability of each digit for each picture, [picture * digits + digit]: a part of
  // `scratch`, and valid as long as that is left alone. `pictures` are picture_bytes each, any
  // number of them, 0 background and 255 ink. Scratch is fastest if aligned to 64 bytes.
  //
  // Does not allocate, lock or wait; any number of calls may run at once, on scratch of their own.
  // What a picture yields does not depend on the others of its batch.
  std::span<const float> classify(std::span<const std::uint8_t> pictures, std::span<float> scratch) const;

 private:
  static constexpr std::size_t first_size = side * side * first.outputs;
  static constexpr std::size_t first_pooled_size = second.width * second.height * second.inputs;
  static constexpr std::size_t second_size = second.width * second.height * second.outputs;
  static constexpr std::size_t per_call = picture_bytes + first_size + first_pooled_size + second_size;
  static constexpr std::size_t per_picture = features + hidden + digits;

  void find_features(std::span<const std::uint8_t> picture, std::span<float> scratch, std::span<float> found) const;

  aligned_buffer<float> first_weights_;
  aligned_buffer<float> second_weights_;
  aligned_buffer<float> hidden_weights_;
  aligned_buffer<float> output_weights_;
};

// The most probable digit of each picture, from what classify() returned; `best` holds one for
// each.
void most_probable_digits(std::span<const float> probabilities, std::span<std::uint8_t> best);

}  // namespace waitwork::bench
