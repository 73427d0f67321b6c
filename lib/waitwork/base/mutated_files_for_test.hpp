// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: a directory that stands for "/", whose files are damaged at random, over and over, as no kernel would
// write them: bits, bytes and ranges, numbers that cannot be, files that are missing, endless, pipes, directories or
// links to themselves. By the seed alone, so that a failure can be replayed.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <waitwork/base/random.hpp>

namespace waitwork {

// `text` damaged in one to four places.
inline std::string damaged(std::string text, splitmix64& random) {
  static constexpr std::string_view numbers[] = {"-1",
                                                 "0",
                                                 "1",
                                                 "-0",
                                                 "4294967295",
                                                 "4294967296",
                                                 "9223372036854775807",
                                                 "9223372036854775808",
                                                 "-9223372036854775808",
                                                 "18446744073709551615",
                                                 "99999999999999999999999999",
                                                 "1e400",
                                                 "1e18",
                                                 "nan",
                                                 "-nan",
                                                 "inf",
                                                 "-inf",
                                                 "0x10",
                                                 "1.5",
                                                 ".",
                                                 "-",
                                                 "+5",
                                                 "max",
                                                 "0-4294967295",
                                                 "ffffffffffffffff",
                                                 ""};
  static constexpr std::string_view pieces[] = {"\n", "\0",          " ",     ":",       "/",        "/../",
                                                "..", "\\000",       "\\777", "\x1b[2J", "\xff\xfe", "a/a/a/a/a/a/a/a/",
                                                ",",  " - cgroup2 ", "0::/"};
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
    const std::size_t at = random.below(text.size() + 1);
    const std::size_t count = random.below(text.size() - at + 1);
    switch (random.below(9)) {
      case 0:  // a bit
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
        break;
      case 1:  // a byte
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        text.erase(at, count);
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        text.insert(at, text.substr(at, count));
        break;
      case 5:
        text.insert(at, pieces[random.below(std::size(pieces))]);
        break;
      case 6:  // a line or two of something else, very long
        if (random.below(20) == 0) text.insert(at, std::string(random.below(100'000), "a/9, \n"[random.below(6)]));
        break;
      default: {  // the next number
        std::size_t first = at;
        while (first < text.size() && std::isdigit(static_cast<unsigned char>(text[first])) == 0) ++first;
        std::size_t last = first;
        while (last < text.size() && std::isdigit(static_cast<unsigned char>(text[last])) != 0) ++last;
        text.replace(first, last - first, numbers[random.below(std::size(numbers))]);
      }
    }
  }
  return text;
}

class mutated_files {
 public:
  using contents = std::map<std::string, std::string>;  // by path, without the leading "/"

  explicit mutated_files(contents sound) : sound_(std::move(sound)) {
    // In memory, if there is such a place: a file system on a device takes several times as long.
    const bool memory = ::access("/dev/shm", W_OK | X_OK) == 0;
    const std::filesystem::path place = memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string name = (place / "waitwork-mutated-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    root_ = name;
    for (const auto& [file, text] : sound_) {
      names_.push_back(file);
      write(file, text);
    }
  }
  ~mutated_files() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  mutated_files(const mutated_files&) = delete;
  mutated_files& operator=(const mutated_files&) = delete;

  const std::filesystem::path& root() const noexcept { return root_; }

  // Calls look(seed) `rounds` times, or until an assertion fails there, each with one to three files that are damaged;
  // all are sound again afterwards.
  template <class Look>
  void each(std::uint64_t rounds, Look look) {
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
      splitmix64 random(seed);
      std::vector<std::string> changed;
      for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
        changed.push_back(names_[random.below(names_.size())]);
        damage(changed.back(), random);
      }
      look(seed);
      if (testing::Test::HasFatalFailure()) return;
      for (const std::string& name : changed) write(name, sound_.at(name));
    }
  }

 private:
  void write(const std::string& name, std::string_view text) const {
    const std::filesystem::path path = root_ / name;
    // Removed and not overwritten: ext4 writes a file that was truncated to the device when it is closed (8 ms each).
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  void damage(const std::string& name, splitmix64& random) const {
    const std::filesystem::path path = root_ / name;
    const std::uint64_t kind = random.below(60);
    if (kind > 4) return write(name, damaged(sound_.at(name), random));
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    if (kind == 1) std::filesystem::create_directory(path, ignored);
    if (kind == 2) ::mkfifo(path.c_str(), 0600);  // opening it waits for who writes
    if (kind == 3) std::filesystem::create_symlink("/dev/zero", path, ignored);
    if (kind == 4) std::filesystem::create_symlink(path, path, ignored);
  }

  const contents sound_;
  std::vector<std::string> names_;
  std::filesystem::path root_;
};

}  // namespace waitwork
