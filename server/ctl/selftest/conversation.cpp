#include "selftest/conversation.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "selftest/wire.hpp"
#include "xml/writer.hpp"

namespace valise::ctl::selftest {
namespace {

// What an administrator can do about an error of RFC 6120 §8.3.3.
std::string remedy_for(const std::string& condition) {
  if (condition == "policy-violation") {
    return "the gate for sealed content or a rule of yours refuses it: the record's reason (valisectl audit show), "
           "valisectl policy list, docs/sealed.md §5";
  }
  if (condition == "resource-constraint" || condition == "internal-server-error") {
    return "valisectl status: does the server commit what it gets, is the store there, is memory left";
  }
  if (condition == "item-not-found") return "what was published is not there: look at the store and the server's log";
  return "clients get the same answer: the record's reason (valisectl audit show), the server's log";
}

Trouble with_remedy(Trouble trouble) {
  if (trouble.remedy.empty()) trouble.remedy = remedy_for(trouble.condition);
  return trouble;
}

// Of two bundles that should be one. The order of prekeys means nothing.
bool same(const Bundle& published, const Bundle& read) {
  const auto holds = [&](const PreKey& key) {
    return std::ranges::any_of(published.prekeys,
                               [&](const PreKey& other) { return other.id == key.id && other.key == key.key; });
  };
  return published.identity_key == read.identity_key && published.signed_prekey_id == read.signed_prekey_id &&
         published.signed_prekey == read.signed_prekey && published.signature == read.signature &&
         published.prekeys.size() == read.prekeys.size() && std::ranges::all_of(read.prekeys, holds);
}

std::unexpected<Trouble> altered(std::string text) {
  return trouble("altered", std::move(text),
                 "the server took it and gives something else: report it, with what your policy changes");
}

}  // namespace

Outcome<> Conversation::make_devices(const std::array<Account, 2>& accounts) {
  for (std::size_t i = 0; i < people_.size(); ++i) {
    auto device = Device::make(accounts[i].jid);
    if (!device) return std::unexpected(device.error());
    people_[i].device = std::move(*device);
  }
  return {};
}

Outcome<std::string> Conversation::log_in(const std::array<Account, 2>& accounts, const Patience& patience) {
  for (std::size_t i = 0; i < people_.size(); ++i) {
    auto& stream = people_[i].stream;
    stream = std::make_unique<Stream>(accounts[i].jid, accounts[i].password);
    if (auto done = stream->log_in(entry_, ca_, patience); !done) return std::unexpected(done.error());
    stream->send("<presence/>");  // available: messages come here
    if (auto done = stream->fence(patience); !done) return std::unexpected(with_remedy(done.error()));
  }
  return people_[0].stream->mechanism();
}

Outcome<> Conversation::publish(Version version, const Patience& patience) {
  for (auto& person : people_) {
    const auto& device = *person.device;
    // The bundle first: who is told of a device finds its keys.
    for (const auto& publication :
         {bundle(version, device.id(), device.bundle(version)), device_list(version, device.id())}) {
      const auto done = person.stream->ask("set", {}, selftest::publish(publication), patience);
      if (!done) return std::unexpected(with_remedy(done.error()));
    }
  }
  return {};
}

Outcome<> Conversation::read(Version version, Person& reader, const Person& other, const Patience& patience) {
  const auto& device = *other.device;
  const auto& published = device.bundle(version);
  const auto list = reader.stream->ask("get", device.jid(), request_of(device_list(version, device.id())), patience);
  if (!list) return std::unexpected(with_remedy(list.error()));
  const auto devices = read_device_list(version, Element(*list));
  if (!devices) return std::unexpected(devices.error());
  if (*devices != std::vector{device.id()}) return altered("the device list is not the one that was published");
  const auto answer =
      reader.stream->ask("get", device.jid(), request_of(bundle(version, device.id(), published)), patience);
  if (!answer) return std::unexpected(with_remedy(answer.error()));
  auto theirs = read_bundle(version, Element(*answer));
  if (!theirs) return std::unexpected(theirs.error());
  if (!same(published, *theirs)) return altered("the bundle is not the one that was published");
  if (auto done = reader.device->trust(version, device.jid(), device.id(), *theirs); !done) return done;
  reader.others[static_cast<std::size_t>(version)] = std::move(*theirs);
  return {};
}

Outcome<> Conversation::read_each_other(Version version, const Patience& patience) {
  auto& [first, second] = people_;
  if (auto done = read(version, first, second, patience); !done) return done;
  return read(version, second, first, patience);
}

Outcome<Conversation::Heard> Conversation::send(Person& from, Person& to, const std::string& id, const std::string& xml,
                                                const Patience& patience) {
  const auto is_message = [&](Element stanza, bool error) {
    return stanza.name() == "message" && stanza.attribute("id") == id && (stanza.attribute("type") == "error") == error;
  };
  const auto is_error = [&](Element stanza) { return is_message(stanza, true); };
  const auto has_arrived = [&](Element stanza) {
    return is_message(stanza, false) && stanza.attribute("from").starts_with(from.device->jid() + "/");
  };
  from.stream->send(xml);
  Outcome<> turned;
  while (turned) {
    const bool refused = from.stream->has(is_error);
    if (refused || to.stream->has(has_arrived)) {
      auto stanza = refused ? from.stream->receive(is_error, patience) : to.stream->receive(has_arrived, patience);
      if (!stanza) return std::unexpected(stanza.error());
      return Heard{!refused, std::move(*stanza)};
    }
    turned = from.stream->turn(patience, std::chrono::milliseconds(0));
    if (turned) turned = to.stream->turn(patience, std::chrono::milliseconds(5));
  }
  if (turned.error().condition != "time-out") return std::unexpected(turned.error());
  return trouble("time-out", "the message neither arrived nor came back",
                 "a rule may drop it (valisectl policy list); valisectl audit show tells what became of it");
}

Outcome<> Conversation::send_sealed(Version version, Person& from, Person& to, bool begins, const Patience& patience) {
  auto& sender = *from.device;
  auto& recipient = *to.device;
  const auto id = crypto::random_hex(16);
  const auto text = "Bonjour, the bag is sealed. " + crypto::random_hex(16);
  const auto sealed =
      sender.seal(version, recipient.jid(), recipient.id(), content(version, sender.jid(), recipient.jid(), text));
  if (!sealed) return std::unexpected(sealed.error());
  const auto heard = send(from, to, id, message(version, recipient.jid(), id, *sealed), patience);
  if (!heard) return std::unexpected(heard.error());
  if (!heard->arrived) return std::unexpected(with_remedy(error_in(Element(heard->stanza), "")));
  const auto read = read_message(version, Element(heard->stanza));
  if (!read) return std::unexpected(read.error());
  // XEP-0384 0.9 §4.3: the key exchange stands before all messages until one was answered, and before none after it.
  if (std::ranges::any_of(read->keys, [&](const SealedKey& key) { return key.begins != begins; })) {
    return altered(begins ? "the session's first message came without its key exchange"
                          : "the answer came as if it began a session");
  }
  const auto opened = recipient.open(version, sender.jid(), *read);
  if (!opened) return std::unexpected(opened.error());
  const auto got = read_content(version, *opened, sender.jid(), recipient.jid(), to.stream->context());
  if (!got) return std::unexpected(got.error());
  if (*got != text) return altered("the opened text is another one than was sealed");
  return {};
}

Outcome<> Conversation::write(Version version, const Patience& patience) {
  auto& [first, second] = people_;
  const auto& theirs = first.others[static_cast<std::size_t>(version)];
  if (auto done = first.device->begin(version, second.device->jid(), second.device->id(), theirs); !done) return done;
  return send_sealed(version, first, second, true, patience);
}

Outcome<> Conversation::answer(Version version, const Patience& patience) {
  return send_sealed(version, people_[1], people_[0], false, patience);
}

Outcome<std::string> Conversation::arrived_in_clear() const {
  if (mode_ == "off") return "sealed.mode is \"off\" for this host: a message in the clear was delivered";
  if (mode_ == "warn") return "this host only warns as yet: a message in the clear was delivered";
  return trouble("delivered", "a message in the clear was delivered, although sealed.mode is \"required\"",
                 "take the server off the network, keep its log, and report it");
}

Outcome<std::string> Conversation::refused_in_clear(Element error, const std::string& id, const Patience& patience) {
  auto& receiver = *people_[1].stream;
  if (auto done = receiver.fence(patience); !done) return std::unexpected(with_remedy(done.error()));
  if (receiver.has([&](Element stanza) { return stanza.name() == "message" && stanza.attribute("id") == id; })) {
    return trouble("delivered", "a message in the clear came back and was delivered all the same",
                   "take the server off the network, keep its log, and report it");
  }
  auto told = error_in(error, "");
  if (mode_ != "required") return "\"" + mode_ + "\" holds for this host, yet it was refused: " + told.text;
  // docs/sealed.md §5: the gate's own refusal, which comes before every rule.
  const bool by_the_gate =
      static_cast<bool>(error.child("error", XMPP_NS_CLIENT).child("sealed-required", "urn:valise:policy:0"));
  if (told.condition == "policy-violation" && by_the_gate) return "";
  told.text = "refused with another error than policy-violation and sealed-required: " + told.text;
  return std::unexpected(with_remedy(std::move(told)));
}

Outcome<std::string> Conversation::write_in_clear(const Patience& patience) {
  auto& [first, second] = people_;
  const auto id = crypto::random_hex(16);
  std::string xml;
  xml::Writer(xml)
      .open("message")
      .attribute("to", second.device->jid())
      .attribute("type", "chat")
      .attribute("id", id)
      .element("body", {}, "Written in the clear by valisectl omemo selftest.")
      .close();
  const auto heard = send(first, second, id, xml, patience);
  if (!heard) return std::unexpected(heard.error());
  return heard->arrived ? arrived_in_clear() : refused_in_clear(Element(heard->stanza), id, patience);
}

void Conversation::leave(const Patience& patience) {
  for (auto& person : people_) {
    if (person.stream) person.stream->leave(patience);
    person.stream.reset();
  }
}

}  // namespace valise::ctl::selftest
