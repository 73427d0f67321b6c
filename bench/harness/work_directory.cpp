#include <harness/work_directory.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "waitwork-";

[[noreturn]] void refuse(const fs::path& place, int error) {
  throw environment_error("use work directory", place.string(),
                          std::generic_category().message(error),
                          "name a directory that exists and that you may write to with --work-dir");
}

unique_fd open_directory(const fs::path& directory) {
  return unique_fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool lock(const unique_fd& directory) { return ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0; }

std::optional<pid_t> owner_of(const fs::path& directory) {
  const std::string name = directory.filename().string();
  if (!name.starts_with(prefix)) return std::nullopt;
  pid_t owner = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + prefix.size(), end, owner);
  if (error != std::errc() || rest != end || owner <= 0) return std::nullopt;
  return owner;
}

bool is_stale(const fs::path& directory) {
  const std::optional<pid_t> owner = owner_of(directory);
  if (!owner || *owner == ::getpid()) return false;
  if (::kill(*owner, 0) == 0 || errno != ESRCH) return false;
  const unique_fd opened = open_directory(directory);
  struct stat status;
  return opened && ::fstat(opened.get(), &status) == 0 && status.st_uid == ::geteuid() &&
         lock(opened);
}

void remove_stale(const fs::path& place) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(place, error)) {
    std::error_code ignored;  // what cannot be removed is not in our way
    if (is_stale(entry.path())) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

fs::path default_work_place() {
  const char* const chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

work_directory::work_directory(const fs::path& place) {
  std::error_code error;
  const fs::path real_place = fs::canonical(place, error);
  if (error) refuse(place, error.value());
  remove_stale(real_place);
  path_ = real_place / (std::string(prefix) + std::to_string(::getpid()));
  std::error_code ignored;
  fs::remove_all(path_, ignored);  // of an earlier process with our identifier
  if (::mkdir(path_.c_str(), 0700) != 0) refuse(place, errno);
  lock_ = open_directory(path_);
  lock(lock_);
}

work_directory::~work_directory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace waitwork::bench
