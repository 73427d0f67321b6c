// SPDX-License-Identifier: Apache-2.0
#pragma once
// slot_table: which slots of one of a ring's tables (registered files, registered buffers) are free.
//
// The kernel's table is made on first use, so that a loop that registers nothing pays nothing. Private to io/.

#include <optional>
#include <vector>

#include <waitwork/base/check.hpp>

namespace waitwork {

class slot_table {
 public:
  slot_table() noexcept = default;
  slot_table(const slot_table&) = delete;
  slot_table& operator=(const slot_table&) = delete;
  ~slot_table() { WAITWORK_CHECK(taken() == 0, "registered files and buffers end before their loop"); }

  bool made() const noexcept { return slots_ > 0; }
  // The first may throw std::bad_alloc, so it comes before the kernel's table is made, and the second after.
  void reserve(unsigned slots) { freed_.reserve(slots); }  // so that giving back cannot fail
  void make(unsigned slots) noexcept { slots_ = slots; }

  // The slot that was given back last, or one that was never taken; nothing if all are taken.
  std::optional<unsigned> take() {
    if (!freed_.empty()) {
      const unsigned slot = freed_.back();
      freed_.pop_back();
      return slot;
    }
    if (never_taken_ == slots_) return std::nullopt;
    return never_taken_++;
  }
  void give_back(unsigned slot) noexcept { freed_.push_back(slot); }

  unsigned taken() const noexcept { return never_taken_ - static_cast<unsigned>(freed_.size()); }

 private:
  unsigned slots_ = 0;
  unsigned never_taken_ = 0;  // the first that never was; nor was any after it
  std::vector<unsigned> freed_;
};

}  // namespace waitwork
