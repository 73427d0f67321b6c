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
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/measure/system_files.hpp>

namespace waitwork {
namespace {

constexpr std::size_t block_bytes = direct_io_alignment_bytes;

std::string because(const char* attempted) {
  return std::string("cannot ") + attempted + ": " + std::strerror(errno);
}

// The type of the mount that holds `directory`. A line of mountinfo, see proc_pid_mountinfo(5):
// ID parent device root point options [optional...] - TYPE source super_options
std::string mounted_type(const std::filesystem::path& directory) {
  struct statx status {};
  if (::statx(AT_FDCWD, directory.c_str(), 0, STATX_MNT_ID, &status) != 0) return "unknown";
  if ((status.stx_mask & STATX_MNT_ID) == 0) return "unknown";  // before Linux 5.8
  const std::string wanted = std::to_string(status.stx_mnt_id);
  const std::string mounts = read_system_file("/proc/self/mountinfo").value_or("");
  for (std::string_view rest = mounts; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto fields = split_fields(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (fields.empty() || fields.front() != wanted) continue;
    const auto dash = std::ranges::find(fields, "-");
    if (dash != fields.end() && dash + 1 != fields.end()) return std::string(*(dash + 1));
  }
  return "unknown";
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
  const unique_fd direct(::open(name.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
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
  if (wrote != ssize_t{block_bytes} || got != wrote ||
      !std::ranges::equal(written.span(), read_back.span())) {
    return "what was written with O_DIRECT is not what is read back";
  }
  return std::nullopt;
}

}  // namespace

storage examine_storage(const std::filesystem::path& directory) {
  storage found;
  found.file_system = mounted_type(directory);
  struct statvfs space {};
  if (::statvfs(directory.c_str(), &space) == 0) {
    found.free_bytes = static_cast<std::int64_t>(space.f_bavail * space.f_frsize);
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
