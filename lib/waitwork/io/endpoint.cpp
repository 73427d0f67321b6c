// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/endpoint.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

namespace waitwork {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t unix_name_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t unix_name_most = sizeof(sockaddr_un::sun_path) - 1;

template <class Number>
std::optional<Number> number(std::string_view digits) noexcept {
  Number value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// inet_pton wants a null-terminated text.
template <class Address>
bool read_numeric(int family, std::string_view text, Address& address) noexcept {
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof terminated) return false;
  text.copy(terminated, text.size());
  return ::inet_pton(family, terminated, &address) == 1;
}

// The interface that a link-local address belongs to, by name or number; 0: there is none.
std::uint32_t scope_of(std::string_view interface_name) noexcept {
  char terminated[IF_NAMESIZE] = {};
  if (interface_name.size() >= sizeof terminated) return 0;
  interface_name.copy(terminated, interface_name.size());
  const std::uint32_t index = ::if_nametoindex(terminated);
  return index != 0 ? index : number<std::uint32_t>(interface_name).value_or(0);
}

std::string scope_text(std::uint32_t scope) {
  char name[IF_NAMESIZE];
  if (scope == 0) return {};
  return "%" + (::if_indextoname(scope, name) != nullptr ? std::string(name) : std::to_string(scope));
}

sockaddr_in ipv4(in_addr address, std::uint16_t port) noexcept {
  sockaddr_in whole{};
  whole.sin_family = AF_INET;
  whole.sin_addr = address;
  whole.sin_port = htons(port);
  return whole;
}

sockaddr_in6 ipv6(const in6_addr& address, std::uint16_t port, std::uint32_t scope = 0) noexcept {
  sockaddr_in6 whole{};
  whole.sin6_family = AF_INET6;
  whole.sin6_addr = address;
  whole.sin6_port = htons(port);
  whole.sin6_scope_id = scope;
  return whole;
}

template <class Address>
Address as(const endpoint& from) noexcept {
  Address address;
  std::memcpy(&address, from.address(), sizeof address);
  return address;
}

}  // namespace

template <class Address>
endpoint::endpoint(const Address& address, std::size_t bytes) noexcept : bytes_(static_cast<socklen_t>(bytes)) {
  std::memcpy(&storage_, &address, bytes);
}

endpoint endpoint::loopback(std::uint16_t port) noexcept { return endpoint(ipv4({htonl(INADDR_LOOPBACK)}, port)); }
endpoint endpoint::loopback_v6(std::uint16_t port) noexcept { return endpoint(ipv6(in6addr_loopback, port)); }
endpoint endpoint::any(std::uint16_t port) noexcept { return endpoint(ipv4({htonl(INADDR_ANY)}, port)); }
endpoint endpoint::any_v6(std::uint16_t port) noexcept { return endpoint(ipv6(in6addr_any, port)); }

result<endpoint> endpoint::unix_path(std::string_view path) noexcept {
  if (path.empty() || path.find('\0') != std::string_view::npos) return errno_error(EINVAL);
  if (path.size() > unix_name_most) return errno_error(ENAMETOOLONG);
  sockaddr_un whole{};
  whole.sun_family = AF_UNIX;
  path.copy(whole.sun_path, path.size());
  return endpoint(whole, unix_name_offset + path.size() + 1);
}

// Its first byte is zero, and its length counts: there is no terminator.
result<endpoint> endpoint::unix_abstract(std::string_view name) noexcept {
  if (name.empty()) return errno_error(EINVAL);
  if (name.size() > unix_name_most) return errno_error(ENAMETOOLONG);
  sockaddr_un whole{};
  whole.sun_family = AF_UNIX;
  name.copy(whole.sun_path + 1, name.size());
  return endpoint(whole, unix_name_offset + 1 + name.size());
}

result<endpoint> endpoint::parse(std::string_view text) noexcept {
  if (text.starts_with(unix_prefix)) {
    const std::string_view name = text.substr(unix_prefix.size());
    return name.starts_with('@') ? unix_abstract(name.substr(1)) : unix_path(name);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return errno_error(EINVAL);
  std::string_view host = text.substr(0, colon);
  const std::optional<std::uint16_t> port = number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return errno_error(EINVAL);

  if (!host.starts_with('[')) {
    in_addr address;
    if (!read_numeric(AF_INET, host, address)) return errno_error(EINVAL);
    return endpoint(ipv4(address, *port));
  }
  if (!host.ends_with(']')) return errno_error(EINVAL);
  host = host.substr(1, host.size() - 2);
  const std::size_t percent = host.find('%');
  std::uint32_t scope = 0;
  if (percent != std::string_view::npos) {
    scope = scope_of(host.substr(percent + 1));
    if (scope == 0) return errno_error(EINVAL);
    host = host.substr(0, percent);
  }
  in6_addr address;
  if (!read_numeric(AF_INET6, host, address)) return errno_error(EINVAL);
  return endpoint(ipv6(address, *port, scope));
}

result<endpoint> endpoint::of_socket(int fd) noexcept {
  endpoint local;
  local.bytes_ = capacity_bytes;
  if (::getsockname(fd, local.address_to_fill(), &local.bytes_) != 0) return errno_error(errno);
  return local;
}

result<endpoint> endpoint::of_peer(int fd) noexcept {
  endpoint peer;
  peer.bytes_ = capacity_bytes;
  if (::getpeername(fd, peer.address_to_fill(), &peer.bytes_) != 0) return errno_error(errno);
  return peer;
}

std::string endpoint::text() const {
  char numbers[INET6_ADDRSTRLEN] = {};
  switch (family()) {
    case AF_INET: {
      const auto whole = as<sockaddr_in>(*this);
      ::inet_ntop(AF_INET, &whole.sin_addr, numbers, sizeof numbers);
      return std::string(numbers) + ":" + std::to_string(port());
    }
    case AF_INET6: {
      const auto whole = as<sockaddr_in6>(*this);
      ::inet_ntop(AF_INET6, &whole.sin6_addr, numbers, sizeof numbers);
      return "[" + std::string(numbers) + scope_text(whole.sin6_scope_id) + "]:" + std::to_string(port());
    }
    case AF_UNIX: {
      const auto whole = as<sockaddr_un>(*this);
      std::string text(unix_prefix);
      if (bytes_ <= unix_name_offset) return text;
      const std::string_view name(whole.sun_path, std::min(bytes_ - unix_name_offset, sizeof whole.sun_path));
      if (name.front() != '\0') return text.append(name.substr(0, name.find('\0')));
      return text.append("@").append(name.substr(1));
    }
    default:
      return "none";
  }
}

std::uint16_t endpoint::port() const noexcept {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>(*this).sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(*this).sin6_port);
  return 0;
}

bool operator==(const endpoint& left, const endpoint& right) noexcept {
  return left.bytes_ == right.bytes_ && std::memcmp(&left.storage_, &right.storage_, left.bytes_) == 0;
}

}  // namespace waitwork
