// SPDX-License-Identifier: Apache-2.0
#pragma once
// A server whose requests have scopes of their own inside one for the background: what a request needs is gathered side
// by side and ends with it, what it leaves behind goes on after the reply.

#include <waitwork/coro/scope.hpp>
#include <waitwork/io/file.hpp>

#include <examples/fan_out.hpp>

namespace waitwork::examples {

struct shop {
  endpoint prices, stock;  // servers that are asked about an article
  int journal;             // a file with an entry of eight bytes for every reply
  std::uint64_t journal_bytes = 0;
};

// The value of what is on stock. If one of the two servers fails, the other is not waited for.
inline task<std::uint64_t> value_of(std::uint64_t article, const shop& here) {
  std::uint64_t price = 0, pieces = 0;
  auto fetch = [&](const endpoint& server, std::uint64_t& into) -> task<void> {
    into = value_or_throw(co_await ask(server, article), "ask a server");
  };
  auto gathering = [&](scope& both) -> task<void> {
    both.spawn(fetch(here.prices, price));
    both.spawn(fetch(here.stock, pieces));
    co_return;
  };
  co_await with_scope(gathering);
  co_return price* pieces;
}

// Out of reach of a stop: what was replied is in the journal.
inline task<result<void>> record(std::uint64_t article, shop& here) {
  const std::uint64_t offset = std::exchange(here.journal_bytes, here.journal_bytes + sizeof article);
  co_return co_await shielded(write_all_at(here.journal, std::as_bytes(std::span(&article, 1)), offset));
}

inline task<void> serve_requests(unique_fd connection, shop& here, scope& background) try {
  for (std::uint64_t article = 0;;) {
    value_or_throw(co_await receive_exactly(connection.get(), std::as_writable_bytes(std::span(&article, 1))), "ask");
    const std::uint64_t value = co_await value_of(article, here);
    value_or_throw(co_await send_all(connection.get(), std::as_bytes(std::span(&value, 1))), "reply");
    background.spawn(record(article, here));  // the next request does not wait for it
  }
} catch (const std::system_error&) {  // peer or server has failed: this connection ends, the others do not
}

inline task<void> serve_shop(int listener, shop& here) {
  auto serving = [&](scope& background) -> task<void> {
    auto accepting = [&](scope& connections) -> task<void> {
      for (;;) connections.spawn(serve_requests(value_or_throw(co_await accept(listener), "accept"), here, background));
    };
    co_await with_scope(accepting);  // every connection has ended
  };
  co_await with_scope(serving);  // and everything is in the journal
}

}  // namespace waitwork::examples
