// SPDX-License-Identifier: Apache-2.0
#include <harness/suite/suite.hpp>

#include <utility>

namespace waitwork::bench {

std::string_view to_string(suite_kind suite) noexcept {
  switch (suite) {
    case suite_kind::smoke:
      return "smoke";
    case suite_kind::quick:
      return "quick";
    case suite_kind::full:
      return "full";
    case suite_kind::peers:
      return "peers";
  }
  std::unreachable();
}

std::optional<suite_kind> suite_from(std::string_view name) noexcept {
  for (const suite_kind suite : {suite_kind::smoke, suite_kind::quick, suite_kind::full, suite_kind::peers}) {
    if (to_string(suite) == name) return suite;
  }
  return std::nullopt;
}

}  // namespace waitwork::bench
