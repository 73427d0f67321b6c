// SPDX-License-Identifier: Apache-2.0
#pragma once
// standard_streams: standard input, output and error as they are found: closed, full, a pipe that nobody reads.

#include <stdexcept>
#include <string_view>

namespace waitwork::bench {

// What was to be written for the user could not be written where it was wanted; everything else was done. what() is one
// sentence, or empty where there is nothing to say: a reader that has seen enough.
class output_lost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Before anything else is opened, and once. To write where nobody reads is then an error like another (SIGPIPE is
// ignored). A descriptor from 0 to 2 that is closed would be given to the next file that is opened, and what is meant
// for the user would be written into that. Each closed one is bound to a place that nothing can be read from and that
// refuses to be written to, so that writing fails as it did.
void bind_standard_streams();

// All of `text` to standard output, past any buffer. Throws output_lost.
void print(std::string_view text);

// The same to standard error.
void print_to_standard_error(std::string_view text);

// "waitwork: <sentence>" as one line on standard error, made safe for a terminal and a log. An empty
// sentence is none. Errors are ignored: there is nowhere to tell of them.
void complain(std::string_view sentence);

}  // namespace waitwork::bench
