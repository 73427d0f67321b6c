// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/image.hpp>

#include <algorithm>

#include <waitwork/base/check.hpp>

namespace waitwork::kernels {

bool begin_filter(const image_shape& shape, std::size_t source_elements, std::size_t target_elements, row_band& band) {
  WAITWORK_CHECK(shape.channels == 1 || shape.channels == 3, "an image has one channel or three");
  WAITWORK_CHECK(shape.source_stride >= shape.row_elements() && shape.target_stride >= shape.row_elements(),
                 "a stride is at least the length of a row");
  band.end = std::min(band.end, shape.height);
  if (shape.width == 0 || band.first >= band.end) return false;
  const std::size_t rows_before_last = shape.height - 1;
  WAITWORK_CHECK(source_elements >= rows_before_last * shape.source_stride + shape.row_elements(),
                 "source holds the image");
  WAITWORK_CHECK(target_elements >= rows_before_last * shape.target_stride + shape.row_elements(),
                 "target holds the image");
  return true;
}

}  // namespace waitwork::kernels
