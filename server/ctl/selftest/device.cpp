#include "selftest/device.hpp"

#include <omemo/key_helper.h>
#include <omemo/protocol.h>
#include <omemo/session_pre_key.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "selftest/crypto_provider.hpp"
#include "selftest/payload.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr std::uint32_t signed_prekey_id = 1;

constexpr std::uint32_t wire_version(Version version) {
  return version == Version::legacy ? CIPHERTEXT_CURRENT_VERSION : CIPHERTEXT_OMEMO_VERSION;
}

const char* meaning_of(int code) {
  switch (code) {
    case SG_ERR_INVALID_KEY:
      return "a key or its signature does not hold";
    case SG_ERR_INVALID_KEY_ID:
      return "it names a prekey that is not there";
    case SG_ERR_INVALID_MESSAGE:
    case SG_ERR_INVALID_MAC:
      return "it was altered, or is for another session";
    case SG_ERR_NO_SESSION:
      return "there is no session";
    case SG_ERR_UNTRUSTED_IDENTITY:
      return "its identity key is not the one of the bundle";
    case SG_ERR_DUPLICATE_MESSAGE:
      return "it was opened before";
    case SG_ERR_INVALID_PROTO_BUF:
    case SG_ERR_LEGACY_MESSAGE:
    case SG_ERR_INVALID_VERSION:
      return "it has not the form that it should have";
    default:
      return "it did not succeed";
  }
}

std::unexpected<Trouble> cannot(const std::string& what, const std::string& why) {
  return trouble("omemo", "cannot " + what + ": " + why,
                 "the keys or the message did not come out of the server as they went in; "
                 "compare docs/sealed.md §2 and §3.7 with what your policy changes, and report it");
}

std::unexpected<Trouble> cannot(const std::string& what, int code) {
  return cannot(what, std::string(meaning_of(code)) + " (libomemo-c " + std::to_string(code) + ")");
}

// The name is not copied: it has to outlive the address.
signal_protocol_address address_of(const std::string& jid, std::uint32_t device) {
  return {jid.c_str(), jid.size(), static_cast<std::int32_t>(device)};
}

std::string serialised(Version version, const ec_public_key* key) {
  Buffer buffer;
  if (version == Version::legacy) {
    make(buffer, &ec_public_key_serialize, key);
  } else {
    buffer.reset(ec_public_key_get_mont(key));
  }
  return text_of(buffer.get());
}

std::string serialised_identity(Version version, const ec_public_key* key) {
  if (version == Version::legacy) return serialised(version, key);
  const Buffer buffer(ec_public_key_get_ed(key));
  return text_of(buffer.get());
}

// Null: these are not the bytes of a key. The library's own check of the size takes both forms for both.
Signal<ec_public_key> decoded(Version version, std::string_view bytes, signal_context* context) {
  Signal<ec_public_key> key;
  if (bytes.size() == (version == Version::legacy ? 33 : 32)) {
    make(key, &curve_decode_point_mont, bytes_of(bytes), bytes.size(), context);
  }
  return key;
}

Signal<ec_public_key> decoded_identity(Version version, std::string_view bytes, signal_context* context) {
  if (version == Version::legacy) return decoded(version, bytes, context);
  Signal<ec_public_key> key;
  if (bytes.size() == 32) make(key, &curve_decode_point_ed, bytes_of(bytes), bytes.size(), context);
  return key;
}

const PreKey& any_of(const std::vector<PreKey>& keys) {
  std::uint64_t number = 0;
  crypto::random_bytes({reinterpret_cast<unsigned char*>(&number), sizeof number});
  return keys[number % keys.size()];
}

}  // namespace

Outcome<std::unique_ptr<Device>> Device::make(std::string jid) {
  std::unique_ptr<Device> device(new Device(std::move(jid)));
  if (auto made = device->make_keys(); !made) return std::unexpected(made.error());
  return device;
}

Outcome<> Device::make_keys() {
  if (const int code = selftest::make(context_, &signal_context_create, nullptr); code < 0) {
    return cannot("begin", code);
  }
  const auto provider = crypto_provider();
  signal_context_set_crypto_provider(context_.get(), &provider);
  Signal<ratchet_identity_key_pair> identity;
  int code = signal_protocol_key_helper_generate_registration_id(&id_, 1, context_.get());  // 1 … 2^31 − 2
  if (code >= 0) {
    code = selftest::make(identity, &signal_protocol_key_helper_generate_identity_key_pair, context_.get());
  }
  if (code < 0) return cannot("make an identity key", code);
  for (const auto version : versions) {
    if (auto made = make_face(version, identity.get()); !made) return made;
  }
  return {};
}

Outcome<> Device::make_face(Version version, const ratchet_identity_key_pair* identity) {
  const auto* key = ratchet_identity_key_pair_get_public(identity);
  Buffer secret;
  if (const int code =
          selftest::make(secret, &ec_private_key_serialize, ratchet_identity_key_pair_get_private(identity));
      code < 0) {
    return cannot("keep the identity key", code);
  }
  auto& [store, bundle] = face(version);
  store = std::make_unique<Store>(context_.get(),
                                  Store::Identity{serialised(Version::legacy, key), text_of(secret.get()), id_});
  bundle.identity_key = serialised_identity(version, key);
  Signal<session_signed_pre_key> made;
  int code = selftest::make(made, &signal_protocol_key_helper_generate_signed_pre_key, identity, signed_prekey_id,
                            static_cast<std::uint64_t>(utc_now_ms()), context_.get());
  if (code >= 0) code = signal_protocol_signed_pre_key_store_key(store->context(), made.get());
  if (code < 0) return cannot("make a signed prekey", code);
  bundle.signed_prekey_id = signed_prekey_id;
  bundle.signed_prekey = serialised(version, ec_key_pair_get_public(session_signed_pre_key_get_key_pair(made.get())));
  // One signs 33 bytes, the other the raw 32: the library makes both.
  bundle.signature = version == Version::legacy ? text_of(session_signed_pre_key_get_signature(made.get()),
                                                          session_signed_pre_key_get_signature_len(made.get()))
                                                : text_of(session_signed_pre_key_get_signature_omemo(made.get()),
                                                          session_signed_pre_key_get_signature_omemo_len(made.get()));
  return make_prekeys(version);
}

Outcome<> Device::make_prekeys(Version version) {
  auto& [store, bundle] = face(version);
  std::unique_ptr<signal_protocol_key_helper_pre_key_list_node, SignalDelete<signal_protocol_key_helper_key_list_free>>
      list;
  if (const int code = selftest::make(list, &signal_protocol_key_helper_generate_pre_keys, 1, prekeys, context_.get());
      code < 0) {
    return cannot("make prekeys", code);
  }
  for (const auto* at = list.get(); at != nullptr; at = signal_protocol_key_helper_key_list_next(at)) {
    auto* key = signal_protocol_key_helper_key_list_element(at);
    if (const int code = signal_protocol_pre_key_store_key(store->context(), key); code < 0) {
      return cannot("keep a prekey", code);
    }
    bundle.prekeys.push_back(
        {session_pre_key_get_id(key), serialised(version, ec_key_pair_get_public(session_pre_key_get_key_pair(key)))});
  }
  return {};
}

Outcome<> Device::trust(Version version, const std::string& jid, std::uint32_t device, const Bundle& bundle) {
  const auto identity = decoded_identity(version, bundle.identity_key, context_.get());
  if (!identity) return cannot("read the bundle", "its identity key is none");
  const auto address = address_of(jid, device);
  const int code = signal_protocol_identity_save_identity(face(version).store->context(), &address, identity.get());
  if (code < 0) return cannot("keep the other's identity key", code);
  return {};
}

Outcome<> Device::begin(Version version, const std::string& jid, std::uint32_t device, const Bundle& bundle) {
  if (bundle.prekeys.empty()) return cannot("begin a session", "the bundle has no prekey");
  const auto& chosen = any_of(bundle.prekeys);
  const auto identity = decoded_identity(version, bundle.identity_key, context_.get());
  const auto prekey = decoded(version, chosen.key, context_.get());
  const auto signed_prekey = decoded(version, bundle.signed_prekey, context_.get());
  if (!identity || !prekey || !signed_prekey) return cannot("begin a session", "a key of the bundle is none");
  Signal<session_pre_key_bundle> theirs;
  int code = selftest::make(theirs, &session_pre_key_bundle_create, device, static_cast<int>(device), chosen.id,
                            prekey.get(), bundle.signed_prekey_id, signed_prekey.get(), bytes_of(bundle.signature),
                            bundle.signature.size(), identity.get());
  const auto address = address_of(jid, device);
  Builder builder;
  if (code >= 0) {
    code = selftest::make(builder, &session_builder_create, face(version).store->context(), &address, context_.get());
  }
  if (code >= 0) {
    session_builder_set_version(builder.get(), wire_version(version));
    code = session_builder_process_pre_key_bundle(builder.get(), theirs.get());
  }
  if (code < 0) return cannot("begin a session", code);
  return {};
}

Outcome<Cipher> Device::cipher(Version version, const signal_protocol_address& address) {
  Cipher cipher;
  const int code =
      selftest::make(cipher, &session_cipher_create, face(version).store->context(), &address, context_.get());
  if (code < 0) return cannot("use the session", code);
  session_cipher_set_version(cipher.get(), wire_version(version));
  return cipher;
}

Outcome<Sealed> Device::seal(Version version, const std::string& jid, std::uint32_t device, std::string_view text) {
  auto payload = seal_payload(version, text);
  if (!payload) return cannot("seal", "OpenSSL refuses");
  const auto address = address_of(jid, device);
  const auto used = cipher(version, address);
  if (!used) return std::unexpected(used.error());
  ciphertext_message* raw = nullptr;
  const int code = session_cipher_encrypt(used->get(), bytes_of(payload->key), payload->key.size(), &raw);
  if (code < 0) return cannot("seal", code);
  const Signal<ciphertext_message> message(raw);
  crypto::wipe(payload->key);
  return Sealed{
      .sender = id_,
      .keys = {{version == Version::legacy ? std::string() : jid, device,
                ciphertext_message_get_type(raw) == CIPHERTEXT_PREKEY_TYPE,
                text_of(ciphertext_message_get_serialized(raw))}},
      .iv = std::move(payload->iv),
      .payload = std::move(payload->bytes),
  };
}

Outcome<std::string> Device::open_key(Version version, const signal_protocol_address& from, const SealedKey& key) {
  const auto used = cipher(version, from);
  if (!used) return std::unexpected(used.error());
  const auto* data = bytes_of(key.bytes);
  const auto size = key.bytes.size();
  // The library still takes version 2 of the legacy form.
  if (version == Version::legacy && (size == 0 || data[0] != 0x33)) {
    return cannot("open the message", "its key is not of version 3");
  }
  signal_buffer* plain = nullptr;
  int code = 0;
  if (key.begins) {
    Signal<pre_key_signal_message> message;
    // On the wire of omemo:2 there is no registration id; it is the sender's device.
    code = version == Version::legacy
               ? selftest::make(message, &pre_key_signal_message_deserialize, data, size, context_.get())
               : selftest::make(message, &pre_key_signal_message_deserialize_omemo, data, size,
                                static_cast<std::uint32_t>(from.device_id), context_.get());
    if (code >= 0) code = session_cipher_decrypt_pre_key_signal_message(used->get(), message.get(), nullptr, &plain);
  } else {
    Signal<signal_message> message;
    code = version == Version::legacy
               ? selftest::make(message, &signal_message_deserialize, data, size, context_.get())
               : selftest::make(message, &signal_message_deserialize_omemo, data, size, context_.get());
    if (code >= 0) code = session_cipher_decrypt_signal_message(used->get(), message.get(), nullptr, &plain);
  }
  if (code < 0) return cannot("open the message", code);
  const Buffer owned(plain);
  return text_of(plain);
}

Outcome<std::string> Device::open(Version version, const std::string& from, const Sealed& sealed) {
  const auto own = std::ranges::find_if(sealed.keys, [&](const SealedKey& key) {
    return key.device == id_ && (version == Version::legacy || key.jid == jid_);
  });
  if (own == sealed.keys.end()) return cannot("open the message", "it has no key for this device");
  auto key = open_key(version, address_of(from, sealed.sender), *own);
  if (!key) return std::unexpected(key.error());
  auto text = open_payload(version, {.bytes = sealed.payload, .iv = sealed.iv, .key = std::move(*key)});
  if (!text) return cannot("open the message", "its payload was altered");
  return std::move(*text);
}

}  // namespace valise::ctl::selftest
