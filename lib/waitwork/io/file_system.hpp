// SPDX-License-Identifier: Apache-2.0
#pragma once
// What works on names of files: status, rename, unlink, make and remove directories, as awaitables (contract in
// operation.hpp).
//
// Paths are null-terminated, relative to the working directory, and must stay alive until resumed. The kernel runs all
// of these on worker threads of this process; a stop finds them queued (operation_canceled, nothing has happened) or
// has no effect.

#include <sys/stat.h>

#include <chrono>
#include <cstdint>

#include <waitwork/io/operation.hpp>

namespace waitwork {

// Of statx(2), what programs ask for.
struct file_status {
  using system_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;  // on the device: less than the size if the file has holes
  std::uint32_t mode = 0;             // type and permissions, as stat(2)'s st_mode
  std::uint32_t links = 0;
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;  // as stat(2)'s st_dev: with the inode, says whether two names are one file
  system_time modified;      // the contents
  system_time changed;       // the contents, or anything else above

  bool is_file() const noexcept { return S_ISREG(mode); }
  bool is_directory() const noexcept { return S_ISDIR(mode); }
};

class status_operation final : public operation_of<status_operation> {
 public:
  status_operation(int directory, const char* path, int flags) noexcept
      : directory_(directory), path_(path), flags_(flags) {}
  void prepare(io_uring_sqe& entry) noexcept;
  result<file_status> await_resume() const noexcept;

 private:
  int directory_;
  const char* path_;
  int flags_;
  struct statx found_;  // written by the kernel
};

class rename_operation final : public operation_of<rename_operation> {
 public:
  rename_operation(const char* from, const char* to, unsigned flags) noexcept : from_(from), to_(to), flags_(flags) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  const char* from_;
  const char* to_;
  unsigned flags_;
};

class unlink_operation final : public operation_of<unlink_operation> {
 public:
  unlink_operation(const char* path, int flags) noexcept : path_(path), flags_(flags) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  const char* path_;
  int flags_;
};

class make_directory_operation final : public operation_of<make_directory_operation> {
 public:
  make_directory_operation(const char* path, mode_t mode) noexcept : path_(path), mode_(mode) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  const char* path_;
  mode_t mode_;
};

// The status of the file with this name; of what it points to if it is a symbolic link.
[[nodiscard]] status_operation status(const char* path) noexcept;

// The same of the symbolic link itself.
[[nodiscard]] status_operation link_status(const char* path) noexcept;

// The status of an open file.
[[nodiscard]] status_operation status(int fd) noexcept;

// Gives the file another name, on the same file system, and replaces what had that name; whoever looks sees the one or
// the other. `flags` as renameat2(2)'s: RENAME_NOREPLACE, RENAME_EXCHANGE.
[[nodiscard]] inline rename_operation rename_file(const char* from, const char* to, unsigned flags = 0) noexcept {
  return {from, to, flags};
}

// Removes a name; the file goes with its last name and its last descriptor.
[[nodiscard]] inline unlink_operation unlink_file(const char* path) noexcept { return {path, 0}; }

// Makes one directory, whose parent must exist.
[[nodiscard]] inline make_directory_operation make_directory(const char* path, mode_t mode = 0777) noexcept {
  return {path, mode};
}

// Removes an empty directory.
[[nodiscard]] unlink_operation remove_directory(const char* path) noexcept;

}  // namespace waitwork
