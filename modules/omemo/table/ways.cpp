// docs/sealed.md 3.4: ways that end without a module, or have rules of their own (types, ids, languages, names of
// devices: allow_list.cpp, omemo.cpp); and those that are not there yet, whose rows stand here so that whoever builds
// them begins with them. For people and tests: nothing looks anything up here.
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {
using enum Verdict;

constexpr std::string_view no_server = "`remote-server-not-found`";
constexpr std::string_view no_service = "`service-unavailable`";
constexpr std::string_view free_text = "free text";

constexpr WayRow by_address[] = {
    {"message of type `headline`", "all of it", refuse, "`policy-violation`, `plaintext`",
     "only the server and published events speak so"},
    {"message of type `error`", "its type and one condition", replace, "written anew",
     "a bounce would carry text (D9)"},
    {"presence of type `error`", "its type and one condition", replace, "written anew", "the same"},
    {"message of an unknown type", "its type", strip, "left out: it is `normal`",
     "a word of its own (RFC 6121 §5.2.2)"},
    {"id with blanks", "the id", strip, "left out", "a sentence (D12)"},
    {"xml:lang that is no tag", "the language", strip, "left out", "a sentence (D12)"},
    {"message of type `groupchat` to an account", "what the tables of messages let", refuse, no_service,
     "there are no rooms"},
    {"the same message again", "all of it", strip, "acknowledged, delivered once",
     "a client that was cut sends it again (D2)"},
    {"message of type `groupchat` to a device", "the tables of messages, but no invitations", pass, "delivered",
     "as any other (RFC 6121 §8.5.3.1)"},
    {"message of type `chat` to a device that is not there", "a name with blanks", strip, "it is for the account",
     "a name with blanks is a sentence (D12)"},
    {"message to the domain", "all of it", refuse, no_service, "nobody reads it"},
    {"answer that nobody asked for", "all of it", refuse, "goes nowhere; record `answer-not-asked`",
     "else answers are a channel"},
    {"message that waited", "what may not pass now", strip, "checked again when it is delivered", "3.6"},
    {"message in an archive", "what may not pass now", strip, "checked again when it is read", "3.6"},
    {"name of a device", "64 bytes without blanks", replace, "else one of the server's", "every contact sees it"},
    {"announcement of an administrator", "text of the domain, recorded", pass, "delivered", "no client makes one"},
    {"what an application's server posts", "one message sealed by RFC 8291, 4 KiB", pass, "to the application's device",
     "anything else gets 400"},
    {"WebSocket", "a body in the clear", refuse, "`policy-violation`, `plaintext`",
     "one way for all streams (RFC 7395)"},
    {"BOSH", "a body in the clear", refuse, "`policy-violation`, `plaintext`", "one way for all streams (XEP-0206)"},
};

constexpr WayRow rooms[] = {
    {"room: message", "the tables of messages, but no invitations", pass, no_server, "as to a person"},
    {"room: subject", "text", refuse, "`policy-violation`, `subject`", "free text to everybody, kept for all who come"},
    {"room: private message", "the tables of messages", pass, no_server, "a message like another"},
    {"room: invitation through it", "room, password as a token; no reason", pass, no_server, "a reason is text"},
    {"room: nick", "32 characters", pass, no_server, "how somebody is called there"},
    {"room: join", "password of 64, history by numbers", pass, no_server, "a password opens the door"},
    {"room: registered nick", "the nick, and no other field", pass, no_service, "Converse does it in every room"},
    {"room: name and description", "64 and 128 characters, by its owners, recorded", pass, no_service,
     "people find it by them"},
    {"room: reason of a kick or ban", "text", strip, no_service, free_text},
    {"room: moderation", "an id; no reason", pass, no_service, "a reason is text"},
    {"room: request for voice", "the role", pass, no_server, "a form with one known field"},
    {"room: hats", "text", strip, no_server, free_text},
    {"room: card", "text and pictures", strip, "`forbidden`", "as of a person"},
};

constexpr WayRow uploads[] = {
    {"upload: file name", "a known extension", strip, no_service, "forgotten at once, logged nowhere"},
    {"upload: type", "what the client says of it", strip, no_service, "clients name that of the file inside"},
    {"upload: bytes", "what is no text, no picture, no archive", pass, "there is no slot to send them to", "D14"},
};

constexpr WayRow servers[] = {
    {"to another server: message", "as it was written anew here", pass, no_server, "checked where it began"},
    {"to another server: presence", "as it was written anew here", pass, no_server, "checked where it began"},
    {"to another server: request", "the tables of requests", pass, no_server, "checked where it began"},
    {"to another server: publication", "nothing", refuse, no_server, "nobody publishes at another's"},
    {"from another server: message", "the tables of messages", pass, "nobody listens",
     "its sender's server may not check"},
    {"from another server: presence", "the table of presence", pass, "nobody listens", "the same"},
    {"from another server: event", "the table of published nodes", pass, "nobody listens", "the same"},
    {"from another server: history of a room", "sealed messages", pass, "nobody listens", "the same"},
};

constexpr WayRow components[] = {
    {"component: message to it", "the tables of messages", pass, no_server, "as to a person"},
    {"component: message of it", "the tables of messages", pass, "nobody listens", "as of a person"},
    {"component: forms", "typed fields, texts of 256, of listed services, recorded", refuse, no_server,
     "forms hold text"},
};

constexpr WayRow mail[] = {
    {"mail: from a person", "a sealed message to the gateway's devices", pass, no_server, "the gateway opens it"},
    {"mail: to a person", "a sealed message of the gateway", pass, "nobody listens", "the gateway seals it"},
    {"mail: subject", "nothing outside the seal", strip, "nobody listens", free_text},
};

constexpr Ways all[] = {
    {"By type, address and stream", true, by_address},
    {"Rooms", false, rooms},
    {"Uploads", false, uploads},
    {"Other servers", false, servers},
    {"Components", false, components},
    {"Mail", false, mail},
};

}  // namespace

std::span<const Ways> ways() noexcept { return all; }

}  // namespace valise::modules::omemo::table
