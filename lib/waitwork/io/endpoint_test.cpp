// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/endpoint.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/io/stop_for_test.hpp>

namespace waitwork {
namespace {

TEST(an_endpoint, is_written_as_it_is_read) {
  for (const char* text :
       {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0", "[fe80::1%lo]:22",
        "[2001:db8::7]:65535", "unix:/run/x", "unix:relative", "unix:@abstract", "unix:/with:colon"}) {
    const result<endpoint> parsed = endpoint::parse(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->text(), text);
    EXPECT_EQ(*parsed, endpoint::parse(text).value());
  }
}

TEST(an_endpoint, is_not_read_from_anything_else) {
  for (const char* text : {"",
                           ":",
                           "80",
                           ":80",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:8o",
                           "127.0.0.1: 80",
                           "127.0.0:80",
                           "1.2.3.4.5:80",
                           "localhost:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1",
                           "[127.0.0.1]:80",
                           "[::1%no-such-interface]:80",
                           "[::1%]:80",
                           "[0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:1]:1",
                           "unix:",
                           "unix:@",
                           "/run/x"}) {
    const result<endpoint> parsed = endpoint::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(error_of(parsed), std::errc::invalid_argument) << text;
  }
}

TEST(an_endpoint, has_the_family_and_port_of_its_making) {
  EXPECT_EQ(endpoint::loopback(7).text(), "127.0.0.1:7");
  EXPECT_EQ(endpoint::loopback_v6(7).text(), "[::1]:7");
  EXPECT_EQ(endpoint::any(7).text(), "0.0.0.0:7");
  EXPECT_EQ(endpoint::any_v6(7).text(), "[::]:7");
  EXPECT_EQ(endpoint::loopback(7).family(), AF_INET);
  EXPECT_EQ(endpoint::loopback_v6(7).family(), AF_INET6);
  EXPECT_EQ(endpoint::loopback(7).port(), 7);
  EXPECT_EQ(endpoint::loopback_v6(65535).port(), 65535);
  EXPECT_EQ(endpoint::unix_path("/x")->port(), 0);
  EXPECT_EQ(endpoint().text(), "none");
}

TEST(an_endpoint, differs_from_others) {
  EXPECT_NE(endpoint::loopback(7), endpoint::loopback(8));
  EXPECT_NE(endpoint::loopback(7), endpoint::any(7));
  EXPECT_NE(endpoint::loopback(7), endpoint::loopback_v6(7));
  EXPECT_NE(endpoint::unix_path("x").value(), endpoint::unix_abstract("x").value());
  EXPECT_NE(endpoint::unix_path("x").value(), endpoint::unix_path("xx").value());
}

TEST(an_endpoint, of_a_unix_socket_has_a_name_that_fits) {
  EXPECT_TRUE(endpoint::unix_path(std::string(107, 'x')).has_value());
  EXPECT_TRUE(endpoint::unix_abstract(std::string(107, 'x')).has_value());
  EXPECT_EQ(error_of(endpoint::unix_path(std::string(108, 'x'))), std::errc::filename_too_long);
  EXPECT_EQ(error_of(endpoint::unix_abstract(std::string(108, 'x'))), std::errc::filename_too_long);
  EXPECT_EQ(error_of(endpoint::unix_path(std::string("a\0b", 3))), std::errc::invalid_argument);
  EXPECT_EQ(endpoint::unix_abstract(std::string("a\0b", 3))->text(), std::string("unix:@a\0b", 9));
}

TEST(an_endpoint, of_a_bound_socket_is_what_it_was_bound_to) {
  const std::string name = "waitwork-endpoint-test-" + std::to_string(::getpid());
  for (const endpoint& wanted : {endpoint::loopback(0), endpoint::unix_abstract(name).value(),
                                 endpoint::unix_abstract(std::string(107, 'w')).value()}) {
    const unique_fd socket(::socket(wanted.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket.get(), wanted.address(), wanted.address_bytes()), 0) << wanted.text();
    const endpoint bound = endpoint::of_socket(socket.get()).value();
    if (wanted.family() == AF_UNIX) {
      EXPECT_EQ(bound, wanted);
    } else {
      EXPECT_GT(bound.port(), 0);
    }
  }
}

TEST(an_endpoint, of_a_socket_without_a_name_says_so) {
  const unique_fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(endpoint::of_socket(socket.get())->text(), "unix:");
  EXPECT_EQ(error_of(endpoint::of_peer(socket.get())), std::errc::not_connected);
  EXPECT_EQ(error_of(endpoint::of_socket(-1)), std::errc::bad_file_descriptor);
}

}  // namespace
}  // namespace waitwork
