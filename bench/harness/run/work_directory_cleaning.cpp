// SPDX-License-Identifier: Apache-2.0
#include <harness/run/work_directory_cleaning.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/open_file.hpp>
#include <waitwork/base/own_name.hpp>
#include <waitwork/bench/work_files.hpp>

#include <harness/run/work_directory_marker.hpp>

namespace waitwork::bench {
namespace {

constexpr std::string_view prefix = "waitwork-";
constexpr std::string_view purpose = "work directory";

// Longer than any marker: what is longer is none.
constexpr std::size_t most_marker_bytes = 1024;

// The children of a killed runner are killed by the kernel, but one may still write while we remove.
constexpr int attempts = 3;

unique_fd open_directory(int parent, const char* name) {
  return open_descriptor(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
}

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  unique_fd again = open_directory(directory, ".");  // with a position of its own
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(again ? ::fdopendir(again.get()) : nullptr, &::closedir);
  if (!entries) return names;
  static_cast<void>(again.release());  // closedir() closes it
  while (const dirent* const entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool is_file_of_ours(int directory, const char* name) {
  struct stat status{};
  return ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == ::geteuid();
}

std::optional<work_directory_marker> marker_in(int directory) {
  const unique_fd file = open_descriptor(directory, marker_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file || !is_file_of_ours(directory, marker_name)) return std::nullopt;
  std::array<char, most_marker_bytes> text;
  const ssize_t length = ::pread(file.get(), text.data(), text.size(), 0);
  if (length < 0) return std::nullopt;
  return marker_from_text({text.data(), static_cast<std::size_t>(length)});
}

// Made and not yet marked.
bool is_unfinished(int directory) {
  return std::ranges::all_of(names_in(directory),
                             [](const std::string& name) { return name == unfinished_marker_name; });
}

bool is_stale(const std::string& name, int directory, const struct stat& status) {
  if (const std::optional<work_directory_marker> marker = marker_in(directory)) {
    return marker->directory == name && marker->inode == status.st_ino && !owner_lives(*marker);
  }
  return is_unfinished(directory);
}

void remove_if_stale(int place, const std::string& name) {
  const unique_fd directory = open_directory(place, name.c_str());
  struct stat status{};
  if (!directory || ::fstat(directory.get(), &status) != 0 || status.st_uid != ::geteuid() ||
      (status.st_mode & 0777) != 0700) {
    return;
  }
  if (claim_work_directory(directory.get()) && is_stale(name, directory.get(), status)) {
    remove_work_directory(place, name, directory.get());
  }
}

// True if nothing is left but the marker.
bool remove_work_files(int directory) {
  bool all = true;
  for (const std::string& name : names_in(directory)) {
    if (name == marker_name) continue;
    const bool ours = is_work_file(name) || name == unfinished_marker_name;
    all = ours && is_file_of_ours(directory, name.c_str()) && ::unlinkat(directory, name.c_str(), 0) == 0 && all;
  }
  return all;
}

}  // namespace

std::string new_work_directory_name() { return std::string(prefix) + new_own_name(purpose); }

bool is_work_directory_name(std::string_view name) noexcept {
  return name.starts_with(prefix) && is_own_name(name.substr(prefix.size()), purpose);
}

bool claim_work_directory(int directory) noexcept {
  if (::flock(directory, LOCK_EX | LOCK_NB) != 0) return false;
  struct stat status{};
  if (::fstat(directory, &status) != 0) return false;
  if (status.st_nlink == 0) errno = EWOULDBLOCK;  // who held it has removed the directory
  return status.st_nlink > 0;
}

bool remove_work_directory(int place, const std::string& name, int directory) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    // With the marker, as long as something stays: it says what the directory is.
    if (!remove_work_files(directory) || !is_called(directory, place, name.c_str())) return false;
    if (::unlinkat(directory, marker_name, 0) != 0 && errno != ENOENT) return false;
    if (::unlinkat(place, name.c_str(), AT_REMOVEDIR) == 0) return true;
    if (errno != ENOTEMPTY && errno != EEXIST) return false;
  }
  return false;
}

void remove_stale_work_directories(int place) {
  for (const std::string& name : names_in(place)) {
    if (is_work_directory_name(name)) remove_if_stale(place, name);
  }
}

}  // namespace waitwork::bench
