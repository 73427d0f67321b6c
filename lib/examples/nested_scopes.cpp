// SPDX-License-Identifier: Apache-2.0
// nested_scopes: a shop, the two servers that it asks, and one customer.

#include <examples/nested_scopes.hpp>

#include <fcntl.h>

#include <cstdlib>
#include <iostream>

#include <waitwork/io/file_system.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/loop.hpp>

namespace {

using namespace waitwork;

unique_fd listen_here() { return value_or_throw(listen(endpoint::loopback(0)), "listen"); }
endpoint address_of(const unique_fd& listener) { return value_or_throw(endpoint::of_socket(listener.get()), "name"); }

// Answers every question with the same number.
task<void> serve_number(int listener, std::uint64_t number) {
  while (const result<unique_fd> connection = co_await accept(listener)) {
    std::uint64_t question = 0;
    co_await receive_exactly(connection->get(), std::as_writable_bytes(std::span(&question, 1)));
    co_await send_all(connection->get(), std::as_bytes(std::span(&number, 1)));
  }
}

task<int> visit() {
  const unique_fd prices = listen_here(), stock = listen_here(), front = listen_here();
  char journal_name[] = "/tmp/nested_scopes.XXXXXX";
  const unique_fd journal(::mkostemp(journal_name, O_CLOEXEC));
  co_await unlink_file(journal_name);
  examples::shop shop;
  shop.prices = address_of(prices);
  shop.stock = address_of(stock);
  shop.journal = journal.get();
  auto visiting = [&](scope& running) -> task<void> {
    running.spawn(serve_number(prices.get(), 25));
    running.spawn(serve_number(stock.get(), 4));
    running.spawn(examples::serve_shop(front.get(), shop));
    for (std::uint64_t article = 1; article <= 3; ++article) {
      const std::uint64_t value = value_or_throw(co_await examples::ask(address_of(front), article), "ask the shop");
      std::cout << "article " << article << ": " << value << '\n';
    }
    running.request_stop();
  };
  co_await with_scope(visiting);
  const file_status written = value_or_throw(co_await status(journal.get()), "look at the journal");
  std::cout << written.size_bytes << " bytes in the journal\n";
  co_return written.size_bytes == 3 * sizeof(std::uint64_t) ? 0 : 1;
}

}  // namespace

int main() {
  loop here;
  return here.run(visit());
}
