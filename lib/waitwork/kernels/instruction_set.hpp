// SPDX-License-Identifier: Apache-2.0
#pragma once
// instruction_set: which of the instruction sets that the kernels were compiled for they use. The best that the
// processor has, unless a program that compares them forces another one.

#include <string>
#include <string_view>
#include <vector>

namespace waitwork::kernels {

// Those that this processor has and the kernels were compiled for, best first, in Highway's words: "AVX3" (AVX-512),
// "AVX2", "SSE4", "SSSE3", "NEON".
std::vector<std::string> instruction_sets();

// From now on every kernel of the process uses this one, one of instruction_sets(); "" ends it. Not while a kernel
// runs. Only transforms (fft.hpp) that are there already keep theirs.
void force_instruction_set(std::string_view name);

}  // namespace waitwork::kernels
