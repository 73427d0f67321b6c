// SPDX-License-Identifier: Apache-2.0
#pragma once
// endpoint: the address of a socket as one value: IPv4, IPv6, or a Unix socket by path or abstract name.
//
// Numbers only. Host names are not resolved here: that blocks, and has several answers.

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <waitwork/base/result.hpp>

namespace waitwork {

class endpoint {
 public:
  // None: of no family. What a socket without an address has.
  endpoint() noexcept = default;

  // This machine only. Port 0 lets bind(2) choose one, which of_socket() then tells.
  static endpoint loopback(std::uint16_t port) noexcept;     // 127.0.0.1
  static endpoint loopback_v6(std::uint16_t port) noexcept;  // ::1

  // Every address of this machine, to listen on; the second includes IPv4, unless the socket or the system says
  // otherwise.
  static endpoint any(std::uint16_t port) noexcept;     // 0.0.0.0
  static endpoint any_v6(std::uint16_t port) noexcept;  // ::

  // A Unix socket, by a path of at most 107 bytes, or by a name of at most 107 bytes that is in no file system
  // and goes with the socket (Linux only). errc::filename_too_long; errc::invalid_argument: empty, or a zero in a path.
  static result<endpoint> unix_path(std::string_view path) noexcept;
  static result<endpoint> unix_abstract(std::string_view name) noexcept;

  // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/run/x", "unix:@name". errc::invalid_argument.
  static result<endpoint> parse(std::string_view text) noexcept;

  // The local address of a bound or connected socket, and its peer's.
  static result<endpoint> of_socket(int fd) noexcept;
  static result<endpoint> of_peer(int fd) noexcept;

  // In the form that parse() reads; "unix:" of a Unix socket without a name, "none" of no family.
  std::string text() const;

  int family() const noexcept { return storage_.ss_family; }

  // 0 of what has none.
  std::uint16_t port() const noexcept;

  // As the system calls want it. The second form lets the kernel fill it in: into all of capacity_bytes.
  const sockaddr* address() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t address_bytes() const noexcept { return bytes_; }
  sockaddr* address_to_fill() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
  void set_address_bytes(socklen_t bytes) noexcept { bytes_ = bytes; }
  static constexpr socklen_t capacity_bytes = sizeof(sockaddr_storage);

  friend bool operator==(const endpoint& left, const endpoint& right) noexcept;

 private:
  template <class Address>
  explicit endpoint(const Address& address, std::size_t bytes = sizeof(Address)) noexcept;

  sockaddr_storage storage_{};
  socklen_t bytes_ = 0;
};

}  // namespace waitwork
