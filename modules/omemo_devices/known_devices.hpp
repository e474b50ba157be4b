// What is known of an account's OMEMO devices, listed or not: a row each (DataKind::omemo_device), named by its id.
// Values and decisions (docs/sealed.md D13), no storage.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/pep/devices.hpp"

namespace valise::modules::omemo_devices {

using omemo_keys::Key;
using pep::OmemoVersion;
using Ids = std::vector<std::uint32_t>;

enum class State : std::uint8_t {
  heard_of,  // it has published keys, and no list has named it so far
  let_in,    // lists may name it
  waiting,   // for approval: lists that clients publish name it, those that others read do not
  revoked,   // likewise, until it is taken back
};
[[nodiscard]] constexpr bool is_kept_out(State state) noexcept {
  return state == State::waiting || state == State::revoked;
}

// What the account's other devices are still to be told of it.
enum class News : std::uint8_t { none, device, keys };

enum class Approval : std::uint8_t { none, administrator, device };

struct Device {
  struct InVersion {
    bool named = false;         // of one that is kept out: a client's list names it
    bool keys = false;          // its bundle is there
    std::string signed_prekey;  // the first bytes of that key, in hex; since when it is that one (ms UTC)
    std::int64_t signed_prekey_ms = 0;
    friend bool operator==(const InVersion&, const InVersion&) = default;
  };
  std::uint32_t id = 0;
  State state = State::heard_of;
  News news = News::none;
  std::int64_t first_ms = 0;     // UTC
  std::int64_t seen_ms = 0;      // UTC: when it last published, or wrote; to the day
  bool by_rule = false;          // waiting: a policy wants it to, so that an administrator alone lets it in
  std::string resource;          // of the session under which it did so; may be empty
  std::optional<Key> identity;   // in Curve25519 form
  std::array<InVersion, 2> in;   // by OmemoVersion
  std::int64_t quiet_until = 0;  // loop time, not stored: before that nobody looks whether it is seen
  friend bool operator==(const Device&, const Device&) = default;

  [[nodiscard]] InVersion& of(OmemoVersion version) noexcept { return in[static_cast<std::size_t>(version)]; }
  [[nodiscard]] const InVersion& of(OmemoVersion version) const noexcept {
    return in[static_cast<std::size_t>(version)];
  }
};

// The row's value, and back; nothing for what is no such value.
[[nodiscard]] std::string encode(const Device& device);
[[nodiscard]] std::optional<Device> decode(std::string_view name, std::string_view value);

// As people compare it: 64 hexadecimal digits in groups of eight; empty: the key is not known.
[[nodiscard]] std::string fingerprint(const Device& device);
// As the log has it: SHA-256 of the key, in hex.
[[nodiscard]] std::string identity_hash(const Device& device);

// Device::InVersion::signed_prekey.
[[nodiscard]] std::string signed_prekey_mark(const Key& signed_prekey);

inline constexpr std::size_t max_heard_of = 32;  // of an account; beyond that the one that was silent for longest goes
inline constexpr std::size_t max_unlisted = 64;  // let in, and named by no list now
inline constexpr std::size_t max_revoked = 256;

struct Rules {
  Approval approval = Approval::none;
  std::size_t max_devices = 20;  // in a list; so many may wait
  bool by_rule = false;          // a policy wants what is new in this publication to wait for an administrator
};

// Who publishes, and when.
struct By {
  std::int64_t now_ms = 0;
  std::string_view resource{};
};

class KnownDevices {
 public:
  [[nodiscard]] const std::vector<Device>& all() const noexcept { return all_; }
  [[nodiscard]] Device* find(std::uint32_t id) noexcept;
  [[nodiscard]] const Device* find(std::uint32_t id) const noexcept;
  Device& put(Device device);  // in the place of one with that id
  [[nodiscard]] Ids kept_out() const;

  // A client publishes this list; `before`: the one that is there.
  struct Listed {
    Ids shown;    // what of it others see, in its order
    Ids entered;  // new ones among those
    Ids waits;    // new ones that are not
    Ids changed;  // whose rows have to be written
    Ids gone;     // rows that made room
  };
  [[nodiscard]] Listed list_published(OmemoVersion version, std::span<const std::uint32_t> list,
                                      std::span<const std::uint32_t> before, std::span<const std::uint32_t> other_list,
                                      const Rules& rules, const By& by);

  // A client publishes the device's keys; `lists`: those that name it.
  struct Keyed {
    enum class What : std::uint8_t { same, first, other };  // first: of that version
    What what = What::same;
    bool changed = false;  // its row has to be written
    bool put_out = false;  // it waits from now on: the lists that name it must not
    Ids gone;
  };
  [[nodiscard]] Keyed keys_published(OmemoVersion version, std::uint32_t id, const pep::DeviceKeys& keys,
                                     std::array<bool, 2> lists, const Rules& rules, const By& by);
  // Its bundle is gone; 0: all of that version. The rows to write.
  [[nodiscard]] Ids keys_removed(OmemoVersion version, std::uint32_t id);

  // The device, which is kept out, may be in lists: in which.
  [[nodiscard]] std::array<bool, 2> approve(Device& device);
  void revoke(Device& device, std::array<bool, 2> lists);

  // Of these, which are in a list, those that were silent for so long; never all that are there: somebody who comes
  // back after a year has to be reachable.
  [[nodiscard]] Ids silent(std::span<const std::uint32_t> listed, std::int64_t now_ms, std::int64_t after_ms) const;

 private:
  [[nodiscard]] bool any(State state) const noexcept;
  [[nodiscard]] bool lets_in(const Rules& rules) const noexcept;
  Device& learn(std::uint32_t id, const By& by);
  // At most so many in that state, not counting those in a list; whose silence is longest goes.
  void make_room(State state, std::size_t most, Ids& gone, std::span<const std::uint32_t> listed = {},
                 std::span<const std::uint32_t> listed_too = {});

  std::vector<Device> all_;  // by id
};

}  // namespace valise::modules::omemo_devices
