// SPDX-License-Identifier: Apache-2.0
#pragma once
// storage: what a directory's file system is and what it does, found by doing it: a file is made,
// written past the page cache (O_DIRECT), read back and compared, and is gone before the call
// returns. The type of a file system alone does not say: overlays pass the question on, and network
// file systems answer by mount option.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork {

struct storage {
  std::string file_system;  // as mounted: "ext4", "overlay", "tmpfs"; "unknown" if it cannot be found out
  std::optional<std::int64_t> free_bytes;  // for a user without privileges

  // Why no file can be made in the directory; absent if one can.
  std::optional<std::string> not_writable;
  // Why a file there cannot be written and read past the page cache; absent if it can.
  std::optional<std::string> no_direct_io;

  // The file system is itself memory. It may accept O_DIRECT (tmpfs does since Linux 6.6), but no
  // device is involved and what is measured is a copy.
  bool in_memory() const noexcept { return file_system == "tmpfs" || file_system == "ramfs"; }
};

// The type of the file system that is mounted as `mount_id`, by the text of a mountinfo file; absent if it is not there
// or has no name that can be one.
std::optional<std::string> type_of_mount(std::string_view mountinfo, std::uint64_t mount_id);

// Never throws but for lack of memory. Blocks on the device for as long as one write and one read
// of 4 KiB take.
storage examine_storage(const std::filesystem::path& directory);

}  // namespace waitwork
