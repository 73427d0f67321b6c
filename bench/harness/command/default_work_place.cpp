// SPDX-License-Identifier: Apache-2.0
#include <harness/command/default_work_place.hpp>

#include <cstdlib>

namespace waitwork::bench {

std::filesystem::path default_work_place() {
  const char* const chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

}  // namespace waitwork::bench
