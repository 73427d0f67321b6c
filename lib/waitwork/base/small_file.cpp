// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/small_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork {

std::optional<std::string> read_small_file(const std::filesystem::path& path, std::size_t most_bytes) {
  // Without O_NONBLOCK, opening a pipe that nobody writes would wait for who does.
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string text;
  std::array<char, 4096> block;  // the kernel hands out a page at a time; the size in `status` says nothing there
  for (;;) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > most_bytes) return std::nullopt;
    text.append(block.data(), static_cast<std::size_t>(count));
  }
}

std::optional<std::int64_t> decimal_number(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace waitwork
