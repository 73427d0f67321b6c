// SPDX-License-Identifier: Apache-2.0
#pragma once
// suggestion: the valid word that a mistyped one was probably meant to be.

#include <span>
#include <string>
#include <string_view>

namespace waitwork::bench {

// The least number of insertions, deletions, replacements and swaps of neighbours that turn one
// word into the other (optimal string alignment distance; Damerau 1964). Quadratic; words are
// short.
unsigned edit_distance(std::string_view from, std::string_view to);

// The word of `valid` at the least distance from `word`, the first of several. "" if `valid` is
// empty.
std::string nearest_word(std::string_view word, std::span<const std::string> valid);

}  // namespace waitwork::bench
