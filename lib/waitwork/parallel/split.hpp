// SPDX-License-Identifier: Apache-2.0
#pragma once
// split: one piece of work cut into parts that the workers of an arena do at the same time, so that it is done sooner.
// (Many pieces spread over the workers, each done by one of them, is arena::run_on_each: more done, none of it sooner.)
//
// The caller is one of the workers and returns when all parts are done. Work that is less than some hundred
// microseconds altogether is not worth it: handing out and meeting again takes some ten.
//
// Nothing oversubscribes: a part may split again over the same arena, whose workers then do those parts as they come
// free, and a part that splits over another arena is a bug that stops the program, because both arenas' workers would
// run at once. Libraries that bring threads of their own are to be told to use one inside a part.

#include <algorithm>
#include <cstddef>

#include <waitwork/parallel/arena.hpp>

namespace waitwork {

// [begin, end) of the whole. No two parts that run at the same time have the same worker, in [0, arena::workers()), but
// for those of a split inside a part: a worker's scratch is free to use, except what the part around it is using.
struct part {
  std::size_t begin;
  std::size_t end;
  unsigned worker;
};

// Rows [row, row_end) of columns [column, column_end).
struct tile {
  std::size_t row;
  std::size_t row_end;
  std::size_t column;
  std::size_t column_end;
  unsigned worker;
};

// How parts get to workers. Blurs of 1920 x 1080 and of 320 x 192 took with even shares 1.00 to 1.07 of the time that
// they took with four strips a worker and stealing, in the median; 0.90 to 0.99 in the quiet tenth (2 workers on a busy
// host, 41 turns of 3 ms).
enum class sharing {
  stealing,  // cut into ever smaller ranges, never below half a grain; who runs out takes from the others
  even,      // one range a worker, of equal length, nothing taken over: the least overhead, and as slow as the slowest
};

namespace detail {
using part_function = void (*)(const void* body, const part& some);
using tile_function = void (*)(const void* body, const tile& some);
void split(arena& workers, std::size_t count, std::size_t grain, sharing how, part_function call, const void* body);
void split_tiles(arena& workers, std::size_t rows, std::size_t row_grain, std::size_t columns, std::size_t column_grain,
                 tile_function call, const void* body);
}  // namespace detail

// Calls body(part) for parts that together are [0, count), each of about `grain` (at least 1) or more, on the workers
// of an arena that its callers take part in. The first exception of a body is rethrown when no part runs any more;
// parts not begun by then are left out.
template <class Body>
void split(arena& workers, std::size_t count, std::size_t grain, const Body& body, sharing how = sharing::stealing) {
  detail::split(
      workers, count, grain, how, [](const void* given, const part& some) { (*static_cast<const Body*>(given))(some); },
      &body);
}

// The same for tiles of at most row_grain by column_grain that together are [0, rows) by [0, columns). Neighbours go to
// the same worker as far as possible.
template <class Body>
void split_tiles(arena& workers, std::size_t rows, std::size_t row_grain, std::size_t columns, std::size_t column_grain,
                 const Body& body) {
  detail::split_tiles(
      workers, rows, row_grain, columns, column_grain,
      [](const void* given, const tile& some) { (*static_cast<const Body*>(given))(some); }, &body);
}

// How many rows a strip of an image should have, if every strip computes `halo` rows a second time that its neighbours
// compute as well: enough strips for four a worker, so that one that is held up does not hold up all, but not so many
// that more than a tenth is done twice.
constexpr std::size_t strip_rows(std::size_t rows, unsigned workers, std::size_t halo) noexcept {
  constexpr std::size_t strips_a_worker = 4;
  const std::size_t strips = strips_a_worker * workers;
  return std::max({(rows + strips - 1) / strips, 10 * halo, std::size_t{1}});
}

}  // namespace waitwork
