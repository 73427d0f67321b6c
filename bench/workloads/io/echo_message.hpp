// SPDX-License-Identifier: Apache-2.0
#pragma once
// echo_message: what the echo client and the echo server say to each other.
//
// 64 bytes, one cache line, in the byte order of the machine: both ends are the same binary. The
// server scrambles every word of a request, so that a right reply proves that the server has had
// this very request.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <waitwork/base/random.hpp>

namespace waitwork::bench {

inline constexpr std::size_t echo_words = 8;
inline constexpr std::size_t echo_bytes = echo_words * sizeof(std::uint64_t);

using echo_message = std::array<std::uint64_t, echo_words>;

// The request of unit `index`: the index, followed by words that depend on it.
constexpr echo_message echo_request(std::uint64_t index) noexcept {
  echo_message request;
  for (std::size_t word = 0; word < echo_words; ++word) {
    request[word] = index + word * 0x9e3779b97f4a7c15u;
  }
  return request;
}

// What the server answers to `request`; other words at another place, so that an exchange of two
// words is seen.
constexpr echo_message echo_reply(const echo_message& request) noexcept {
  echo_message reply;
  for (std::size_t word = 0; word < echo_words; ++word) reply[word] = mix64(request[word] ^ word);
  return reply;
}

// One word that changes with every bit of the reply.
constexpr std::uint64_t echo_digest(const echo_message& reply) noexcept {
  std::uint64_t digest = 0;
  for (const std::uint64_t word : reply) digest = std::rotl(digest, 7) ^ word;
  return digest;
}

}  // namespace waitwork::bench
