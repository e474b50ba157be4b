#include "core/audit/format.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fmt/core.h>

#include "base/crypto.hpp"
#include "core/audit/file.hpp"
#include "core/audit/record.hpp"

namespace valise::core::audit {
namespace {

constexpr std::string_view records_prefix = "records-";
constexpr std::size_t name_digits = 20;

// Takes `label`, one decimal number and the line's end off `text`.
template <class Number>
bool take_line(std::string_view& text, std::string_view label, Number& value) {
  if (!text.starts_with(label)) return false;
  text.remove_prefix(label.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto used = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || used == text.size() || text[used] != '\n') return false;
  text.remove_prefix(used + 1);
  return true;
}

}  // namespace

Hasher::Hasher() : md_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  if (!md_ || !context_ || EVP_DigestInit_ex2(context_.get(), md_.get(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
}

Digest Hasher::operator()(std::string_view first, std::string_view second) {
  Digest out;
  if (EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) != 1 ||
      EVP_DigestUpdate(context_.get(), first.data(), first.size()) != 1 ||
      (!second.empty() && EVP_DigestUpdate(context_.get(), second.data(), second.size()) != 1) ||
      EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  return out;
}

void put_u32(char* out, std::uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(out, &value, sizeof value);
}
void put_u64(char* out, std::uint64_t value) noexcept {
  value = __builtin_bswap64(value);
  std::memcpy(out, &value, sizeof value);
}
std::uint32_t get_u32(const char* in) noexcept {
  std::uint32_t value;
  std::memcpy(&value, in, sizeof value);
  return __builtin_bswap32(value);
}
std::uint64_t get_u64(const char* in) noexcept {
  std::uint64_t value;
  std::memcpy(&value, in, sizeof value);
  return __builtin_bswap64(value);
}

std::optional<FrameHeader> parse_frame_header(const char* in) noexcept {
  if (std::string_view(in, frame_magic.size()) != frame_magic) return std::nullopt;
  FrameHeader header;
  header.length = get_u32(in + 4);
  header.seq = get_u64(in + 8);
  header.batch = get_u64(in + 16);
  header.time_ns = static_cast<std::int64_t>(get_u64(in + 24));
  header.check = get_u64(in + 32);
  if (header.length == 0 || header.length > max_record_bytes || header.batch > header.seq) return std::nullopt;
  return header;
}

void write_frame_header(char* out, const FrameHeader& header) noexcept {
  std::memcpy(out, frame_magic.data(), frame_magic.size());
  put_u32(out + 4, header.length);
  put_u64(out + 8, header.seq);
  put_u64(out + 16, header.batch);
  put_u64(out + 24, static_cast<std::uint64_t>(header.time_ns));
  put_u64(out + 32, header.check);
}

Leaf make_leaf(std::uint64_t seq, std::int64_t time_ns, const Digest& commitment) noexcept {
  Leaf leaf;
  auto* out = reinterpret_cast<char*>(leaf.data());
  out[0] = 1;
  put_u64(out + 1, seq);
  put_u64(out + 9, static_cast<std::uint64_t>(time_ns));
  std::memcpy(out + 17, commitment.data(), commitment.size());
  return leaf;
}

Digest leaf_hash(Hasher& hasher, const Leaf& leaf) {
  std::array<char, 1 + leaf_size> input;
  input[0] = 0;  // RFC 6962 §2.1: leaves and nodes never collide
  std::memcpy(input.data() + 1, leaf.data(), leaf.size());
  return hasher({input.data(), input.size()});
}

std::uint64_t check_of(const Digest& leaf_hash, std::uint64_t batch) noexcept {
  return get_u64(reinterpret_cast<const char*>(leaf_hash.data())) ^ batch;
}

std::string file_header(std::string_view magic, const FileHeader& header) {
  std::string out(file_header_size, '\0');
  std::memcpy(out.data(), magic.data(), magic.size());
  put_u64(out.data() + 8, header.first);
  std::memcpy(out.data() + 16, header.chain_before.data(), hash_size);
  return out;
}

std::optional<FileHeader> parse_file_header(std::string_view magic, std::string_view bytes) noexcept {
  if (bytes.size() < file_header_size || !bytes.starts_with(magic)) return std::nullopt;
  FileHeader header;
  header.first = get_u64(bytes.data() + 8);
  std::memcpy(header.chain_before.data(), bytes.data() + 16, hash_size);
  return header;
}

std::string head_text(const Head& head) {
  return fmt::format("valise-audit-head 1\nsize {}\ntime {}\nchain {}\n", head.size, head.time_ns,
                     crypto::hex_encode(bytes_of(head.chain)));
}

std::optional<Head> parse_head(std::string_view text) {
  const auto whole = text;
  constexpr std::string_view title = "valise-audit-head 1\n";
  constexpr std::string_view chain = "chain ";
  if (!text.starts_with(title)) return std::nullopt;
  text.remove_prefix(title.size());
  Head head;
  if (!take_line(text, "size ", head.size) || !take_line(text, "time ", head.time_ns)) return std::nullopt;
  if (!text.starts_with(chain) || !text.ends_with('\n')) return std::nullopt;
  const auto bytes = crypto::hex_decode(text.substr(chain.size(), text.size() - chain.size() - 1));
  if (!bytes || bytes->size() != hash_size) return std::nullopt;
  std::memcpy(head.chain.data(), bytes->data(), hash_size);
  if (head_text(head) != whole) return std::nullopt;  // one spelling only
  return head;
}

Result<std::optional<Head>> read_head(const std::string& folder) {
  auto file = File::open(folder + "/head", O_RDONLY);
  if (!file) {
    if (file.error().code == ErrorCode::not_found) return std::optional<Head>();
    return std::unexpected(file.error());
  }
  std::string text;
  if (auto done = file->read_at(0, 1024, text); !done) return std::unexpected(done.error());
  auto head = parse_head(text);
  if (!head) return fail(ErrorCode::corrupt, file->path() + ": not a head");
  return head;
}

std::string records_name(std::uint64_t first) { return fmt::format("records-{:020}.log", first); }
std::string leaves_name(std::uint64_t first) { return fmt::format("leaves-{:020}.log", first); }

Result<std::vector<std::uint64_t>> list_segments(const std::string& folder) {
  std::vector<std::uint64_t> firsts;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const auto name = entries->path().filename().string();
    if (!name.starts_with(records_prefix) || name.size() != records_prefix.size() + name_digits + 4) continue;
    std::uint64_t first = 0;
    const auto* begin = name.data() + records_prefix.size();
    const auto result = std::from_chars(begin, begin + name_digits, first);
    if (result.ec == std::errc() && name == records_name(first)) firsts.push_back(first);
  }
  if (error) {
    return fail(error == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::unavailable,
                folder + ": " + error.message());
  }
  std::sort(firsts.begin(), firsts.end());
  return firsts;
}

}  // namespace valise::core::audit
