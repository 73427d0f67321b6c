// SPDX-License-Identifier: Apache-2.0
#pragma once
// transfer_all: one request after another until all bytes have moved. What the exact forms of read, write, send and
// receive have in common; private to io/.

#include <cstddef>
#include <system_error>

#include <waitwork/base/result.hpp>
#include <waitwork/coro/task.hpp>

namespace waitwork::detail {

// `operate(left, moved_bytes)` is one request for what is left; a request that was interrupted (EINTR) is repeated. One
// that moves nothing gives the errno value `when_nothing_moves`.
template <class Bytes, class Operate>
task<result<void>> transfer_all(Bytes left, int when_nothing_moves, Operate operate) {
  std::size_t moved_bytes = 0;
  while (!left.empty()) {
    const result<std::size_t> step = co_await operate(left, moved_bytes);
    if (!step) {
      if (step.error() == std::errc::interrupted) continue;
      co_return std::unexpected(step.error());
    }
    if (*step == 0) co_return errno_error(when_nothing_moves);
    left = left.subspan(*step);
    moved_bytes += *step;
  }
  co_return result<void>();
}

}  // namespace waitwork::detail
