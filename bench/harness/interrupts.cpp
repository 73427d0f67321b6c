#include <harness/interrupts.hpp>

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {
namespace {

bool ignored(int signal) {
  struct sigaction current {};
  return ::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

}  // namespace

interrupts::interrupts() {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  if (!ignored(SIGHUP)) sigaddset(&watched, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
  fd_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) {
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    throw environment_error("watch signals", "", std::generic_category().message(error),
                            "raise the limit on open files (ulimit -n)");
  }
}

interrupts::~interrupts() {
  signalfd_siginfo taken;
  while (::read(fd_.get(), &taken, sizeof taken) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace waitwork::bench
