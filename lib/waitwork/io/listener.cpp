// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/listener.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace waitwork {
namespace {

bool set(const unique_fd& socket, int level, int option, bool value) noexcept {
  const int number = value ? 1 : 0;
  return ::setsockopt(socket.get(), level, option, &number, sizeof number) == 0;
}

bool configure(const unique_fd& socket, int family, const listen_options& options) noexcept {
  if (family == AF_INET6 && !set(socket, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only)) return false;
  if (family != AF_INET && family != AF_INET6) return true;
  return (!options.reuse_address || set(socket, SOL_SOCKET, SO_REUSEADDR, true)) &&
         (!options.reuse_port || set(socket, SOL_SOCKET, SO_REUSEPORT, true)) &&
         (!options.no_delay || set(socket, IPPROTO_TCP, TCP_NODELAY, true));
}

}  // namespace

result<unique_fd> listen(const endpoint& local, const listen_options& options) noexcept {
  unique_fd socket(::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || !configure(socket, local.family(), options) ||
      ::bind(socket.get(), local.address(), local.address_bytes()) != 0 ||
      ::listen(socket.get(), options.backlog) != 0) {
    return errno_error(errno);
  }
  return socket;
}

}  // namespace waitwork
