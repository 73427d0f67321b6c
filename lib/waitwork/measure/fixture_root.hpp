// SPDX-License-Identifier: Apache-2.0
#pragma once
// fixture_root: for tests, a temporary directory that stands for "/" and disappears with the
// object.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace waitwork {

class fixture_root {
 public:
  fixture_root() {
    std::string name = (std::filesystem::temp_directory_path() / "waitwork-root-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  ~fixture_root() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  fixture_root(const fixture_root&) = delete;
  fixture_root& operator=(const fixture_root&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

  // Makes the file "proc/stat" or whatever `name` is, with the directories above it. Gives itself,
  // to chain.
  fixture_root& write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return *this;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace waitwork
