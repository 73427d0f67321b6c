// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/photograph.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include <waitwork/base/check.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork::bench {
namespace {

using colour = std::array<int, 3>;

struct sphere {
  int x, y, radius;
  colour lit;
};

constexpr int sphere_count = 12;

class scene {
 public:
  scene(int columns, int rows, splitmix64& random) : columns_(columns), rows_(rows), horizon_(rows * 2 / 5) {
    const auto below = [&](int bound) { return static_cast<int>(random.below(static_cast<std::uint64_t>(bound))); };
    const int smallest = std::max(rows / 30, 1);
    for (sphere& each : spheres_) {
      each = {below(columns),
              below(rows),
              smallest + below(5 * smallest),
              {80 + below(176), 80 + below(176), 80 + below(176)}};
    }
  }

  // The spheres that a row goes through.
  std::vector<const sphere*> crossed_by(int y) const {
    std::vector<const sphere*> crossed;
    for (const sphere& each : spheres_) {
      if (std::abs(y - each.y) < each.radius) crossed.push_back(&each);
    }
    return crossed;
  }

  colour at(int x, int y, const std::vector<const sphere*>& spheres) const {
    colour seen = y < horizon_ ? sky(y) : ground(x, y);
    for (const sphere* each : spheres) {
      const int dx = x - each->x;
      const int dy = y - each->y;
      if (dx * dx + dy * dy >= each->radius * each->radius) continue;
      const int from_light =
          (dx + each->radius / 3) * (dx + each->radius / 3) + (dy + each->radius / 3) * (dy + each->radius / 3);
      for (std::size_t c = 0; c < 3; ++c) {
        seen[c] = each->lit[c] - each->lit[c] * (from_light / 8) / (3 * each->radius * each->radius / 8 + 1);
      }
    }
    return seen;
  }

 private:
  colour sky(int y) const {
    const int fade = 120 * y / std::max(horizon_, 1);
    return {90 + fade, 140 + fade * 2 / 3, 190 + fade / 3};
  }
  colour ground(int x, int y) const {
    const int depth = 24 * rows_ / (y - horizon_ + 8);
    const bool light = ((x - columns_ / 2 + (1 << 20)) / 8 * depth / 256 + depth / 8) % 2 == 0;
    return light ? colour{200, 185, 170} : colour{40, 50, 60};
  }

  int columns_;
  int rows_;
  int horizon_;
  std::array<sphere, sphere_count> spheres_{};
};

}  // namespace

aligned_buffer<std::uint8_t> photograph(std::size_t width, std::size_t height, std::size_t channels,
                                        std::uint64_t seed) {
  WAITWORK_CHECK(width > 0 && height > 0 && (channels == 1 || channels == 3), "a photograph has pixels");
  splitmix64 random(seed);
  const int columns = static_cast<int>(width);
  const int rows = static_cast<int>(height);
  const scene drawn(columns, rows, random);
  aligned_buffer<std::uint8_t> pixels(width * height * channels);
  std::uint8_t* next = pixels.data();
  for (int y = 0; y < rows; ++y) {
    const std::vector<const sphere*> spheres = drawn.crossed_by(y);
    for (int x = 0; x < columns; ++x) {
      const colour seen = drawn.at(x, y, spheres);
      std::uint64_t noise = random();
      const auto with_noise = [&noise](int value) {
        const int grain = static_cast<int>(noise % 16) - 8;
        noise /= 16;
        return static_cast<std::uint8_t>(std::clamp(value + grain, 0, 255));
      };
      if (channels == 1) {
        *next++ = with_noise((seen[0] + seen[1] + seen[2]) / 3);
      } else {
        for (const int value : seen) *next++ = with_noise(value);
      }
    }
  }
  return pixels;
}

}  // namespace waitwork::bench
