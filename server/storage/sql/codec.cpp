#include "storage/sql/codec.hpp"

#include <charconv>

namespace valise::storage::sql {
namespace {

void append(std::string& out, std::string_view item) {
  const auto size = static_cast<std::uint32_t>(item.size());
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(size >> shift & 0xff));
  out.append(item);
}

// The items of a list whose number is a multiple of `group`.
Result<std::vector<std::string_view>> split(std::string_view bytes, std::size_t group) {
  std::vector<std::string_view> items;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return fail(ErrorCode::corrupt, "stored list: cut off in a length");
    std::uint32_t size = 0;
    for (unsigned i = 0; i < 4; ++i) size |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << 8 * i;
    bytes.remove_prefix(4);
    if (size > bytes.size()) return fail(ErrorCode::corrupt, "stored list: cut off in an item");
    items.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (items.size() % group != 0) return fail(ErrorCode::corrupt, "stored list: an entry is incomplete");
  return items;
}

}  // namespace

std::string encode_groups(const std::vector<std::string>& groups) {
  std::string out;
  for (const auto& group : groups) append(out, group);
  return out;
}

std::string encode_config(const std::vector<std::pair<std::string, std::string>>& config) {
  std::string out;
  for (const auto& [name, value] : config) {
    append(out, name);
    append(out, value);
  }
  return out;
}

std::string encode_keys(const std::vector<ScramKey>& keys) {
  std::string out;
  for (const auto& key : keys) {
    append(out, key.hash);
    append(out, key.salt);
    append(out, std::to_string(key.iterations));
    append(out, key.stored_key);
    append(out, key.server_key);
  }
  return out;
}

Result<std::vector<std::string>> decode_groups(std::string_view bytes) {
  const auto items = split(bytes, 1);
  if (!items) return std::unexpected(items.error());
  return std::vector<std::string>(items->begin(), items->end());
}

Result<std::vector<std::pair<std::string, std::string>>> decode_config(std::string_view bytes) {
  const auto items = split(bytes, 2);
  if (!items) return std::unexpected(items.error());
  std::vector<std::pair<std::string, std::string>> config;
  for (std::size_t i = 0; i < items->size(); i += 2) config.emplace_back((*items)[i], (*items)[i + 1]);
  return config;
}

Result<std::vector<ScramKey>> decode_keys(std::string_view bytes) {
  const auto items = split(bytes, 5);
  if (!items) return std::unexpected(items.error());
  std::vector<ScramKey> keys;
  for (std::size_t i = 0; i < items->size(); i += 5) {
    ScramKey key{.hash = std::string((*items)[i]), .salt = std::string((*items)[i + 1])};
    const std::string_view count = (*items)[i + 2];
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), key.iterations);
    if (error != std::errc{} || end != count.data() + count.size()) {
      return fail(ErrorCode::corrupt, "stored key: bad iteration count");
    }
    key.stored_key = (*items)[i + 3];
    key.server_key = (*items)[i + 4];
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace valise::storage::sql
