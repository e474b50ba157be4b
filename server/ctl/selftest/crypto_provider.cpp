#include "selftest/crypto_provider.hpp"

#include "base/crypto.hpp"
#include "selftest/ciphers.hpp"
#include "selftest/signal_ptr.hpp"

namespace valise::ctl::selftest {
namespace {

std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The library hashes a few hundred bytes at most: they are gathered, and hashed at the end.
struct Gathered {
  std::string key;
  std::string data;
  ~Gathered() {
    crypto::wipe(key);
    crypto::wipe(data);
  }
};

int give(signal_buffer** output, std::string_view bytes) {
  *output = buffer_of(bytes);
  return *output == nullptr ? SG_ERR_NOMEM : 0;
}

int random_func(std::uint8_t* data, std::size_t size, void* /*user*/) {
  crypto::random_bytes({data, size});
  return 0;
}

int hmac_init(void** context, const std::uint8_t* key, std::size_t size, void* /*user*/) {
  *context = new Gathered{text_of(key, size), {}};
  return 0;
}

int gather(void* context, const std::uint8_t* data, std::size_t size, void* /*user*/) {
  static_cast<Gathered*>(context)->data.append(view(data, size));
  return 0;
}

int hmac_final(void* context, signal_buffer** output, void* /*user*/) {
  const auto& gathered = *static_cast<Gathered*>(context);
  return give(output, crypto::hmac(crypto::Hash::sha256, gathered.key, gathered.data));
}

int digest_init(void** context, void* /*user*/) {
  *context = new Gathered;
  return 0;
}

// The context is used again for the next digest.
int digest_final(void* context, signal_buffer** output, void* /*user*/) {
  auto& data = static_cast<Gathered*>(context)->data;
  const int code = give(output, crypto::digest(crypto::Hash::sha512, data));
  data.clear();
  return code;
}

void forget(void* context, void* /*user*/) { delete static_cast<Gathered*>(context); }

int crypt(Direction direction, signal_buffer** output, int cipher, std::string_view key, std::string_view iv,
          std::string_view text) {
  auto out = cipher == SG_CIPHER_AES_CBC_PKCS5       ? aes_cbc(direction, key, iv, text)
             : cipher == SG_CIPHER_AES_CTR_NOPADDING ? aes_ctr(direction, key, iv, text)
                                                     : std::nullopt;
  if (!out) return SG_ERR_INVAL;
  const int code = give(output, *out);
  crypto::wipe(*out);
  return code;
}

int encrypt_func(signal_buffer** output, int cipher, const std::uint8_t* key, std::size_t key_size,
                 const std::uint8_t* iv, std::size_t iv_size, const std::uint8_t* text, std::size_t size,
                 void* /*user*/) {
  return crypt(Direction::encrypt, output, cipher, view(key, key_size), view(iv, iv_size), view(text, size));
}

int decrypt_func(signal_buffer** output, int cipher, const std::uint8_t* key, std::size_t key_size,
                 const std::uint8_t* iv, std::size_t iv_size, const std::uint8_t* text, std::size_t size,
                 void* /*user*/) {
  return crypt(Direction::decrypt, output, cipher, view(key, key_size), view(iv, iv_size), view(text, size));
}

}  // namespace

signal_crypto_provider crypto_provider() {
  return {.random_func = &random_func,
          .hmac_sha256_init_func = &hmac_init,
          .hmac_sha256_update_func = &gather,
          .hmac_sha256_final_func = &hmac_final,
          .hmac_sha256_cleanup_func = &forget,
          .sha512_digest_init_func = &digest_init,
          .sha512_digest_update_func = &gather,
          .sha512_digest_final_func = &digest_final,
          .sha512_digest_cleanup_func = &forget,
          .encrypt_func = &encrypt_func,
          .decrypt_func = &decrypt_func,
          .user_data = nullptr};
}

}  // namespace valise::ctl::selftest
