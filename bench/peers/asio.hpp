// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asio, where it was found when this was configured (WAITWORK_HAS_ASIO), and what to say where it was not: the rows
// that need it are then reported absent.

#include <waitwork/base/environment_error.hpp>

#if WAITWORK_HAS_ASIO
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#endif

namespace waitwork::bench {

[[noreturn]] inline void asio_is_missing() {
  throw unsupported_error("compare with", "Asio", "this program was built without it",
                          "install it (scripts/packages peers), configure and build again");
}

}  // namespace waitwork::bench
