// The audit log on disk: all that a second verifier needs. Numbers are big-endian; H is SHA-256.
//
//   folder (mode 0700), files (0600):
//     records-<first>.log   what happened, with its nonces; <first>: sequence number of the first entry, 20 digits
//     leaves-<first>.log    commitments and chain, derived from the records file of the same name
//     head                  how far the log is known to reach, replaced by rename
//   Segments follow each other without a gap; the first begins with entry 0.
//
//   records file = header, frames
//     header  "VALREC01" | first u64 | chain before the first entry (32)                                    48 bytes
//     frame   "VREC" | length u32 | seq u64 | batch u64 | time i64 | check u64 | nonce (32) | record        72 + length
//   leaves file = header, entries
//     header  "VALLEA01" | first u64 | chain before the first entry (32)                                    48 bytes
//     entry   leaf (49) | chain (32)                                                                        81 bytes
//
//   leaf       = 0x01 | seq u64 | time i64 | H(nonce | record)
//   leaf hash  = H(0x00 | leaf)                              the Merkle leaf hash of RFC 6962 §2.1
//   chain n    = H(chain n-1 | leaf hash n); before entry 0: 32 zero bytes
//   time       nanoseconds since 1970, UTC; says when, never in which order
//   batch      seq of the first entry that was written and synced together with this one; a batch lies in one segment
//   check      first 8 bytes of the leaf hash, as a number, XOR batch
//   record     record.hpp; 1 … 65,536 bytes
//   An erased entry has nonce and record overwritten with zero bytes; its leaf stays, so every other proof does.
//
//   head = text lines "valise-audit-head 1", "size <entries>", "time <time of the last entry, 0 if none>",
//   "chain <hex of the chain value after them>". Everything below `size` was durable, leaves included, before it was
//   written: a log that is shorter, or chains otherwise, has been altered.
//
// Writer: all frames of a batch with one write, one fdatasync; after that, and only after that, their leaves, without
// a sync. Hence: a readable leaf proves that its record was durable; and a frame whose `batch` is greater than n
// proves that entry n was. A damaged frame n that neither of them nor the head vouches for is the torn end of a write
// that nobody was told of: it is cut off when the log is opened.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

#include "base/error.hpp"

namespace valise::core::audit {

inline constexpr std::size_t hash_size = 32;
inline constexpr std::size_t nonce_size = 32;
inline constexpr std::size_t file_header_size = 48;
inline constexpr std::size_t frame_header_size = 72;
inline constexpr std::size_t leaf_size = 49;
inline constexpr std::size_t leaf_entry_size = leaf_size + hash_size;
inline constexpr std::string_view records_magic = "VALREC01";
inline constexpr std::string_view leaves_magic = "VALLEA01";
inline constexpr std::string_view frame_magic = "VREC";

using Digest = std::array<unsigned char, hash_size>;
using Leaf = std::array<unsigned char, leaf_size>;

// One SHA-256 context, used again and again: half the price of EVP_Digest for inputs of this size. Not thread-safe.
class Hasher {
 public:
  Hasher();
  Digest operator()(std::string_view first, std::string_view second = {});

 private:
  struct Free {
    void operator()(EVP_MD* md) const noexcept { EVP_MD_free(md); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD, Free> md_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

[[nodiscard]] inline std::string_view bytes_of(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
[[nodiscard]] inline std::string_view bytes_of(const Leaf& leaf) noexcept {
  return {reinterpret_cast<const char*>(leaf.data()), leaf.size()};
}

void put_u32(char* out, std::uint32_t value) noexcept;
void put_u64(char* out, std::uint64_t value) noexcept;
[[nodiscard]] std::uint32_t get_u32(const char* in) noexcept;
[[nodiscard]] std::uint64_t get_u64(const char* in) noexcept;

struct FrameHeader {
  std::uint32_t length = 0;
  std::uint64_t seq = 0;
  std::uint64_t batch = 0;
  std::int64_t time_ns = 0;
  std::uint64_t check = 0;
};
// `in` holds frame_header_size bytes. Nothing: no frame begins here (magic, length out of bounds, batch after seq).
[[nodiscard]] std::optional<FrameHeader> parse_frame_header(const char* in) noexcept;
void write_frame_header(char* out, const FrameHeader& header) noexcept;  // up to the nonce

[[nodiscard]] Leaf make_leaf(std::uint64_t seq, std::int64_t time_ns, const Digest& commitment) noexcept;
[[nodiscard]] Digest leaf_hash(Hasher& hasher, const Leaf& leaf);
[[nodiscard]] std::uint64_t check_of(const Digest& leaf_hash, std::uint64_t batch) noexcept;

struct FileHeader {
  std::uint64_t first = 0;
  Digest chain_before{};
};
[[nodiscard]] std::string file_header(std::string_view magic, const FileHeader& header);
[[nodiscard]] std::optional<FileHeader> parse_file_header(std::string_view magic, std::string_view bytes) noexcept;

struct Head {
  std::uint64_t size = 0;
  std::int64_t time_ns = 0;
  Digest chain{};
};
[[nodiscard]] std::string head_text(const Head& head);
[[nodiscard]] std::optional<Head> parse_head(std::string_view text);
// The folder's head; nothing if there is none. Errors: corrupt, unavailable.
[[nodiscard]] Result<std::optional<Head>> read_head(const std::string& folder);

[[nodiscard]] std::string records_name(std::uint64_t first);
[[nodiscard]] std::string leaves_name(std::uint64_t first);
// First sequence numbers of the folder's segments, ascending. Errors: unavailable, not_found.
[[nodiscard]] Result<std::vector<std::uint64_t>> list_segments(const std::string& folder);

}  // namespace valise::core::audit
