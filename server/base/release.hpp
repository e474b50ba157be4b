// Buffers that are not needed now.
#pragma once

namespace valise {

// Gives the memory of a string or vector back. `= {}` does not, and for strings not even `= std::string()`: both keep
// it.
template <class Buffer>
void release(Buffer& buffer) noexcept {
  Buffer().swap(buffer);
}

}  // namespace valise
