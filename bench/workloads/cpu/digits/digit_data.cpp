// SPDX-License-Identifier: Apache-2.0
// The assembler copies the files into the program as they are (as #embed will, from C++26 on):
// arrays of numbers in a source would be five times as large, and slow to compile. The build says
// where the files are, and compiles this again when they change.

#include <workloads/cpu/digits/digit_data.hpp>

#include <bit>
#include <cstddef>

// embed(symbol, file): extern "C" symbol[] to symbol_end[], aligned like a cache line.
#define WAITWORK_EMBED(symbol, file)           \
  asm(".pushsection .rodata\n"                 \
      ".balign 64\n"                           \
      ".globl " #symbol                        \
      "\n"                                     \
      ".hidden " #symbol "\n" #symbol          \
      ":\n"                                    \
      ".incbin \"" WAITWORK_DIGITS_FOLDER file \
      "\"\n"                                   \
      ".globl " #symbol                        \
      "_end\n"                                 \
      ".hidden " #symbol "_end\n" #symbol      \
      "_end:\n"                                \
      ".popsection\n")

WAITWORK_EMBED(waitwork_digit_weights, "/digit_weights.f32");
WAITWORK_EMBED(waitwork_held_out_digits, "/held_out_digits.u8");

extern "C" {
[[gnu::visibility("hidden")]] extern const float waitwork_digit_weights[];
[[gnu::visibility("hidden")]] extern const float waitwork_digit_weights_end[];
[[gnu::visibility("hidden")]] extern const std::uint8_t waitwork_held_out_digits[];
[[gnu::visibility("hidden")]] extern const std::uint8_t waitwork_held_out_digits_end[];
}

namespace waitwork::bench {

static_assert(std::endian::native == std::endian::little, "the file of weights is little-endian");

std::span<const float> digit_weights() noexcept { return {waitwork_digit_weights, waitwork_digit_weights_end}; }

digit_sheet held_out_digits() noexcept {
  constexpr std::size_t picture_bytes = 28 * 28;
  const std::span all(waitwork_held_out_digits, waitwork_held_out_digits_end);
  const std::size_t count = all.size() / (picture_bytes + 1);
  return {all.first(count * picture_bytes), all.subspan(count * picture_bytes)};
}

}  // namespace waitwork::bench
