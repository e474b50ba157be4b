#include "modules/omemo/ratchet.hpp"

#include <array>
#include <optional>

#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/values.hpp"

namespace valise::modules::omemo {
namespace {

constexpr std::uint64_t max_counter = 1ull << 31;

// One protobuf message of the few kinds that occur: fields 1 … 6, varints and byte strings, each at most once and in
// ascending order, as every library writes them.
struct Fields {
  std::array<std::uint64_t, 7> number{};
  std::array<std::string_view, 7> bytes;
  unsigned numbers = 0, strings = 0;  // which of them are there: 1 << field
};

std::optional<std::uint64_t> read_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < in.size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (i > 0 && byte == 0) return std::nullopt;  // overlong
    in.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

const char* read_fields(std::string_view in, Fields& out) {
  unsigned last = 0;
  while (!in.empty()) {
    const auto tag = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    const unsigned field = tag >> 3;
    if (field == 0 || field > 6) return "unknown field";
    if (field <= last) return "fields out of order";
    last = field;
    const auto value = read_varint(in);
    if (!value) return "bad number";
    if ((tag & 7) == 0) {
      out.number[field] = *value;
      out.numbers |= 1u << field;
    } else if ((tag & 7) == 2) {
      if (*value > in.size()) return "cut off";
      out.bytes[field] = in.substr(0, *value);
      out.strings |= 1u << field;
      in.remove_prefix(*value);
    } else {
      return "unknown field type";
    }
  }
  return nullptr;
}

constexpr unsigned bits(std::initializer_list<unsigned> fields) {
  unsigned all = 0;
  for (const auto field : fields) all |= 1u << field;
  return all;
}

bool only(const Fields& fields, std::initializer_list<unsigned> numbers, std::initializer_list<unsigned> strings,
          std::initializer_list<unsigned> optional_numbers = {}) {
  return (fields.numbers & ~bits(optional_numbers)) == bits(numbers) && fields.strings == bits(strings);
}

bool all_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

// A key or a ciphertext that is a text: one of 10^13 true ones is taken for it.
bool is_key(std::string_view key) { return key.size() == 32 && !all_zero(key) && !is_printable(key); }

bool is_legacy_key(std::string_view key) { return key.size() == 33 && key[0] == '\x05' && is_key(key.substr(1)); }

const char* parse_legacy_signal(std::string_view bytes, RatchetMessage& out) {
  if (bytes.size() < 10 || bytes[0] != '\x33') return "version";
  Fields fields;
  if (const auto* why = read_fields(bytes.substr(1, bytes.size() - 9), fields)) return why;
  if (!only(fields, {2, 3}, {1, 4})) return "fields of a signal message";
  if (!is_legacy_key(fields.bytes[1])) return "ratchet key";
  if (fields.number[2] >= max_counter || fields.number[3] >= max_counter) return "counter";
  if (looks_like_plaintext(fields.bytes[4])) return "ciphertext is a text";
  out.ratchet_key = fields.bytes[1];
  out.ciphertext = fields.bytes[4].size();
  return nullptr;
}

const char* parse_legacy_prekey(std::string_view bytes, RatchetMessage& out) {
  if (bytes.empty() || bytes[0] != '\x33') return "version";
  Fields fields;
  if (const auto* why = read_fields(bytes.substr(1), fields)) return why;
  if (!only(fields, {1, 6}, {2, 3, 4}, {5})) return "fields of a prekey message";
  if (!is_legacy_key(fields.bytes[2]) || !is_legacy_key(fields.bytes[3])) return "key";
  if (fields.number[1] >= max_counter || fields.number[6] >= max_counter) return "key id";
  if (fields.number[5] >= max_counter) return "registration id";
  out.identity_key = fields.bytes[3];
  out.prekey = true;
  return parse_legacy_signal(fields.bytes[4], out);
}

const char* parse_authenticated(std::string_view bytes, RatchetMessage& out) {
  Fields outer;
  if (const auto* why = read_fields(bytes, outer)) return why;
  if (!only(outer, {}, {1, 2}) || outer.bytes[1].size() != 16) return "fields of an authenticated message";
  Fields inner;
  if (const auto* why = read_fields(outer.bytes[2], inner)) return why;
  if (!only(inner, {1, 2}, {3, 4})) return "fields of a message";
  if (!is_key(inner.bytes[3])) return "ratchet key";
  if (inner.number[1] >= max_counter || inner.number[2] >= max_counter) return "counter";
  if (looks_like_plaintext(inner.bytes[4])) return "ciphertext is a text";
  out.ratchet_key = inner.bytes[3];
  out.ciphertext = inner.bytes[4].size();
  return nullptr;
}

const char* parse_key_exchange(std::string_view bytes, RatchetMessage& out) {
  Fields fields;
  if (const auto* why = read_fields(bytes, fields)) return why;
  if (!only(fields, {1, 2}, {3, 4, 5})) return "fields of a key exchange";
  if (!is_key(fields.bytes[3]) || !is_key(fields.bytes[4])) return "key";
  if (fields.number[1] >= max_counter || fields.number[2] >= max_counter) return "key id";
  out.identity_key = fields.bytes[3];
  out.prekey = true;
  return parse_authenticated(fields.bytes[5], out);
}

}  // namespace

const char* parse_ratchet_message(std::string_view bytes, Version version, bool prekey, RatchetMessage& out) {
  out = {};
  if (version == Version::legacy) return prekey ? parse_legacy_prekey(bytes, out) : parse_legacy_signal(bytes, out);
  return prekey ? parse_key_exchange(bytes, out) : parse_authenticated(bytes, out);
}

}  // namespace valise::modules::omemo
