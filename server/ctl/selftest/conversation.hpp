// Two people of a host, each with one device, and what they do: log in, publish keys, read each other's, write sealed
// and not sealed.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "selftest/accounts.hpp"
#include "selftest/device.hpp"
#include "selftest/entry.hpp"
#include "selftest/outcome.hpp"
#include "selftest/patience.hpp"
#include "selftest/stream.hpp"

namespace valise::ctl::selftest {

class Conversation {
 public:
  // `ca`: a file with further authorities, or empty. `mode`: "required", "warn" or "off", what holds for the host's
  // content.
  Conversation(Entry entry, std::string ca, std::string mode)
      : entry_(std::move(entry)), ca_(std::move(ca)), mode_(std::move(mode)) {}

  [[nodiscard]] Outcome<> make_devices(const std::array<Account, 2>& accounts);
  // Returns the SASL mechanism.
  [[nodiscard]] Outcome<std::string> log_in(const std::array<Account, 2>& accounts, const Patience& patience);
  [[nodiscard]] Outcome<> publish(Version version, const Patience& patience);
  // Each reads what the other published, compares, and knows the other's identity key from then on.
  [[nodiscard]] Outcome<> read_each_other(Version version, const Patience& patience);
  // The first begins a session and writes; the second opens it.
  [[nodiscard]] Outcome<> write(Version version, const Patience& patience);
  // The second answers in that session; the first opens it.
  [[nodiscard]] Outcome<> answer(Version version, const Patience& patience);
  // Returns what is to be said where content need not be sealed.
  [[nodiscard]] Outcome<std::string> write_in_clear(const Patience& patience);
  void leave(const Patience& patience);

 private:
  struct Person {
    std::unique_ptr<Stream> stream;
    std::unique_ptr<Device> device;
    std::array<Bundle, versions.size()> others;  // the other's bundles, as the server gave them
  };
  // A message at the one it was sent to, or its error at the sender.
  struct Heard {
    bool arrived = false;
    Stanza stanza;
  };
  [[nodiscard]] Outcome<Heard> send(Person& from, Person& to, const std::string& id, const std::string& xml,
                                    const Patience& patience);
  [[nodiscard]] Outcome<> send_sealed(Version version, Person& from, Person& to, bool begins, const Patience& patience);
  [[nodiscard]] Outcome<> read(Version version, Person& reader, const Person& other, const Patience& patience);
  [[nodiscard]] Outcome<std::string> arrived_in_clear() const;
  [[nodiscard]] Outcome<std::string> refused_in_clear(Element error, const std::string& id, const Patience& patience);

  const Entry entry_;
  const std::string ca_;
  const std::string mode_;
  std::array<Person, 2> people_;
};

}  // namespace valise::ctl::selftest
