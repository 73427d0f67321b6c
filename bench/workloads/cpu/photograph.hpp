// SPDX-License-Identifier: Apache-2.0
#pragma once
// photograph: a picture with what a photograph has, because filters are not tried on noise or on nothing: a sky that
// fades downwards, a ground with a checkered perspective of hard edges, lit spheres with smooth shading and sharp
// outlines, and sensor noise over all of it. Drawn, not loaded: any size, the same for the same seed everywhere.

#include <cstddef>
#include <cstdint>

#include <waitwork/base/aligned_buffer.hpp>

namespace waitwork::bench {

// Row by row, `channels` bytes a pixel: 3 (red, green, blue) or 1 (their mean). No side is 0.
aligned_buffer<std::uint8_t> photograph(std::size_t width, std::size_t height, std::size_t channels,
                                        std::uint64_t seed);

}  // namespace waitwork::bench
