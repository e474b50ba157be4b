#include "modules/omemo/warnings.hpp"

#include <fmt/core.h>

#include <ctime>

#include "core/day.hpp"

namespace valise::modules::omemo {
namespace {

// The day at the server's place.
std::string date(std::int64_t moment_ms, core::Language language) {
  const std::time_t seconds = moment_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return core::day_text(local.tm_year + 1900, static_cast<unsigned>(local.tm_mon) + 1,
                        static_cast<unsigned>(local.tm_mday), language);
}

// What the person can do now.
core::Text advice(std::string_view reason) {
  if (reason == "reaction") {
    return {"Your app sends reactions unencrypted: please answer with a message instead.",
            "Votre application envoie les réactions sans chiffrement : répondez plutôt par un message."};
  }
  if (reason == "file") {
    return {"Switch on OMEMO (the padlock) before attaching a file.",
            "Activez OMEMO (le cadenas) avant de joindre un fichier."};
  }
  if (reason == "label") {
    return {"Choose a classification label of this server's list, or none.",
            "Choisissez une mention de classification dans la liste de ce serveur, ou aucune."};
  }
  if (reason == "malformed") return {"Please update your app.", "Mettez votre application à jour."};
  if (reason == "device-unknown" || reason == "device-identity") {
    return {"Reset OMEMO in your app: its keys are not the ones it has published.",
            "Réinitialisez OMEMO dans votre application : ses clés ne sont pas celles qu’elle a publiées."};
  }
  if (reason == "no-device") {
    return {"The recipient must open their app with OMEMO first.",
            "Le destinataire doit d’abord ouvrir son application avec OMEMO."};
  }
  return {"Switch on OMEMO (the padlock) in this chat.", "Activez OMEMO (le cadenas) dans cette conversation."};
}

}  // namespace

bool DailyWarnings::due(std::string_view account, std::int64_t now_ms) {
  const auto known = told_.find(account);
  if (known != told_.end() && now_ms - known->second < every_ms) return false;
  if (known != told_.end()) {
    known->second = now_ms;
    return true;
  }
  if (told_.size() >= most) {
    std::erase_if(told_, [now_ms](const auto& one) { return now_ms - one.second >= every_ms; });
    if (told_.size() >= most) told_.clear();
  }
  told_.emplace(std::string(account), now_ms);
  return true;
}

std::string warning_text(std::string_view reason, std::optional<std::int64_t> from_ms, core::Language language) {
  const bool french = language == core::Language::french;
  const auto when = !from_ms ? std::string(french ? "Bientôt" : "Soon")
                    : french ? fmt::format("À partir du {}", date(*from_ms, language))
                             : fmt::format("From {} on", date(*from_ms, language));
  return fmt::format("{}{} {}", when,
                     french ? ", ce serveur ne transmettra plus un message comme celui que vous venez d’envoyer : tout "
                              "devra être correctement chiffré."
                            : ", this server will not deliver a message like the one you just sent: everything will "
                              "have to be properly encrypted.",
                     advice(reason).in(language));
}

}  // namespace valise::modules::omemo
