// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/storage.hpp>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/small_file.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/measure/system_files.hpp>

namespace waitwork {
namespace {

constexpr std::size_t block_bytes = direct_io_alignment_bytes;

std::string because(const char* attempted) { return std::string("cannot ") + attempted + ": " + std::strerror(errno); }

// The type of the mount that holds `directory`.
std::string mounted_type(const std::filesystem::path& directory) {
  struct statx status{};
  if (::statx(AT_FDCWD, directory.c_str(), 0, STATX_MNT_ID, &status) != 0) return "unknown";
  if ((status.stx_mask & STATX_MNT_ID) == 0) return "unknown";  // before Linux 5.8
  const std::string mounts = read_system_file("/proc/self/mountinfo").value_or("");
  return type_of_mount(mounts, status.stx_mnt_id).value_or("unknown");
}

// A file without a name, or with one that is removed at once where the file system does not have
// the former.
unique_fd make_file(const std::filesystem::path& directory) {
  unique_fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) return file;
  std::string name = (directory / "waitwork-trial-XXXXXX").string();
  file.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (file) ::unlink(name.c_str());
  return file;
}

// Writes a block past the page cache and reads it back. What failed, or nothing.
std::optional<std::string> try_direct_io(const unique_fd& made) {
  // The file may have no name any more, but a descriptor has one to open it by once more.
  const std::string name = "/proc/self/fd/" + std::to_string(made.get());
  unique_fd direct(::open(name.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  // Without /proc it cannot be opened once more, but the flag can be set.
  if (!direct && errno == ENOENT) {
    const int flags = ::fcntl(made.get(), F_GETFL);
    if (flags >= 0 && ::fcntl(made.get(), F_SETFL, flags | O_DIRECT) == 0) {
      direct.reset(::fcntl(made.get(), F_DUPFD_CLOEXEC, 0));
    }
  }
  if (!direct) return because("open with O_DIRECT");
  aligned_buffer<unsigned char> written(block_bytes, direct_io_alignment_bytes);
  aligned_buffer<unsigned char> read_back(block_bytes, direct_io_alignment_bytes);
  for (std::size_t at = 0; at < block_bytes; ++at) {
    written[at] = static_cast<unsigned char>(at * 31 + 7);
  }
  const ssize_t wrote = ::pwrite(direct.get(), written.data(), block_bytes, 0);
  if (wrote < 0) return because("write 4096 aligned bytes with O_DIRECT");
  const ssize_t got = ::pread(direct.get(), read_back.data(), block_bytes, 0);
  if (got < 0) return because("read 4096 aligned bytes with O_DIRECT");
  if (wrote != ssize_t{block_bytes} || got != wrote || !std::ranges::equal(written.span(), read_back.span())) {
    return "what was written with O_DIRECT is not what is read back";
  }
  return std::nullopt;
}

}  // namespace

// A line, see proc_pid_mountinfo(5): ID parent device root point options [optional...] - TYPE source super_options
std::optional<std::string> type_of_mount(std::string_view mountinfo, std::uint64_t mount_id) {
  const std::string wanted = std::to_string(mount_id);
  while (!mountinfo.empty()) {
    const auto fields = split_fields(take_until(mountinfo, '\n'));
    if (fields.empty() || fields.front() != wanted) continue;
    const auto dash = std::ranges::find(fields, "-");
    if (dash != fields.end() && dash + 1 != fields.end()) return believable_name(*(dash + 1));
  }
  return std::nullopt;
}

storage examine_storage(const std::filesystem::path& directory) {
  storage found;
  found.file_system = mounted_type(directory);
  struct statvfs space{};
  if (::statvfs(directory.c_str(), &space) == 0) {
    // Some network file systems answer with all bits set when they do not know.
    std::int64_t bytes = 0;
    if (!__builtin_mul_overflow(space.f_bavail, space.f_frsize, &bytes)) found.free_bytes = bytes;
  }
  const unique_fd file = make_file(directory);
  if (!file) {
    found.not_writable = because("make a file");
    found.no_direct_io = found.not_writable;
    return found;
  }
  found.no_direct_io = try_direct_io(file);
  return found;
}

}  // namespace waitwork
