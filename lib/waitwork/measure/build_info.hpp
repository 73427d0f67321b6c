// SPDX-License-Identifier: Apache-2.0
#pragma once
// build_info: which build of the program produced a figure, as recorded when it was built.

#include <map>
#include <optional>
#include <string>

namespace waitwork {

struct build_info {
  std::string version;             // of waitwork, "0.1.0"
  std::string compiler;            // "g++ 12.2.0", "clang++ 19.1.7"
  std::string build_type;          // "release", "debug", ...
  std::string flags;               // what the compiler was given for all of the program
  std::optional<std::string> git;  // commit, "-dirty" if there were changes; absent for a build outside a repository
  // Name to version: those that the build was made with, and the C library that it runs with. A
  // caller that links a library and can ask it for the version in use may add or correct entries.
  std::map<std::string, std::string> libraries;

  // In Google Benchmark's terms: whether our own code was compiled without assertions.
  bool optimized = false;
};

build_info read_build_info();

}  // namespace waitwork
