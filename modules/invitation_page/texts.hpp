// What the page says, in both languages. "%" stands for a name that is put in.
#pragma once

#include <array>

#include "core/text.hpp"

namespace valise::modules::invitation_page::texts {

using core::Text;

inline constexpr Text title{"Invitation", "Invitation"};
inline constexpr Text invited_by{"% invites you to chat", "% vous invite à discuter"};
inline constexpr Text invited_to{"An invitation to %", "Une invitation pour %"};
inline constexpr Text lead_account{
    "With this invitation you make an account of your own on %, for messages with the app of your choice.",
    "Avec cette invitation, vous créez votre propre compte sur %, pour échanger des messages avec l’application de "
    "votre choix."};
inline constexpr Text lead_contact{
    "Accept it with your messenger app: you become contacts. You need an XMPP account, on % or on another server.",
    "Acceptez-la avec votre application de messagerie : vous devenez contacts. Il vous faut un compte XMPP, sur % ou "
    "sur un autre serveur."};

inline constexpr Text accept{"Accept the invitation", "Accepter l’invitation"};
inline constexpr Text with_app{"You have an app already?", "Vous avez déjà une application ?"};
inline constexpr Text button_note{
    "The button opens your messenger app. Nothing happens? Install one first, then come back to this page.",
    "Le bouton ouvre votre application de messagerie. Rien ne se passe ? Installez-en une d’abord, puis revenez sur "
    "cette page."};
inline constexpr Text valid_once{"Good for one person, until %.", "Valable pour une seule personne, jusqu’au %."};
inline constexpr Text valid{"Good until %.", "Valable jusqu’au %."};
inline constexpr Text code_label{"QR code of the invitation; the button opens the same address.",
                                 "QR code de l’invitation ; le bouton ouvre la même adresse."};
inline constexpr Text code_caption{"On another device: scan this code with its messenger app.",
                                   "Sur un autre appareil : scannez ce code avec son application de messagerie."};

inline constexpr Text steps{"Step by step", "Pas à pas"};
inline constexpr Text step_install{"Install one of %. You have one? Go on.",
                                   "Installez l’une %. Vous en avez une ? Continuez."};
inline constexpr Text the_apps_below{"the apps below", "des applications ci-dessous"};
inline constexpr Text the_xmpp_apps{"the apps for XMPP", "des applications pour XMPP"};
inline constexpr Text step_open{"Press “Accept the invitation”, or scan the code with the app on your phone.",
                                "Appuyez sur « Accepter l’invitation », ou scannez le code avec l’application de votre "
                                "téléphone."};
inline constexpr Text step_name{"Choose a user name and a password. Your address will be name@%.",
                                "Choisissez un nom d’utilisateur et un mot de passe. Votre adresse sera nom@%."};
inline constexpr Text step_password{"Choose a password. Your address is %.",
                                    "Choisissez un mot de passe. Votre adresse est %."};
inline constexpr Text step_contacts{"% is in your contact list from the first moment.",
                                    "% figure aussitôt dans votre liste de contacts."};
inline constexpr Text step_confirm{"Confirm that you want % as a contact. You see each other at once.",
                                   "Confirmez que vous voulez % comme contact. Vous vous voyez aussitôt."};
inline constexpr Text step_sealed{
    "Leave encryption (OMEMO) on: % carries encrypted messages only. Nobody on the way can read them.",
    "Laissez le chiffrement (OMEMO) activé : % ne transporte que des messages chiffrés. Personne ne peut les lire en "
    "chemin."};

inline constexpr Text apps{"Apps", "Applications"};
inline constexpr Text apps_here{"For this device (%)", "Pour cet appareil (%)"};
inline constexpr Text apps_elsewhere{"For other devices", "Pour d’autres appareils"};
inline constexpr Text apps_all{"For your devices", "Pour vos appareils"};
inline constexpr Text registers{"makes the account with this invitation", "crée le compte avec cette invitation"};
inline constexpr Text apps_note{
    "Apps without these words can’t make the account themselves, as far as we know: make it with one that can, then "
    "log "
    "in with the other, by the same address and password.",
    "Les applications sans cette mention ne savent pas, à notre connaissance, créer le compte elles-mêmes : créez-le "
    "avec l’une de celles qui le peuvent, puis connectez-vous avec l’autre, même adresse, même mot de passe."};

inline constexpr Text by_hand{"The invitation as an address", "L’invitation sous forme d’adresse"};
inline constexpr Text by_hand_note{"If your app asks for an invitation, copy this address into it:",
                                   "Si votre application demande une invitation, copiez-y cette adresse :"};
inline constexpr Text footer{
    "You did not expect this invitation? Close the page, nothing happens. Pass the address on to nobody: whoever has "
    "it can use the invitation. This page holds no script, no cookie and nothing of other sites.",
    "Vous n’attendiez pas cette invitation ? Fermez la page, il ne se passera rien. Ne transmettez l’adresse à "
    "personne : qui l’a peut se servir de l’invitation. Cette page ne contient ni script, ni cookie, ni élément "
    "d’autres sites."};

struct Missing {
  unsigned status;
  Text title, what, then;
};
// By Absence.
inline constexpr std::array<Missing, 4> missing{{
    {404,
     {"There is no such invitation", "Cette invitation n’existe pas"},
     {"The address is not that of an invitation. Perhaps a part of it got lost on the way.",
      "Cette adresse n’est pas celle d’une invitation. Une partie s’est peut-être perdue en route."},
     {"Open the link once more as you got it, or ask for a new invitation.",
      "Ouvrez de nouveau le lien tel que vous l’avez reçu, ou demandez une nouvelle invitation."}},
    {410,
     {"This invitation is not good any more", "Cette invitation n’est plus valable"},
     {"It was used, has run out or was taken back.", "Elle a servi, a expiré ou a été retirée."},
     {"Ask whoever invited you for a new one. Did you use it yourself? Then log in with your app.",
      "Demandez-en une nouvelle à la personne dont elle vient. Vous vous en êtes servi vous-même ? Connectez-vous "
      "avec votre application."}},
    {429,
     {"Too many attempts", "Trop de tentatives"},
     {"Too many wrong addresses were opened from your network.",
      "Trop d’adresses erronées ont été ouvertes depuis votre réseau."},
     {"Please try again in a while.", "Veuillez réessayer un peu plus tard."}},
    {503,
     {"Not just now", "Indisponible pour l’instant"},
     {"The invitation can’t be read at the moment.", "L’invitation ne peut être lue en ce moment."},
     {"Please try again in a minute.", "Veuillez réessayer dans une minute."}},
}};

}  // namespace valise::modules::invitation_page::texts
