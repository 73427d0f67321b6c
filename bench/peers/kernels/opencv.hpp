// SPDX-License-Identifier: Apache-2.0
#pragma once
// opencv: OpenCV, loaded when a row wants it.

#include <string>

#include <peers/kernels/opencv_functions.hpp>

namespace waitwork::bench {

// Loads it, once a process, and has it use so many threads. Throws unsupported_error if there is none.
const waitwork_opencv_functions& load_opencv(unsigned threads);

// "OpenCV 4.6.0 (SSE SSE2 ... *AVX2)"
std::string opencv_description();

}  // namespace waitwork::bench
