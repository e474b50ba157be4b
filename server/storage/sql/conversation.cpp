#include "storage/sql/conversation.hpp"

#include <string>
#include <utility>

#include "base/crypto.hpp"

namespace valise::storage::sql {
namespace {

std::int64_t number(char kind, std::string_view a, std::string_view b) {
  std::string text;
  text.reserve(a.size() + b.size() + 2);
  text += kind;
  text += a;
  text.push_back('\0');  // in no JID
  text += b;
  const auto hash = crypto::sha256(text);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(hash[static_cast<std::size_t>(i)]);
  value >>= 1;
  return value == 0 ? 1 : static_cast<std::int64_t>(value);
}

}  // namespace

std::int64_t pair_of(std::string_view one, std::string_view other) {
  if (other < one) std::swap(one, other);
  return number('2', one, other);
}

std::int64_t alone_of(std::string_view owner, std::string_view peer) { return number('1', owner, peer); }

}  // namespace valise::storage::sql
