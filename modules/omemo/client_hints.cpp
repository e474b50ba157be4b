#include "modules/omemo/client_hints.hpp"

#include <array>
#include <string>

#include "modules/omemo/texts.hpp"

namespace valise::modules::omemo {
namespace {

struct Hint {
  std::string_view node;
  core::Text text;
};

constexpr Hint hints[] = {
    {"http://conversations.im",
     {"In Conversations: the padlock, then OMEMO.", "Dans Conversations : le cadenas, puis OMEMO."}},
    {"https://gajim.org", {"In Gajim: the padlock, then OMEMO.", "Dans Gajim : le cadenas, puis OMEMO."}},
    {"https://dino.im",
     {"In Dino: the padlock beside the line, then OMEMO.", "Dans Dino : le cadenas à côté de la ligne, puis OMEMO."}},
    {"https://conversejs.org",
     {"In Converse: the padlock in this chat.", "Dans Converse : le cadenas de cette conversation."}},
    {"http://profanity-im.github.io",
     {"In Profanity: /omemo start; for good: /omemo policy always.",
      "Dans Profanity : /omemo start ; pour toujours : /omemo policy always."}},
};

// With the general text in front, made once.
struct Sentences {
  std::string english, french;
};

std::array<Sentences, std::size(hints)> whole_texts() {
  const auto general = text_of(Reason::plaintext);
  std::array<Sentences, std::size(hints)> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].english = std::string(general.english) + " " + std::string(hints[i].text.english);
    out[i].french = std::string(general.french) + " " + std::string(hints[i].text.french);
  }
  return out;
}

}  // namespace

core::Text text_for_client(std::string_view node) noexcept {
  static const auto whole = whole_texts();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (hints[i].node == node) return {whole[i].english, whole[i].french};
  }
  return text_of(Reason::plaintext);
}

}  // namespace valise::modules::omemo
