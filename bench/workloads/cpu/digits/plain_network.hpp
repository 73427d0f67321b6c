// SPDX-License-Identifier: Apache-2.0
#pragma once
// plain_network: the network of digit_network.hpp once more, by plain loops in double precision that share nothing with
// its kernels but the weights: what its answers are compared with.

#include <cstdint>
#include <span>
#include <vector>

namespace waitwork::bench {

// The probability of each digit for one picture. A millisecond or two.
std::vector<double> plain_probabilities(std::span<const std::uint8_t> picture);

}  // namespace waitwork::bench
