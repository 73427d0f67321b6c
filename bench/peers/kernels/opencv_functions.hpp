// SPDX-License-Identifier: Apache-2.0
#pragma once
// opencv_functions: what the module opencv_module.cpp, which alone is linked with OpenCV, has for the program that
// loads it. Plain types, so that neither needs the other's headers.

#include <cstddef>

extern "C" {

// Rows lie one after the other. Elements are bytes, or floats if f32.
struct waitwork_opencv_image {
  void* data;
  int width;
  int height;
  int channels;
  bool f32;
};

// Borders are replicated. Targets have the sizes and types that are said; nothing is allocated for them.
struct waitwork_opencv_functions {
  // Into `text`, of `bytes` bytes: name, version, and the instruction sets that it may choose from.
  void (*describe)(char* text, std::size_t bytes);
  void (*set_threads)(int threads);

  void (*gaussian_blur)(const waitwork_opencv_image* source, waitwork_opencv_image* target, int size, double sigma);
  void (*box_blur)(const waitwork_opencv_image* source, waitwork_opencv_image* target, int size);
  // 3 x 3; source of bytes, target of floats: the root of the sum of the squares of both derivatives. Three calls, and
  // a fourth if the target is of bytes, rounded and saturated.
  void (*sobel_magnitude)(const waitwork_opencv_image* source, waitwork_opencv_image* target);
  // cornerHarris: source of bytes, target of floats.
  void (*harris)(const waitwork_opencv_image* source, waitwork_opencv_image* target, int block, double k);
};

const waitwork_opencv_functions* waitwork_opencv();
}
