// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/echo_server.hpp>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/report/checked_json.hpp>

#include <workloads/io/echo_message.hpp>

namespace waitwork::bench {
namespace {

// Events taken per system call, and messages taken per receive (4 KiB: a batch fits the first-level
// cache).
constexpr std::size_t events_per_wait = 256;
constexpr std::size_t messages_per_receive = 64;

// Requests of one connection that may wait for their delay or for the client to take the reply.
// Past that the server stops reading from it, so that a client that never reads costs 64 KiB and
// not all of the memory.
constexpr std::size_t most_outstanding = 1024;

environment_error failure(const char* call) { return call_error("serve", "connections", call, errno); }

struct connection {
  explicit connection(unique_fd accepted) : socket(std::move(accepted)) {}
  bool open() const noexcept { return static_cast<bool>(socket); }
  std::size_t outstanding() const noexcept { return delayed + unsent.size() / echo_bytes; }
  bool idle() const noexcept { return delayed == 0 && unsent.empty(); }

  unique_fd socket;
  std::array<std::byte, echo_bytes> partial;  // the beginning of a request still on its way
  std::size_t partial_bytes = 0;
  std::size_t delayed = 0;        // replies in the delay queue, which refers to this object
  std::vector<std::byte> unsent;  // what the socket did not take, because the client does not read
  bool input_ended = false;       // the client has shut down its sending side; it still gets its replies
  bool paused = false;            // not read from until replies get away
};

class server {
 public:
  explicit server(nanoseconds delay) : delay_(delay) {
    if (!epoll_) throw failure("epoll_create1");
    if (!reserve_) throw file_error("open", "/dev/null", errno);
    const int flags = ::fcntl(echo_listener_fd, F_GETFL);
    if (flags < 0 || ::fcntl(echo_listener_fd, F_SETFL, flags | O_NONBLOCK) != 0) {
      throw failure("fcntl");
    }
    // Edge-triggered: a descriptor is reported when something happens, not again and again while it
    // is ready.
    watch(echo_control_fd, EPOLLIN, nullptr);
    watch(echo_listener_fd, EPOLLIN | EPOLLET, &listener_mark_);
  }

  void run() {
    std::array<epoll_event, events_per_wait> events;
    for (;;) {
      send_due_replies();
      for (const epoll_event& event : wait(events)) {
        // Nothing is ever written to the control pipe: it was closed.
        if (event.data.ptr == nullptr) return;
        if (event.data.ptr == &timer_mark_) continue;  // it was only to wake us
        if (event.data.ptr == &listener_mark_) {
          accept_all();
        } else {
          serve(*static_cast<connection*>(event.data.ptr), event.events);
        }
      }
    }
  }

 private:
  struct delayed_reply {
    std::int64_t deadline_ns;
    connection* to;
    echo_message reply;
  };

  void watch(int fd, std::uint32_t interest, void* mark) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = mark;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw failure("epoll_ctl");
  }

  std::span<const epoll_event> wait(std::span<epoll_event> events) {
    const int most = static_cast<int>(events.size());
    int count = -1;
    if (!coarse_) {
      const timespec timeout = until_next_reply();
      count = ::epoll_pwait2(epoll_.get(), events.data(), most, delayed_.empty() ? nullptr : &timeout, nullptr);
      // Linux before 5.11 does not have it, and profiles of container engines that are older than the call refuse it.
      if (count < 0 && (errno == ENOSYS || errno == EPERM)) wait_by_timer();
    }
    if (coarse_) count = wait_coarsely(events.data(), most);
    if (count < 0 && errno != EINTR) throw failure("epoll_wait");
    return events.first(static_cast<std::size_t>(std::max(count, 0)));
  }

  // Zero if it is due, or if there is none.
  timespec until_next_reply() const {
    if (delayed_.empty()) return {};
    const std::int64_t left_ns = std::max<std::int64_t>(delayed_.front().deadline_ns - now_ns(), 0);
    return {left_ns / 1'000'000'000, left_ns % 1'000'000'000};
  }

  void wait_by_timer() {
    coarse_ = true;
    timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (timer_) watch(timer_.get(), EPOLLIN | EPOLLET, &timer_mark_);
  }

  // By epoll_wait(2), which counts milliseconds: so a timer wakes it, or if there is none a reply is late by up to one.
  int wait_coarsely(epoll_event* events, int most) {
    const timespec left = until_next_reply();
    const bool due = !delayed_.empty() && left.tv_sec == 0 && left.tv_nsec == 0;
    if (timer_ && !delayed_.empty() && !due) {
      const itimerspec once{{}, left};
      ::timerfd_settime(timer_.get(), 0, &once, nullptr);
    }
    int timeout_ms = due ? 0 : -1;
    if (!timer_ && !delayed_.empty()) {
      timeout_ms = static_cast<int>(left.tv_sec * 1000 + (left.tv_nsec + 999'999) / 1'000'000);
    }
    return ::epoll_wait(epoll_.get(), events, most, timeout_ms);
  }

  void accept_all() {
    for (;;) {
      unique_fd accepted(::accept4(echo_listener_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (accepted) {
        add(std::move(accepted));
      } else if (errno == EMFILE || errno == ENFILE) {
        if (!refuse_one()) return;
      } else if (errno == EPERM || errno == EACCES || errno == ENOSYS) {
        throw call_error("accept", "a connection", "accept4", errno);  // or its client would wait for ever
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return;  // EAGAIN: none left. Anything else: the next connection brings us back
      }
    }
  }

  // Out of descriptors: without this the client would wait for ever for an answer on a connection
  // nobody accepts.
  bool refuse_one() {
    reserve_.reset();
    unique_fd refused(::accept4(echo_listener_fd, nullptr, nullptr, SOCK_CLOEXEC));
    const bool done = static_cast<bool>(refused);
    refused.reset();
    reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return done;
  }

  void add(unique_fd accepted) {
    const int at_once = 1;
    ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    auto client = std::make_unique<connection>(std::move(accepted));
    watch(client->socket.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, client.get());
    connection* const key = client.get();
    connections_.emplace(key, std::move(client));
  }

  // The object goes when the delay queue refers to it no more.
  void close(connection& client) {
    client.socket.reset();
    client.unsent.clear();
    if (client.delayed == 0) connections_.erase(&client);
  }

  void serve(connection& client, std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      close(client);  // reset, or closed both ways: nobody is left to answer
      return;
    }
    if ((events & EPOLLOUT) != 0 && !flush(client)) return;
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) receive(client, (events & EPOLLRDHUP) != 0);
  }

  // Takes requests until there are no more. `ending`: the end of the input is known to be near and
  // must be read too.
  void receive(connection& client, bool ending) {
    while (client.open() && !client.input_ended) {
      client.paused = client.outstanding() >= most_outstanding;
      if (client.paused) return;
      std::memcpy(scratch_.data(), client.partial.data(), client.partial_bytes);
      const std::size_t room = scratch_.size() - client.partial_bytes;
      const ssize_t moved = ::recv(client.socket.get(), scratch_.data() + client.partial_bytes, room, 0);
      if (moved < 0 && errno == EINTR) continue;
      if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (moved < 0) {
        close(client);
        return;
      }
      client.input_ended = moved == 0;
      const bool drained = static_cast<std::size_t>(moved) < room;
      if (!take_requests(client, client.partial_bytes + static_cast<std::size_t>(moved))) return;
      if (client.input_ended) {
        close_when_done(client);
        return;
      }
      if (drained && !ending) return;  // saves a receive that would only say EAGAIN
    }
  }

  // Splits the first `bytes` of the scratch buffer into requests. False: the connection is closed.
  bool take_requests(connection& client, std::size_t bytes) {
    const std::size_t whole_bytes = bytes / echo_bytes * echo_bytes;
    client.partial_bytes = bytes - whole_bytes;
    std::memcpy(client.partial.data(), scratch_.data() + whole_bytes, client.partial_bytes);
    const std::int64_t deadline_ns = now_ns() + delay_.count();
    for (std::size_t at = 0; at < whole_bytes; at += echo_bytes) {
      echo_message request;
      std::memcpy(request.data(), scratch_.data() + at, echo_bytes);
      const echo_message reply = echo_reply(request);
      if (delay_.count() == 0) {
        std::memcpy(scratch_.data() + at, reply.data(), echo_bytes);
      } else {
        delayed_.push_back({deadline_ns, &client, reply});
        ++client.delayed;
      }
    }
    if (delay_.count() != 0 || whole_bytes == 0) return true;
    return send(client, std::span(scratch_).first(whole_bytes));
  }

  void send_due_replies() {
    const std::int64_t now = now_ns();
    while (!delayed_.empty() && delayed_.front().deadline_ns <= now) {
      const delayed_reply due = delayed_.front();
      delayed_.pop_front();
      connection& client = *due.to;
      --client.delayed;
      if (!client.open()) {
        close(client);
      } else if (send(client, std::as_bytes(std::span(due.reply)))) {
        after_progress(client);
      }
    }
  }

  // False: the connection is closed.
  bool send(connection& client, std::span<const std::byte> data) {
    if (client.unsent.empty()) {
      ssize_t moved = -1;
      do {
        moved = ::send(client.socket.get(), data.data(), data.size(), MSG_NOSIGNAL);
      } while (moved < 0 && errno == EINTR);
      if (moved < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        close(client);  // EPIPE, ECONNRESET: gone; ENOBUFS and the like: cannot be served
        return false;
      }
      data = data.subspan(static_cast<std::size_t>(std::max<ssize_t>(moved, 0)));
    }
    client.unsent.insert(client.unsent.end(), data.begin(), data.end());
    return true;
  }

  // Sends what the socket did not take before. False: the connection is closed.
  bool flush(connection& client) {
    if (client.unsent.empty()) return true;
    std::vector<std::byte> waiting;
    waiting.swap(client.unsent);
    if (!send(client, waiting)) return false;
    return after_progress(client);
  }

  // Replies got away: there may be room to read on, or nothing left to do. False: the connection is
  // closed.
  bool after_progress(connection& client) {
    if (client.paused && client.outstanding() < most_outstanding) {
      receive(client, true);
      return connections_.contains(&client) && client.open();
    }
    return close_when_done(client);
  }

  // False: the connection is closed.
  bool close_when_done(connection& client) {
    if (!client.input_ended || !client.idle()) return true;
    close(client);
    return false;
  }

  nanoseconds delay_;
  unique_fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  unique_fd reserve_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};  // given up to refuse a connection
  char listener_mark_ = 0;                                        // its address marks the listener's events
  char timer_mark_ = 0;                                           // and this one those of the timer
  bool coarse_ = false;                                           // there is no epoll_pwait2
  unique_fd timer_;                                               // in its place
  std::unordered_map<connection*, std::unique_ptr<connection>> connections_;
  std::deque<delayed_reply> delayed_;  // in order of deadline, since the delay is the same for all
  std::array<std::byte, messages_per_receive * echo_bytes> scratch_;
};

void prepare_process() {
  ::prctl(PR_SET_NAME, "echo-server");
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // besides the control pipe: also when this process is stuck
  ::prctl(PR_SET_TIMERSLACK, 1UL);     // 1 ns: the default of 50 us would be added to every delay
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace

int run_echo_server(std::string_view options_json) {
  try {
    constexpr std::uint64_t longest_delay_ns = 60'000'000'000;
    const std::uint64_t delay_ns = whole_member(parse_json(options_json), "delay_ns", 0, longest_delay_ns);
    prepare_process();
    server(nanoseconds(delay_ns)).run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waitwork: echo server: %s\n", error.what());
    return 1;
  }
}

}  // namespace waitwork::bench
