// The code of lib/README.md, compiled and run. A test of the documents compares the two.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>

#include <waitwork/io/file.hpp>
#include <waitwork/io/loop.hpp>

waitwork::task<std::size_t> first_bytes(const char* path, std::span<std::byte> into) {
  const waitwork::result<waitwork::unique_fd> file = co_await waitwork::open_file(path, O_RDONLY);
  if (!file) co_return 0;
  const waitwork::result<std::size_t> read = co_await waitwork::read_at(file->get(), into, 0);
  co_return read.value_or(0);
}

TEST(the_readme, reads_the_first_bytes_of_a_file) {
  std::array<std::byte, 16> buffer{};
  waitwork::loop here;                                   // one thread, one ring
  const std::size_t count = here.run(first_bytes("/proc/version", buffer));
  EXPECT_EQ(count, buffer.size());
  EXPECT_EQ(here.run(first_bytes("/nowhere", buffer)), 0u);
}
