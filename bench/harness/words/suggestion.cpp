// SPDX-License-Identifier: Apache-2.0
#include <harness/words/suggestion.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace waitwork::bench {

unsigned edit_distance(std::string_view from, std::string_view to) {
  // Rows of the usual table: distances from the first i characters of `from` to every prefix of
  // `to`.
  std::vector<unsigned> before_last(to.size() + 1), last(to.size() + 1), current(to.size() + 1);
  for (std::size_t column = 0; column <= to.size(); ++column) {
    current[column] = static_cast<unsigned>(column);
  }
  for (std::size_t row = 1; row <= from.size(); ++row) {
    std::swap(before_last, last);
    std::swap(last, current);
    current[0] = static_cast<unsigned>(row);
    for (std::size_t column = 1; column <= to.size(); ++column) {
      const bool same = from[row - 1] == to[column - 1];
      current[column] = std::min({last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0u : 1u)});
      const bool swapped = row > 1 && column > 1 && from[row - 1] == to[column - 2] && from[row - 2] == to[column - 1];
      if (swapped) current[column] = std::min(current[column], before_last[column - 2] + 1);
    }
  }
  return current[to.size()];
}

std::string nearest_word(std::string_view word, std::span<const std::string> valid) {
  // What is longer than any word that there is resembles none of them more for its rest.
  constexpr std::size_t most_compared = 128;
  word = word.substr(0, most_compared);
  const auto nearest = std::ranges::min_element(
      valid, {}, [word](const std::string& candidate) { return edit_distance(word, candidate); });
  return nearest == valid.end() ? std::string() : *nearest;
}

}  // namespace waitwork::bench
