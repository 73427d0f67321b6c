#include <harness/output_place.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/report/atomic_write.hpp>

#include <harness/patient_write.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

std::optional<int> descriptor_named(const fs::path& name) {
  if (name == "-") return STDOUT_FILENO;
  const std::string normal = name.lexically_normal().string();
  if (normal == "/dev/stdin") return STDIN_FILENO;
  if (normal == "/dev/stdout") return STDOUT_FILENO;
  if (normal == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"}) {
    if (!normal.starts_with(folder)) continue;
    int descriptor = 0;
    const char* const end = normal.data() + normal.size();
    const auto [rest, error] = std::from_chars(normal.data() + folder.size(), end, descriptor);
    if (error == std::errc() && rest == end && descriptor >= 0) return descriptor;
  }
  return std::nullopt;
}

bool may_write(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

std::optional<struct stat> status_of(const fs::path& name) {
  struct stat status;
  if (::stat(name.c_str(), &status) != 0) return std::nullopt;
  return status;
}

}  // namespace

output_place::output_place(fs::path name) : name_(std::move(name)), descriptor_(descriptor_named(name_)) {}

bool output_place::is_file() const {
  if (descriptor_) return false;
  const std::optional<struct stat> status = status_of(name_);
  return !status || S_ISREG(status->st_mode);
}

bool output_place::same_as(const output_place& other) const {
  if (descriptor_ || other.descriptor_) return descriptor_ == other.descriptor_;
  const auto status = status_of(name_), others = status_of(other.name_);
  if (status && others) return status->st_dev == others->st_dev && status->st_ino == others->st_ino;
  std::error_code ignored;
  return fs::weakly_canonical(fs::absolute(name_, ignored), ignored) ==
         fs::weakly_canonical(fs::absolute(other.name_, ignored), ignored);
}

void output_place::check() const {
  if (!descriptor_) {
    const std::optional<struct stat> status = status_of(name_);
    if (!status || !S_ISFIFO(status->st_mode)) return check_writable(name_);
    // Opening it and closing it again would tell its reader that all has been written.
    if (::faccessat(AT_FDCWD, name_.c_str(), W_OK, AT_EACCESS) != 0) throw file_error("write", name_.string(), errno);
    return;
  }
  if (may_write(*descriptor_)) return;
  throw environment_error("write", name_.string(), "this descriptor is closed, or open for reading only",
                          "name a file, or open it for writing");
}

void output_place::write(std::string_view text) const {
  if (is_file()) return write_file_atomically(name_, text);
  unique_fd opened;
  if (!descriptor_) {
    result<unique_fd> fd = open_interruptibly(name_, O_WRONLY | O_NOCTTY);
    if (!fd) throw file_error("write", name_.string(), fd.error().value());
    opened = *std::move(fd);
  }
  if (const result<void> written = write_interruptibly(descriptor_.value_or(opened.get()), text); !written) {
    throw file_error("write", name_.string(), written.error().value());
  }
}

}  // namespace waitwork::bench
