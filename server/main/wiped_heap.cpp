// What is freed is wiped (docs/security.md §6): whatever somebody typed where it does not pass, no copy of it outlives
// its use, in a core file or in the memory that a fault lets somebody read. It is wiped where it is freed, not where it
// is refused: by then a text has been in buffers of the parser and in copies of modules that no refusal knows of.
//
// OpenSSL (SSL_OP_CLEANSE_PLAINTEXT), expat (xml/stream_engine.cpp) and the buffers of connections see to their own.
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

// Sanitizers keep what is freed, and have operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
void wipe_and_free(void* block, std::size_t size) noexcept {
  std::memset(block, 0, size);
  asm volatile("" : : "r"(block) : "memory");  // or the compiler leaves out what nobody reads
  std::free(block);
}
}  // namespace

void operator delete(void* block) noexcept {
  if (block != nullptr) wipe_and_free(block, malloc_usable_size(block));
}

void operator delete(void* block, std::size_t size) noexcept {
  if (block != nullptr) wipe_and_free(block, size);
}

#endif
