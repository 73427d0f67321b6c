// SPDX-License-Identifier: Apache-2.0
#include <harness/run/work_directory.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/open_file.hpp>
#include <waitwork/base/refusal.hpp>

#include <harness/run/work_directory_cleaning.hpp>
#include <harness/run/work_directory_marker.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

// Names are random, and whoever takes a new directory for a stale one leaves it at once: a second attempt is rare.
constexpr int attempts = 10;

[[noreturn]] void refuse(const fs::path& place, int error) {
  refusal why = explain_file_error(error);
  if (error == ENOTDIR) why.remedy = "name a directory";
  throw environment_error("use work directory", place.empty() ? "''" : place.string(), why.cause,
                          why.remedy + " (--work-dir says where)");
}

}  // namespace

work_directory::work_directory(const fs::path& place) {
  std::error_code error;
  path_ = fs::canonical(place, error);
  if (error) refuse(place, error.value());
  // Only to reach what is in it: one that may be written to and not listed will do.
  place_ = open_descriptor(AT_FDCWD, path_.c_str(), O_PATH | O_DIRECTORY);
  if (!place_) refuse(place, errno);
  remove_stale_work_directories(place_.get());
  for (int attempt = 0; attempt < attempts && !directory_; ++attempt) make();
  if (!directory_) refuse(place, errno);
  if (!mark()) {
    const int mark_error = errno;
    remove();
    refuse(place, mark_error);
  }
  path_ /= name_;
}

work_directory::~work_directory() { remove(); }

// Leaves directory_ empty, with errno set, if another attempt may succeed.
void work_directory::make() {
  const std::string name = new_work_directory_name();
  if (::mkdirat(place_.get(), name.c_str(), 0700) != 0) {
    if (errno != EEXIST) refuse(path_, errno);
    return;
  }
  unique_fd made = open_descriptor(place_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!made) {
    const int error = errno;
    ::unlinkat(place_.get(), name.c_str(), AT_REMOVEDIR);
    if (error != ENOENT) refuse(path_, error);
    errno = error;
    return;
  }
  // Before the lock is ours, another run may take the empty directory for a dead one's, and it goes with it. Where
  // there are no locks nobody removes it.
  if (!claim_work_directory(made.get()) && errno == EWOULDBLOCK) return;
  name_ = name;
  directory_ = std::move(made);
}

bool work_directory::mark() {
  struct stat status{};
  // A umask may have taken rights from the mode. A file system without modes refuses, and so may a filter: what the
  // mode is then shows when something is to be written.
  [[maybe_unused]] const int mode_set = ::fchmod(directory_.get(), 0700);
  if (::fstat(directory_.get(), &status) != 0) return false;
  const unique_fd marker =
      open_descriptor(directory_.get(), unfinished_marker_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  return marker && write_whole(marker.get(), to_text(marker_of_this_process(name_, status.st_ino))) &&
         synced(marker.get()) &&
         ::renameat(directory_.get(), unfinished_marker_name, directory_.get(), marker_name) == 0;
}

bool work_directory::remove() noexcept {
  if (name_.empty()) return true;
  try {
    const bool removed = remove_work_directory(place_.get(), name_, directory_.get());
    name_.clear();
    return removed;
  } catch (const std::exception&) {
    return false;  // no memory to list it: a later run finds it
  }
}

}  // namespace waitwork::bench
