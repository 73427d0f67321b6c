#include <waitwork/report/atomic_write.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork {
namespace {

namespace fs = std::filesystem;

std::string remedy_for(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // RLIMIT_FSIZE
      return "make room there, or name a file on another file system";
    case EACCES:
    case EPERM:
    case EROFS:
      return "name a file in a directory that you may write to";
    case ENOENT:
    case ENOTDIR:
      return "make the directory first";
    case EISDIR:
      return "name a file, not a directory";
    default:
      return "name a file elsewhere";
  }
}

[[noreturn]] void refuse(const fs::path& file, int error) {
  throw environment_error("write", file.string(), std::generic_category().message(error),
                          remedy_for(error));
}

// Where the bytes go in the end, and whether a rename can bring them there.
struct target {
  fs::path file;
  bool replaceable;
};

target resolve(const fs::path& file) {
  std::error_code ignored;
  const fs::path real = fs::is_symlink(file, ignored) ? fs::weakly_canonical(file, ignored) : file;
  struct stat status;
  if (::stat(real.c_str(), &status) != 0) {
    if (errno != ENOENT) refuse(file, errno);
    return {real, true};
  }
  if (S_ISDIR(status.st_mode)) refuse(file, EISDIR);
  return {real, S_ISREG(status.st_mode)};
}

fs::path directory_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

class temporary_file {
 public:
  explicit temporary_file(const fs::path& final_name) : final_(final_name) {
    name_ = directory_of(final_).string() + "/." + final_.filename().string() + ".XXXXXX";
    fd_.reset(::mkostemp(name_.data(), O_CLOEXEC));
    if (!fd_) {
      const int error = errno;
      name_.clear();
      refuse(final_, error);
    }
  }
  ~temporary_file() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  int fd() const noexcept { return fd_.get(); }

  void take_final_name() {
    // mkostemp gives 0600; a report is for others as well, as far as the umask lets them.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(fd(), 0666 & ~mask) != 0) refuse(final_, errno);
    if (::fsync(fd()) != 0) refuse(final_, errno);
    if (::rename(name_.c_str(), final_.c_str()) != 0) refuse(final_, errno);
    name_.clear();
    // Without this the rename itself may be undone by a power cut. Some file systems refuse it:
    // then that is that.
    const unique_fd directory(
        ::open(directory_of(final_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory) ::fsync(directory.get());
  }

 private:
  fs::path final_;
  std::string name_;  // empty once there is nothing to remove
  unique_fd fd_;
};

void write_all(int fd, std::string_view content, const fs::path& file) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse(file, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void write_file_atomically(const fs::path& file, std::string_view content) {
  const target destination = resolve(file);
  if (!destination.replaceable) {
    const unique_fd fd(::open(destination.file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) refuse(file, errno);
    write_all(fd.get(), content, file);
    return;
  }
  temporary_file temporary(destination.file);
  write_all(temporary.fd(), content, file);
  temporary.take_final_name();
}

void check_writable(const fs::path& file) {
  const target destination = resolve(file);
  if (destination.replaceable) {
    const temporary_file trial(destination.file);
    return;
  }
  const unique_fd fd(::open(destination.file.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && errno != ENXIO) refuse(file, errno);  // ENXIO: a pipe whose reader is yet to come
}

}  // namespace waitwork
