// A device that speaks both versions of OMEMO: keys, sessions, sealing and opening. libomemo-c does the cryptography of
// the ratchet; what stands on the wire is made and read in wire.hpp. As in clients that speak both, one identity key
// and one id serve both versions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "selftest/outcome.hpp"
#include "selftest/store.hpp"
#include "selftest/version.hpp"

namespace valise::ctl::selftest {

struct PreKey {
  std::uint32_t id = 0;
  std::string key;
};

// Keys as bytes of the wire: legacy 33 (0x05, then Curve25519), omemo:2 32 (the identity key Ed25519, others
// Curve25519).
struct Bundle {
  std::string identity_key;
  std::uint32_t signed_prekey_id = 0;
  std::string signed_prekey;
  std::string signature;  // 64 bytes
  std::vector<PreKey> prekeys;
};

struct SealedKey {
  std::string jid;  // bare; legacy headers have none
  std::uint32_t device = 0;
  bool begins = false;  // it holds the key exchange: the session's first messages
  std::string bytes;
};

struct Sealed {
  std::uint32_t sender = 0;  // device
  std::vector<SealedKey> keys;
  std::string iv;  // legacy only
  std::string payload;
};

class Device {
 public:
  static constexpr unsigned prekeys = 100;  // XEP-0384 0.9 §4.2: about that many

  // Makes all keys. `jid`: bare, the owner's.
  [[nodiscard]] static Outcome<std::unique_ptr<Device>> make(std::string jid);

  [[nodiscard]] const std::string& jid() const noexcept { return jid_; }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] const Bundle& bundle(Version version) const { return face(version).bundle; }
  // Those that nobody has used.
  [[nodiscard]] std::size_t prekeys_left(Version version) const { return face(version).store->rows().prekeys.size(); }

  // From now on that device is known by this identity key and by no other.
  [[nodiscard]] Outcome<> trust(Version version, const std::string& jid, std::uint32_t device, const Bundle& bundle);
  // A session with it, from a prekey that is chosen by chance. Verifies the signature of the signed prekey.
  [[nodiscard]] Outcome<> begin(Version version, const std::string& jid, std::uint32_t device, const Bundle& bundle);
  // For that device alone.
  [[nodiscard]] Outcome<Sealed> seal(Version version, const std::string& jid, std::uint32_t device,
                                     std::string_view text);
  [[nodiscard]] Outcome<std::string> open(Version version, const std::string& from, const Sealed& sealed);

 private:
  struct Face {
    std::unique_ptr<Store> store;
    Bundle bundle;
  };
  explicit Device(std::string jid) : jid_(std::move(jid)) {}
  [[nodiscard]] Outcome<> make_keys();
  [[nodiscard]] Outcome<> make_face(Version version, const ratchet_identity_key_pair* identity);
  [[nodiscard]] Outcome<> make_prekeys(Version version);
  [[nodiscard]] Outcome<Cipher> cipher(Version version, const signal_protocol_address& address);
  [[nodiscard]] Outcome<std::string> open_key(Version version, const signal_protocol_address& from,
                                              const SealedKey& key);
  Face& face(Version version) { return faces_[static_cast<std::size_t>(version)]; }
  [[nodiscard]] const Face& face(Version version) const { return faces_[static_cast<std::size_t>(version)]; }

  const std::string jid_;
  std::uint32_t id_ = 0;
  Context context_;
  std::array<Face, versions.size()> faces_;  // their stores use the context
};

}  // namespace valise::ctl::selftest
