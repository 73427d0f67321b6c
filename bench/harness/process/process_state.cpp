// SPDX-License-Identifier: Apache-2.0
#include <harness/process/process_state.hpp>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace waitwork::bench {
namespace {

// What Linux gives a first process, and every distribution a user.
constexpr rlim_t usual_stack_bytes = rlim_t{8} << 20;

inherited_state& found_at_start() {
  static inherited_state found;
  return found;
}

std::string name_of(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return name == nullptr ? std::to_string(signal) : "SIG" + std::string(name);
}

void unblock_signals(inherited_state& found) {
  sigset_t none, blocked;
  sigemptyset(&none);
  if (::pthread_sigmask(SIG_SETMASK, &none, &blocked) != 0) return;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&blocked, signal) == 1) found.blocked_signals.push_back(name_of(signal));
  }
}

void heed_children(inherited_state& found) {
  struct sigaction current{};
  if (::sigaction(SIGCHLD, nullptr, &current) != 0) return;
  found.child_signal_ignored = current.sa_handler == SIG_IGN || (current.sa_flags & SA_NOCLDWAIT) != 0;
  if (found.child_signal_ignored) ::signal(SIGCHLD, SIG_DFL);
}

// Those of threads are as large as the limit was when the program began, unless they are told
// otherwise.
void widen_stacks_of_threads() {
  pthread_attr_t threads;
  if (::pthread_attr_init(&threads) != 0) return;
  ::pthread_attr_setstacksize(&threads, usual_stack_bytes);
  ::pthread_setattr_default_np(&threads);
  ::pthread_attr_destroy(&threads);
}

// The runner needs a dozen or two at a time; what rows need they ask for themselves.
void allow_a_few_files() {
  constexpr rlim_t few = 256;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= few) return;
  files.rlim_cur = std::min(files.rlim_max, few);
  ::setrlimit(RLIMIT_NOFILE, &files);
}

bool steers_a_measurement(std::string_view variable) {
  constexpr std::array<std::string_view, 13> prefixes{"BENCHMARK_", "OMP_",      "GOMP_",    "KMP_", "MKL_",
                                                      "BLIS_",      "OPENBLAS_", "GOTO_",    "TBB_", "LC_",
                                                      "OPENCV_",    "MALLOC_",   "LANGUAGE="};
  return variable.starts_with("LANG=") ||
         std::ranges::any_of(prefixes, [&](std::string_view prefix) { return variable.starts_with(prefix); });
}

}  // namespace

void settle_process_state() {
  inherited_state& found = found_at_start();
  unblock_signals(found);
  heed_children(found);
  allow_a_few_files();
  if (raise_stack_limit()) widen_stacks_of_threads();
  const mode_t umask_before = ::umask(077);
  ::umask((umask_before & 077) | 002);
}

bool raise_stack_limit() noexcept {
  rlimit stack{};
  if (::getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur >= usual_stack_bytes) return false;
  const rlimit wide{usual_stack_bytes, std::max(stack.rlim_max, usual_stack_bytes)};
  const rlimit allowed{std::min(stack.rlim_max, usual_stack_bytes), stack.rlim_max};
  if (::setrlimit(RLIMIT_STACK, &wide) != 0) ::setrlimit(RLIMIT_STACK, &allowed);  // only root raises a hard limit
  return true;
}

const inherited_state& state_at_start() { return found_at_start(); }

std::vector<std::string> environment_for_children() {
  std::vector<std::string> kept;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    if (!steers_a_measurement(*variable)) kept.emplace_back(*variable);
  }
  kept.emplace_back("LC_ALL=C");
  return kept;
}

}  // namespace waitwork::bench
