// Nanoseconds to parse one sealed message with a live parser, and to take a parser, replay the header and give it back.
#include <chrono>
#include <cstdio>
#include <random>

#include "recorder.hpp"

namespace {
using namespace valise::xml;

struct Sink final : StreamEvents {
  void on_header(const StreamHeader&) override {}
  ParserAction on_stanza(DocumentPtr stanza) override {
    bytes += stanza->raw().size();
    return ParserAction::go_on;
  }
  void on_oversized(const OversizedStanza&) override {}
  void on_end() override {}
  std::size_t bytes = 0;
};

std::string letters(std::size_t count) {
  static std::mt19937 random(1);
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  while (out.size() < count) out += alphabet[random() % 64];
  return out;
}

double nanoseconds(int rounds, auto&& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / rounds;
}
}  // namespace

int main() {
  std::string message =
      "<message to='bob@valise.example' id='5b9d2f1e-7f0e-4a43-9d62-0d0d4ce3fb1a' type='chat'>"
      "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1409397037'>";
  for (const auto* rid : {"230140052", "1888425688", "77", "40312"}) {
    message += "<key rid='" + std::string(rid) + "'>" + letters(136) + "</key>";
  }
  message += "<iv>" + letters(16) + "</iv></header><payload>" + letters(40) +
             "</payload></encrypted>"
             "<body>This message is OMEMO encrypted.</body><request xmlns='urn:xmpp:receipts'/>"
             "<store xmlns='urn:xmpp:hints'/></message>";
  Sink sink;
  const StreamLimits limits;
  StreamParser parser(sink, limits);
  if (!parser.feed(header_text)) return 1;
  constexpr int rounds = 200'000;
  const auto live = nanoseconds(rounds, [&] { (void)parser.feed(message); });
  const auto resting = nanoseconds(rounds, [&] {
    (void)parser.feed(message);
    parser.rest();
  });
  const auto halves = nanoseconds(rounds, [&] {
    (void)parser.feed(std::string_view(message).substr(0, 500));
    (void)parser.feed(std::string_view(message).substr(500));
  });
  std::printf(
      "message of %zu bytes: %.0f ns with a live parser, %.0f ns in two pieces, %.0f ns with reset and replay\n",
      message.size(), live, halves, resting);
  return sink.bytes == 3u * rounds * message.size() ? 0 : 1;
}
