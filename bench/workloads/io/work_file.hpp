// SPDX-License-Identifier: Apache-2.0
#pragma once
// work_file: opening, filling and caching the files that the file workloads work on.
//
// A figure for direct I/O is worth something only if the request reaches a device, and one for the
// page cache only if the page cache holds the file. Both are made certain here, before the timed
// region, and refused with cause and remedy where the machine cannot do it. All functions block;
// failures throw environment_error.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

// Throws environment_error "<operation> <path>: <cause of the errno>; <remedy>".
[[noreturn]] void throw_file_error(const std::string& operation, const std::filesystem::path& path, int positive_errno);

// Throws environment_error for a request that moved fewer bytes than asked.
[[noreturn]] void throw_short_transfer(const std::string& operation, const std::filesystem::path& path,
                                       std::size_t moved_bytes, std::size_t wanted_bytes, std::uint64_t offset_bytes);

// open(2) with O_CLOEXEC added.
unique_fd open_file_or_throw(const std::filesystem::path& path, int flags);

// The same with O_DIRECT: requests go to the device, past the page cache. The file must be at least
// 4 KiB long and `flags` must allow reading, because a read is tried. Throws unsupported_error
// where the file system refuses O_DIRECT, and where it accepts it but has no device behind it
// (tmpfs, ramfs).
unique_fd open_direct(const std::filesystem::path& path, int flags);

// Reserves space for the file's first `bytes`, so that a full device is found out at once and a
// later write allocates nothing. Does nothing where the file system cannot reserve.
void reserve_space(int fd, const std::filesystem::path& path, std::uint64_t bytes);

// pread(2) and pwrite(2) of all of the buffer.
void read_all(int fd, const std::filesystem::path& path, std::span<std::byte> buffer, std::uint64_t offset_bytes);
void write_all(int fd, const std::filesystem::path& path, std::span<const std::byte> data, std::uint64_t offset_bytes);

// fsync(2).
void sync_file(int fd, const std::filesystem::path& path);

// The share of the file that the page cache holds, 0 to 1.
double cached_share(int fd, const std::filesystem::path& path);

// Writes back and drops what the page cache holds of the file. Pages that another process uses may
// stay.
void drop_from_cache(int fd, const std::filesystem::path& path);

// Brings the whole file into the page cache, if it is not there yet; throws if memory does not hold
// it.
void load_into_cache(int fd, const std::filesystem::path& path);

}  // namespace waitwork::bench
