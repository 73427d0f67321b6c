// SPDX-License-Identifier: Apache-2.0
#include <peers/kernels/opencv.hpp>

#include <array>

#include <peers/kernels/loaded_module.hpp>

namespace waitwork::bench {
namespace {

const waitwork_opencv_functions& library() {
  static const auto* const functions =
      static_cast<const waitwork_opencv_functions*>(load_module("OpenCV", WAITWORK_OPENCV_MODULE, "waitwork_opencv"));
  return *functions;
}

}  // namespace

const waitwork_opencv_functions& load_opencv(unsigned threads) {
  library().set_threads(static_cast<int>(threads));
  return library();
}

std::string opencv_description() {
  std::array<char, 256> text{};
  library().describe(text.data(), text.size());
  return text.data();
}

}  // namespace waitwork::bench
