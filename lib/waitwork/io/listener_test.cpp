// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/listener.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <string>

#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/stop_for_test.hpp>

namespace waitwork {
namespace {

bool option_of(int fd, int level, int option) {
  int value = 0;
  socklen_t bytes = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, option, &value, &bytes), 0);
  return value != 0;
}

// Connects to a listener and sends a byte each way.
task<void> greet(int listener) {
  const endpoint where = endpoint::of_socket(listener).value();
  const auto serve = [listener]() -> task<unique_fd> {
    result<unique_fd> connection = co_await accept(listener);
    co_return std::move(*connection);
  };
  auto [client, server] = co_await when_all(connect_to(where), serve());
  EXPECT_TRUE(client.has_value());
  if (where.family() != AF_UNIX) {
    EXPECT_EQ(endpoint::of_peer(client->get()).value(), where);
    EXPECT_EQ(endpoint::of_peer(server.get()).value(), endpoint::of_socket(client->get()).value());
    EXPECT_TRUE(option_of(server.get(), IPPROTO_TCP, TCP_NODELAY));
    EXPECT_TRUE(option_of(client->get(), IPPROTO_TCP, TCP_NODELAY));
  }
  std::byte greeting{42};
  const result<void> sent = co_await send_all(client->get(), std::span(&greeting, 1));
  EXPECT_TRUE(sent.has_value());
  std::byte heard{0};
  const result<void> received = co_await receive_exactly(server.get(), std::span(&heard, 1));
  EXPECT_TRUE(received.has_value());
  EXPECT_EQ(heard, greeting);
}

TEST(a_listener, takes_connections_of_every_family) {
  const std::string name = "waitwork-listener-test-" + std::to_string(::getpid());
  const std::string path = "/var/tmp/" + name;
  for (const endpoint& where : {endpoint::loopback(0), endpoint::loopback_v6(0), endpoint::unix_abstract(name).value(),
                                endpoint::unix_path(path).value()}) {
    const std::ptrdiff_t before = open_descriptors();
    {
      const result<unique_fd> listener = listen(where);
      ASSERT_TRUE(listener.has_value()) << where.text() << ": " << listener.error().message();
      loop here;
      here.run(greet(listener->get()));
    }
    EXPECT_EQ(open_descriptors(), before);
  }
  const result<unique_fd> again = listen(endpoint::unix_path(path).value());
  EXPECT_EQ(error_of(again), std::errc::address_in_use);
  ::unlink(path.c_str());
}

TEST(a_listener, on_all_addresses_takes_both_families_or_one) {
  const result<unique_fd> both = listen(endpoint::any_v6(0));
  EXPECT_FALSE(option_of(both.value().get(), IPPROTO_IPV6, IPV6_V6ONLY));
  listen_options options;
  options.ipv6_only = true;
  const result<unique_fd> one = listen(endpoint::any_v6(0), options);
  EXPECT_TRUE(option_of(one.value().get(), IPPROTO_IPV6, IPV6_V6ONLY));
}

TEST(a_listener, shares_its_port_only_if_it_says_so) {
  listen_options sharing;
  sharing.reuse_port = true;
  const result<unique_fd> first = listen(endpoint::loopback(0), sharing);
  const endpoint where = endpoint::of_socket(first.value().get()).value();
  EXPECT_TRUE(listen(where, sharing).has_value());
  const result<unique_fd> jealous = listen(where);
  EXPECT_EQ(error_of(jealous), std::errc::address_in_use);
}

TEST(a_listener, that_cannot_be_says_why_and_leaks_nothing) {
  const std::ptrdiff_t before = open_descriptors();
  EXPECT_EQ(error_of(listen(endpoint::parse("192.0.2.1:0").value())), std::errc::address_not_available);
  EXPECT_EQ(error_of(listen(endpoint::unix_path("/no/such/directory/socket").value())),
            std::errc::no_such_file_or_directory);
  EXPECT_FALSE(listen(endpoint()).has_value());
  EXPECT_EQ(open_descriptors(), before);
}

TEST(connecting, to_nobody_closes_the_socket_again) {
  const endpoint nobody = [] {
    const result<unique_fd> gone = listen(endpoint::loopback(0));
    return endpoint::of_socket(gone.value().get()).value();
  }();
  loop here;
  const std::ptrdiff_t before = open_descriptors();
  const auto body = [&]() -> task<void> {
    const result<unique_fd> refused = co_await connect_to(nobody);
    EXPECT_EQ(error_of(refused), std::errc::connection_refused);
    const result<unique_fd> familyless = co_await connect_to(endpoint());
    EXPECT_FALSE(familyless.has_value());
    const auto attempt = [&] { return connect_to(nobody); };
    const result<unique_fd> stopped = co_await under_a_past_stop(attempt);
    EXPECT_EQ(error_of(stopped), std::errc::operation_canceled);
  };
  here.run(body());
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace waitwork
