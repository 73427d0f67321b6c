// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/destination.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork {
namespace {

namespace fs = std::filesystem;

constexpr int most_links = 40;  // as many as the kernel follows

[[noreturn]] void refuse(const fs::path& file, int error) {
  throw file_error("write", file.empty() ? "''" : file.string(), error);
}

bool is_in_proc(const fs::path& directory) {
  struct statfs status{};
  return ::statfs(directory.c_str(), &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

// Stops at the first name that is no link, or that is one of the kernel's own.
fs::path behind_links(const fs::path& given) {
  fs::path name = given;
  for (int links = 0; links < most_links; ++links) {
    struct stat status{};
    if (::lstat(name.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return name;
    if (is_in_proc(directory_of(name))) return name;
    std::error_code error;
    const fs::path target = fs::read_symlink(name, error);
    if (error) refuse(given, error.value());
    name = target.is_absolute() ? target : directory_of(name) / target;
  }
  refuse(given, ELOOP);
}

std::optional<int> own_descriptor(const fs::path& link) {
  std::error_code error;
  const fs::path directory = fs::canonical(directory_of(link), error);
  if (error) return std::nullopt;
  for (const char* const own : {"/proc/self/fd", "/proc/thread-self/fd"}) {
    const fs::path ours = fs::canonical(own, error);
    if (!error && directory == ours) return std::stoi(link.filename().string());
  }
  return std::nullopt;
}

// A container's single mounted file: renaming over it fails with EBUSY.
bool is_mount_point(const fs::path& file) {
  struct statx status{};
  return ::statx(AT_FDCWD, file.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Sets errno if not.
bool may_write(const fs::path& file) {
  if (::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) == 0) return true;
  // Old container profiles answer EPERM to faccessat2, which they do not know; a file that nobody may change gives
  // EPERM too. To open it for writing tells the one from the other, and changes nothing.
  if (errno != EPERM && errno != ENOSYS) return false;
  return static_cast<bool>(open_descriptor(AT_FDCWD, file.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK));
}

// A rename asks only the directory. What the file itself does not allow, a rename is not to get around; and in a sticky
// directory it would fail, but only after everything is measured.
void check_replaceable(const destination& found) {
  if (!may_write(found.file)) refuse(found.given, errno);
  struct stat directory{};
  if (::stat(directory_of(found.file).c_str(), &directory) != 0) refuse(found.given, errno);
  const uid_t me = ::geteuid();
  const bool sticky = (directory.st_mode & S_ISVTX) != 0;
  if (sticky && me != 0 && found.existing->st_uid != me && directory.st_uid != me) refuse(found.given, EPERM);
}

destination not_there_yet(const fs::path& given) {
  if (given.empty()) refuse(given, ENOENT);
  destination found{.given = given, .file = behind_links(given), .existing = {}, .descriptor = {}};
  if (!found.file.has_filename()) refuse(given, EISDIR);
  if (is_in_proc(directory_of(found.file))) refuse(given, EBADF);
  return found;
}

}  // namespace

fs::path directory_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

destination resolve_destination(const fs::path& given) {
  struct stat status{};
  if (::stat(given.c_str(), &status) != 0) {
    if (errno != ENOENT) refuse(given, errno);
    return not_there_yet(given);
  }
  if (S_ISDIR(status.st_mode)) refuse(given, EISDIR);
  if (S_ISSOCK(status.st_mode)) {
    throw environment_error("write", given.string(), "it is a socket", "name a file, or a pipe that somebody reads");
  }
  if (S_ISBLK(status.st_mode)) {
    throw environment_error("write", given.string(), "it is a whole disk, and what is on it would be lost",
                            "name a file");
  }
  destination found{.given = given, .file = behind_links(given), .existing = status, .descriptor = {}};
  struct stat last{};
  if (::lstat(found.file.c_str(), &last) == 0 && S_ISLNK(last.st_mode)) {  // the kernel's own link
    found.in_place = true;
    found.descriptor = own_descriptor(found.file);
  } else if (!S_ISREG(status.st_mode) || is_mount_point(found.file)) {
    found.in_place = true;
  } else {
    check_replaceable(found);
  }
  return found;
}

}  // namespace waitwork
