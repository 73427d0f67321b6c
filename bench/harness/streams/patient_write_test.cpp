// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/patient_write.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <harness/streams/interrupts.hpp>

namespace waitwork::bench {
namespace {

// Runs in a process of its own, which another sends SIGINT until it has ended; its exit code. A
// process that does not end is killed after a generous while, and the code is then -1.
int code_when_interrupted(const std::function<int()>& does) {
  const pid_t stuck = ::fork();
  if (stuck == 0) {
    const interrupts heard;
    const int code = does();
    ::_exit(code);
  }
  ::usleep(200'000);
  ::kill(stuck, SIGINT);
  int status = 0;
  for (int turn = 0; turn < 3000; ++turn) {
    if (::waitpid(stuck, &status, WNOHANG) == stuck) return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
    ::usleep(10'000);
  }
  ::kill(stuck, SIGKILL);
  ::waitpid(stuck, &status, 0);
  return -1;
}

int error_of(const result<void>& outcome) { return outcome ? 0 : outcome.error().value(); }

const std::string megabyte(1 << 20, 'x');

TEST(write_interruptibly, gives_up_a_pipe_that_nobody_reads) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const unique_fd reader(ends[0]), writer(ends[1]);
  EXPECT_EQ(code_when_interrupted([&] { return error_of(write_interruptibly(writer.get(), megabyte)); }), ECANCELED);
}

TEST(write_interruptibly, gives_up_a_terminal_that_is_stopped) {
  int controller = -1, terminal = -1;
  ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  const unique_fd reader(controller), writer(terminal);
  ASSERT_EQ(::tcflow(writer.get(), TCOOFF), 0);
  EXPECT_EQ(code_when_interrupted([&] { return error_of(write_interruptibly(writer.get(), "a line\n")); }), ECANCELED);
}

TEST(write_interruptibly, says_something_on_the_way_out_where_somebody_listens) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const unique_fd reader(ends[0]), writer(ends[1]);
  EXPECT_EQ(code_when_interrupted([&] {
              while (!living_interrupts()->come()) ::pause();
              return error_of(write_interruptibly(writer.get(), "good bye\n"));
            }),
            0);
  std::array<char, 16> heard{};
  EXPECT_EQ(::read(reader.get(), heard.data(), heard.size()), 9);
}

TEST(write_interruptibly, writes_all_to_a_slow_reader) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  unique_fd reader(ends[0]), writer(ends[1]);
  std::size_t heard = 0;
  std::thread listening([&] {
    std::array<char, 10'000> piece;
    for (ssize_t count = 0; (count = ::read(reader.get(), piece.data(), piece.size())) > 0;) {
      heard += static_cast<std::size_t>(count);
    }
  });
  const interrupts none_comes;
  EXPECT_EQ(error_of(write_interruptibly(writer.get(), megabyte)), 0);
  writer.reset();
  listening.join();
  EXPECT_EQ(heard, megabyte.size());
}

TEST(write_interruptibly, tells_the_errors_of_write) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  unique_fd reader(ends[0]), writer(ends[1]);
  reader.reset();
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(error_of(write_interruptibly(writer.get(), "unheard")), EPIPE);
  ::signal(SIGPIPE, before);
  writer.reset();
  EXPECT_EQ(error_of(write_interruptibly(-1, "nowhere")), EBADF);
}

}  // namespace
}  // namespace waitwork::bench
