// SPDX-License-Identifier: Apache-2.0
#pragma once
// peak_loops: the innermost loops of the probe (probe.hpp), written with vectors of whatever length the processor has
// and compiled for each instruction set; the best one is chosen at run time. Each call is one batch of some ten
// microseconds and returns when its work is done; how long, how often and by how many threads is the probe's business.
// None allocates, blocks or throws.

#include <cstddef>
#include <cstdint>

namespace waitwork {

// Of the loops below on this processor, in Highway's words: "AVX3" (AVX-512), "AVX2", "SSE4", "NEON", ...
const char* peak_instruction_set();

// Multiplies and adds in registers, `steps` times in each of enough independent chains to hide the latency of a
// multiply-add. Returns the operations done, counting two for each element. Where the set has no fused multiply-add the
// two are two instructions.
double multiply_adds_f32(std::uint64_t steps);
double multiply_adds_f64(std::uint64_t steps);

// Streaming stores go past the caches and read nothing; regular ones first read the line that they overwrite.
enum class store_kind { regular, streaming };

// Arrays begin at a multiple of 64 bytes and their length is one of this many elements: four vectors of AVX-512.
inline constexpr std::size_t stream_granularity = 32;

// target[i] = source[i]
void copy_stream(store_kind stores, double* target, const double* source, std::size_t count);

// Loads every element and returns a sum that none can be left out of.
double read_stream(const double* source, std::size_t count);

// target[i] = first[i] + 3 * second[i]: McCalpin's STREAM triad (https://www.cs.virginia.edu/stream/).
void triad_stream(store_kind stores, double* target, const double* first, const double* second, std::size_t count);

}  // namespace waitwork
