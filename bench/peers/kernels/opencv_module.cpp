// SPDX-License-Identifier: Apache-2.0
// A module of its own, loaded by the rows that want it (opencv.hpp): OpenCV comes with a dozen libraries, some of which
// start threads when they are loaded.

#include <cstdio>

#include <opencv2/core.hpp>
#include <opencv2/core/utility.hpp>
#include <opencv2/imgproc.hpp>

#include <peers/kernels/opencv_functions.hpp>

namespace {

cv::Mat view(const waitwork_opencv_image& image) {
  return {image.height, image.width, CV_MAKETYPE(image.f32 ? CV_32F : CV_8U, image.channels), image.data};
}

void describe(char* text, std::size_t bytes) {
  std::snprintf(text, bytes, "OpenCV %s (%s)", cv::getVersionString().c_str(), cv::getCPUFeaturesLine().c_str());
}

void set_threads(int threads) { cv::setNumThreads(threads); }

void gaussian_blur(const waitwork_opencv_image* source, waitwork_opencv_image* target, int size, double sigma) {
  cv::Mat blurred = view(*target);
  cv::GaussianBlur(view(*source), blurred, {size, size}, sigma, sigma, cv::BORDER_REPLICATE);
}

void box_blur(const waitwork_opencv_image* source, waitwork_opencv_image* target, int size) {
  cv::Mat blurred = view(*target);
  cv::blur(view(*source), blurred, {size, size}, {-1, -1}, cv::BORDER_REPLICATE);
}

void sobel_magnitude(const waitwork_opencv_image* source, waitwork_opencv_image* target) {
  // As in a program that filters one picture after the other: made once.
  thread_local cv::Mat across, down, length;
  cv::Mat result = view(*target);
  cv::Sobel(view(*source), across, CV_32F, 1, 0, 3, 1, 0, cv::BORDER_REPLICATE);
  cv::Sobel(view(*source), down, CV_32F, 0, 1, 3, 1, 0, cv::BORDER_REPLICATE);
  if (target->f32) {
    cv::magnitude(across, down, result);
  } else {
    cv::magnitude(across, down, length);
    length.convertTo(result, CV_8U);
  }
}

void harris(const waitwork_opencv_image* source, waitwork_opencv_image* target, int block, double k) {
  cv::Mat response = view(*target);
  cv::cornerHarris(view(*source), response, block, 3, k, cv::BORDER_REPLICATE);
}

}  // namespace

extern "C" const waitwork_opencv_functions* waitwork_opencv() {
  static const waitwork_opencv_functions all = {describe, set_threads,     gaussian_blur,
                                                box_blur, sobel_magnitude, harris};
  return &all;
}
