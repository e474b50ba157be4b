#include "modules/omemo/texts.hpp"

namespace valise::modules::omemo {

std::string_view code_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::plaintext:
      return "plaintext";
    case Reason::reaction:
      return "reaction";
    case Reason::file:
      return "file";
    case Reason::subject:
      return "subject";
    case Reason::malformed:
      return "malformed";
    case Reason::label:
      return "label";
    case Reason::service:
      return "plaintext-to-service";
    case Reason::device_unknown:
      return "device-unknown";
    case Reason::device_identity:
      return "device-identity";
    case Reason::no_device:
      return "no-device";
    case Reason::device_pending:
      return "device-pending";
    case Reason::device_revoked:
      return "device-revoked";
  }
  return "plaintext";
}

core::Text text_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::plaintext:
    case Reason::service:
      return {
          "Not delivered: this server only carries encrypted messages. Switch on OMEMO (the padlock) in this chat "
          "and send again.",
          "Message non transmis : sur ce serveur, tout doit être chiffré. Activez OMEMO (le cadenas) dans cette "
          "conversation, puis renvoyez."};
    case Reason::reaction:
      return {"Reaction not delivered: your app sends it unencrypted. Please answer with a message.",
              "Réaction non transmise : votre application l’envoie sans chiffrement. Répondez plutôt par un message."};
    case Reason::file:
      return {"File refused: it isn’t encrypted. Switch on OMEMO before attaching it.",
              "Fichier refusé : il n’est pas chiffré. Activez OMEMO avant de le joindre."};
    case Reason::subject:
      return {"Room subjects aren’t encrypted; they can’t be changed here.",
              "Le sujet d’un salon n’est pas chiffré ; il ne peut pas être modifié ici."};
    case Reason::malformed:
      return {"Malformed encrypted message. Please update your app.",
              "Message chiffré illisible (structure non conforme). Mettez votre application à jour."};
    case Reason::label:
      return {
          "Not delivered: its classification label is not one of this server's. Choose one of the list in your app, "
          "or none, and send again.",
          "Message non transmis : sa mention de classification n’est pas de celles de ce serveur. Choisissez-en une "
          "dans la liste de votre application, ou aucune, puis renvoyez."};
    case Reason::device_unknown:
      return {"Your device is not announced yet. Try again shortly, or reset OMEMO.",
              "Votre appareil n’est pas encore déclaré. Réessayez dans un instant ; sinon réinitialisez OMEMO."};
    case Reason::device_identity:
      return {"Your app writes with other keys than the ones it has published. Reset OMEMO in the app.",
              "Votre application écrit avec d’autres clés que celles qu’elle a publiées. Réinitialisez OMEMO dans "
              "l’application."};
    case Reason::no_device:
      return {"No device of the recipient can read this message. They must open their app with OMEMO first.",
              "Aucun appareil du destinataire ne peut lire ce message. Il doit d’abord ouvrir son application avec "
              "OMEMO."};
    case Reason::device_pending:
      return {"Your new device awaits approval. Approve it from another device or ask your administrator.",
              "Votre nouvel appareil attend une approbation. Approuvez-le depuis un autre appareil ou contactez "
              "l’administrateur."};
    case Reason::device_revoked:
      return {"This device has been revoked. Contact your administrator.",
              "Cet appareil a été révoqué. Contactez l’administrateur."};
  }
  return {};
}

core::Verdict refuse(Reason reason) {
  using Type = core::StanzaError::Type;
  const bool passes = reason == Reason::device_unknown || reason == Reason::device_pending;
  const std::string code(code_of(reason));
  return core::make_refusal({.type = passes ? Type::wait : Type::modify,
                             .condition = "policy-violation",
                             .text = text_of(reason),
                             .application = "<sealed-required xmlns='urn:valise:policy:0' reason='" + code + "'/>"},
                            code);
}

}  // namespace valise::modules::omemo
