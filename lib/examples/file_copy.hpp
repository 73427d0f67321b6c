// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies a file with several blocks in flight. The copy appears under its name only when it is complete and durable;
// whatever goes wrong, a stop too, leaves nothing behind.

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/coro/scope.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/file_system.hpp>

namespace waitwork::examples {

// `depth` lanes, each with a buffer of its own, copy one block after the other.
inline task<void> copy_blocks(int from, int to, std::uint64_t bytes, std::size_t block_bytes, unsigned depth) {
  std::uint64_t next = 0;  // where the first block begins that nobody copies yet
  auto lane = [&]() -> task<result<void>> {
    std::vector<std::byte> buffer(block_bytes);
    while (next < bytes) {
      const std::uint64_t offset = std::exchange(next, next + block_bytes);
      const auto block = std::span(buffer).first(std::min<std::uint64_t>(block_bytes, bytes - offset));
      result<void> outcome = co_await read_exactly_at(from, block, offset);
      if (outcome) outcome = co_await write_all_at(to, block, offset);
      if (!outcome) co_return outcome;
    }
    co_return result<void>();
  };
  auto copying = [&](scope& lanes) -> task<void> {
    for (unsigned i = 0; i < depth; ++i) lanes.spawn(lane());
    co_return;
  };
  co_await with_scope(copying);  // the first lane that fails stops the others
  value_or_throw(co_await sync_all(to), "make the copy durable");
}

// Gives the number of bytes.
inline task<std::uint64_t> copy_file(std::string from, std::string to, std::size_t block_bytes, unsigned depth) {
  const unique_fd source = value_or_throw(co_await open_file(from.c_str(), O_RDONLY), "open the source");
  const file_status found = value_or_throw(co_await status(source.get()), "look at the source");
  const std::string part = to + ".part";
  const unique_fd copy = value_or_throw(co_await open_file(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC), "make a copy");
  std::exception_ptr failure;
  try {
    co_await copy_blocks(source.get(), copy.get(), found.size_bytes, block_bytes, depth);
    value_or_throw(co_await rename_file(part.c_str(), to.c_str()), "give the copy its name");
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return found.size_bytes;
  co_await shielded(unlink_file(part.c_str()));  // even while this is being stopped
  std::rethrow_exception(failure);
}

}  // namespace waitwork::examples
