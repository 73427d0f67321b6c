#pragma once
// placeholder until merged
#include <filesystem>
#include <string_view>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <waitwork/base/unique_fd.hpp>
#include <harness/interrupts.hpp>
namespace waitwork::bench {
inline unique_fd open_interruptibly(const std::filesystem::path& p, const interrupts&) { return unique_fd(::open(p.c_str(), O_WRONLY|O_CLOEXEC)); }
inline int write_interruptibly(int fd, std::string_view text, const interrupts&) {
  while (!text.empty()) { const ssize_t n = ::write(fd, text.data(), text.size()); if (n < 0 && errno == EINTR) continue; if (n < 0) return errno; text.remove_prefix(static_cast<std::size_t>(n)); }
  return 0;
}
}
