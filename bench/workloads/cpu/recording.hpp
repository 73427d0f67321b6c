// SPDX-License-Identifier: Apache-2.0
#pragma once
// recording: a sound with what a recording has, because filters are not tried on noise or on
// nothing: strings that are plucked and die away into one another, the noise of a microphone under
// them, and a fade at both ends. One channel at 48 kHz. Synthesised in whole numbers, not loaded:
// any length, the same for the same seed everywhere.
//
// The strings are those of Karplus and Strong, "Digital synthesis of plucked-string and drum
// timbres" (Computer Music Journal 7(2), 1983): a period of random values that goes round and
// round, each time smoothed by the mean of two neighbours. Jaffe and Smith's loss a round
// ("Extensions of the Karplus-Strong plucked-string algorithm", same issue) lets low tones die away
// as well.

#include <cstddef>
#include <cstdint>

#include <waitwork/base/aligned_buffer.hpp>

namespace waitwork::bench {

inline constexpr std::size_t recording_samples_per_second = 48000;

// Every sample is an odd multiple of 2^-16 between -1 and 1, as of a converter of 16 bits whose
// levels lie on both sides of zero: never 0, and exact in a float. 0 samples are an empty buffer.
aligned_buffer<float> recording(std::size_t samples, std::uint64_t seed);

}  // namespace waitwork::bench
