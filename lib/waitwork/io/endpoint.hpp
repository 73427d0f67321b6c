#pragma once
// endpoint: the address of a socket, of whatever family, as one value.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <waitwork/base/result.hpp>

namespace waitwork {

class endpoint {
 public:
  endpoint() noexcept = default;

  // 127.0.0.1; port 0 lets bind(2) choose one.
  static endpoint loopback(std::uint16_t port) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    endpoint result;
    std::memcpy(&result.storage_, &address, sizeof address);
    result.bytes_ = sizeof address;
    return result;
  }

  // The local address of a bound socket.
  static waitwork::result<endpoint> of_socket(int fd) noexcept {
    endpoint local;
    local.bytes_ = sizeof local.storage_;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local.storage_), &local.bytes_) != 0) {
      return errno_error(errno);
    }
    return local;
  }

  const sockaddr* address() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t address_bytes() const noexcept { return bytes_; }
  int family() const noexcept { return storage_.ss_family; }

 private:
  sockaddr_storage storage_{};
  socklen_t bytes_ = 0;
};

}  // namespace waitwork
