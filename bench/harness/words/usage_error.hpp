// SPDX-License-Identifier: Apache-2.0
#pragma once
// usage_error: the command line asks for what does not exist. what() is one line: the word at fault
// and the nearest one that would have been right.

#include <stdexcept>

namespace waitwork::bench {

class usage_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace waitwork::bench
