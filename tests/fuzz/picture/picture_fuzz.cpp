// What somebody publishes as his picture. What must hold of one that is taken:
//  - it is of the kind that its first bytes say;
//  - it is no picture without its last byte, nor with one more: nothing is behind it.
#include <cstdint>
#include <string>

#include "base/picture.hpp"
#include "fuzz/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace valise;
  using fuzz::check;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto type = whole_picture_type(bytes);
  if (type.empty()) return 0;
  check(type == picture_type(bytes), "it is another picture than it begins as");
  check(whole_picture_type(std::string_view(bytes).substr(0, size - 1)).empty(), "the last byte is of no use");
  for (const char more : {'\0', '\n', 'x', '\xd9'})
    check(whole_picture_type(bytes + more).empty(), "more is behind it");
  return 0;
}
