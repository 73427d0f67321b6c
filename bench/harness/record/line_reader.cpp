// SPDX-License-Identifier: Apache-2.0
#include <harness/record/line_reader.hpp>

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace waitwork::bench {

bool line_reader::refill() {
  constexpr std::size_t step = 65'536;
  buffer_.resize(step);
  ssize_t count;
  do {
    count = ::pread(fd_, buffer_.data(), step, static_cast<off_t>(offset_));
  } while (count < 0 && errno == EINTR);
  if (count < 0) error_ = errno;
  buffer_.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  used_ = 0;
  offset_ += buffer_.size();
  return !buffer_.empty();
}

std::optional<std::string> line_reader::next() {
  std::string line;
  std::uint64_t bytes = 0;
  while (used_ < buffer_.size() || refill()) {
    const std::size_t newline = buffer_.find('\n', used_);
    const std::size_t end = std::min(newline, buffer_.size());
    line.append(buffer_, used_, std::min(end - used_, longest_bytes - line.size()));
    bytes += end - used_;
    used_ = end;
    if (newline == std::string::npos) continue;
    ++used_;
    whole_bytes_ += bytes + 1;
    return line;
  }
  return std::nullopt;
}

}  // namespace waitwork::bench
