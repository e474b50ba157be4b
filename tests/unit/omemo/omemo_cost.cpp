// What the sealed rules cost, in nanoseconds of CPU: the checks of one <encrypted/> alone, those of D3 in front of a
// window that is full, which devices it is from and for, and the whole way of a message. And how many blocks of memory
// the checks take.
#include "../count_allocations.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>
#include <vector>

#include "modules/omemo/devices.hpp"
#include "modules/omemo/replay.hpp"
#include "samples.hpp"

namespace {
using namespace valise::modules::omemo;
using namespace valise::modules::omemo::samples;

double cpu_ns() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The best of five: the others were disturbed.
template <class Step>
double cost(int rounds, Step step) {
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto begin = cpu_ns();
    for (int i = 0; i < rounds; ++i) step(i);
    const auto spent = (cpu_ns() - begin) / rounds;
    if (run == 0 || spent < best) best = spent;
  }
  return best;
}

// Blocks of memory that it takes, when all that grows has grown.
template <class Step>
std::size_t taken(Step step) {
#ifdef COUNTS_ALLOCATIONS
  const std::size_t before = allocations;
  step();
  return allocations - before;
#else
  step();
  return 0;
#endif
}

std::string seal_for(int devices) {
  Legacy sample;
  sample.keys.clear();
  for (int i = 1; i <= devices; ++i) sample.keys += key(std::to_string(100'000 + i), Signal().text());
  return sample.text();
}
}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view(argv[1]) == "--json";  // for `./dev bench seal`
  if (json) std::printf("{\"result\": \"ok\"");
  std::size_t blocks = 0;
  for (const int devices : {3, 100, 1'000}) {
    const auto message = message_of(seal_for(devices) +
                                    "<body>This message is OMEMO encrypted.</body>"
                                    "<request xmlns='urn:xmpp:receipts'/><store xmlns='urn:xmpp:hints'/>");
    const int rounds = 200'000 / devices;
    bool fine = true;
    Envelope envelope;
    const auto check = cost(rounds, [&](int) {
      fine = fine && check_envelope(message->payload(), {}, parties_of(*message), envelope) == nullptr;
    });
    Replay replay;
    for (std::size_t i = 0; i < Replay::most; ++i) {
      const auto earlier = message_of(seal_for(4));
      Envelope past;
      fine = fine && check_envelope(earlier->payload(), {}, {}, past) == nullptr;
      fine =
          fine && replay.check("romeo@a.example", "juliet@a.example", std::to_string(i), {&past, 1}, 1'000) == nullptr;
    }
    fine = fine && check_envelope(message->payload(), {}, parties_of(*message), envelope) == nullptr;
    std::mt19937_64 random(1);
    std::vector<std::vector<std::uint64_t>> others(2 * Replay::most);  // when the first comes again it is forgotten
    for (auto& hashes : others) {
      hashes.resize(static_cast<std::size_t>(devices));
      std::ranges::generate(hashes, std::ref(random));
      std::ranges::sort(hashes);
    }
    std::size_t next = 0;
    const auto compared = cost(2'000, [&](int) {
      envelope.key_hashes = others[next++ % others.size()];
      std::memcpy(envelope.iv.data(), envelope.key_hashes.data(), sizeof(std::uint64_t));
      fine = fine && replay.check("romeo@a.example", "juliet@a.example", "m", {&envelope, 1}, 1'000) == nullptr;
    });
    // Of the recipient's devices the last one is listed.
    const std::uint32_t theirs[] = {100'000 + static_cast<std::uint32_t>(devices)};
    const auto named = cost(rounds, [&](int) {
      fine = fine && claims_of(*message).count == 1 && is_for_device_of(*message, "juliet@a.example", theirs, {});
    });
    blocks += taken([&] {
      fine = fine && check_envelope(message->payload(), {}, parties_of(*message), envelope) == nullptr;
      fine = fine && claims_of(*message).count == 1 && is_for_device_of(*message, "juliet@a.example", theirs, {});
      envelope.key_hashes = others[next++ % others.size()];
      std::memcpy(envelope.iv.data(), envelope.key_hashes.data(), sizeof(std::uint64_t));
      fine = fine && replay.check("romeo@a.example", "juliet@a.example", "m", {&envelope, 1}, 1'000) == nullptr;
    });
    const auto whole = cost(rounds, [&](int) { fine = fine && !rebuild_message(*message).refused; });
    if (!fine) return 1;
    if (json) {
      std::printf(", \"us_%d_keys\": %.3f", devices, (check + compared + named) / 1'000);
    } else {
      std::printf(
          "%d keys, %u bytes: checked %.0f ns, against a full window %.0f ns, its devices %.0f ns, written anew %.0f "
          "ns\n",
          devices, message->size, check, compared, named, whole);
    }
  }
  if (json) {
    std::printf(", \"blocks\": %zu}\n", blocks);
  } else {
    std::printf("%zu blocks of memory taken by the checks\n", blocks);
  }
}
