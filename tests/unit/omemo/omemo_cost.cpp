// Nanoseconds that the sealed rules take for a message of about 970 bytes, and for one to many devices; and what it
// takes to read which devices it is from and for.
#include <chrono>
#include <cstdio>

#include "modules/omemo/devices.hpp"
#include "samples.hpp"

int main() {
  using namespace valise::modules::omemo;
  using namespace valise::modules::omemo::samples;
  for (const int devices : {4, 40, 400}) {
    Legacy sample;
    sample.keys.clear();
    for (int i = 1; i <= devices; ++i) sample.keys += key(std::to_string(100'000 + i), Signal().text());
    const auto message = message_of(sample.text() +
                                    "<body>This message is OMEMO encrypted.</body>"
                                    "<request xmlns='urn:xmpp:receipts'/><store xmlns='urn:xmpp:hints'/>");
    const int rounds = 400'000 / devices;
    std::size_t written = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) written += rebuild_message(*message).children.size();
    const auto spent = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
    std::printf("%d devices, %u bytes: %.0f ns\n", devices, message->size, spent / rounds);
    if (written == 0) return 1;
    // What it says of devices; the recipient's is the last one.
    const std::uint32_t theirs[] = {100'000 + static_cast<std::uint32_t>(devices)};
    std::size_t found = 0;
    const auto again = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) {
      found += claims_of(*message).count + (is_for_device_of(*message, "juliet@a.example", theirs, {}) ? 1 : 0);
    }
    const auto more = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - again).count();
    std::printf("  its devices: %.0f ns\n", more / rounds);
    if (found != 2 * static_cast<std::size_t>(rounds)) return 1;
  }
}
