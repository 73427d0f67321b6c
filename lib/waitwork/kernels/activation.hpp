// SPDX-License-Identifier: Apache-2.0
#pragma once
// activation: what a layer of a network does to each of its sums before it stores them.

namespace waitwork::kernels {

enum class activation {
  none,
  relu,  // what is below zero becomes zero; NaN stays NaN
};

}  // namespace waitwork::kernels
