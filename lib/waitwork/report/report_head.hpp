// SPDX-License-Identifier: Apache-2.0
#pragma once
// report_head: what an existing report says of the run that wrote it; enough to go on with it or to leave it alone.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork {

struct report_head {
  std::string suite;
  std::string filter;
  unsigned rounds = 1;
  std::uint64_t seed = 0;
  bool complete = false;
  std::size_t measurements = 0;  // entries of "benchmarks"
};

// Nothing if the text is no report of ours: another program's JSON, another major version of the schema, or one whose
// digest says that it was changed.
std::optional<report_head> read_report_head(std::string_view text);

}  // namespace waitwork
