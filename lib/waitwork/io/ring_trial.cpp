// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/ring_trial.hpp>

#include <liburing.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <sstream>
#include <utility>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/ring.hpp>
#include <waitwork/io/ring_refusal.hpp>

namespace waitwork {
namespace {

// The smallest ring, which closes itself.
class small_ring {
 public:
  explicit small_ring(std::uint32_t flags) noexcept {
    std::memset(&parameters_, 0, sizeof parameters_);
    parameters_.flags = flags;
    if ((flags & IORING_SETUP_CQSIZE) != 0) parameters_.cq_entries = 8;
    error_ = set_up_ring(2, ring_, parameters_);
  }
  ~small_ring() {
    if (error_ == 0) ::io_uring_queue_exit(&ring_);
  }
  small_ring(const small_ring&) = delete;
  small_ring& operator=(const small_ring&) = delete;

  int error() const noexcept { return error_; }
  std::uint32_t features() const noexcept { return parameters_.features; }
  io_uring* get() noexcept { return &ring_; }

 private:
  io_uring ring_;
  io_uring_params parameters_;
  int error_ = 0;
};

std::optional<std::uint64_t> known_operations(io_uring* ring, const std::vector<std::uint32_t>& wished) {
  io_uring_probe* const known = ::io_uring_get_probe_ring(ring);
  if (known == nullptr) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t index = 0; index < wished.size(); ++index) {
    if (::io_uring_opcode_supported(known, static_cast<int>(wished[index])) != 0) bits |= std::uint64_t{1} << index;
  }
  ::io_uring_free_probe(known);
  return bits;
}

// A request that does nothing, there and back. A positive errno, or 0.
int go_through(io_uring* ring) {
  ::io_uring_prep_nop(::io_uring_get_sqe(ring));
  int answer = 0;
  do {
    answer = ::io_uring_submit_and_wait(ring, 1);
  } while (answer == -EINTR || answer == -EAGAIN);
  return answer < 0 ? -answer : 0;
}

// Rings as loops make them, which send themselves a message if the kernel can.
void make_rings(unsigned wished, ring_findings& found) {
  const loop_options sizes;
  std::vector<std::unique_ptr<ring>> all;
  try {
    for (; found.rings < wished; ++found.rings) {
      all.push_back(std::make_unique<ring>(sizes.submission_entries, sizes.completion_entries));
    }
  } catch (const environment_error& error) {
    found.rings_refused = refusal{error.cause(), error.remedy()};
    if (all.empty()) found.refused = found.rings_refused;
  }
}

constexpr char separator = '\t';

std::string to_text(const std::optional<refusal>& why) {
  return why ? "1" + (separator + why->cause) + separator + why->remedy : std::string("0") + separator + separator;
}

std::string next_field(std::istringstream& text) {
  std::string field;
  std::getline(text, field, separator);
  return field;
}

std::optional<refusal> next_refusal(std::istringstream& text) {
  const bool there = next_field(text) == "1";
  std::string cause = next_field(text);
  std::string remedy = next_field(text);
  return there ? std::optional(refusal{std::move(cause), std::move(remedy)}) : std::nullopt;
}

}  // namespace

ring_findings ring_trial(const ring_wishes& wishes, trial_log& log) {
  ring_findings found;
  log.begins("io_uring_setup");
  small_ring plain(0);
  if (plain.error() != 0) {
    found.refused = explain_ring_error("io_uring_setup", plain.error());
    return found;
  }
  found.features = plain.features();
  log.begins("io_uring_register");  // which a loop can do without, if it is refused by an error
  found.operations = known_operations(plain.get(), wishes.operations);
  log.begins("io_uring_enter");
  if (const int error = go_through(plain.get()); error != 0) {
    found.refused = explain_ring_error("io_uring_enter", error);
    return found;
  }
  log.begins("io_uring_setup");
  for (std::size_t index = 0; index < wishes.flags.size(); ++index) {
    if (small_ring(wishes.flags[index]).error() == 0) found.flags |= std::uint64_t{1} << index;
  }
  make_rings(wishes.rings, found);
  return found;
}

std::string ring_findings::to_text() const {
  std::ostringstream text;
  text << waitwork::to_text(refused) << separator << waitwork::to_text(rings_refused) << separator << features
       << separator << flags << separator << rings << separator << (operations ? 1 : 0) << separator
       << operations.value_or(0);
  return text.str();
}

std::optional<ring_findings> ring_findings::from_text(const std::string& line) {
  std::istringstream text(line);
  ring_findings found;
  found.refused = next_refusal(text);
  found.rings_refused = next_refusal(text);
  int asked = 0;
  std::uint64_t operations = 0;
  if (!(text >> found.features >> found.flags >> found.rings >> asked >> operations)) return std::nullopt;
  if (asked != 0) found.operations = operations;
  return found;
}

}  // namespace waitwork
