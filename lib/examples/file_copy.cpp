// SPDX-License-Identifier: Apache-2.0
// file_copy [FROM TO]: copies a file; without names, its own program file, which it compares and removes.

#include <examples/file_copy.hpp>

#include <unistd.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <waitwork/io/loop.hpp>

namespace {

using namespace waitwork;

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argument_count, char** arguments) try {
  const bool trial = argument_count != 3;
  const std::filesystem::path from = trial ? std::filesystem::path("/proc/self/exe") : arguments[1];
  const std::filesystem::path to =
      trial ? std::filesystem::temp_directory_path() / ("file_copy." + std::to_string(::getpid())) : arguments[2];
  loop here;
  const std::uint64_t bytes = here.run(examples::copy_file(from.string(), to.string(), 128 << 10, 8));
  std::cout << bytes << " bytes, in " << here.counters().submissions << " requests and " << here.counters().enters
            << " system calls\n";
  if (!trial) return 0;
  const bool equal = contents(from) == contents(to);
  std::filesystem::remove(to);
  return equal ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "file_copy: " << error.what() << '\n';
  return 1;
}
