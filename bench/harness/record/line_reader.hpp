// SPDX-License-Identifier: Apache-2.0
#pragma once
// line_reader: the lines of a file of any size, one at a time, from a descriptor that somebody else goes on writing
// through.

#include <cstdint>
#include <optional>
#include <string>

namespace waitwork::bench {

class line_reader {
 public:
  // Reads `fd` from its beginning, by position: its offset is neither used nor moved.
  explicit line_reader(int fd) : fd_(fd) {}

  // The next line without its newline; nothing at the end, or when what remains has no newline. Of a line of more than
  // `longest_bytes` that many are given. On an error of the device error() says which.
  std::optional<std::string> next();

  std::uint64_t whole_bytes() const noexcept { return whole_bytes_; }  // of the lines given so far
  int error() const noexcept { return error_; }                        // positive errno, 0 for none

  // Twice what a measuring process may answer.
  static constexpr std::size_t longest_bytes = std::size_t{128} << 20;

 private:
  bool refill();

  int fd_;
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
  std::uint64_t offset_ = 0;
  std::uint64_t whole_bytes_ = 0;
  int error_ = 0;
};

}  // namespace waitwork::bench
