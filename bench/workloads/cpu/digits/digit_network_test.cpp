// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/digits/digit_network.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <workloads/cpu/digits/digit_data.hpp>
#include <workloads/cpu/digits/plain_network.hpp>

namespace waitwork::bench {
namespace {

constexpr float untouched = 12345;

const digit_network& trained_network() {
  static const digit_network network(digit_weights());
  return network;
}

std::vector<float> classified(std::span<const std::uint8_t> pictures) {
  const std::size_t batch = pictures.size() / digit_network::picture_bytes;
  std::vector<float> scratch(digit_network::scratch_size(batch), untouched);
  const auto probabilities = trained_network().classify(pictures, scratch);
  return {probabilities.begin(), probabilities.end()};
}

TEST(digit_data, is_whole) {
  EXPECT_EQ(digit_weights().size(), digit_network::weight_count);
  const digit_sheet sheet = held_out_digits();
  EXPECT_EQ(sheet.labels.size(), 256u);
  EXPECT_EQ(sheet.pictures.size(), sheet.labels.size() * digit_network::picture_bytes);
  for (std::uint8_t digit = 0; digit < digit_network::digits; ++digit)
    EXPECT_GE(std::ranges::count(sheet.labels, digit), 10) << int{digit};
  EXPECT_LE(std::ranges::max(sheet.labels), 9);
}

TEST(digit_network, reads_97_of_100_digits_that_it_was_not_trained_on) {
  const digit_sheet sheet = held_out_digits();
  std::vector<std::uint8_t> read(sheet.labels.size());
  most_probable_digits(classified(sheet.pictures), read);
  std::size_t right = 0;
  for (std::size_t i = 0; i < read.size(); ++i) right += read[i] == sheet.labels[i];
  EXPECT_GE(static_cast<double>(right), 0.97 * static_cast<double>(read.size()));
  RecordProperty("right", static_cast<int>(right));
}

TEST(digit_network, equals_plain_loops_in_double_precision) {
  const auto pictures = held_out_digits().pictures.first(12 * digit_network::picture_bytes);
  const auto probabilities = classified(pictures);
  for (std::size_t i = 0; i < probabilities.size() / digit_network::digits; ++i) {
    const auto expected =
        plain_probabilities(pictures.subspan(i * digit_network::picture_bytes, digit_network::picture_bytes));
    for (std::size_t digit = 0; digit < expected.size(); ++digit) {
      // The sums before softmax are some tens, of up to 1568 terms each.
      EXPECT_NEAR(double{probabilities[i * digit_network::digits + digit]}, expected[digit], 1e-5);
    }
  }
}

TEST(digit_network, says_the_same_of_a_picture_whatever_its_batch) {
  const auto pictures = held_out_digits().pictures.first(37 * digit_network::picture_bytes);
  const auto together = classified(pictures);
  std::vector<float> apart;
  for (std::size_t i = 0; i < 37; ++i) {
    const auto one = classified(pictures.subspan(i * digit_network::picture_bytes, digit_network::picture_bytes));
    apart.insert(apart.end(), one.begin(), one.end());
  }
  EXPECT_EQ(together, apart);
}

TEST(digit_network, uses_no_more_scratch_than_it_says_at_any_alignment) {
  const auto pictures = held_out_digits().pictures.first(5 * digit_network::picture_bytes);
  const auto expected = classified(pictures);
  for (std::size_t offset = 1; offset <= 17; offset += 4) {
    const std::size_t size = digit_network::scratch_size(5);
    std::vector<float> storage(offset + size + 17, untouched);
    const auto probabilities = trained_network().classify(pictures, std::span(storage).subspan(offset, size));
    EXPECT_TRUE(std::ranges::equal(probabilities, expected));
    for (std::size_t i = 0; i < offset; ++i) EXPECT_EQ(storage[i], untouched);
    for (std::size_t i = offset + size; i < storage.size(); ++i) EXPECT_EQ(storage[i], untouched);
  }
}

TEST(digit_network, has_nothing_to_say_of_no_picture) { EXPECT_TRUE(classified({}).empty()); }

TEST(digit_network, knows_what_its_layers_cost) {
  EXPECT_EQ(digit_network::flop_per_picture, 2'133'120u);
  EXPECT_EQ(digit_network::weight_count, 55'338u);
}

TEST(digit_network_checks_death_test, stop_a_program_whose_spans_do_not_fit) {
  const std::vector<std::uint8_t> picture(digit_network::picture_bytes);
  std::vector<float> scratch(digit_network::scratch_size(1));
  EXPECT_DEATH(trained_network().classify(std::span(picture).first(783), scratch), "are whole");
  EXPECT_DEATH(trained_network().classify(picture, std::span(scratch).first(100)), "scratch_size");
  EXPECT_DEATH(digit_network(digit_weights().first(100)), "of this network");
  std::vector<std::uint8_t> best(2);
  EXPECT_DEATH(most_probable_digits(std::span(scratch).first(10), best), "one digit for each");
}

}  // namespace
}  // namespace waitwork::bench
