// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the program's exit tells a script. Stable: documented in --help and the README.

namespace waitwork::bench {

enum class exit_code {
  done = 0,
  usage = 2,
  rows_failed = 3,    // a row failed, crashed or timed out, or the filter matched nothing
  unmeasurable = 5,   // this machine cannot measure a row that was asked for
  output_lost = 6,    // all was done, but the report or what is printed could not be written where it was wanted
  interrupted = 130,  // by a signal; the partial report is written
};

}  // namespace waitwork::bench
