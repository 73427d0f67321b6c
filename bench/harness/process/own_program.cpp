// SPDX-License-Identifier: Apache-2.0
#include <harness/process/own_program.hpp>

#include <sys/auxv.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace waitwork::bench {
namespace {

constexpr const char* by_proc = "/proc/self/exe";

// What the kernel was given to execute: argv[0] may be anything.
std::string as_it_was_started() {
  const auto* const name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (name == nullptr) return by_proc;
  std::error_code ignored;
  const std::filesystem::path absolute = std::filesystem::absolute(name, ignored);
  return absolute.empty() ? std::string(name) : absolute.string();
}

// Before main(), while the working directory is the one of the start.
const std::string path_at_start = ::access(by_proc, X_OK) == 0 ? by_proc : as_it_was_started();

}  // namespace

const std::string& own_program() { return path_at_start; }

}  // namespace waitwork::bench
