// SPDX-License-Identifier: Apache-2.0
// durable_calls: an unreliable disk, and a death at any moment, for one process: loaded before libc (LD_PRELOAD), for
// tests.
//
// It counts the calls that change a folder and what lies under it, from 1, and lets one of them go wrong. Since the
// calls of a run come in the same order each time, a test can go through all of them. Only the process that it is
// loaded into: what steers it is taken out of the environment, so the children that measure are left alone.
//
//   WAITWORK_FAULT_FOLDER  absolute, without links; calls elsewhere are not counted
//   WAITWORK_FAULT_LOG     each counted call is appended here: "<number> <call> <path under the folder, or .>"
//   WAITWORK_FAULT_PLACE   the number of the call that goes wrong; 0: none
//   WAITWORK_FAULT_KIND    kill_before, kill_after, torn (half is written, then death), short (half is written),
//                          ENOSPC, EIO (the call fails and does nothing)

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

enum class fault { none, kill_before, kill_after, torn, short_write, no_space, device_error };

fault fault_from(std::string_view name) {
  if (name == "kill_before") return fault::kill_before;
  if (name == "kill_after") return fault::kill_after;
  if (name == "torn") return fault::torn;
  if (name == "short") return fault::short_write;
  if (name == "ENOSPC") return fault::no_space;
  if (name == "EIO") return fault::device_error;
  return fault::none;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class Function>
Function* real(Function*, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
#define WAITWORK_REAL(function) (real(&::function, #function))

struct settings {
  std::string folder = variable("WAITWORK_FAULT_FOLDER");
  std::string log = variable("WAITWORK_FAULT_LOG");
  int place = std::atoi(variable("WAITWORK_FAULT_PLACE").c_str());
  fault kind = fault_from(variable("WAITWORK_FAULT_KIND"));
  pid_t process = ::getpid();
  int calls = 0;

  settings() {
    for (const char* const name :
         {"LD_PRELOAD", "WAITWORK_FAULT_FOLDER", "WAITWORK_FAULT_LOG", "WAITWORK_FAULT_PLACE", "WAITWORK_FAULT_KIND"}) {
      ::unsetenv(name);
    }
  }
};

settings& set() {
  static settings once;
  return once;
}

// Before main(), while the environment is as the test made it.
[[gnu::constructor]] void read_settings() { static_cast<void>(set()); }

std::string path_of(int fd) {
  char name[PATH_MAX];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name, sizeof name);
  return length < 0 ? "" : std::string(name, static_cast<std::size_t>(length));
}

std::string path_of(int directory, const char* path) {
  if (path[0] == '/') return path;
  if (directory != AT_FDCWD) return path_of(directory) + "/" + path;
  char here[PATH_MAX];
  return ::getcwd(here, sizeof here) == nullptr ? path : std::string(here) + "/" + path;
}

void write_down(int number, const char* call, std::string_view path) {
  const int log = WAITWORK_REAL(open)(set().log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return;
  const std::string line = std::to_string(number) + " " + call + " " + std::string(path) + "\n";
  [[maybe_unused]] const ssize_t written = WAITWORK_REAL(write)(log, line.data(), line.size());
  ::close(log);
}

// What happens to this call.
fault next(const char* call, const std::string& path) {
  settings& now = set();
  if (now.folder.empty() || ::getpid() != now.process || !path.starts_with(now.folder)) return fault::none;
  // The folder itself is synced, too.
  const std::string_view rest = std::string_view(path).substr(now.folder.size());
  if (!rest.empty() && rest.front() != '/') return fault::none;
  const int error = errno;
  write_down(++now.calls, call, rest.empty() ? "." : rest.substr(1));
  errno = error;
  return now.calls == now.place ? now.kind : fault::none;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

// A call that happens whole or not at all.
template <class Call>
auto carry_out(fault chosen, Call call) -> decltype(call()) {
  if (chosen == fault::kill_before) die();
  if (chosen == fault::no_space || chosen == fault::device_error) {
    errno = chosen == fault::no_space ? ENOSPC : EIO;
    return -1;
  }
  const auto answer = call();
  if (chosen == fault::kill_after) die();
  return answer;
}

// One that may happen in part.
template <class Call>
ssize_t transfer(fault chosen, std::size_t bytes, Call call) {
  if (chosen == fault::short_write) return call(bytes > 1 ? bytes / 2 : bytes);
  if (chosen == fault::torn) {
    static_cast<void>(call(bytes / 2));
    die();
  }
  return carry_out(chosen, [&] { return call(bytes); });
}

int open_at(const char* call, int directory, const char* path, int flags, mode_t mode) {
  const auto open = [&] { return WAITWORK_REAL(openat)(directory, path, flags, mode); };
  if ((flags & O_CREAT) == 0 && (flags & O_TRUNC) == 0) return open();
  return carry_out(next(call, path_of(directory, path)), open);
}

mode_t mode_from(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

// What the program and the standard library call by these names. The 64 in a name is the same on 64-bit Linux.
extern "C" {

#define WAITWORK_OPEN(name)                              \
  int name(const char* path, int flags, ...) {           \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    const mode_t mode = mode_from(flags, arguments);     \
    va_end(arguments);                                   \
    return open_at("open", AT_FDCWD, path, flags, mode); \
  }
#define WAITWORK_OPENAT(name)                                 \
  int name(int directory, const char* path, int flags, ...) { \
    va_list arguments;                                        \
    va_start(arguments, flags);                               \
    const mode_t mode = mode_from(flags, arguments);          \
    va_end(arguments);                                        \
    return open_at("open", directory, path, flags, mode);     \
  }
WAITWORK_OPEN(open)
WAITWORK_OPEN(open64)
WAITWORK_OPENAT(openat)
WAITWORK_OPENAT(openat64)

ssize_t write(int fd, const void* data, size_t bytes) {
  return transfer(next("write", path_of(fd)), bytes, [&](size_t some) { return WAITWORK_REAL(write)(fd, data, some); });
}

ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) {
  return transfer(next("pwrite", path_of(fd)), bytes,
                  [&](size_t some) { return WAITWORK_REAL(pwrite)(fd, data, some, offset); });
}

ssize_t pwrite64(int fd, const void* data, size_t bytes, off64_t offset) { return pwrite(fd, data, bytes, offset); }

// libstdc++ writes long pieces with it. A short one may end with the first buffer.
ssize_t writev(int fd, const iovec* parts, int count) {
  const fault chosen = next("writev", path_of(fd));
  if (chosen == fault::short_write || chosen == fault::torn) {
    return transfer(chosen, parts[0].iov_len,
                    [&](size_t some) { return WAITWORK_REAL(write)(fd, parts[0].iov_base, some); });
  }
  return carry_out(chosen, [&] { return WAITWORK_REAL(writev)(fd, parts, count); });
}

int fsync(int fd) {
  return carry_out(next("fsync", path_of(fd)), [&] { return WAITWORK_REAL(fsync)(fd); });
}

int fdatasync(int fd) {
  return carry_out(next("fdatasync", path_of(fd)), [&] { return WAITWORK_REAL(fdatasync)(fd); });
}

int ftruncate(int fd, off_t length) noexcept {
  return carry_out(next("ftruncate", path_of(fd)), [&] { return WAITWORK_REAL(ftruncate)(fd, length); });
}

int ftruncate64(int fd, off64_t length) noexcept { return ftruncate(fd, length); }

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  return carry_out(next("rename", path_of(to_directory, to)),
                   [&] { return WAITWORK_REAL(renameat)(from_directory, from, to_directory, to); });
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept {
  return carry_out(next("rename", path_of(to_directory, to)),
                   [&] { return WAITWORK_REAL(renameat2)(from_directory, from, to_directory, to, flags); });
}

int rename(const char* from, const char* to) noexcept { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) noexcept {
  return carry_out(next("link", path_of(to_directory, to)),
                   [&] { return WAITWORK_REAL(linkat)(from_directory, from, to_directory, to, flags); });
}

int link(const char* from, const char* to) noexcept { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char* path, int flags) noexcept {
  return carry_out(next((flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink", path_of(directory, path)),
                   [&] { return WAITWORK_REAL(unlinkat)(directory, path, flags); });
}

int unlink(const char* path) noexcept { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char* path) noexcept { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

// What std::filesystem::remove() calls.
int remove(const char* path) noexcept {
  return carry_out(next("remove", path_of(AT_FDCWD, path)), [&] { return WAITWORK_REAL(remove)(path); });
}

int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  return carry_out(next("mkdir", path_of(directory, path)),
                   [&] { return WAITWORK_REAL(mkdirat)(directory, path, mode); });
}

int mkdir(const char* path, mode_t mode) noexcept { return mkdirat(AT_FDCWD, path, mode); }

}  // extern "C"
