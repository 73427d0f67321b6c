// SPDX-License-Identifier: Apache-2.0
#include <waitwork/bench/work_files.hpp>

#include <unistd.h>

#include <string>

namespace waitwork::bench {
namespace {

constexpr std::string_view suffix = ".waitwork";
constexpr std::string_view journal_name = "journal";

}  // namespace

std::filesystem::path work_file(const std::filesystem::path& directory, std::string_view name) {
  return directory / (std::string(name) + std::string(suffix));
}

std::filesystem::path unfinished_work_file(const std::filesystem::path& finished) {
  return finished.string() + "." + std::to_string(::getpid()) + std::string(suffix);
}

bool is_work_file(std::string_view file_name) noexcept {
  return file_name == journal_name || (file_name.size() > suffix.size() && file_name.ends_with(suffix));
}

}  // namespace waitwork::bench
