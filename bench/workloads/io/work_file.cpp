// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/work_file.hpp>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork::bench {
namespace {

// Large enough that a device streams at full speed, small enough to stay in the second-level cache.
constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

std::string in_quotes(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

unsupported_error direct_unsupported(const std::filesystem::path& path, const std::string& cause) {
  return {"open for direct I/O", in_quotes(path), cause, "choose a directory on ext4 or xfs with --work-dir"};
}

std::uint64_t size_of(int fd, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw_file_error("stat", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

void throw_file_error(const std::string& operation, const std::filesystem::path& path, int positive_errno) {
  const refusal why = explain_file_error(positive_errno);
  throw environment_error(operation, in_quotes(path), why.cause, why.remedy + " (--work-dir says where)");
}

// The same for a call on the open file: what is refused then is the call.
[[noreturn]] void throw_descriptor_error(const std::string& operation, const std::filesystem::path& path,
                                         const char* call, int positive_errno) {
  if (is_lacking(positive_errno)) throw_call_error(operation, in_quotes(path), call, positive_errno);
  throw_file_error(operation, path, positive_errno);
}

void throw_short_transfer(const std::string& operation, const std::filesystem::path& path, std::size_t moved_bytes,
                          std::size_t wanted_bytes, std::uint64_t offset_bytes) {
  throw environment_error(operation, in_quotes(path),
                          "short " + operation + ": " + std::to_string(moved_bytes) + " of " +
                              std::to_string(wanted_bytes) + " bytes at offset " + std::to_string(offset_bytes),
                          "leave the work directory alone while a run uses it");
}

unique_fd open_file_or_throw(const std::filesystem::path& path, int flags) {
  unique_fd fd = open_descriptor(AT_FDCWD, path.c_str(), flags, 0600);
  if (!fd) throw_file_error("open", path, errno);
  return fd;
}

unique_fd open_direct(const std::filesystem::path& path, int flags) {
  unique_fd fd = open_descriptor(AT_FDCWD, path.c_str(), flags | O_DIRECT, 0600);
  if (!fd && errno == EINVAL) {
    throw direct_unsupported(path, "the file system refuses O_DIRECT");
  }
  if (!fd) throw_file_error("open", path, errno);
  // tmpfs accepts O_DIRECT since Linux 6.6 and then copies memory, which is not what the row says
  // it measures.
  struct statfs file_system{};
  if (::fstatfs(fd.get(), &file_system) != 0) throw_descriptor_error("statfs", path, "fstatfs", errno);
  if (file_system.f_type == TMPFS_MAGIC || file_system.f_type == RAMFS_MAGIC) {
    throw direct_unsupported(path, "the file system keeps files in memory, there is no device");
  }
  // Some file systems accept the flag and refuse the requests.
  aligned_buffer<std::byte> block(direct_io_alignment_bytes, direct_io_alignment_bytes);
  if (::pread(fd.get(), block.data(), block.size(), 0) >= 0) return fd;
  if (errno != EINVAL) throw_descriptor_error("read", path, "pread64", errno);
  throw direct_unsupported(path, "the file system refuses aligned 4 KiB requests with O_DIRECT");
}

void reserve_space(int fd, const std::filesystem::path& path, std::uint64_t bytes) {
  int answer = -1;
  do {
    answer = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes));
  } while (answer != 0 && errno == EINTR);
  // Only so that the space is in one piece: where it is not to be had, writing finds the room.
  if (answer != 0 && errno != EOPNOTSUPP && !is_lacking(errno)) {
    throw_file_error("reserve space for", path, errno);
  }
}

void read_all(int fd, const std::filesystem::path& path, std::span<std::byte> buffer, std::uint64_t offset_bytes) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t moved =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset_bytes + done));
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0) throw_descriptor_error("read", path, "pread64", errno);
    if (moved == 0) throw_short_transfer("read", path, done, buffer.size(), offset_bytes);
    done += static_cast<std::size_t>(moved);
  }
}

void write_all(int fd, const std::filesystem::path& path, std::span<const std::byte> data, std::uint64_t offset_bytes) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t moved = ::pwrite(fd, data.data() + done, data.size() - done, static_cast<off_t>(offset_bytes + done));
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0) throw_descriptor_error("write", path, "pwrite64", errno);
    if (moved == 0) throw_short_transfer("write", path, done, data.size(), offset_bytes);
    done += static_cast<std::size_t>(moved);
  }
}

void sync_file(int fd, const std::filesystem::path& path) {
  if (::fsync(fd) != 0) throw_descriptor_error("sync", path, "fsync", errno);
}

double cached_share(int fd, const std::filesystem::path& path) {
  const std::uint64_t bytes = size_of(fd, path);
  if (bytes == 0) return 1.0;
  void* const mapping = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED) throw_file_error("map", path, errno);
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident((bytes + page_bytes - 1) / page_bytes);
  const int answer = ::mincore(mapping, bytes, resident.data());
  const int error = errno;
  ::munmap(mapping, bytes);
  if (answer != 0) throw_descriptor_error("ask what the page cache holds of", path, "mincore", error);
  const auto held = std::ranges::count_if(resident, [](unsigned char page) { return (page & 1) != 0; });
  return static_cast<double>(held) / static_cast<double>(resident.size());
}

void drop_from_cache(int fd, const std::filesystem::path& path) {
  if (::fdatasync(fd) != 0) throw_descriptor_error("sync", path, "fdatasync", errno);  // dirty pages are not dropped
  const int error = ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0) throw_descriptor_error("drop from the page cache", path, "fadvise64", error);
}

void load_into_cache(int fd, const std::filesystem::path& path) {
  if (cached_share(fd, path) == 1.0) return;
  aligned_buffer<std::byte> chunk(chunk_bytes);
  const std::uint64_t bytes = size_of(fd, path);
  for (std::uint64_t offset = 0; offset < bytes; offset += chunk.size()) {
    read_all(fd, path, chunk.span().first(std::min<std::uint64_t>(chunk.size(), bytes - offset)), offset);
  }
  // The kernel may drop a page at any time; one in a hundred still leaves the median a cached read.
  const double share = cached_share(fd, path);
  if (share < 0.99) {
    throw environment_error("keep in the page cache", in_quotes(path),
                            "memory holds only " + std::to_string(static_cast<int>(share * 100)) + " % of it",
                            "free memory, or raise the memory limit of the container");
  }
}

}  // namespace waitwork::bench
