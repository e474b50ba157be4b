// XML namespaces that more than one room needs.
#pragma once

#include <string_view>

namespace valise::core::ns {

inline constexpr std::string_view client = "jabber:client";
inline constexpr std::string_view stream = "http://etherx.jabber.org/streams";
inline constexpr std::string_view stream_errors = "urn:ietf:params:xml:ns:xmpp-streams";
inline constexpr std::string_view stream_management = "urn:xmpp:sm:3";  // XEP-0198
inline constexpr std::string_view stanza_errors = "urn:ietf:params:xml:ns:xmpp-stanzas";
inline constexpr std::string_view tls = "urn:ietf:params:xml:ns:xmpp-tls";
inline constexpr std::string_view sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
inline constexpr std::string_view sasl_2 = "urn:xmpp:sasl:2";                // XEP-0388
inline constexpr std::string_view bind_2 = "urn:xmpp:bind:0";                // XEP-0386
inline constexpr std::string_view fast = "urn:xmpp:fast:0";                  // XEP-0484
inline constexpr std::string_view sasl_upgrade = "urn:xmpp:sasl:upgrade:0";  // XEP-0480
inline constexpr std::string_view scram_upgrade = "urn:xmpp:scram-upgrade:0";
inline constexpr std::string_view iap = "urn:xmpp:iap:0";  // XEP-0509
inline constexpr std::string_view bind = "urn:ietf:params:xml:ns:xmpp-bind";
inline constexpr std::string_view session = "urn:ietf:params:xml:ns:xmpp-session";
inline constexpr std::string_view roster = "jabber:iq:roster";
inline constexpr std::string_view disco_info = "http://jabber.org/protocol/disco#info";
inline constexpr std::string_view disco_items = "http://jabber.org/protocol/disco#items";
inline constexpr std::string_view caps = "http://jabber.org/protocol/caps";
inline constexpr std::string_view ping = "urn:xmpp:ping";
inline constexpr std::string_view pubsub = "http://jabber.org/protocol/pubsub";
inline constexpr std::string_view pubsub_owner = "http://jabber.org/protocol/pubsub#owner";
inline constexpr std::string_view pubsub_event = "http://jabber.org/protocol/pubsub#event";
inline constexpr std::string_view pubsub_errors = "http://jabber.org/protocol/pubsub#errors";
inline constexpr std::string_view rsm = "http://jabber.org/protocol/rsm";
inline constexpr std::string_view data_forms = "jabber:x:data";
inline constexpr std::string_view delay = "urn:xmpp:delay";
inline constexpr std::string_view stanza_ids = "urn:xmpp:sid:0";
inline constexpr std::string_view hints = "urn:xmpp:hints";
inline constexpr std::string_view security_label = "urn:xmpp:sec-label:0";       // XEP-0258
inline constexpr std::string_view jingle_message = "urn:xmpp:jingle-message:0";  // XEP-0353
inline constexpr std::string_view call_message = "urn:xmpp:call-message:1";      // XEP-0482
inline constexpr std::string_view omemo_legacy = "eu.siacs.conversations.axolotl";
inline constexpr std::string_view omemo_2 = "urn:xmpp:omemo:2";

}  // namespace valise::core::ns
