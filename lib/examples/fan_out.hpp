// SPDX-License-Identifier: Apache-2.0
#pragma once
// One question to several servers at once. Each has its own time to answer, all together have a deadline; and of two
// mirrors, which would say the same, the faster one is taken.

#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>
#include <waitwork/io/endpoint.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork::examples {

// Connects, sends the question, receives the answer: eight bytes each.
inline task<result<std::uint64_t>> ask(const endpoint& server, std::uint64_t question) {
  const result<unique_fd> connection = co_await connect_to(server);
  if (!connection) co_return std::unexpected(connection.error());
  const result<void> sent = co_await send_all(connection->get(), std::as_bytes(std::span(&question, 1)));
  if (!sent) co_return std::unexpected(sent.error());
  std::uint64_t answer = 0;
  const result<void> got = co_await receive_exactly(connection->get(), std::as_writable_bytes(std::span(&answer, 1)));
  if (!got) co_return std::unexpected(got.error());
  co_return answer;
}

// Asks the first, and the second as well if there is no answer after `patience`. The slower one is stopped.
inline task<result<std::uint64_t>> ask_either(const endpoint& first, const endpoint& second, std::uint64_t question,
                                              nanoseconds patience) {
  auto later = [&]() -> task<result<std::uint64_t>> {
    co_await sleep_for(patience);
    co_return co_await ask(second, question);
  };
  auto winner = co_await when_any(ask(first, question), later());
  if (winner.index() == 1) co_return std::get<1>(winner);
  if (std::get<0>(winner)) co_return std::get<0>(winner);
  co_return co_await ask(second, question);  // the first was not slow but broken
}

// The answers, in the order of the servers. Instead of an answer: timed_out where a server took longer than `each`, and
// operation_canceled where `together` was over before.
inline task<std::vector<result<std::uint64_t>>> ask_all(std::span<const endpoint> servers, std::uint64_t question,
                                                        nanoseconds each, nanoseconds together) {
  auto one = [&](const endpoint& server) -> task<result<std::uint64_t>> {
    co_return co_await with_timeout(each, ask(server, question));
  };
  std::vector<task<result<std::uint64_t>>> asking;
  for (const endpoint& server : servers) asking.push_back(one(server));
  auto answers = co_await with_timeout(together, when_all(std::move(asking)));
  co_return std::move(*answers);  // each of them is an outcome, so together they have one
}

}  // namespace waitwork::examples
