// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/read_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork {

namespace fs = std::filesystem;

std::optional<unique_fd> open_regular_file(const char* operation, const fs::path& file, int flags) {
  // O_NONBLOCK: opening a pipe would wait for its other end. It changes nothing for a regular file.
  unique_fd fd = open_descriptor(AT_FDCWD, file.c_str(), flags | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    throw file_error(operation, file.string(), errno);
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw file_error(operation, file.string(), errno);
  if (S_ISDIR(status.st_mode)) throw file_error(operation, file.string(), EISDIR);
  if (!S_ISREG(status.st_mode)) {
    throw environment_error(operation, file.string(), "it is a pipe or a device and no regular file",
                            "name another file, or remove what is there");
  }
  return fd;
}

std::optional<std::string> read_regular_file(const char* operation, const fs::path& file, std::size_t most_bytes) {
  const std::optional<unique_fd> fd = open_regular_file(operation, file, O_RDONLY);
  if (!fd) return std::nullopt;
  constexpr std::size_t step = 65'536;
  std::string text;
  for (;;) {
    const std::size_t size = text.size();
    if (size > most_bytes) {
      throw environment_error(operation, file.string(), "it has more than " + std::to_string(most_bytes) + " bytes",
                              "name another file");
    }
    text.resize(size + step);
    const ssize_t count = ::read(fd->get(), text.data() + size, step);
    if (count < 0 && errno != EINTR) throw file_error(operation, file.string(), errno);
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return text;
  }
}

}  // namespace waitwork
