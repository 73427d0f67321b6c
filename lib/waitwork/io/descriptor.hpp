// SPDX-License-Identifier: Apache-2.0
#pragma once
// descriptor: what an operation works on. A file descriptor, or a slot in the loop's table of registered files.
//
// A value that every function of io/ takes in place of an int, so that each of them works on a registered_file
// (registered.hpp) as it does on a plain descriptor. Refers, does not own.

#include <cstdint>

namespace waitwork {

class descriptor {
 public:
  // Implicit: read_at(file.get(), ...)
  descriptor(int fd) noexcept : number_(fd) {}

  // Only for requests to the loop that the slot belongs to.
  static descriptor of_slot(unsigned slot) noexcept {
    descriptor registered(static_cast<int>(slot));
    registered.request_flags_ = fixed_file;
    return registered;
  }

  int number() const noexcept { return number_; }

  // What the request's flags must contain.
  std::uint8_t request_flags() const noexcept { return request_flags_; }

 private:
  static constexpr std::uint8_t fixed_file = 1;  // IOSQE_FIXED_FILE

  int number_;
  std::uint8_t request_flags_ = 0;
};

}  // namespace waitwork
