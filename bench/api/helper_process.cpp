// SPDX-License-Identifier: Apache-2.0
#include <waitwork/bench/helper_process.hpp>

#include <map>
#include <string>

namespace waitwork::bench {
namespace {

using helper = int (*)(std::string_view);

std::map<std::string, helper, std::less<>>& helpers() {
  static std::map<std::string, helper, std::less<>> all;
  return all;
}

}  // namespace

bool register_helper_process(std::string_view flag, helper run) {
  helpers().emplace(flag, run);
  return true;
}

std::optional<int> run_helper_process(int argc, char** argv) {
  if (argc != 3) return std::nullopt;
  const auto found = helpers().find(std::string_view(argv[1]));
  if (found == helpers().end()) return std::nullopt;
  return found->second(argv[2]);
}

}  // namespace waitwork::bench
